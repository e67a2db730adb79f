//! What the organisation's own servers write: the contract of source `gatebook`.

use schemas::vocabulary::Method;
use serde_json::{Map, Value, json};

use super::act::{End, Event};
use super::gates::{SERVERS, VPN, sender};
use super::people::Human;
use super::times::rfc3339;

/// An event as one JSON object.
pub(super) fn event(human: &Human, at_us: i64, event: &Event) -> Value {
    let (server_name, server_ip) = SERVERS[event.server % SERVERS.len()];
    let (result, reason, code, assurance) = words(event);
    let mut record = json!({
        "event_id": format!("{:032x}", u128::from(event.id) << 32 | u128::from(event.key & 0xffff_ffff)),
        "occurred_at": rfc3339(at_us),
        "tenant_id": human.tenant.id,
        "user_id": human.email,
        "first_name": human.first_name,
        "last_name": human.last_name,
        "email": human.email,
        "method": event.method.as_str(),
        "result": result,
        "stage": "second-factor",
        "assurance": assurance,
        "server_name": server_name,
        "server_ip": server_ip,
        "client_ip": event.client_ip,
        "application": event.application,
    });
    let mut set = |key: &str, value: Value| {
        record.as_object_mut().map(|record: &mut Map<String, Value>| record.insert(key.to_owned(), value));
    };
    if let Some(reason) = reason {
        set("denial_reason", json!(reason));
    }
    if let Some(code) = code {
        set("result_code", json!(code));
    }
    if event.application == VPN {
        set("protocol", json!("radius"));
    }
    if matches!(event.end, End::Declined | End::NoResponse | End::Fraud) {
        set("prompts", json!(1));
    }
    match event.method {
        Method::TextMessage | Method::VoiceCall => {
            let phone = event.phone.clone().unwrap_or_else(|| human.phone());
            // The servers log the sender of what they send, where they do.
            if event.method == Method::TextMessage && event.phone.is_none() {
                let is_canadian = human.number.starts_with("416");
                set("sender", json!(sender(human.country, is_canadian, event.key)));
            }
            set("phone_number", json!(phone));
            set("attempt_id", json!(format!("{:016x}", event.key)));
            if event.method == Method::TextMessage {
                set("mode", json!("one-way"));
            }
        }
        Method::MobileAppNotification | Method::MobileAppCode => set("device_token", json!(human.device())),
        _ => {}
    }
    record
}

/// Result, reason, the server's own code, and what it proves.
fn words(event: &Event) -> (&'static str, Option<&'static str>, Option<&'static str>, &'static str) {
    let is_text = event.method == Method::TextMessage;
    let denied = |reason, code, assurance| ("denied", Some(reason), Some(code), assurance);
    match event.end {
        End::Approved => ("success", None, None, "challenged"),
        End::Sent => ("pending", None, Some("SUCCESS_SMS_SENT"), "challenged"),
        End::Remembered => ("success", None, None, "satisfied-earlier"),
        End::TrustedPlace | End::AppPassword => ("success", None, None, "exempt"),
        End::External => ("success", None, None, "external"),
        End::LegacyPassword | End::SingleFactor => ("success", None, None, "first-factor-only"),
        End::Bypassed => ("success", None, Some("SUCCESS_BYPASSED_AUTH"), "bypassed"),
        End::Declined => denied("user-declined", "FAILED_PHONE_APP_DENIED", "challenged"),
        End::NoResponse => denied("no-response", "FAILED_PHONE_APP_NO_RESPONSE", "challenged"),
        End::WrongCode if is_text => denied("wrong-code", "FAILED_SMS_OTP_INCORRECT", "challenged"),
        End::WrongCode => denied("wrong-code", "FAILED_OATH_CODE_INCORRECT", "challenged"),
        End::WrongPassword => denied("wrong-password", "FAILED_PASSWORD", "unknown"),
        End::Fraud => denied("fraud-reported", "FAILED_FRAUD_REPORTED", "challenged"),
        End::Throttled => denied("throttled", "FAILED_AUTHENTICATION_THROTTLED", "unknown"),
        End::Unreachable => denied("phone-unreachable", "FAILED_PHONE_UNREACHABLE", "challenged"),
        End::NotSent => denied("message-not-sent", "FAILED_SMS_NOT_SENT", "unknown"),
        End::NotActivated => denied("not-activated", "FAILED_NOT_ACTIVATED", "unknown"),
        End::ServiceTimeout => denied("service-timeout", "FAILED_SERVICE_TIMEOUT", "unknown"),
    }
}
