//! One person's attempt to pass a gate, and how it stands in an event.

use schemas::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Mode};

use super::gates::{self, Application, Client, Server};
use super::outcomes::{CHECKS, METHODS, Outcome, outcomes};
use super::people::{People, Person};
use super::random::{Random, choose};
use super::text::hex;

/// How often people use the method that they prefer, against any other.
const PREFERRED_METHOD_PERCENT: u32 = 80;
/// How many voice calls ask for a PIN, and how many text messages are answered by one.
const PIN_PERCENT: u32 = 30;
const TWO_WAY_PERCENT: u32 = 20;
/// How often a success rests on a remembered device or an administrator's bypass.
const REMEMBERED_PERCENT: u32 = 3;
const BYPASSED_PERCENT: u32 = 1;

/// An attempt, as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    person: Person,
    method: Method,
    mode: Option<Mode>,
    outcome: &'static Outcome,
    assurance: Option<Assurance>,
    prompts: Option<u8>,
    server: &'static Server,
    client: Client,
    application: &'static Application,
    /// The key of attempts that may have more than one event.
    id: Option<u64>,
}

impl Attempt {
    /// A new attempt. Where `may_stay_open` is false, every code is checked at once.
    pub(super) fn draw(people: &People, may_stay_open: bool, random: &mut Random) -> Self {
        let person = people.draw(random);
        let is_usual = random.chance(PREFERRED_METHOD_PERCENT);
        let method = choose(METHODS, if is_usual { person.trait_bits(0) } else { random.next() }).method;
        let mode = match method {
            Method::VoiceCall if random.chance(PIN_PERCENT) => Some(Mode::Pin),
            Method::VoiceCall => Some(Mode::Standard),
            Method::TextMessage if random.chance(TWO_WAY_PERCENT) => Some(Mode::TwoWay),
            Method::TextMessage => Some(Mode::OneWay),
            _ => None,
        };
        let drawn = choose(outcomes(method), random.next());
        // The first outcome of each table is the success.
        let outcome =
            if drawn.result == AuthResult::Pending && !may_stay_open { &outcomes(method)[0] } else { drawn };
        Self {
            person,
            method,
            mode,
            outcome,
            assurance: assurance(outcome, random),
            prompts: prompts(method, outcome, random),
            server: gates::server(&person, random),
            client: Client::draw(&person, random),
            application: gates::application(random),
            id: (method == Method::TextMessage).then(|| random.next()),
        }
    }

    /// Whether its code was sent and not yet checked.
    pub(super) fn is_open(&self) -> bool {
        self.outcome.result == AuthResult::Pending
    }

    /// The same attempt once its code is checked.
    pub(super) fn check(self, random: &mut Random) -> Self {
        let outcome = choose(CHECKS, random.next());
        Self { outcome, assurance: assurance(outcome, random), ..self }
    }

    /// Appends every key after `occurred_at`, in the contract's order, each with a comma before it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_person(out);
        text(out, "method", self.method.as_str());
        optional(out, "mode", self.mode.map(Mode::as_str));
        text(out, "result", self.outcome.result.as_str());
        optional(out, "denial_reason", self.outcome.reason.map(DenialReason::as_str));
        optional(out, "result_code", self.outcome.code);
        optional(out, "result_detail", self.outcome.detail);
        optional(out, "assurance", self.assurance.map(Assurance::as_str));
        if let Some(prompts) = self.prompts {
            out.extend_from_slice(br#","prompts":"#);
            out.push(b'0' + prompts);
        }
        text(out, "server_name", self.server.name);
        text(out, "server_ip", self.server.ip);
        written(out, "client_ip", |out| self.client.write(out));
        text(out, "application", self.application.name);
        optional(out, "protocol", self.application.protocol);
        if let Some(id) = self.id {
            written(out, "attempt_id", |out| hex(out, id));
        }
    }

    fn write_person(&self, out: &mut Vec<u8>) {
        let person = &self.person;
        text(out, "tenant_id", person.tenant.id);
        written(out, "user_id", |out| person.write_user_id(out));
        if person.tenant.has_directory {
            text(out, "first_name", person.first_name.shown);
            text(out, "last_name", person.last_name.shown);
            written(out, "email", |out| person.write_email(out));
        }
        match self.method {
            Method::VoiceCall | Method::TextMessage => {
                written(out, "phone_number", |out| person.write_phone_number(out));
            }
            Method::MobileAppNotification | Method::MobileAppCode => {
                written(out, "device_token", |out| person.write_device_token(out));
            }
            _ => {}
        }
    }
}

/// What the event proves: nothing yet while the code is not checked, nor where nobody was reached.
fn assurance(outcome: &Outcome, random: &mut Random) -> Option<Assurance> {
    match (outcome.result, outcome.reason.map(DenialReason::group)) {
        (AuthResult::Success, _) if random.chance(REMEMBERED_PERCENT) => Some(Assurance::SatisfiedEarlier),
        (AuthResult::Success, _) if random.chance(BYPASSED_PERCENT) => Some(Assurance::Bypassed),
        (AuthResult::Success, _) | (AuthResult::Denied, Some(DenialGroup::User)) => {
            Some(Assurance::Challenged)
        }
        _ => None,
    }
}

/// How many notifications were shown, which the servers log where one was not approved; who does not answer
/// is asked again.
fn prompts(method: Method, outcome: &Outcome, random: &mut Random) -> Option<u8> {
    match (method, outcome.reason?) {
        (Method::MobileAppNotification, DenialReason::NoResponse) => Some(1 + random.below(3) as u8),
        (Method::MobileAppNotification, DenialReason::UserDeclined | DenialReason::FraudReported) => Some(1),
        _ => None,
    }
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    written(out, key, |out| out.extend_from_slice(value.as_bytes()));
}

fn optional(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, key, value);
    }
}

/// Appends `,"key":"` and what `write` writes, which holds nothing that JSON would escape, and the last quote.
#[inline]
fn written(out: &mut Vec<u8>, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    write(out);
    out.push(b'"');
}
