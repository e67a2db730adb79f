//! The rules of the contract: from what a reader found to an event or a rejection.

use super::key::{Key, StepKey};
use super::slots::{Slots, StepSlots};
use crate::element::{Event, Step};
use crate::fields::Fields;
use crate::rejection::{Reason, Rejection};
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};
use crate::{address, moment, user_key};

/// The longest text of a field, in bytes of UTF-8. Longer ones are no names, codes or messages.
pub const FIELD_BYTES_MAX: usize = 8 * 1024;

/// The most steps of an event: one sign-in does not ask more often, and a record could hold 300,000.
pub const STEPS_MAX: usize = 256;

/// Applies the rules of the contract.
#[derive(Debug)]
pub(super) struct Judge {
    /// Bit of a key: it is switched off, and neither read nor judged.
    switched_off: u64,
    reads_devices: bool,
}

/// Space for the texts of an event that are not in its record. Used again for each event.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    user_key: String,
    server_ip: String,
    client_ip: String,
    pub(super) unknown_values: Vec<String>,
}

type Judged<T> = Result<T, Rejection<'static>>;

impl Judge {
    pub(super) fn new(fields: &Fields) -> Self {
        let off = Key::ALL.iter().filter(|key| !fields.reads(key.name()));
        Self {
            switched_off: off.fold(0, |bits, key| bits | 1 << *key as u64),
            reads_devices: fields.device_token,
        }
    }

    /// Whether the key is switched on.
    #[inline]
    pub(super) fn reads(&self, key: Key) -> bool {
        self.switched_off & (1 << key as u64) == 0
    }

    /// Whether the key of a step is switched on.
    pub(super) fn reads_step(&self, key: StepKey) -> bool {
        key != StepKey::Device || self.reads_devices
    }

    /// Judges the steps; what a vocabulary did not know is added to `unknown_values`.
    pub(super) fn steps<'a>(
        &self,
        slots: &Slots<'a>,
        unknown_values: &mut Vec<String>,
    ) -> Judged<Vec<Step<'a>>> {
        if slots.steps.len() > STEPS_MAX {
            let detail = format!("more than {STEPS_MAX} steps");
            return Err(Rejection::field(Reason::TooLong, Key::Steps.name(), detail));
        }
        slots.steps.iter().map(|step| step_of(step, unknown_values)).collect()
    }

    /// Judges everything else. `scratch.unknown_values` already has what the steps brought.
    #[inline]
    pub(super) fn event<'a>(
        &self,
        slots: &Slots<'a>,
        steps: &'a [Step<'a>],
        scratch: &'a mut Scratch,
    ) -> Judged<Event<'a>> {
        let Scratch { user_key, server_ip, client_ip, unknown_values } = scratch;
        let optional = |key: Key| {
            if self.reads(key) { bounded(slots.texts[key as usize], key.name()) } else { Ok(None) }
        };
        let required = |key: Key| optional(key)?.ok_or_else(|| missing(key));
        let mut word = Words { unknown_values };
        let user_id = required(Key::UserId)?;
        let result = result_of(required(Key::Result)?, Key::Result.name())?;
        let method = word.read("method", required(Key::Method)?, Method::parse, Method::UNKNOWN);
        let mode = optional(Key::Mode)?.map(|text| word.read("mode", text, Mode::parse, Mode::UNKNOWN));
        let denial_reason = denial_reason_of(result, optional(Key::DenialReason)?, &mut word)?;
        let stage = optional(Key::Stage)?
            .map_or(Stage::WholeSignIn, |text| word.read("stage", text, Stage::parse, Stage::UNKNOWN));
        let assurance = optional(Key::Assurance)?.map_or(Assurance::Unknown, |text| {
            word.read("assurance", text, Assurance::parse, Assurance::UNKNOWN)
        });
        Ok(Event {
            event_id: required(Key::EventId)?,
            occurred_at_us: moment_of(required(Key::OccurredAt)?, Key::OccurredAt.name())?,
            tenant_id: required(Key::TenantId)?,
            user_id,
            first_name: optional(Key::FirstName)?,
            last_name: optional(Key::LastName)?,
            email: optional(Key::Email)?,
            phone_number: optional(Key::PhoneNumber)?,
            device_token: optional(Key::DeviceToken)?,
            user_key: user_key::canonical(user_id, user_key),
            method: Some(method),
            mode,
            result,
            denial_reason,
            result_code: optional(Key::ResultCode)?,
            result_detail: optional(Key::ResultDetail)?,
            stage,
            assurance,
            prompts: slots.prompts.map(prompts_of).transpose()?,
            steps,
            server_name: Some(required(Key::ServerName)?),
            server_ip: address_of(Some(required(Key::ServerIp)?), server_ip, Key::ServerIp)?,
            unknown_values,
            client_ip: address_of(optional(Key::ClientIp)?, client_ip, Key::ClientIp)?,
            application: optional(Key::Application)?,
            client_app: optional(Key::ClientApp)?,
            protocol: optional(Key::Protocol)?,
            authenticator_id: optional(Key::AuthenticatorId)?,
            sender: optional(Key::Sender)?,
            attempt_id: optional(Key::AttemptId)?,
            raw: None,
        })
    }
}

/// An empty text counts as absent.
#[inline]
fn bounded<'a>(text: Option<&'a str>, field: &'static str) -> Judged<Option<&'a str>> {
    match text {
        Some(text) if text.len() > FIELD_BYTES_MAX => Err(Rejection::field(
            Reason::TooLong,
            field,
            format!("the field has more than {FIELD_BYTES_MAX} bytes"),
        )),
        Some("") => Ok(None),
        text => Ok(text),
    }
}

fn missing(key: Key) -> Rejection<'static> {
    Rejection::field(Reason::MissingField, key.name(), "the required field is absent, null or empty")
}

fn step_of<'a>(step: &StepSlots<'a>, unknown_values: &mut Vec<String>) -> Judged<Step<'a>> {
    let optional = |key: StepKey| bounded(step[key as usize], key.name());
    let mut word = Words { unknown_values };
    Ok(Step {
        at_us: optional(StepKey::At)?.map(|text| moment_of(text, StepKey::At.name())).transpose()?,
        method: optional(StepKey::Method)?
            .map(|text| word.read(StepKey::Method.name(), text, Method::parse, Method::UNKNOWN)),
        result: optional(StepKey::Result)?.map(|text| result_of(text, StepKey::Result.name())).transpose()?,
        reason: optional(StepKey::Reason)?
            .map(|text| word.read(StepKey::Reason.name(), text, DenialReason::parse, DenialReason::UNKNOWN)),
        code: optional(StepKey::Code)?,
        detail: optional(StepKey::Detail)?,
        device: optional(StepKey::Device)?,
    })
}

/// Reads words of open vocabularies.
struct Words<'s> {
    unknown_values: &'s mut Vec<String>,
}

impl Words<'_> {
    #[inline]
    fn read<T>(&mut self, column: &str, text: &str, parse: impl Fn(&str) -> Option<T>, unknown: T) -> T {
        parse(text).unwrap_or_else(|| {
            self.unknown_values.push(format!("{column}={text}"));
            unknown
        })
    }
}

#[inline]
fn result_of(text: &str, field: &'static str) -> Judged<AuthResult> {
    AuthResult::parse(text)
        .ok_or_else(|| Rejection::field(Reason::UnknownResult, field, "expected success, denied or pending"))
}

#[inline]
fn denial_reason_of(
    result: AuthResult,
    reason: Option<&str>,
    word: &mut Words<'_>,
) -> Judged<Option<DenialReason>> {
    let field = Key::DenialReason.name();
    match (result, reason) {
        (AuthResult::Denied, None) => Err(missing(Key::DenialReason)),
        (AuthResult::Denied, Some(text)) => {
            Ok(Some(word.read(field, text, DenialReason::parse, DenialReason::UNKNOWN)))
        }
        (_, None) => Ok(None),
        (_, Some(_)) => Err(Rejection::field(
            Reason::Contradiction,
            field,
            "a reason of denial, and the result is not denied",
        )),
    }
}

fn prompts_of(number: i64) -> Judged<i32> {
    i32::try_from(number).ok().filter(|number| *number >= 0).ok_or_else(|| {
        let detail = format!("expected a whole number from 0 to {}", i32::MAX);
        Rejection::field(Reason::WrongType, Key::Prompts.name(), detail)
    })
}

#[inline]
fn moment_of(text: &str, field: &'static str) -> Judged<i64> {
    moment::parse(text)
        .ok_or_else(|| Rejection::field(Reason::BadTime, field, "expected RFC 3339 with a zone"))
}

#[inline]
fn address_of<'a>(text: Option<&'a str>, scratch: &'a mut String, key: Key) -> Judged<Option<&'a str>> {
    let Some(text) = text else { return Ok(None) };
    match address::canonical(text, scratch) {
        Some(address) => Ok(Some(address)),
        None => Err(Rejection::field(Reason::BadAddress, key.name(), "expected an IPv4 or IPv6 address")),
    }
}
