//! What is made of LogEvents.

use super::*;
use crate::maps::Maps;
use crate::vendor::VendorDecoder;
use crate::vendor::tables::OKTA_FACTORS;
use crate::{Element, Event, Record, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits =
    TimeLimits { max_age_us: None, max_ahead_us: 86_400_000_000, now_us: 1_772_400_000_000_000 };

/// A LogEvent of Ada's with these parts in place of the usual ones, each `"key":value`.
fn log_event(event_type: &str, result: &str, reason: &str, others: &str) -> String {
    let reason = if reason.is_empty() { "null".to_owned() } else { format!("\"{reason}\"") };
    let mut parts = vec![
        r#""actor":{"id":"00u1ada","type":"User","alternateId":"Ada@Example.org","displayName":"Ada Lovelace","detailEntry":null}"#.to_owned(),
        r#""client":{"userAgent":{"rawUserAgent":"Mozilla/5.0","os":"Linux","browser":"FIREFOX"},"zone":"null","device":"Computer","id":null,"ipAddress":"192.0.2.7"}"#.to_owned(),
        r#""authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"externalSessionId":"idx7session","authenticationStep":0}"#.to_owned(),
        r#""debugContext":{"debugData":{"requestId":"r-1","threatSuspected":"false"}}"#.to_owned(),
        r#""target":null"#.to_owned(),
    ];
    let key = |part: &str| part.split(':').next().unwrap_or_default().to_owned();
    for other in others.split('\n').map(str::trim).filter(|other| !other.is_empty()) {
        parts.retain(|part| key(part) != key(other));
        parts.push(other.to_owned());
    }
    format!(
        r#"{{{},"displayMessage":"Something happened","eventType":"{event_type}","outcome":{{"result":"{result}","reason":{reason}}},"published":"2026-03-01T08:00:00.000Z","severity":"INFO","transaction":{{"type":"WEB","id":"r-1","detail":{{}}}},"uuid":"u-1","version":"0","legacyEventType":null,"securityContext":{{"isProxy":false}}}}"#,
        parts.join(",")
    )
}

fn summary(element: &Element<'_>) -> String {
    let method = |method: Option<Method>| method.map_or("-", Method::as_str);
    match element {
        Element::Event(event) => {
            let reason = event.denial_reason.map_or(String::new(), |reason| format!(" {reason}"));
            let (stage, assurance) = (event.stage, event.assurance);
            let (method, user) = (method(event.method), event.user_id);
            format!("{}{reason}, {stage}, {assurance}, {method}, {user}", event.result)
        }
        Element::Change(change) => {
            let (kind, actor) = (change.change, change.actor.unwrap_or("-"));
            format!("change {kind}, {}, {} by {actor}", method(change.method), change.user_id)
        }
        Element::Skipped(kind) => format!("skipped {kind}"),
        Element::Rejection(rejection) => {
            format!("rejected {} {}", rejection.reason.as_str(), rejection.field.unwrap_or("-"))
        }
    }
}

fn decode(record: &str, look: &mut dyn FnMut(Element<'_>)) -> UnknownCounts {
    let mut counts = UnknownCounts::default();
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    VendorDecoder::new(VENDOR, &Maps::default()).decode(&record, &LIMITS, &mut counts, &mut |_, element| {
        look(element);
    });
    counts
}

#[track_caller]
fn check(record: &str, expected: &[&str]) {
    let mut summaries = Vec::new();
    decode(record, &mut |element| summaries.push(summary(&element)));
    assert_eq!(summaries, expected, "{record}");
}

#[track_caller]
fn check_event(record: &str, look: impl Fn(&Event<'_>) -> bool) {
    let mut count = 0;
    decode(record, &mut |element| match element {
        Element::Event(event) => {
            assert!(look(&event), "{event:?}");
            count += 1;
        }
        other => panic!("no event: {other:?}"),
    });
    assert_eq!(count, 1);
}

/// `debugContext` with these keys.
fn debug(pairs: &str) -> String {
    format!(r#""debugContext":{{"debugData":{{{pairs}}}}}"#)
}

#[test]
fn a_sign_in_says_nothing_of_a_second_factor() {
    for event_type in ["user.session.start", "user.authentication.sso", "user.authentication.verify"] {
        let record = log_event(event_type, "SUCCESS", "", "");
        check(&record, &["success, whole-sign-in, unknown, -, Ada@Example.org"]);
    }
    let enrolments = r#""target":[{"id":"lae1","type":"AuthenticatorEnrollment","alternateId":"unknown","displayName":"Password"}]"#;
    let record = log_event("user.session.start", "SUCCESS", "", enrolments);
    check(&record, &["success, whole-sign-in, unknown, -, Ada@Example.org"]);
}

#[test]
fn the_methods_of_a_session_tell_by_their_times() {
    let first = r#""authMethodFirstType":"okta_password:password:aut1","authMethodFirstVerificationTime":"2026-03-01T07:59:40.000Z""#;
    let second = |time: &str| {
        let kind = r#""authMethodSecondType":"okta_verify:push:aut2""#;
        format!(r#"{first},{kind},"authMethodSecondVerificationTime":"{time}""#)
    };
    let check_methods = |pairs: &str, expected: &str| {
        let record = log_event("user.authentication.verify", "SUCCESS", "", &debug(pairs));
        check(&record, &[expected]);
    };
    check_methods(first, "success, whole-sign-in, first-factor-only, password, Ada@Example.org");
    check_methods(
        &second("2026-03-01T07:59:58.000Z"),
        "success, whole-sign-in, challenged, mobile-app-notification, Ada@Example.org",
    );
    check_methods(
        &second("2026-02-28T16:00:00.000Z"),
        "success, whole-sign-in, satisfied-earlier, -, Ada@Example.org",
    );
    let alone = r#""authMethodFirstType":"okta_email:email:aut3","authMethodFirstVerificationTime":"2026-03-01T07:59:59.000Z""#;
    check_methods(alone, "success, whole-sign-in, unknown, -, Ada@Example.org");
    let unheard = r#""authMethodFirstType":"x:mind_reading:aut4""#;
    check_methods(unheard, "success, whole-sign-in, unknown, -, Ada@Example.org");
    let record =
        log_event("user.authentication.verify", "SUCCESS", "", &debug(&second("2026-02-28T16:00:00.000Z")));
    check_event(&record, |event| {
        event.steps.len() == 2
            && event.steps[1].code == Some("okta_verify:push:aut2")
            && event.steps[1].at_us.is_some()
    });
}

#[test]
fn a_factor_may_be_the_password() {
    let check_factor = |factor: &str, result: &str, reason: &str, expected: &str| {
        let pairs = format!(r#""factor":"{factor}""#);
        check(&log_event("user.authentication.auth_via_mfa", result, reason, &debug(&pairs)), &[expected]);
    };
    check_factor(
        "PASSWORD_AS_FACTOR",
        "SUCCESS",
        "",
        "success, first-factor, first-factor-only, password, Ada@Example.org",
    );
    check_factor(
        "PASSWORD_AS_FACTOR",
        "FAILURE",
        "INVALID_CREDENTIALS",
        "denied wrong-password, first-factor, unknown, password, Ada@Example.org",
    );
    check_factor(
        "OKTA_VERIFY_PUSH",
        "SUCCESS",
        "",
        "success, second-factor, challenged, mobile-app-notification, Ada@Example.org",
    );
    check_factor(
        "SMS_FACTOR",
        "FAILURE",
        "INVALID_CREDENTIALS",
        "denied wrong-code, second-factor, challenged, text-message, Ada@Example.org",
    );
    check_factor(
        "signed_nonce",
        "SUCCESS",
        "",
        "success, second-factor, challenged, security-key, Ada@Example.org",
    );
    check_factor(
        "SIGNED_NONCE",
        "FAILURE",
        "FastPass declined phishing attempt",
        "denied other, second-factor, challenged, security-key, Ada@Example.org",
    );
    check_factor(
        "OKTA_SOFT_TOKEN",
        "FAILURE",
        "LOCKED_OUT",
        "denied locked-out, second-factor, unknown, mobile-app-code, Ada@Example.org",
    );
    check_factor(
        "TEMPORARY_ACCESS_CODE",
        "SUCCESS",
        "",
        "success, second-factor, bypassed, -, Ada@Example.org",
    );
}

#[test]
fn a_factor_that_is_not_told_is_not_invented() {
    let record = log_event("user.authentication.auth_via_mfa", "SUCCESS", "", "");
    check(&record, &["success, second-factor, unknown, -, Ada@Example.org"]);
    let record = log_event("user.authentication.auth_via_mfa", "FAILURE", "INVALID_CREDENTIALS", "");
    check(&record, &["denied wrong-credentials, second-factor, unknown, -, Ada@Example.org"]);
    let reason = "FastPass declined phishing attempt";
    let record = log_event("user.authentication.auth_via_mfa", "FAILURE", reason, "");
    check(&record, &["denied other, second-factor, challenged, security-key, Ada@Example.org"]);
    let pairs = debug(r#""factor":"MIND_READING""#);
    let record = log_event("user.authentication.auth_via_mfa", "SUCCESS", "", &pairs);
    check(&record, &["success, second-factor, unknown, other, Ada@Example.org"]);
    check_event(&record, |event| event.unknown_values == ["method=MIND_READING"]);
}

#[test]
fn targets_and_credentials_tell_of_a_factor_too() {
    let target = |name: &str, method: &str| {
        format!(
            r#""target":[{{"id":"00u1ada","type":"User","alternateId":"Ada@Example.org"}},{{"id":"pfd9","type":"AuthenticatorEnrollment","alternateId":"unknown","displayName":"{name}","detailEntry":{{"methodTypeUsed":"{method}"}}}}]"#
        )
    };
    let record = |others: &str| log_event("user.authentication.auth_via_mfa", "SUCCESS", "", others);
    let push = "success, second-factor, challenged, mobile-app-notification, Ada@Example.org";
    check(&record(&target("Okta Verify", "Get a push notification")), &[push]);
    check_event(&record(&target("Okta Verify", "Get a push notification")), |event| {
        event.authenticator_id == Some("pfd9") && event.steps[0].code == Some("Get a push notification")
    });
    let question = "success, second-factor, challenged, other, Ada@Example.org";
    check(&record(&target("Security Question", "Eine Frage")), &[question]);
    for name in ["Smart Card IdP", "Smart Card"] {
        check(&record(&target(name, "Certificat")), &[question]);
        check_event(&record(&target(name, "Certificat")), |event| event.unknown_values.is_empty());
    }
    let context = r#""authenticationContext":{"credentialProvider":"RSA","credentialType":"OTP","externalSessionId":"s"}"#;
    check(&record(context), &["success, second-factor, challenged, oath-token, Ada@Example.org"]);
}

#[test]
fn a_rejected_push_is_logged_as_invalid_credentials() {
    let check_push = |answers: &str, expected: &str| {
        let pairs = format!(r#""factor":"OKTA_VERIFY_PUSH"{answers}"#);
        let record =
            log_event("user.authentication.auth_via_mfa", "FAILURE", "INVALID_CREDENTIALS", &debug(&pairs));
        check(
            &record,
            &[&format!(
                "denied {expected}, second-factor, challenged, mobile-app-notification, Ada@Example.org"
            )],
        );
    };
    check_push(r#","pushOnlyResponseType":"OV_RESPONSE_DENY""#, "user-declined");
    check_push("", "user-declined");
    check_push(r#","pushOnlyResponseType":"OV_RESPONSE_ERROR""#, "unspecified");
    check_push(
        r#","pushOnlyResponseType":"OV_RESPONSE_APPROVE","pushWithNumberChallengeResponseType":"OV_WITH_CHALLENGE_RESPONSE_ERROR""#,
        "wrong-code",
    );
}

#[test]
fn an_answer_that_does_not_apply_hides_no_other() {
    let answers = [
        (
            r#""pushOnlyResponseType":"OV_RESPONSE_APPROVE","pushWithNumberChallengeResponseType":"OV_WITH_CHALLENGE_RESPONSE_NOT_APPLICABLE""#,
            "OV_RESPONSE_APPROVE",
        ),
        (
            r#""pushOnlyResponseType":"OV_RESPONSE_NOT_APPLICABLE","pushWithNumberChallengeResponseType":"OV_WITH_CHALLENGE_RESPONSE_VALID""#,
            "OV_WITH_CHALLENGE_RESPONSE_VALID",
        ),
    ];
    for (answers, expected) in answers {
        let pairs = debug(&format!(r#""factor":"OKTA_VERIFY_PUSH",{answers}"#));
        let record = log_event("user.authentication.auth_via_mfa", "SUCCESS", "", &pairs);
        check_event(&record, |event| event.steps[0].detail == Some(expected));
    }
}

#[test]
fn the_classic_engine_rejects_by_an_event_of_its_own() {
    let declined =
        "denied user-declined, second-factor, challenged, mobile-app-notification, Ada@Example.org";
    // Whether the rejection was logged as a success or as a failure.
    for result in ["SUCCESS", "FAILURE"] {
        let reason = "User rejected Okta push verify";
        check(&log_event("user.mfa.okta_verify.deny_push", result, reason, ""), &[declined]);
    }
    let record = log_event("user.mfa.okta_verify.deny_push_upgrade_needed", "FAILURE", "", "");
    let refused =
        "denied version-restricted, second-factor, unknown, mobile-app-notification, Ada@Example.org";
    check(&record, &[refused]);
    check(
        &log_event("user.mfa.attempt_bypass", "SUCCESS", "", ""),
        &["success, second-factor, bypassed, -, Ada@Example.org"],
    );
    check(
        &log_event("user.mfa.attempt_bypass", "FAILURE", "", ""),
        &["denied bypass-refused, second-factor, unknown, -, Ada@Example.org"],
    );
}

#[test]
fn what_was_sent_is_pending_and_about_the_target() {
    let others = r#""actor":{"id":"okta.system","type":"SystemPrincipal","alternateId":"system@okta.com","displayName":"Okta System"}
        "target":[{"id":"00u2bob","type":"User","alternateId":"bob@example.org","displayName":"Bob"}]
        "debugContext":{"debugData":{"phoneNumber":"+15550100","requestUri":"/idp/idx/challenge"}}"#;
    let check_sent = |event_type: &str, method: &str, refused: &str| {
        let pending = format!("pending, second-factor, unknown, {method}, bob@example.org");
        check(&log_event(event_type, "SUCCESS", "", others), &[&pending]);
        let failed = format!("denied {refused}, second-factor, unknown, {method}, bob@example.org");
        check(&log_event(event_type, "FAILURE", "", others), &[&failed]);
    };
    check_sent("system.push.send_factor_verify_push", "mobile-app-notification", "notification-failed");
    check_sent("system.sms.send_factor_verify_message", "text-message", "message-not-sent");
    check_sent("system.voice.send_mfa_challenge_call", "voice-call", "phone-unreachable");
    check_sent("system.email.send_factor_verify_message", "other", "message-not-sent");
    let record = log_event("system.sms.send_factor_verify_message", "SUCCESS", "", others);
    check_event(&record, |event| event.prompts == Some(1) && event.phone_number == Some("+15550100"));
    let record = log_event("system.sms.send_factor_verify_message", "DENY", "", others);
    check(&record, &["denied throttled, second-factor, unknown, text-message, bob@example.org"]);
}

#[test]
fn another_provider_vouches_for_the_target() {
    let others = r#""actor":{"id":"sp1","type":"User","alternateId":"system@okta.com","displayName":"Okta System"}
        "target":[{"id":"0oa1","type":"AppInstance","displayName":"Partner IdP"},{"id":"00u2bob","type":"User","alternateId":"bob@example.org"}]"#;
    let record = log_event("user.authentication.auth_via_IDP", "SUCCESS", "", others);
    check(&record, &["success, first-factor, external, -, bob@example.org"]);
    let reason = "Unable to match transformed username";
    let record = log_event("user.authentication.auth_via_IDP", "FAILURE", reason, others);
    check(&record, &["denied unknown-user, first-factor, unknown, -, bob@example.org"]);
    for event_type in ["user.authentication.auth_via_social", "user.authentication.auth_via_inbound_SAML"] {
        check(
            &log_event(event_type, "SUCCESS", "", ""),
            &["success, first-factor, external, -, Ada@Example.org"],
        );
    }
    for event_type in ["user.authentication.auth_via_AD_agent", "user.authentication.auth_via_LDAP_agent"] {
        let expected = "success, first-factor, first-factor-only, password, Ada@Example.org";
        check(&log_event(event_type, "SUCCESS", "", ""), &[expected]);
    }
}

#[test]
fn a_wrong_password_is_no_denied_second_factor() {
    let check_reason = |reason: &str, expected: &str| {
        let record = log_event("user.session.start", "FAILURE", reason, "");
        check(&record, &[&format!("{expected}, unknown, -, Ada@Example.org")]);
    };
    check_reason("INVALID_CREDENTIALS", "denied wrong-credentials, first-factor");
    check_reason("VERIFICATION_ERROR", "denied wrong-credentials, first-factor");
    check_reason("UNKNOWN_USER", "denied unknown-user, first-factor");
    check_reason("LOCKED_OUT", "denied locked-out, first-factor");
    check_reason("NETWORK_ZONE_BLACKLIST", "denied location-restricted, whole-sign-in");
    check_reason("MFA_ENROLLMENT_REQUIRED", "denied not-enrolled, whole-sign-in");
    check_reason("GENERAL_NONSUCCESS", "denied unspecified, whole-sign-in");
    check_reason("", "denied unspecified, whole-sign-in");
    check_reason("MFA_REQUIRED", "pending, whole-sign-in");
    let context = r#""authenticationContext":{"credentialType":"PASSWORD","externalSessionId":"unknown"}"#;
    let record = log_event("user.session.start", "FAILURE", "INVALID_CREDENTIALS", context);
    check(&record, &["denied wrong-password, first-factor, unknown, password, Ada@Example.org"]);
}

#[test]
fn unknown_reasons_are_other_and_keep_their_text() {
    let reason = "The moon was in the way of 'ada@example.org'";
    let record = log_event("user.session.start", "FAILURE", reason, "");
    check(&record, &["denied other, whole-sign-in, unknown, -, Ada@Example.org"]);
    check_event(&record, |event| {
        event.result_detail == Some(reason)
            && event.unknown_values == ["result_detail=The moon was in the way of"]
    });
    let counts = decode(&record, &mut |_| {});
    assert!(!format!("{counts:?}").contains("ada@"), "{counts:?}");
}

#[test]
fn a_policy_decides_where_it_denies() {
    for (result, reason) in [("ALLOW", "ALLOW"), ("ALLOW", "AUTHENTICATED"), ("CHALLENGE", "CHALLENGE")] {
        let reason = format!("Sign-on policy evaluation resulted in {reason}");
        let record = log_event("policy.evaluate_sign_on", result, &reason, "");
        check(&record, &["skipped policy.evaluate_sign_on"]);
    }
    let reason = "Sign-on policy evaluation resulted in DENY";
    let expected = "denied denied-by-policy, whole-sign-in, unknown, -, Ada@Example.org";
    check(&log_event("policy.evaluate_sign_on", "DENY", reason, ""), &[expected]);
    check(&log_event("application.policy.sign_on.deny_access", "FAILURE", "", ""), &[expected]);
}

#[test]
fn each_outcome_is_read() {
    let event_type = "user.authentication.auth_via_mfa";
    for (result, expected) in [
        ("SUCCESS", "success, second-factor, unknown, -, Ada@Example.org"),
        ("ALLOW", "success, second-factor, unknown, -, Ada@Example.org"),
        ("FAILURE", "denied unspecified, second-factor, unknown, -, Ada@Example.org"),
        ("DENY", "denied denied-by-policy, second-factor, unknown, -, Ada@Example.org"),
        ("RATE_LIMIT", "denied throttled, second-factor, unknown, -, Ada@Example.org"),
        ("UNANSWERED", "denied no-response, second-factor, challenged, -, Ada@Example.org"),
        ("ABANDONED", "denied no-response, second-factor, challenged, -, Ada@Example.org"),
        ("CHALLENGE", "pending, second-factor, unknown, -, Ada@Example.org"),
        ("SKIPPED", "skipped user.authentication.auth_via_mfa:SKIPPED"),
        ("DEFERRED", "skipped user.authentication.auth_via_mfa:DEFERRED"),
        ("SCHEDULED", "skipped user.authentication.auth_via_mfa:SCHEDULED"),
        ("UNKNOWN", "skipped user.authentication.auth_via_mfa:UNKNOWN"),
        ("MAYBE", "rejected unknown-result outcome.result"),
    ] {
        check(&log_event(event_type, result, "", ""), &[expected]);
    }
    let record = log_event("user.session.start", "SUCCESS", "", "").replace("\"outcome\"", "\"outcame\"");
    check(&record, &["rejected missing-field outcome.result"]);
}

#[test]
fn changes_are_about_the_target_and_name_the_method() {
    let others =
        r#""target":[{"id":"00u2bob","type":"User","alternateId":"bob@example.org","displayName":"Bob"}]"#;
    let check_change = |event_type: &str, reason: &str, expected: &str| {
        let expected = format!("change {expected}, bob@example.org by Ada@Example.org");
        check(&log_event(event_type, "SUCCESS", reason, others), &[&expected]);
    };
    check_change("user.mfa.factor.activate", "User set up SMS_FACTOR factor", "method-added, text-message");
    check_change(
        "user.mfa.factor.deactivate",
        "User reset FIDO_WEBAUTHN factor",
        "method-removed, security-key",
    );
    check_change(
        "user.mfa.factor.suspend",
        "User suspended SIGNED_NONCE factor",
        "method-changed, security-key",
    );
    check_change("user.mfa.factor.reset_all", "", "reset, -");
    check_change("user.account.unlock_by_admin", "", "unblocked, -");
    check_change("user.account.reset_password", "", "password-changed, password");
    check_change("user.account.report_suspicious_activity_by_enduser", "", "fraud-reported, -");
    check_change("user.lifecycle.suspend", "", "blocked, -");
    check_change("user.lifecycle.unsuspend", "", "unblocked, -");
    check_change("user.lifecycle.create", "", "account-created, -");
}

#[test]
fn a_lock_is_a_change_whatever_its_outcome() {
    let record = log_event("user.account.lock", "FAILURE", "LOCKED_OUT", "");
    check(&record, &["change blocked, -, Ada@Example.org by Ada@Example.org"]);
    let record = log_event("user.mfa.factor.activate", "FAILURE", "", "");
    check(&record, &["skipped user.mfa.factor.activate:FAILURE"]);
    let record = log_event("user.account.use_token", "FAILURE", "", "");
    check(&record, &["skipped user.account.use_token:FAILURE"]);
}

#[test]
fn policies_are_about_nobody() {
    let others = r#""target":[{"id":"00p1","type":"PolicyEntity","displayName":"Admins"},{"id":"0pr1","type":"PolicyRule","displayName":"Always ask"}]"#;
    for event_type in
        ["policy.rule.update", "policy.lifecycle.delete", "zone.create", "system.mfa.factor.deactivate"]
    {
        let record = log_event(event_type, "SUCCESS", "", others);
        check(&record, &["change policy-changed, -, unknown by Ada@Example.org"]);
        decode(&record, &mut |element| {
            assert!(
                matches!(element, Element::Change(change) if change.reason == Some("Admins: Always ask"))
            );
        });
    }
}

#[test]
fn the_rest_is_skipped_by_its_type() {
    for event_type in [
        "user.session.access_admin_app",
        "user.session.end",
        "app.oauth2.authorize.code",
        "security.threat.detected",
        "system.org.rate_limit.warning",
        "system.api_token.create",
    ] {
        check(&log_event(event_type, "SUCCESS", "", ""), &[&format!("skipped {event_type}")]);
    }
    check(r#"{"anomaly":true}"#, &["skipped unknown-shape"]);
}

#[test]
fn nobody_signs_in_to_enroll_or_to_recover() {
    let event_type = "user.authentication.auth_via_mfa";
    let check_intent = |intent: &str, expected: &str| {
        let pairs = format!(r#""factor":"EMAIL_FACTOR","factorIntent":"{intent}""#);
        check(&log_event(event_type, "SUCCESS", "", &debug(&pairs)), &[expected]);
    };
    for intent in ["CREDENTIAL_RECOVERY", "CREDENTIAL_ENROLLMENT"] {
        check_intent(intent, &format!("skipped {event_type} ({intent})"));
    }
    check_intent("AUTHENTICATION", "success, second-factor, challenged, other, Ada@Example.org");
}

#[test]
fn the_address_of_the_phone_is_not_the_clients() {
    let check_agent = |factor: &str, agent: &str, expected: Option<&str>| {
        let client = format!(
            r#""client":{{"ipAddress":"192.0.2.7","userAgent":{{"rawUserAgent":"{agent}","browser":"UNKNOWN"}}}}"#
        );
        let others = format!("{}\n{client}", debug(&format!(r#""factor":"{factor}""#)));
        let record = log_event("user.authentication.auth_via_mfa", "SUCCESS", "", &others);
        check_event(&record, |event| event.client_ip == expected);
    };
    let (android, apple) =
        ("D2DD7D3915.com.okta.android.auth/8.1 DeviceSDK/1 Android/15", "B7F6.com.okta.mobile/9.3 iOS/18");
    check_agent("OKTA_VERIFY_PUSH", android, None);
    check_agent("OKTA_VERIFY_PUSH", apple, None);
    check_agent("OKTA_VERIFY_PUSH", "Mozilla/5.0", Some("192.0.2.7"));
    check_agent("SIGNED_NONCE", android, Some("192.0.2.7"));
}

#[test]
fn each_wrapper_is_opened() {
    let one = log_event("user.session.start", "SUCCESS", "", "");
    let two = log_event("user.session.end", "SUCCESS", "", "");
    let expected = ["success, whole-sign-in, unknown, -, Ada@Example.org", "skipped user.session.end"];
    check(&format!("[{one},{two}]"), &expected);
    let hook =
        format!(r#"{{"eventType":"com.okta.event_hook","eventId":"e","data":{{"events":[{one},{two}]}}}}"#);
    check(&hook, &expected);
    let bridge = format!(
        r#"{{"version":"0","id":"b","detail-type":"SystemLog","source":"aws.partner/okta.com/x","detail":{one}}}"#
    );
    check(&bridge, &expected[..1]);
    check(&format!(r#"{{"time":1772352000,"event":{one}}}"#), &expected[..1]);
    let text = one.replace('"', "\\\"");
    check(&format!(r#"{{"@timestamp":"2026-03-01T08:00:01Z","message":"{text}"}}"#), &expected[..1]);
    check(&one.replace("eventType", "eventtype").replace("debugContext", "debugcontext"), &expected[..1]);
}

#[test]
fn an_event_keeps_what_the_source_says() {
    let others = r#""debugContext":{"debugData":{"signOnMode":"SAML 2.0","authnRequestId":"a-1"}}
        "target":[{"id":"0oa1","type":"AppInstance","alternateId":"Payroll","displayName":"Payroll"},{"id":"0ua1","type":"AppUser","alternateId":"ada"}]"#;
    check_event(&log_event("user.authentication.sso", "SUCCESS", "", others), |event| {
        event.event_id == "u-1"
            && event.occurred_at_us == 1_772_352_000_000_000
            && event.user_key == "ada@example.org"
            && event.result_code == Some("user.authentication.sso")
            && event.result_detail == Some("SUCCESS")
            && event.client_ip == Some("192.0.2.7")
            && event.client_app == Some("FIREFOX")
            && event.application == Some("Payroll")
            && event.protocol == Some("saml")
            && event.attempt_id == Some("idx7session")
            && event.tenant_id == "unknown"
    });
    let context = r#""authenticationContext":{"externalSessionId":"unknown"}"#;
    let record = log_event("user.session.start", "FAILURE", "INVALID_CREDENTIALS", context);
    check_event(&record, |event| {
        event.attempt_id == Some("r-1") && event.result_detail == Some("INVALID_CREDENTIALS")
    });
}

#[test]
fn whom_okta_does_not_know_is_whom_they_typed() {
    let actor =
        r#""actor":{"id":"unknown","type":"User","alternateId":"typo@example.org","displayName":"unknown"}"#;
    let record = log_event("user.session.start", "FAILURE", "VERIFICATION_ERROR", actor);
    check(&record, &["denied wrong-credentials, first-factor, unknown, -, typo@example.org"]);
    let actor = r#""actor":{"id":"00u1ada","type":"User","alternateId":"unknown"}"#;
    check_event(&log_event("user.session.start", "SUCCESS", "", actor), |event| event.user_id == "00u1ada");
    let actor = r#""actor":{"id":"unknown","type":"User","alternateId":"unknown"}"#;
    check_event(&log_event("user.session.start", "SUCCESS", "", actor), |event| event.user_id == "unknown");
}

#[test]
fn times_are_utc() {
    let record = log_event("user.session.start", "SUCCESS", "", "");
    // As log platforms rewrite it.
    let bare = record.replace("2026-03-01T08:00:00.000Z", "2026-03-01 08:00:00.000000000");
    check_event(&bare, |event| event.occurred_at_us == 1_772_352_000_000_000);
    check(&record.replace("2026-03-01T08:00:00.000Z", "today"), &["rejected bad-time published"]);
}

#[test]
fn an_id_is_made_where_there_is_none() {
    let record = log_event("user.session.start", "SUCCESS", "", "").replace("\"uuid\"", "\"no\"");
    check_event(&record, |event| event.event_id.len() == 32);
}

#[test]
fn the_tables_are_in_order() {
    for words in [&OKTA_AUTHENTICATIONS, &OKTA_OUTCOMES, &OKTA_REASONS, &OKTA_PUSH_ANSWERS, &OKTA_FACTORS] {
        assert!(words.all().all(|word| !word.meaning.is_empty() && words.get(word.text) == Some(*word)));
    }
    assert!(
        OKTA_AUTHENTICATIONS.all().all(|word| word.stage.is_some() && OKTA_CHANGES.get(word.text).is_none())
    );
    for event_type in ["user.mfa.factor.activate", "user.account.lock", "zone.update", "policy.rule.add"] {
        assert!(OKTA_CHANGES.get(event_type).is_some_and(|word| !word.meaning.is_empty()), "{event_type}");
    }
}

/// The event types by which people sign in.
#[test]
fn each_way_to_sign_in_is_read() {
    for event_type in [
        "user.session.start",
        "user.authentication.verify",
        "user.authentication.sso",
        "user.authentication.auth_via_IDP",
        "user.authentication.auth_via_mfa",
        "user.mfa.okta_verify.deny_push",
        "system.push.send_factor_verify_push",
    ] {
        assert!(OKTA_AUTHENTICATIONS.get(event_type).is_some(), "{event_type}");
    }
}
