//! From a person's events, in order of time, to attempts. Pure.
//!
//! An attempt is what one person did, as one source tells it, to pass one gate once:
//!
//! - Events with the source's own key of an attempt belong together by that key. Such keys come again (a correlation id is
//!   not unique), so a pause longer than [`Rules::gap_us`] begins another attempt.
//! - Events without a key belong together by the application that was entered, until the gate opens or the pause is too
//!   long: somebody who mistypes a code three times and then gets in made one attempt.
//!
//! A challenge that was sent to nobody who is named, as logs of calls and messages tell of, is no attempt: the events of the
//! person tell of that.
//!
//! The last event that decides gives the result. A challenge that nobody answered is a denial once its life is over,
//! although no record says so, and open until then: what is told of it is how long it can be answered.
//!
//! Nothing of a person's past matters after a [silence](Rules::silence_us). Whoever never paused during a whole UTC day
//! is no human: for them nothing matters any more at the end of that day. So what a late event changes is bounded.

use std::collections::{BTreeMap, BTreeSet};

use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};
use schemas::{DAY_US, is_somebody};

use crate::rules::Rules;

/// Events that an attempt names: a robot can try for days.
pub const EVENT_IDS_MAX: usize = 256;

/// Attempts of one person that are held as going on, before those that cannot go on any more are let go. Where many are left,
/// twice as many as these.
const GOING_ON_MAX: usize = 1_000;

/// An event, as far as attempts need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// The product that told of it.
    pub source: &'a str,
    /// When it happened, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Its id.
    pub event_id: &'a str,
    /// The source's own key of the attempt.
    pub attempt_id: Option<&'a str>,
    /// The person's id as it came.
    pub user_id: &'a str,
    /// An e-mail address that came with it.
    pub email: Option<&'a str>,
    /// What was entered.
    pub application: Option<&'a str>,
    /// The authentication server.
    pub server: Option<&'a str>,
    /// The client's address.
    pub client_ip: Option<&'a str>,
    /// What was tried.
    pub method: Option<Method>,
    /// What it decided.
    pub result: AuthResult,
    /// Why it was denied.
    pub reason: Option<DenialReason>,
    /// What it judges.
    pub stage: Stage,
    /// What it proves.
    pub assurance: Assurance,
    /// How many challenges it says were shown.
    pub prompts: Option<i32>,
    /// How many steps it tells of.
    pub steps: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The gate opened.
    Success,
    /// The gate stayed shut.
    Denied,
    /// It was interrupted before anything was decided.
    Undecided,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
        }
    }
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// When its first event happened, in microseconds since 1970 UTC.
    pub first_at_us: i64,
    /// When its last event happened.
    pub last_at_us: i64,
    /// The person's id as the first event gives it.
    pub user_id: String,
    /// All spellings of the id.
    pub user_ids: BTreeSet<String>,
    /// All e-mail addresses that its events give.
    pub emails: BTreeSet<String>,
    /// The source's own key.
    pub attempt_id: Option<String>,
    /// What was entered, as the last event that says it.
    pub application: Option<String>,
    /// The server that decided last.
    pub server: Option<String>,
    /// The client's address, as the last event that has one.
    pub client_ip: Option<String>,
    /// In the order in which they were first tried.
    pub methods: Vec<Method>,
    /// The one that was tried last: what it came to decided.
    pub method: Option<Method>,
    /// How many events it is made of.
    pub events: i64,
    /// The first [`EVENT_IDS_MAX`] of them.
    pub event_ids: Vec<String>,
    /// Of its events; one that tells of none is one.
    pub steps: i64,
    /// Of a message, a call or a notification: told by the events, or counted.
    pub prompts: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// Exactly where it was denied.
    pub reason: Option<DenialReason>,
    /// Until when a challenge that nobody answered can be; exactly where nothing is decided and one was sent.
    pub answerable_until_us: Option<i64>,
    /// Why it was denied, where two events together say more than each.
    pub inferred_cause: Option<DenialReason>,
    /// The strongest that its events prove.
    pub assurance: Assurance,
}

/// Makes attempts of the events of one person, which come in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Attempter {
    /// The first event that no silence parts from the last one.
    chain_first_us: Option<i64>,
    /// The last event.
    last_at_us: Option<i64>,
    /// The attempts that may go on, by key.
    going_on: BTreeMap<Key, Draft>,
    /// How many of them make it worth a look at all, whether they can.
    going_on_max: usize,
    /// The code that was sent last: when it dies, and where it can be checked.
    code: Option<(i64, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Own(String),
    Application(Option<String>),
}

#[derive(Debug, Clone)]
struct Draft {
    attempt: Attempt,
    /// A challenge that nobody answered yet, and when it dies.
    unanswered_until_us: Option<i64>,
}

impl Attempter {
    /// One whose events before were left out, of a chain that began at this moment.
    #[must_use]
    pub fn continuing(chain_first_us: i64) -> Self {
        Self { chain_first_us: Some(chain_first_us), ..Self::default() }
    }

    /// Takes in the next event.
    pub fn take(&mut self, rules: &Rules, step: &Step<'_>, emit: &mut dyn FnMut(Attempt)) {
        self.forget(rules, step.at_us, emit);
        if step.result == AuthResult::Pending && !is_somebody(step.user_id) {
            return;
        }
        let cause = self.cause(rules, step);
        let key = match step.attempt_id {
            Some(id) => Key::Own(id.to_owned()),
            None => Key::Application(step.application.map(str::to_owned)),
        };
        let is_own = matches!(key, Key::Own(_));
        if self.going_on.len() >= self.going_on_max.max(GOING_ON_MAX) {
            self.let_go(rules, emit);
            self.going_on_max = 2 * self.going_on.len();
        }
        if let Some(draft) = self.going_on.get(&key) {
            let is_late = step.at_us - draft.attempt.last_at_us > rules.gap_us;
            let has_ended = !is_own && draft.attempt.outcome == Outcome::Success;
            if (is_late || has_ended)
                && let Some(draft) = self.going_on.remove(&key)
            {
                emit(draft.finish());
            }
        }
        let life_us = rules.life_us(step);
        let draft = self.going_on.entry(key).or_insert_with(|| Draft::begin(step));
        draft.take(step, cause, life_us);
    }

    /// Forgets what does not matter any more at this moment.
    fn forget(&mut self, rules: &Rules, at_us: i64, emit: &mut dyn FnMut(Attempt)) {
        let Some(last_us) = self.last_at_us.replace(at_us) else {
            self.chain_first_us.get_or_insert(at_us);
            return;
        };
        let is_silence = at_us - last_us > rules.silence_us();
        let chain_first_us = *self.chain_first_us.get_or_insert(last_us);
        if is_silence || is_day_without_pause(chain_first_us, last_us, at_us) {
            self.end(emit);
        }
        if is_silence {
            self.chain_first_us = Some(at_us);
        }
    }

    /// Ends the attempts whose last event is too long ago for another one to belong to them.
    pub fn let_go(&mut self, rules: &Rules, emit: &mut dyn FnMut(Attempt)) {
        let Some(now_us) = self.last_at_us else { return };
        let ended = self.going_on.extract_if(.., |_, draft| now_us - draft.attempt.last_at_us > rules.gap_us);
        let ended = ended.map(|(_, draft)| draft).collect();
        in_order(ended, emit);
    }

    /// Ends all attempts: no more events of them come.
    pub fn end(&mut self, emit: &mut dyn FnMut(Attempt)) {
        in_order(std::mem::take(&mut self.going_on).into_values().collect(), emit);
        self.code = None;
    }

    /// Bytes that are held, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |draft: &Draft| size_of::<Draft>() + 48 * draft.attempt.event_ids.len() + 256;
        self.going_on.values().map(of).sum()
    }

    /// A wrong code on one server while another one's is alive: that one alone could have checked it.
    fn cause(&mut self, rules: &Rules, step: &Step<'_>) -> Option<DenialReason> {
        let is_text = step.method == Some(Method::TextMessage);
        if is_text && step.result == AuthResult::Pending {
            let dies_at_us = step.at_us.saturating_add(rules.life_us(step));
            self.code = step.server.map(|server| (dies_at_us, server.to_owned()));
            return None;
        }
        let (dies_at_us, sender) = self.code.as_ref()?;
        let is_wrong = step.reason == Some(DenialReason::WrongCode) && step.at_us <= *dies_at_us;
        let is_elsewhere = step.server.is_some_and(|server| server != sender);
        (is_text && is_wrong && is_elsewhere).then_some(DenialReason::OtherServer)
    }
}

/// Whether a chain of events that none of these moments breaks goes over the whole UTC day that ends between the last two.
pub(crate) fn is_day_without_pause(chain_first_us: i64, last_us: i64, at_us: i64) -> bool {
    let day = last_us.div_euclid(DAY_US);
    at_us.div_euclid(DAY_US) > day && chain_first_us < day * DAY_US
}

fn in_order(mut ended: Vec<Draft>, emit: &mut dyn FnMut(Attempt)) {
    ended.sort_by_key(|draft| (draft.attempt.first_at_us, draft.attempt.last_at_us));
    ended.into_iter().map(Draft::finish).for_each(emit);
}

impl Draft {
    fn begin(step: &Step<'_>) -> Self {
        let attempt = Attempt {
            first_at_us: step.at_us,
            last_at_us: step.at_us,
            user_id: step.user_id.to_owned(),
            user_ids: BTreeSet::new(),
            emails: BTreeSet::new(),
            attempt_id: step.attempt_id.map(str::to_owned),
            application: None,
            server: None,
            client_ip: None,
            methods: Vec::new(),
            method: None,
            events: 0,
            event_ids: Vec::new(),
            steps: 0,
            prompts: 0,
            outcome: Outcome::Undecided,
            reason: None,
            answerable_until_us: None,
            inferred_cause: None,
            assurance: Assurance::Unknown,
        };
        Self { attempt, unanswered_until_us: None }
    }

    fn take(&mut self, step: &Step<'_>, cause: Option<DenialReason>, life_us: i64) {
        let attempt = &mut self.attempt;
        attempt.last_at_us = step.at_us;
        let keep = |old: &mut Option<String>, new: Option<&str>| {
            if let Some(new) = new {
                *old = Some(new.to_owned());
            }
        };
        let add = |all: &mut BTreeSet<String>, new: &str| {
            if !all.contains(new) {
                all.insert(new.to_owned());
            }
        };
        add(&mut attempt.user_ids, step.user_id);
        step.email.into_iter().for_each(|email| add(&mut attempt.emails, email));
        keep(&mut attempt.application, step.application);
        keep(&mut attempt.server, step.server);
        keep(&mut attempt.client_ip, step.client_ip);
        attempt.events += 1;
        if attempt.event_ids.len() < EVENT_IDS_MAX {
            attempt.event_ids.push(step.event_id.to_owned());
        }
        attempt.steps += step.steps.max(1);
        attempt.method = step.method.or(attempt.method);
        if let Some(method) = step.method.filter(|method| !attempt.methods.contains(method)) {
            attempt.methods.push(method);
        }
        let is_answer = self.unanswered_until_us.is_some() && step.result != AuthResult::Pending;
        attempt.prompts += match step.prompts {
            Some(told) => i64::from(told),
            None => i64::from(reaches_out(step) && !is_answer),
        };
        // Of several decisions the last one counts; what it proves goes with it.
        match step.result {
            AuthResult::Success => {
                let before = (attempt.outcome == Outcome::Success).then_some(attempt.assurance);
                (attempt.outcome, attempt.reason, attempt.inferred_cause) = (Outcome::Success, None, None);
                attempt.assurance = stronger(before.unwrap_or(step.assurance), step.assurance);
                self.unanswered_until_us = None;
            }
            AuthResult::Denied => {
                let reason = step.reason.unwrap_or(DenialReason::Unspecified);
                (attempt.outcome, attempt.reason) = (Outcome::Denied, Some(reason));
                attempt.inferred_cause = cause;
                attempt.assurance = stronger(attempt.assurance, step.assurance);
                self.unanswered_until_us = None;
            }
            AuthResult::Pending => {
                if attempt.outcome != Outcome::Success {
                    attempt.assurance = stronger(attempt.assurance, step.assurance);
                    (attempt.outcome, attempt.reason, attempt.inferred_cause) =
                        (Outcome::Undecided, None, None);
                }
                if step.stage == Stage::SecondFactor || reaches_out(step) {
                    self.unanswered_until_us = Some(step.at_us.saturating_add(life_us));
                }
            }
        }
    }

    fn finish(self) -> Attempt {
        let is_open = self.attempt.outcome == Outcome::Undecided;
        Attempt { answerable_until_us: self.unanswered_until_us.filter(|_| is_open), ..self.attempt }
    }
}

/// Whether the challenge went to a phone or device.
fn reaches_out(step: &Step<'_>) -> bool {
    let is_sent =
        matches!(step.method, Some(Method::VoiceCall | Method::TextMessage | Method::MobileAppNotification));
    is_sent
        && step.stage != Stage::FirstFactor
        && matches!(step.assurance, Assurance::Challenged | Assurance::Unknown)
}

/// What proves more.
#[must_use]
pub fn stronger(one: Assurance, other: Assurance) -> Assurance {
    const ORDER: [Assurance; 7] = [
        Assurance::Challenged,
        Assurance::External,
        Assurance::SatisfiedEarlier,
        Assurance::Exempt,
        Assurance::Bypassed,
        Assurance::FirstFactorOnly,
        Assurance::Unknown,
    ];
    let rank = |assurance| ORDER.iter().position(|of| *of == assurance).unwrap_or(ORDER.len());
    if rank(other) < rank(one) { other } else { one }
}
