//! From what a vendor's reader found to an event, a change or a rejection: the same for all vendors.

use std::borrow::Cow;

use super::addresses;
use super::derived_id;
use super::draft::{ChangeDraft, Draft, Found, Text, missing, no_json};
use super::when::{Id, When};
use crate::element::{Change, Element, Event};
use crate::gatebook::{FIELD_BYTES_MAX, STEPS_MAX};
use crate::maps::Maps;
use crate::rejection::{Reason, Rejection};
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;
use crate::user_key::NOBODY;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Stage};

/// How far a time of day may lie ahead of Kafka's timestamp and still be of that day, since clocks differ: five minutes,
/// in microseconds.
const AHEAD_US_MAX: i64 = 5 * 60 * 1_000_000;

type Judged<T> = Result<T, Rejection<'static>>;

/// When Kafka took the record, and how far from that a time may lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) limits: &'a TimeLimits,
    /// In microseconds since 1970 UTC; none where the topic keeps no timestamps.
    pub(super) timestamp_us: Option<i64>,
}

impl Received<'_> {
    /// The moment of a time, plausible; what it does not say itself, Kafka's timestamp does.
    fn moment(self, when: When<'_>) -> Judged<i64> {
        let at_us = when.resolve(
            self.timestamp_us.unwrap_or(self.limits.now_us),
            self.limits.max_ahead_us.clamp(0, AHEAD_US_MAX),
        );
        self.limits.check(at_us, self.timestamp_us)?;
        Ok(at_us)
    }
}

/// Judges drafts.
#[derive(Debug)]
pub(super) struct Judge {
    maps: Maps,
}

impl Judge {
    pub(super) fn new(maps: &Maps) -> Self {
        Self { maps: maps.clone() }
    }

    pub(super) fn emit(
        &self,
        found: Judged<Found<'_>>,
        received: Received<'_>,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(Element<'_>),
    ) {
        let judged = match found {
            Ok(Found::Event(draft)) => self.event(draft, received, counts, emit),
            Ok(Found::Change(draft)) => self.change(&draft, received, counts, emit),
            Ok(Found::Skipped(kind) | Found::Foreign(kind)) => {
                emit(Element::Skipped(&kind));
                Ok(())
            }
            // Records are taken out of their rows before they are judged.
            Ok(Found::Wrapped(key, _)) => Err(no_json(key)),
            Err(rejection) => Err(rejection),
        };
        if let Err(rejection) = judged {
            emit(Element::Rejection(rejection));
        }
    }

    fn event(
        &self,
        mut draft: Draft<'_>,
        received: Received<'_>,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(Element<'_>),
    ) -> Judged<()> {
        let occurred_at_us = received.moment(draft.occurred_at)?;
        let result = draft.result.ok_or_else(|| missing("result"))?;
        if draft.steps.len() > STEPS_MAX {
            return Err(Rejection::field(Reason::TooLong, "steps", format!("more than {STEPS_MAX} steps")));
        }
        let server_ip = address(&draft.server_address, "server_ip", &mut draft.unknown_values);
        let client_ip = address(&draft.client_address, "client_ip", &mut draft.unknown_values);
        let user_id = bounded(&draft.user_id, "user_id")?.unwrap_or(NOBODY);
        let user_key = self.maps.user_key(user_id);
        // An address that is none may be personal all the same: it stands in the event and in no count.
        for value in &draft.unknown_values {
            let column = value.split_once('=').map_or("", |(column, _)| column);
            if column.ends_with("_ip") {
                counts.values.add(&format!("{column}=(no address)"));
            } else {
                counts.values.add(value);
            }
        }
        if !self.maps.fields.client_ip {
            draft.unknown_values.retain(|value| !value.starts_with("client_ip="));
        }
        note_time("occurred_at", draft.occurred_at, counts, Some(&mut draft.unknown_values));
        let event_id = event_id(draft.event_id, draft.occurred_at, occurred_at_us);
        let denial_reason =
            (result == AuthResult::Denied).then(|| draft.denial_reason.unwrap_or(DenialReason::Unspecified));
        emit(Element::Event(Event {
            event_id: bounded(&event_id, "event_id")?.ok_or_else(|| missing("event_id"))?,
            occurred_at_us,
            tenant_id: self.maps.tenant(bounded(&draft.tenant, "tenant_id")?),
            user_id,
            first_name: bounded(&draft.first_name, "first_name")?,
            last_name: bounded(&draft.last_name, "last_name")?,
            email: bounded(&draft.email, "email")?,
            phone_number: bounded(&draft.phone_number, "phone_number")?,
            device_token: bounded(&draft.device_token, "device_token")?,
            user_key: &user_key,
            method: draft.method,
            mode: draft.mode,
            result,
            denial_reason,
            result_code: bounded(&draft.result_code, "result_code")?,
            result_detail: bounded(&draft.result_detail, "result_detail")?,
            stage: draft.stage.unwrap_or(Stage::WholeSignIn),
            assurance: draft.assurance.unwrap_or(Assurance::Unknown),
            prompts: draft.prompts.filter(|prompts| *prompts >= 0),
            steps: &draft.steps,
            server_name: bounded(&draft.server_name, "server_name")?,
            server_ip: server_ip.as_deref(),
            unknown_values: &draft.unknown_values,
            client_ip: client_ip.as_deref(),
            application: bounded(&draft.application, "application")?,
            client_app: bounded(&draft.client_app, "client_app")?,
            protocol: bounded(&draft.protocol, "protocol")?,
            authenticator_id: bounded(&draft.authenticator_id, "authenticator_id")?,
            sender: bounded(&draft.sender, "sender")?,
            attempt_id: bounded(&draft.attempt_id, "attempt_id")?,
            raw: None,
        }));
        Ok(())
    }

    fn change(
        &self,
        draft: &ChangeDraft<'_>,
        received: Received<'_>,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(Element<'_>),
    ) -> Judged<()> {
        let occurred_at_us = received.moment(draft.occurred_at)?;
        let user_id = bounded(&draft.user_id, "user_id")?.unwrap_or(NOBODY);
        let user_key = self.maps.user_key(user_id);
        let client_ip = address(&draft.client_address, "client_ip", &mut Vec::new());
        note_time("occurred_at", draft.occurred_at, counts, None);
        if draft.until != When::Unsaid {
            note_time("until", draft.until, counts, None);
        }
        let end_us = || occurred_at_us.checked_add(draft.lasts_us?);
        let until_us = draft.until.at_us().or_else(end_us);
        emit(Element::Change(Change {
            change: draft.change,
            occurred_at_us,
            tenant_id: self.maps.tenant(bounded(&draft.tenant, "tenant_id")?),
            user_id,
            user_key: &user_key,
            actor: bounded(&draft.actor, "actor")?,
            method: draft.method,
            reason: bounded(&draft.reason, "reason")?,
            until_us,
            client_ip: client_ip.as_deref(),
            result_code: bounded(&draft.result_code, "result_code")?,
            result_detail: bounded(&draft.result_detail, "result_detail")?,
            raw: None,
        }));
        Ok(())
    }
}

/// Notes a time that says too little: with its text in the event, and in the counts by what it lacks.
fn note_time(
    column: &str,
    when: When<'_>,
    counts: &mut UnknownCounts,
    unknown_values: Option<&mut Vec<String>>,
) {
    let Some((text, lack)) = when.note() else { return };
    counts.values.add(&format!("{column}={lack}"));
    if let Some(unknown_values) = unknown_values {
        unknown_values.push(format!("{column}={text}"));
    }
}

/// The id. One that was made without the moment gets it now: what else an event says, another may say on another day.
fn event_id<'t>(id: Option<Id<'t>>, when: When<'_>, occurred_at_us: i64) -> Text<'t> {
    Some(match id? {
        Id::Own(id) => id,
        Id::Made(id) if when.at_us().is_some() => Cow::Owned(id),
        Id::Made(id) => Cow::Owned(derived_id(&[Some(&id), Some(&occurred_at_us.to_string())])),
    })
}

/// An empty text counts as absent.
fn bounded<'a>(text: &'a Text<'_>, field: &'static str) -> Judged<Option<&'a str>> {
    match text.as_deref() {
        Some(text) if text.len() > FIELD_BYTES_MAX => {
            let detail = format!("the field has more than {FIELD_BYTES_MAX} bytes");
            Err(Rejection::field(Reason::TooLong, field, detail))
        }
        Some("") => Ok(None),
        text => Ok(text),
    }
}

/// The address in canonical form; what is none is noted with its text.
fn address<'a>(text: &'a Text<'_>, column: &str, unknown_values: &mut Vec<String>) -> Option<Cow<'a, str>> {
    let text = text.as_deref()?;
    let found = addresses::address(text);
    if addresses::is_absent(text) {
        return None;
    }
    if found.is_none() {
        unknown_values.push(format!("{column}={text}"));
    }
    found
}
