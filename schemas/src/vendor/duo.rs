//! Duo Security: the authentication log (version 2).
//!
//! `txid` comes back on records with other outcomes: it is the attempt, and the id is made of what the record says. Same
//! id, other content: never, so each record is an event of its own.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::draft::{Draft, Found, bad_time, missing, text};
use super::json::Json;
use super::words::Words;
use super::{Vendor, derived_id, times};
use crate::rejection::Rejection;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Stage};

pub(super) const VENDOR: Vendor = Vendor {
    decoder: "duo/1",
    lists: &[&["authlogs"], &["response", "authlogs"], &["items"], &["response", "items"], &["response"]],
    read,
    read_text: None,
};

static REASONS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("../../vocabularies/duo_reasons.csv")));
static FACTORS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("../../vocabularies/duo_factors.csv")));

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    if json.get("result").is_some() {
        return authentication(json).map(Found::Event);
    }
    let kind = json.scalar("action").or_else(|| json.scalar("event_type"));
    Ok(Found::Skipped(kind.unwrap_or(Cow::Borrowed("other"))))
}

fn authentication<'t>(json: Json<'t>) -> Result<Draft<'t>, Rejection<'static>> {
    let mut draft = Draft {
        occurred_at_us: Some(occurred_at(json)?),
        user_id: text(json.text_at(&["user", "name"]).or_else(|| json.text("username"))),
        email: text(json.text("email")),
        result_code: text(json.text("result")),
        result_detail: text(json.text("reason")),
        stage: Some(Stage::SecondFactor),
        client_address: text(json.text_at(&["access_device", "ip"]).or_else(|| json.text("ip"))),
        application: text(json.text_at(&["application", "name"]).or_else(|| json.text("integration"))),
        client_app: text(json.text_at(&["access_device", "browser"])),
        authenticator_id: text(json.text_at(&["auth_device", "name"])),
        attempt_id: text(json.text("txid")),
        ..Draft::default()
    };
    let reason = json.text("reason");
    let word = reason.and_then(|reason| REASONS.get(reason));
    let factor = json.text("factor").and_then(|factor| FACTORS.get(&factor.replace(' ', "_")));
    draft.result = Some(match json.text("result").map(str::to_ascii_lowercase).as_deref() {
        Some("success") => AuthResult::Success,
        Some("denied" | "failure" | "fraud" | "error") => AuthResult::Denied,
        _ => return Err(missing("result")),
    });
    draft.method = factor.and_then(|factor| factor.method);
    // Let in without a challenge is a success by no factor.
    draft.assurance = word.and_then(|word| word.assurance).or_else(|| factor.and_then(|factor| factor.assurance));
    if !matches!(draft.assurance, None | Some(Assurance::Challenged)) {
        draft.method = None;
    }
    if draft.result == Some(AuthResult::Denied) {
        draft.denial_reason = word.and_then(|word| word.reason);
    }
    if let (Some(reason), None) = (reason, word) {
        draft.unknown("result_detail", reason);
        draft.denial_reason = Some(DenialReason::Other);
    }
    if let (Some(factor), None) = (json.text("factor"), factor) {
        draft.unknown("method", factor);
    }
    draft.event_id = Some(Cow::Owned(derived_id(&[
        json.text("txid"),
        json.scalar("timestamp").as_deref(),
        draft.user_id.as_deref(),
        json.text("factor"),
        json.text("result"),
        reason,
    ])));
    Ok(draft)
}

/// `isotimestamp` has microseconds and a zone, `timestamp` whole seconds.
fn occurred_at(json: Json<'_>) -> Result<i64, Rejection<'static>> {
    if let Some(at) = json.text("isotimestamp").and_then(times::utc) {
        return Ok(at);
    }
    match (json.number("timestamp"), json.text("timestamp")) {
        (Some(number), _) => times::epoch(number).ok_or_else(|| bad_time("timestamp", "seconds since 1970")),
        (None, Some(text)) => times::utc(text).ok_or_else(|| bad_time("timestamp", "a date and time in UTC")),
        (None, None) => Err(missing("timestamp")),
    }
}
