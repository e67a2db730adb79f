//! From a person's events, in order of time, to attempts. Pure: the time comes in as a parameter.
//!
//! An attempt is what one person did, as one source tells it, to pass one gate once:
//!
//! - Events with the source's own key of an attempt belong together by that key. Such keys come again (a correlation id is
//!   not unique), so a pause longer than [`Rules::gap_us`] begins another attempt.
//! - Events without a key belong together by the application that was entered, until the gate opens or the pause is too
//!   long: somebody who mistypes a code three times and then gets in made one attempt.
//!
//! The last event that decides gives the result. A challenge that nobody answered is a denial once its life is over,
//! although no record says so, and open until then.

use std::collections::{BTreeMap, BTreeSet};

use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// Rules of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    /// The longest pause within an attempt, in microseconds.
    pub(super) gap_us: i64,
    /// How long a challenge can be answered, in microseconds, by authentication server; and where none is named.
    pub(super) life_us: BTreeMap<String, i64>,
    /// On a server of the organisation's own: sources `mfa-server` and `gatebook`.
    pub(super) life_own_us: i64,
    /// In the cloud: every other source.
    pub(super) life_cloud_us: i64,
}

const SECOND_US: i64 = 1_000_000;

/// Events that an attempt names: a robot can try for days.
const EVENT_IDS_MAX: usize = 256;

/// Attempts of one person that are held as going on, before those that cannot go on any more are let go.
const GOING_ON_MAX: usize = 1_000;

impl Default for Rules {
    fn default() -> Self {
        Self {
            gap_us: 600 * SECOND_US,
            life_us: BTreeMap::new(),
            life_own_us: 300 * SECOND_US,
            life_cloud_us: 180 * SECOND_US,
        }
    }
}

/// An event, as far as attempts need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) person: Person<'a>,
    pub(super) at_us: i64,
    pub(super) event_id: &'a str,
    pub(super) attempt_id: Option<&'a str>,
    pub(super) user_id: &'a str,
    pub(super) application: Option<&'a str>,
    pub(super) server: Option<&'a str>,
    pub(super) client_ip: Option<&'a str>,
    pub(super) method: Option<Method>,
    pub(super) result: AuthResult,
    pub(super) reason: Option<DenialReason>,
    pub(super) stage: Stage,
    pub(super) assurance: Assurance,
    pub(super) prompts: Option<i32>,
    /// How many steps the event itself tells of.
    pub(super) steps: i64,
}

/// Whose attempts are looked at together: one person, as one source names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) source: &'a str,
    pub(super) user_key: &'a str,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The gate opened.
    Success,
    /// The gate stayed shut.
    Denied,
    /// A challenge can still be answered.
    Open,
    /// It was interrupted before anything was decided, and never went on.
    Undecided,
}

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Open => "open",
            Self::Undecided => "undecided",
        }
    }
}

/// By what the events of an attempt were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinedBy {
    /// The source's own key.
    Key,
    /// The source's own key, which had come before, too long ago to be the same attempt.
    KeyAndGap,
    /// Person, application and time.
    Inferred,
}

impl JoinedBy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::KeyAndGap => "key-and-gap",
            Self::Inferred => "inferred",
        }
    }
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) first_at_us: i64,
    pub(super) last_at_us: i64,
    pub(super) user_id: String,
    pub(super) attempt_id: Option<String>,
    pub(super) application: Option<String>,
    /// The server that decided last.
    pub(super) server: Option<String>,
    pub(super) client_ip: Option<String>,
    /// In the order in which they were first tried.
    pub(super) methods: Vec<Method>,
    pub(super) events: i64,
    /// The first [`EVENT_IDS_MAX`] of them.
    pub(super) event_ids: Vec<String>,
    /// Of its events; one that tells of none is one.
    pub(super) steps: i64,
    /// Of a message, a call or a notification: told by the events, or counted.
    pub(super) prompts: i64,
    pub(super) outcome: Outcome,
    /// Exactly where it was denied.
    pub(super) reason: Option<DenialReason>,
    /// Whether no record says how it ended.
    pub(super) inferred: bool,
    /// Why it was denied, where two events together say more than each.
    pub(super) inferred_cause: Option<DenialReason>,
    /// The strongest that its events prove.
    pub(super) assurance: Assurance,
    /// None for a single event without a key: nothing was joined.
    pub(super) joined_by: Option<JoinedBy>,
}

/// Makes attempts of events. Events come person by person, and of each in the order of time.
pub(super) struct Attempter {
    rules: Rules,
    now_us: i64,
    /// The attempts of this person that may go on, by key.
    going_on: BTreeMap<Key, Draft>,
    /// Keys of this person whose attempts were let go.
    gone: BTreeSet<String>,
    /// The code that was sent to this person last: when it dies, and where it can be checked.
    code: Option<(i64, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Own(String),
    Application(Option<String>),
}

struct Draft {
    attempt: Attempt,
    /// A challenge that nobody answered yet, and when it dies.
    unanswered_until_us: Option<i64>,
    is_split: bool,
}

impl Attempter {
    pub(super) fn new(rules: Rules, now_us: i64) -> Self {
        Self { rules, now_us, going_on: BTreeMap::new(), gone: BTreeSet::new(), code: None }
    }

    /// Takes in the next event of this person.
    pub(super) fn take(&mut self, step: &Step<'_>, emit: &mut dyn FnMut(Attempt)) {
        let cause = self.cause(step);
        let key = match step.attempt_id {
            Some(id) => Key::Own(id.to_owned()),
            None => Key::Application(step.application.map(str::to_owned)),
        };
        let is_own = matches!(key, Key::Own(_));
        if self.going_on.len() >= GOING_ON_MAX {
            self.let_go(step.at_us, emit);
        }
        let mut is_split = step.attempt_id.is_some_and(|id| self.gone.contains(id));
        if let Some(draft) = self.going_on.get(&key) {
            let is_late = step.at_us - draft.attempt.last_at_us > self.rules.gap_us;
            let has_ended = !is_own && draft.attempt.outcome == Outcome::Success;
            if is_late || has_ended {
                is_split = is_own;
                if let Some(draft) = self.going_on.remove(&key) {
                    emit(draft.finish(self.now_us));
                }
            }
        }
        let life_us = self.life_us(step);
        let draft = self.going_on.entry(key).or_insert_with(|| Draft::begin(step, is_split));
        draft.take(step, cause, life_us);
    }

    /// Ends the attempts whose last event is too long ago for another one to belong to them.
    fn let_go(&mut self, at_us: i64, emit: &mut dyn FnMut(Attempt)) {
        let gap_us = self.rules.gap_us;
        let ended = self.going_on.extract_if(.., |_, draft| at_us - draft.attempt.last_at_us > gap_us);
        for (key, draft) in ended {
            if let Key::Own(id) = key {
                self.gone.insert(id);
            }
            emit(draft.finish(self.now_us));
        }
    }

    /// Ends this person's attempts: no more events of them come.
    pub(super) fn end_person(&mut self, emit: &mut dyn FnMut(Attempt)) {
        let mut ended: Vec<_> =
            std::mem::take(&mut self.going_on).into_values().map(|draft| draft.finish(self.now_us)).collect();
        ended.sort_by_key(|attempt| (attempt.first_at_us, attempt.last_at_us));
        ended.into_iter().for_each(emit);
        self.gone.clear();
        self.code = None;
    }

    /// A wrong code on one server while another one's is alive: that one alone could have checked it.
    fn cause(&mut self, step: &Step<'_>) -> Option<DenialReason> {
        let is_text = step.method == Some(Method::TextMessage);
        if is_text && step.result == AuthResult::Pending {
            let dies_at_us = step.at_us.saturating_add(self.life_us(step));
            self.code = step.server.map(|server| (dies_at_us, server.to_owned()));
            return None;
        }
        let (dies_at_us, sender) = self.code.as_ref()?;
        let is_wrong = step.reason == Some(DenialReason::WrongCode) && step.at_us <= *dies_at_us;
        let is_elsewhere = step.server.is_some_and(|server| server != sender);
        (is_text && is_wrong && is_elsewhere).then_some(DenialReason::OtherServer)
    }

    fn life_us(&self, step: &Step<'_>) -> i64 {
        let by_server = step.server.and_then(|server| self.rules.life_us.get(server));
        let by_source = if matches!(step.person.source, "mfa-server" | "gatebook") {
            self.rules.life_own_us
        } else {
            self.rules.life_cloud_us
        };
        by_server.copied().unwrap_or(by_source)
    }
}

impl Draft {
    fn begin(step: &Step<'_>, is_split: bool) -> Self {
        let attempt = Attempt {
            first_at_us: step.at_us,
            last_at_us: step.at_us,
            user_id: step.user_id.to_owned(),
            attempt_id: step.attempt_id.map(str::to_owned),
            application: None,
            server: None,
            client_ip: None,
            methods: Vec::new(),
            events: 0,
            event_ids: Vec::new(),
            steps: 0,
            prompts: 0,
            outcome: Outcome::Undecided,
            reason: None,
            inferred: false,
            inferred_cause: None,
            assurance: Assurance::Unknown,
            joined_by: None,
        };
        Self { attempt, unanswered_until_us: None, is_split }
    }

    fn take(&mut self, step: &Step<'_>, cause: Option<DenialReason>, life_us: i64) {
        let attempt = &mut self.attempt;
        attempt.last_at_us = step.at_us;
        let keep = |old: &mut Option<String>, new: Option<&str>| {
            if let Some(new) = new {
                *old = Some(new.to_owned());
            }
        };
        keep(&mut attempt.application, step.application);
        keep(&mut attempt.server, step.server);
        keep(&mut attempt.client_ip, step.client_ip);
        attempt.events += 1;
        if attempt.event_ids.len() < EVENT_IDS_MAX {
            attempt.event_ids.push(step.event_id.to_owned());
        }
        attempt.steps += step.steps.max(1);
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

    fn finish(self, now_us: i64) -> Attempt {
        let mut attempt = self.attempt;
        if let (Outcome::Undecided, Some(until_us)) = (attempt.outcome, self.unanswered_until_us) {
            if now_us > until_us {
                (attempt.outcome, attempt.reason) = (Outcome::Denied, Some(DenialReason::NoResponse));
                attempt.inferred = true;
            } else {
                attempt.outcome = Outcome::Open;
            }
        }
        attempt.joined_by = match (&attempt.attempt_id, self.is_split) {
            (Some(_), true) => Some(JoinedBy::KeyAndGap),
            (Some(_), false) => Some(JoinedBy::Key),
            (None, _) => (attempt.events > 1).then_some(JoinedBy::Inferred),
        };
        attempt
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
pub(crate) fn stronger(one: Assurance, other: Assurance) -> Assurance {
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
