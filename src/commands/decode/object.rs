//! Elements as JSON, with the columns that they would have.

use chrono::{DateTime, SecondsFormat};
use schemas::{Change, Element, Event, Rejection, Step};
use serde_json::{Value, json};

/// An element as JSON.
pub(super) fn described(line: usize, index: u32, element: &Element<'_>) -> Value {
    let (kind, mut object) = match element {
        Element::Event(event) => ("event", event_object(event)),
        Element::Change(change) => ("change", change_object(change)),
        Element::Skipped(kind) => ("skipped", json!({"skipped_as": kind})),
        Element::Rejection(rejection) => ("rejected", rejection_object(rejection)),
    };
    object["kind"] = kind.into();
    object["line"] = line.into();
    object["element_index"] = index.into();
    object
}

fn event_object(event: &Event<'_>) -> Value {
    json!({
        "event_id": event.event_id,
        "occurred_at": moment(event.occurred_at_us),
        "tenant_id": event.tenant_id,
        "user_id": event.user_id,
        "first_name": event.first_name,
        "last_name": event.last_name,
        "email": event.email,
        "phone_number": event.phone_number,
        "device_token": event.device_token,
        "user_key": event.user_key,
        "method": event.method.map(|method| method.as_str()),
        "mode": event.mode.map(|mode| mode.as_str()),
        "result": event.result.as_str(),
        "denial_reason": event.denial_reason.map(|reason| reason.as_str()),
        "reason_group": event.denial_reason.map(|reason| reason.group().as_str()),
        "result_code": event.result_code,
        "result_detail": event.result_detail,
        "stage": event.stage.as_str(),
        "assurance": event.assurance.as_str(),
        "prompts": event.prompts,
        "steps": event.steps.iter().map(step_object).collect::<Vec<_>>(),
        "server_name": event.server_name,
        "server_ip": event.server_ip,
        "unknown_values": event.unknown_values,
        "client_ip": event.client_ip,
        "application": event.application,
        "client_app": event.client_app,
        "protocol": event.protocol,
        "authenticator_id": event.authenticator_id,
        "sender": event.sender,
        "attempt_id": event.attempt_id,
    })
}

fn step_object(step: &Step<'_>) -> Value {
    json!({
        "at": step.at_us.map(moment),
        "method": step.method.map(|method| method.as_str()),
        "result": step.result.map(|result| result.as_str()),
        "reason": step.reason.map(|reason| reason.as_str()),
        "code": step.code,
        "detail": step.detail,
        "device": step.device,
    })
}

fn change_object(change: &Change<'_>) -> Value {
    json!({
        "change": change.change.as_str(),
        "occurred_at": moment(change.occurred_at_us),
        "tenant_id": change.tenant_id,
        "user_id": change.user_id,
        "user_key": change.user_key,
        "actor": change.actor,
        "method": change.method.map(|method| method.as_str()),
        "reason": change.reason,
        "until": change.until_us.map(moment),
        "client_ip": change.client_ip,
        "result_code": change.result_code,
        "result_detail": change.result_detail,
    })
}

fn rejection_object(rejection: &Rejection<'_>) -> Value {
    let detail = rejection.detail.as_ref();
    let (found, expected) = match detail.split_once("expected ") {
        Some((found, expected)) => {
            let found = found.trim_start_matches("found ").trim_end_matches(|sign| " ,;".contains(sign));
            (Some(found).filter(|found| !found.is_empty()), Some(expected))
        }
        None => (Some(detail), None),
    };
    json!({
        "reason": rejection.reason.as_str(),
        "field": rejection.field,
        "found": found,
        "expected": expected,
    })
}

fn moment(us: i64) -> Option<String> {
    DateTime::from_timestamp_micros(us).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_tells_what_was_found_and_what_was_expected() {
        let of = |detail: &'static str| {
            rejection_object(&Rejection {
                reason: schemas::Reason::BadTime,
                field: Some("ts"),
                detail: detail.into(),
                raw: None,
            })
        };
        assert_eq!(
            of("found another text, expected a date"),
            json!({"reason": "bad-time", "field": "ts", "found": "another text", "expected": "a date"})
        );
        assert_eq!(of("expected a date")["found"], Value::Null);
        assert_eq!(of("no JSON from byte 3 on")["found"], json!("no JSON from byte 3 on"));
    }
}
