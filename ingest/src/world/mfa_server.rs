//! What the MFA Server's reports have, as a collector sends them: attempts, blocks and bypasses.

use schemas::vocabulary::Method;
use serde_json::{Value, json};

use super::act::{Change, End, Event};
use super::gates::MFA_SERVER;
use super::people::Human;
use super::times::rfc3339;

fn result(event: &Event) -> (&'static str, bool) {
    let approved = match event.method {
        Method::MobileAppNotification => "SUCCESS_PHONE_APP_AUTHENTICATED",
        Method::TextMessage => "SUCCESS_SMS_AUTHENTICATED",
        Method::VoiceCall => "SUCCESS_NO_PIN",
        _ => "SUCCESS_OATH_CODE_VERIFIED",
    };
    match event.end {
        End::Approved | End::LegacyPassword | End::SingleFactor => (approved, true),
        End::Sent => ("SUCCESS_SMS_SENT", false),
        End::Remembered | End::TrustedPlace | End::External => ("SUCCESS_USED_CACHE", true),
        End::Bypassed | End::AppPassword => ("SUCCESS_BYPASSED_AUTH", true),
        End::Declined => ("FAILED_PHONE_APP_DENIED", false),
        End::NoResponse => match event.method {
            Method::MobileAppNotification => ("FAILED_PHONE_APP_NO_RESPONSE", false),
            Method::VoiceCall => ("SUCCESS_NO_PIN_BUT_TIMEOUT", false),
            _ => ("FAILED_AUTH_RESULT_TIMEOUT", false),
        },
        End::WrongCode | End::WrongPassword => match event.method {
            Method::TextMessage => ("FAILED_SMS_OTP_INCORRECT", false),
            _ => ("FAILED_OATH_CODE_INCORRECT", false),
        },
        End::Fraud => match event.method {
            Method::VoiceCall => ("FAILED_FRAUD_CODE_ENTERED", false),
            _ => ("FAILED_FRAUD_REPORTED", false),
        },
        End::Throttled => ("FAILED_AUTHENTICATION_THROTTLED", false),
        End::Unreachable => ("CONFIG_ISSUE", false),
        End::NotSent => ("FAILED_SMS_NOT_SENT", false),
        End::NotActivated => ("FAILED_PHONE_APP_NOTIFICATION_FAILED", false),
        End::ServiceTimeout => ("FAILED_SERVER_ERROR", false),
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::MobileAppNotification => "Mobile App",
        Method::TextMessage => "Text Message",
        Method::VoiceCall => "Phone Call",
        _ => "OATH Token",
    }
}

fn username(human: &Human) -> String {
    format!("{}\\{}", human.tenant.short, human.account)
}

/// A row of the activity report.
pub(super) fn event(human: &Human, at_us: i64, event: &Event) -> Value {
    let (code, is_authenticated) = result(event);
    json!({
        "Timestamp": rfc3339(at_us),
        "Username": username(human),
        "First Name": human.first_name,
        "Last Name": human.last_name,
        "Authentication Method": method_name(event.method),
        "Phone Call Mode": "Standard",
        "Text Message Direction": "One-Way",
        "Authentication Type": "RADIUS",
        "Application Name": event.application,
        "Primary Call Country Code": human.country,
        "Primary Call Phone Number": human.number,
        "Overall Authenticated": is_authenticated,
        "Overall Result": code,
        "Initiating IP Address": event.client_ip,
        "Server Name": MFA_SERVER.0,
        "Server IP": MFA_SERVER.1,
        "Request Id": format!("{:016x}", event.key),
    })
}

/// A row of the history of blocks, bypasses and activations.
pub(super) fn change(human: &Human, at_us: i64, change: Change) -> Value {
    let (at, user) = (rfc3339(at_us), username(human));
    match change {
        Change::Blocked => json!({"Username": user, "Block Timestamp": at, "Blocked": true,
            "Block Reason": "lost the phone", "Block By": "grace"}),
        Change::FraudReported => json!({"Username": user, "Block Timestamp": at, "Blocked": true,
            "Fraud Alert": true, "Block By": user}),
        Change::BypassGranted { seconds, reason } => json!({"Username": user, "Bypass Timestamp": at,
            "Bypass Seconds": seconds, "Bypass Reason": reason, "Bypass By": "grace"}),
        Change::Unblocked => json!({"Username": user, "Completion Timestamp": at, "Blocked": false}),
        Change::MethodAdded | Change::AppPasswordAdded | Change::Reset | Change::MethodRemoved => {
            json!({"Username": user, "Timestamp": at, "Activate Success": true})
        }
    }
}
