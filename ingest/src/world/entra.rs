//! What Microsoft Entra writes to an Event Hub: sign-ins with their steps, and the audit log.

use schemas::vocabulary::Method;
use serde_json::{Value, json};

use super::act::{Change, End, Event};
use super::people::Human;
use super::times::azure;
use crate::traffic::random::mix;

/// How an id looks that Entra gives.
fn guid(bits: u64) -> String {
    let (high, low) = (mix(bits), mix(bits ^ 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::MobileAppNotification => "Mobile app notification",
        Method::MobileAppCode => "Mobile app verification code",
        Method::TextMessage => "Text message",
        Method::VoiceCall => "Phone call approval (Authentication phone)",
        _ => "OATH hardware token",
    }
}

/// The code of the sign-in, which requirement it had, and the text of the step that tells.
fn words(event: &Event) -> (i64, bool, &'static str) {
    match event.end {
        End::Approved => (0, true, "MFA completed in Azure AD"),
        End::Remembered => (0, true, "MFA requirement skipped due to remembered device"),
        End::TrustedPlace => (0, true, "MFA requirement skipped due to location"),
        End::External => (0, true, "MFA requirement satisfied by claim provided by external provider"),
        End::AppPassword => (0, true, "MFA requirement skipped due to app password"),
        End::LegacyPassword | End::SingleFactor => (0, false, ""),
        // Entra asks for a Temporary Access Pass as for a method of its own.
        End::Bypassed => (0, true, "MFA requirement satisfied by claim in the token"),
        End::Sent => (50074, true, "MFA required in Azure AD"),
        End::Declined => (500_121, true, "MFA denied; user declined the authentication"),
        End::NoResponse => (500_121, true, no_response(event.method)),
        End::WrongCode => (500_121, true, "MFA denied; user entered incorrect code"),
        End::WrongPassword => (50126, false, "Invalid username or password"),
        End::Fraud => (500_121, true, "MFA denied; Phone App Reported Fraud"),
        End::Throttled => (500_121, true, "MFA denied; duplicate authentication attempt"),
        End::Unreachable => (500_121, true, "MFA denied; unable to reach the user's phone"),
        End::NotSent => (500_121, true, "MFA denied; text message could not be sent"),
        End::NotActivated => {
            (500_121, true, "MFA denied; Authentication request is not for an activated account")
        }
        End::ServiceTimeout => (500_121, true, "MFA denied; service error"),
    }
}

fn no_response(method: Method) -> &'static str {
    match method {
        Method::MobileAppNotification => "MFA denied; user did not respond to mobile app notification",
        Method::VoiceCall => "MFA denied; no phone input - timed out",
        _ => "MFA denied; user never entered the verification code",
    }
}

fn failure(code: i64) -> &'static str {
    match code {
        0 => "Other.",
        50126 => "Error validating credentials due to invalid username or password.",
        50074 => "Strong Authentication is required.",
        _ => "Authentication failed during strong authentication request.",
    }
}

/// A sign-in.
pub(super) fn event(human: &Human, at_us: i64, event: &Event) -> Value {
    let (code, is_strong, text) = words(event);
    let is_legacy = matches!(event.end, End::LegacyPassword | End::AppPassword);
    let mut steps = vec![json!({
        "authenticationStepDateTime": azure(at_us),
        "authenticationMethod": if event.end == End::AppPassword { "App password" } else { "Password" },
        "succeeded": event.end != End::WrongPassword,
        "authenticationStepResultDetail":
            if event.end == End::WrongPassword { text } else { "Correct password" },
        "authenticationStepRequirement": "Primary authentication",
    })];
    let second = |succeeded: bool, detail: &str| {
        let method = match event.end {
            End::Approved | End::Declined | End::NoResponse | End::WrongCode | End::Fraud => {
                method_name(event.method)
            }
            End::Unreachable | End::NotSent | End::NotActivated | End::Throttled => method_name(event.method),
            _ => "",
        };
        json!({
            "authenticationStepDateTime": azure(at_us),
            "authenticationMethod": method,
            "succeeded": succeeded,
            "authenticationStepResultDetail": detail,
            "authenticationStepRequirement": "Multifactor authentication",
        })
    };
    for _ in 0..event.declined_before {
        steps.push(second(false, "MFA denied; user declined the authentication"));
    }
    if is_strong {
        steps.push(second(code == 0, text));
    }
    let client_app = if event.end == End::LegacyPassword {
        ["IMAP4", "Authenticated SMTP"][event.id as usize % 2]
    } else if is_legacy {
        "Exchange ActiveSync"
    } else {
        "Browser"
    };
    json!({
        "time": azure(at_us),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", human.tenant.guid),
        "operationName": "Sign-in activity",
        "category": "SignInLogs",
        "tenantId": human.tenant.guid,
        "resultType": code.to_string(),
        "callerIpAddress": event.client_ip,
        "correlationId": guid(event.key),
        "properties": {
            "id": guid(event.id),
            "createdDateTime": azure(at_us),
            "userPrincipalName": human.email,
            "userId": guid(human.traits),
            "userDisplayName": format!("{} {}", human.first_name, human.last_name),
            "appDisplayName": event.application,
            "clientAppUsed": client_app,
            "ipAddress": event.client_ip,
            "isInteractive": !is_legacy,
            "correlationId": guid(event.key),
            "originalRequestId": guid(event.key ^ 0xff),
            "authenticationRequirement":
                if is_strong { "multiFactorAuthentication" } else { "singleFactorAuthentication" },
            "status": {"errorCode": code, "failureReason": failure(code)},
            "authenticationDetails": steps,
        },
    })
}

/// An entry of the audit log.
pub(super) fn change(human: &Human, at_us: i64, change: Change, id: u64) -> Value {
    let admin = format!("helpdesk@{}", human.tenant.domain);
    let by_user = |operation| (operation, human.email.clone());
    let (operation, actor) = match change {
        Change::MethodAdded => by_user("User registered security info"),
        Change::MethodRemoved => by_user("User deleted security info"),
        Change::Reset => ("Require re-register multifactor authentication", admin),
        Change::Blocked => ("Disable account", admin),
        Change::Unblocked => ("Enable account", admin),
        Change::BypassGranted { .. } => ("Create Temporary Access Pass method for user", admin),
        Change::FraudReported => by_user("Fraud reported - no action taken"),
        Change::AppPasswordAdded => by_user("Create application password for user"),
    };
    let reason = match change {
        Change::MethodAdded => "User registered Authenticator App with Notification and Code",
        Change::BypassGranted { reason, .. } => reason,
        _ => "",
    };
    json!({
        "time": azure(at_us),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", human.tenant.guid),
        "operationName": operation,
        "category": "AuditLogs",
        "tenantId": human.tenant.guid,
        "callerIpAddress": human.home,
        "correlationId": guid(id),
        "properties": {
            "id": format!("Directory_{}", guid(id)),
            "category": "UserManagement",
            "result": "success",
            "resultReason": reason,
            "activityDisplayName": operation,
            "activityDateTime": azure(at_us),
            "initiatedBy": {"user": {"id": guid(id ^ 7), "userPrincipalName": actor, "ipAddress": human.home}},
            "targetResources": [{"id": guid(human.traits), "type": "User", "userPrincipalName": human.email,
                "modifiedProperties": []}],
        },
    })
}
