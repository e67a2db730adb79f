//! What Duo's Admin API gives: the authentication log, telephony, and what administrators did.

use schemas::vocabulary::Method;
use serde_json::{Value, json};

use super::act::{Change, End, Event};
use super::people::Human;
use super::times::{moment, offset};
use crate::traffic::random::mix;

fn id(bits: u64) -> String {
    format!("{:016x}-{:016x}", mix(bits), mix(bits ^ 1))
}

fn key(prefix: &str, bits: u64) -> String {
    format!("{prefix}{:016X}", mix(bits))
}

/// Factor, result and reason.
fn words(event: &Event) -> (&'static str, &'static str, &'static str) {
    let factor = match event.method {
        Method::MobileAppNotification => "duo_push",
        Method::MobileAppCode => "duo_mobile_passcode",
        Method::TextMessage => "sms_passcode",
        Method::VoiceCall => "phone_call",
        _ => "hardware_token",
    };
    let approved = match event.method {
        Method::MobileAppNotification | Method::VoiceCall => "user_approved",
        _ => "valid_passcode",
    };
    match event.end {
        End::Approved => (factor, "success", approved),
        End::Remembered => ("remembered_device", "success", "remembered_device"),
        End::TrustedPlace | End::External | End::AppPassword => {
            ("trusted_network", "success", "trusted_network")
        }
        End::Bypassed => ("not_available", "success", "bypass_user"),
        End::LegacyPassword | End::SingleFactor | End::Sent => (factor, "success", approved),
        End::Declined => (factor, "denied", "user_mistake"),
        End::NoResponse | End::Unreachable => (factor, "denied", "no_response"),
        End::WrongCode | End::WrongPassword => (factor, "denied", "invalid_passcode"),
        End::Fraud => (factor, "fraud", "user_marked_fraud"),
        End::Throttled => (factor, "denied", "locked_out"),
        End::NotActivated => (factor, "denied", "no_activated_duo_mobile_account"),
        End::NotSent | End::ServiceTimeout => (factor, "denied", "error"),
    }
}

/// An entry of the authentication log.
pub(super) fn event(human: &Human, at_us: i64, event: &Event) -> Value {
    let (factor, result, reason) = words(event);
    json!({
        "access_device": {"browser": "Chrome", "browser_version": "142.0", "ip": event.client_ip, "os": "Windows",
            "location": {"city": "Leeds", "country": "United Kingdom"}},
        "alias": "",
        "application": {"key": key("DI", 17), "name": event.application},
        "auth_device": {"ip": human.home, "key": key("DP", human.traits),
            "name": format!("{} ({})", human.first_name, human.phone())},
        "email": human.email,
        "event_type": "authentication",
        "factor": factor,
        "isotimestamp": offset(at_us),
        "ood_software": null,
        "reason": reason,
        "result": result,
        "timestamp": moment(at_us).timestamp(),
        "trusted_endpoint_status": "not trusted",
        "txid": id(event.key),
        // Duo knows people by their short names.
        "user": {"groups": ["Staff"], "key": key("DU", human.traits ^ 3), "name": human.account},
    })
}

/// An entry of the telephony log, with the same transaction as that of the authentication.
pub(super) fn telephony(human: &Human, at_us: i64, method: Method, credits: u32, of: u64) -> Value {
    json!({
        "context": "authentication",
        "credits": credits,
        "phone": human.phone(),
        "telephony_id": id(of ^ 0xfe1e),
        "ts": offset(at_us),
        "txid": id(of),
        "type": if method == Method::VoiceCall { "phone" } else { "sms" },
    })
}

/// An entry of the administrator log.
pub(super) fn change(human: &Human, at_us: i64, change: Change) -> Value {
    let (action, description) = match change {
        Change::MethodAdded => ("phone_associate", json!({"phone": human.phone()})),
        Change::MethodRemoved => ("phone_disassociate", json!({"phone": human.phone()})),
        Change::Reset => ("deregister_devices", json!({})),
        Change::Blocked => ("user_lock", json!({})),
        Change::Unblocked => ("user_unlock", json!({})),
        Change::BypassGranted { seconds, reason } => (
            "bypass_create",
            json!({"count": 1, "valid_secs": seconds, "remaining_uses": 1, "notes": reason}),
        ),
        Change::FraudReported => {
            ("device_change_notification_answered_notify_admin", json!({"email": human.email}))
        }
        Change::AppPasswordAdded => ("bypass_create", json!({"count": 1, "valid_secs": 3600})),
    };
    json!({
        "action": action,
        "description": description.to_string(),
        "isotimestamp": offset(at_us),
        "timestamp": moment(at_us).timestamp(),
        "object": human.account,
        "username": "Grace Admin",
    })
}
