use proptest::prelude::*;

use crate::vocabulary::{AuthResult, DenialReason};
use crate::{Decoder, Element, Event, Maps, Record, Source, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX / 2, now_us: 0 };

/// What a record becomes, an element a line.
fn lines(record: &str, summary: impl Fn(&Event<'_>) -> String) -> Vec<String> {
    let maps = Maps { tenant: Some("acme".into()), ..Maps::default() };
    let mut decoder = Decoder::new(Source::MfaServer, &maps);
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut lines = Vec::new();
    decoder.decode(&record, &LIMITS, &mut UnknownCounts::default(), &mut |_, element| {
        lines.push(match element {
            Element::Event(event) => summary(&event),
            Element::Change(change) => {
                let until = change.until_us.map(|until| (until - change.occurred_at_us) / 1_000_000);
                format!(
                    "{} of {} by {} for {} s: {} ({}, {})",
                    change.change,
                    change.user_id,
                    change.actor.unwrap_or("-"),
                    until.map_or("-".into(), |until| until.to_string()),
                    change.reason.unwrap_or("-"),
                    change.result_code.unwrap_or("-"),
                    change.result_detail.unwrap_or("-"),
                )
            }
            Element::Skipped(kind) => format!("skipped: {kind}"),
            Element::Rejection(rejection) => {
                format!(
                    "rejected: {} {}: {}",
                    rejection.reason.as_str(),
                    rejection.field.unwrap_or("-"),
                    rejection.detail
                )
            }
        });
    });
    lines
}

/// Who, the outcome, what it proves, by what; steps in brackets.
fn summary(event: &Event<'_>) -> String {
    let mut line = format!("{}: {}", event.user_id, event.result);
    if let Some(reason) = event.denial_reason {
        line += &format!(" {reason}");
    }
    line += &format!(", {}", event.assurance);
    if let Some(method) = event.method {
        line += &format!(", {method}");
    }
    if let Some(mode) = event.mode {
        line += &format!(" {mode}");
    }
    for step in event.steps {
        let result = step.result.map_or("-", AuthResult::as_str);
        let reason = step.reason.map_or("", DenialReason::as_str);
        line += &format!(" [{} {result} {reason}]", step.code.unwrap_or("-"));
    }
    for value in event.unknown_values {
        line += &format!(" ?{value}");
    }
    line
}

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(lines(record, summary).join("\n"), expected, "{record}");
}

/// A row of the activity report.
#[track_caller]
fn check_row(rest: &str, expected: &str) {
    check(&format!(r#"{{"Timestamp":"3/14/2026 9:05:07 AM UTC","Username":"ada","{rest}}}"#), expected);
}

/// The 45 call results of the activity report: what each is without a flag beside it.
const CALL_RESULTS: [(&str, &str, &str); 45] = [
    ("SUCCESS_WITH_PIN", "PIN Entered", "depends wrong-pin"),
    ("SUCCESS_NO_PIN", "Only # Entered", "depends wrong-pin"),
    (
        "SUCCESS_WITH_PIN_BUT_TIMEOUT",
        "# Not Pressed After Entry",
        "denied no-response, challenged, voice-call",
    ),
    ("SUCCESS_NO_PIN_BUT_TIMEOUT", "No Phone Input - Timed Out", "denied voicemail, challenged, voice-call"),
    ("SUCCESS_PIN_EXPIRED", "PIN Expired and Not Changed", "denied wrong-pin, challenged, voice-call"),
    ("SUCCESS_USED_CACHE", "Used Cache", "success, satisfied-earlier"),
    ("SUCCESS_BYPASSED_AUTH", "Bypassed Auth", "success, bypassed"),
    ("SUCCESS_USED_IP_BASED_CACHE", "Used IP-based Cache", "success, satisfied-earlier"),
    ("SUCCESS_USED_APP_BASED_CACHE", "Used App-based Cache", "success, satisfied-earlier"),
    ("SUCCESS_INVALID_INPUT", "Invalid Phone Input", "denied wrong-pin, challenged, voice-call"),
    ("SUCCESS_USER_BLOCKED", "User is Blocked", "denied user-blocked, unknown"),
    ("SUCCESS_SMS_AUTHENTICATED", "Text Message Authenticated", "success, challenged, text-message"),
    ("SUCCESS_SMS_SENT", "Text Message Sent", "pending, challenged, text-message"),
    (
        "SUCCESS_PHONE_APP_AUTHENTICATED",
        "Mobile App Authenticated",
        "success, challenged, mobile-app-notification",
    ),
    ("SUCCESS_OATH_CODE_PENDING", "OATH Code Pending", "pending, challenged, oath-token"),
    ("SUCCESS_OATH_CODE_VERIFIED", "OATH Code Verified", "success, challenged, oath-token"),
    ("SUCCESS_FALLBACK_OATH_CODE_VERIFIED", "Fallback OATH Code Verified", "success, challenged, oath-token"),
    (
        "SUCCESS_FALLBACK_SECURITY_QUESTIONS_ANSWERED",
        "Fallback Security Questions Answered",
        "success, challenged, other",
    ),
    ("FAILED_PHONE_BUSY", "Auth Already In Progress", "denied phone-busy, unknown"),
    ("CONFIG_ISSUE", "Phone Unreachable", "denied phone-unreachable, challenged, voice-call"),
    (
        "FAILED_INVALID_PHONENUMBER",
        "Invalid Phone Number Format",
        "denied invalid-number, unknown, voice-call",
    ),
    ("FAILED_USER_HUNGUP_ON_US", "User Hung Up the Phone", "denied hung-up, challenged, voice-call"),
    ("FAILED_INVALID_EXTENSION", "Invalid Extension", "denied invalid-number, unknown, voice-call"),
    ("FAILED_FRAUD_CODE_ENTERED", "Fraud Code Entered", "denied fraud-reported, challenged, voice-call"),
    ("FAILED_SERVER_ERROR", "Unable to Place Call", "denied server-error, unknown, voice-call"),
    (
        "FAILED_SMS_NOT_SENT",
        "Text Message Could Not Be Sent",
        "denied message-not-sent, unknown, text-message",
    ),
    ("FAILED_SMS_OTP_INCORRECT", "Text Message OTP Incorrect", "denied wrong-code, challenged, text-message"),
    (
        "FAILED_SMS_OTP_PIN_INCORRECT",
        "Text Message OTP + PIN Incorrect",
        "denied wrong-code, challenged, text-message",
    ),
    (
        "FAILED_SMS_MAX_OTP_RETRY_REACHED",
        "Exceeded Maximum Text Message OTP Attempts",
        "denied wrong-code, challenged, text-message",
    ),
    (
        "FAILED_PHONE_APP_DENIED",
        "Mobile App Denied",
        "denied user-declined, challenged, mobile-app-notification",
    ),
    (
        "FAILED_PHONE_APP_INVALID_PIN",
        "Mobile App Invalid PIN",
        "denied wrong-pin, challenged, mobile-app-notification",
    ),
    (
        "FAILED_PHONE_APP_PIN_NOT_CHANGED",
        "Mobile App PIN Not Changed",
        "denied wrong-pin, challenged, mobile-app-notification",
    ),
    ("FAILED_FRAUD_REPORTED", "Fraud Reported", "denied fraud-reported, challenged, mobile-app-notification"),
    (
        "FAILED_PHONE_APP_NO_RESPONSE",
        "Mobile App No Response",
        "denied no-response, challenged, mobile-app-notification",
    ),
    (
        "FAILED_PHONE_APP_ALL_DEVICES_BLOCKED",
        "Mobile App All Devices Blocked",
        "denied notification-failed, unknown, mobile-app-notification",
    ),
    (
        "FAILED_PHONE_APP_NOTIFICATION_FAILED",
        "Mobile App Notification Failed",
        "denied notification-failed, unknown, mobile-app-notification",
    ),
    (
        "FAILED_PHONE_APP_INVALID_RESULT",
        "Mobile App Invalid Result",
        "denied server-error, challenged, mobile-app-notification",
    ),
    ("FAILED_OATH_CODE_INCORRECT", "OATH Code Incorrect", "denied wrong-code, challenged, oath-token"),
    (
        "FAILED_OATH_CODE_PIN_INCORRECT",
        "OATH Code + PIN Incorrect",
        "denied wrong-code, challenged, oath-token",
    ),
    ("FAILED_OATH_CODE_DUPLICATE", "Duplicate OATH Code", "denied wrong-code, challenged, oath-token"),
    ("FAILED_OATH_CODE_OLD", "OATH Code Out of Date", "denied wrong-code, challenged, oath-token"),
    ("FAILED_OATH_TOKEN_TIMEOUT", "OATH Code Result Timeout", "denied no-response, challenged, oath-token"),
    (
        "FAILED_SECURITY_QUESTIONS_TIMEOUT",
        "Security Questions Result Timeout",
        "denied no-response, challenged, other",
    ),
    ("FAILED_AUTH_RESULT_TIMEOUT", "Auth Result Timeout", "denied no-response, challenged"),
    ("FAILED_AUTHENTICATION_THROTTLED", "Authentication Throttled", "denied throttled, unknown"),
];

#[test]
fn each_call_result_is_read_by_its_code_and_by_its_label() {
    for (code, label, expected) in CALL_RESULTS {
        for text in [code, &code.to_lowercase(), label, &label.to_uppercase()] {
            if let Some(reason) = expected.strip_prefix("depends ") {
                check_row(
                    &format!(r#"Call Result":"{text}","Authenticated":false"#),
                    &format!("ada: denied {reason}, challenged, voice-call"),
                );
                check_row(
                    &format!(r#"Call Result":"{text}","Authenticated":true"#),
                    "ada: success, challenged, voice-call",
                );
            } else {
                check_row(&format!(r#"Call Result":"{text}""#), &format!("ada: {expected}"));
            }
        }
    }
}

#[test]
fn a_pin_and_a_hash_alone_depend_on_the_mode_where_no_flag_decides() {
    check_row(
        r#"Call Result":"SUCCESS_NO_PIN","Phone Call Mode":"Standard""#,
        "ada: success, challenged, voice-call standard",
    );
    check_row(
        r#"Call Result":"SUCCESS_NO_PIN","Phone Call Mode":"PIN""#,
        "ada: denied wrong-pin, challenged, voice-call pin",
    );
    check_row(
        r#"Call Result":"SUCCESS_WITH_PIN","Authentication Mode":"Standard""#,
        "ada: denied wrong-pin, challenged, voice-call standard",
    );
    let undecided = "rejected: unknown-result Authenticated: \
                     found a code that another field has to decide, and none that does, expected a verdict";
    check_row(r#"Call Result":"SUCCESS_WITH_PIN","Phone Call Mode":"PIN""#, undecided);
    check_row(r#"Call Result":"SUCCESS_WITH_PIN""#, undecided);
}

#[test]
fn a_code_that_was_sent_decides_nothing_whatever_the_flags_say() {
    for flag in ["true", "false", "\"Yes\"", "null"] {
        check_row(
            &format!(
                r#"Overall Result":"SUCCESS_SMS_SENT","Overall Authenticated":{flag},"TextMessageDirection":"One-Way""#
            ),
            "ada: pending, challenged, text-message one-way",
        );
    }
    check_row(
        r#"Result":"Success","Call Result":"SUCCESS_OATH_CODE_PENDING""#,
        "ada: pending, challenged, oath-token",
    );
}

#[test]
fn a_success_without_a_challenge_has_no_method_and_no_phone() {
    let record = r#"{"timestamp":"2026-03-14T09:05:07Z","user_name":"ada","authentication_method":"Phone Call",
        "call_result":"SUCCESS_USED_CACHE","authenticated":true,"phone_number":"5550100"}"#;
    let phone = |event: &Event<'_>| format!("{} {:?}", summary(event), event.phone_number);
    assert_eq!(lines(record, phone), ["ada: success, satisfied-earlier None"]);
    check_row(
        r#"Call Result":"SUCCESS_BYPASSED_AUTH","Authentication Method":"Mobile App","Mobile App Mode":"PIN""#,
        "ada: success, bypassed",
    );
}

#[test]
fn the_prefix_is_no_verdict_and_a_verdict_in_words_is_weaker_than_a_code() {
    check_row(
        r#"Call Result":"SUCCESS_USER_BLOCKED","Status":"Success""#,
        "ada: denied user-blocked, unknown",
    );
    check_row(r#"Result":"Denied""#, "ada: denied unspecified, unknown");
    check_row(r#"Result":"Succeeded","Method":"OATH Token""#, "ada: success, unknown, oath-token");
}

#[test]
fn a_code_that_is_not_known_needs_a_flag() {
    check_row(
        r#"Call Result":"FAILED_NEW_THING","Authenticated":"No","Authentication Method":"Phone Call""#,
        "ada: denied other, unknown, voice-call ?result_code=FAILED_NEW_THING",
    );
    check_row(
        r#"Call Result":"SUCCESS_NEW_THING","Authenticated":"Yes""#,
        "ada: success, unknown ?result_code=SUCCESS_NEW_THING",
    );
    check_row(
        r#"Call Result":"SUCCESS_NEW_THING""#,
        "rejected: unknown-result Call Result: found a code that is not known, and no flag beside it, expected a verdict",
    );
    check_row(
        r#"Authentication Method":"Phone Call""#,
        "rejected: missing-field Call Result: found nothing, expected a value",
    );
    check_row(r#"Result":14"#, "ada: denied user-blocked, unknown");
    check_row(r#"Result":999,"Authenticated":0"#, "ada: denied other, unknown ?result_code=999");
}

#[test]
fn the_overall_result_decides_and_the_calls_are_steps() {
    let record = r#"{"Timestamp":"2026-03-14T09:05:07Z","Username":"ADA@example.org","First Name":"Ada","User Group":"Finance",
        "Authentication Method":"Phone Call","Phone Call Mode":"PIN","Authentication Type":"RADIUS",
        "Application Name":"vpn","Primary Call Country Code":"1","Primary Call Phone Number":"5550100",
        "Primary Call Extension":"","Primary Call Authenticated":false,"Primary Call Result":"CONFIG_ISSUE",
        "Backup Call Country Code":"44","Backup Call Phone Number":"20 5550101","Backup Call Extension":"7",
        "Backup Call Authenticated":true,"Backup Call Result":"SUCCESS_WITH_PIN",
        "Overall Authenticated":true,"Overall Result":"SUCCESS_WITH_PIN","Initiating IP Address":"203.0.113.7:4711"}"#;
    check(
        record,
        "ADA@example.org: success, challenged, voice-call pin \
         [CONFIG_ISSUE denied phone-unreachable] [SUCCESS_WITH_PIN success ]",
    );
    let rest = |event: &Event<'_>| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?}",
            event.user_key,
            event.phone_number,
            event.prompts,
            event.protocol,
            event.application,
            event.client_ip
        )
    };
    let expected =
        r#"ada@example.org Some("+44 20 5550101 x7") Some(2) Some("radius") Some("vpn") Some("203.0.113.7")"#;
    assert_eq!(lines(record, rest), [expected]);
}

#[test]
fn without_an_overall_result_the_last_call_decides() {
    check_row(
        r#"PrimaryCall":{"Number":"5550100","Authenticated":false,"Result":"SUCCESS_NO_PIN_BUT_TIMEOUT"},
            "BackupCall":{"Number":"5550101","Authenticated":false,"Result":"FAILED_USER_HUNGUP_ON_US"}"#,
        "ada: denied hung-up, challenged, voice-call \
         [SUCCESS_NO_PIN_BUT_TIMEOUT denied voicemail] [FAILED_USER_HUNGUP_ON_US denied hung-up]",
    );
    check_row(
        r#"OverallAuthenticated":"false","PrimaryCallResult":"FAILED_PHONE_BUSY","BackupCallAuthenticated":"false""#,
        "ada: denied phone-busy, unknown [FAILED_PHONE_BUSY denied phone-busy]",
    );
    check_row(
        r#"Overall":{"Authenticated":true,"Result":"Success"},"Primary Call Result":"FAILED_PHONE_APP_DENIED",
            "Results":[{"Authenticated":true,"Result":"SUCCESS_FALLBACK_OATH_CODE_VERIFIED"}]"#,
        "ada: success, challenged, oath-token [FAILED_PHONE_APP_DENIED denied user-declined] \
         [SUCCESS_FALLBACK_OATH_CODE_VERIFIED success ]",
    );
}

#[test]
fn a_call_does_not_stand_for_an_overall_result_that_is_not_known() {
    check_row(
        r#"Overall Authenticated":false,"Overall Result":"FAILED_NEW_THING","Primary Call Result":"SUCCESS_WITH_PIN","Primary Call Authenticated":true"#,
        "ada: denied other, unknown [SUCCESS_WITH_PIN success ] ?result_code=FAILED_NEW_THING",
    );
    check_row(
        r#"Overall Result":"SUCCESS_WITH_PIN","Primary Call Result":"SUCCESS_WITH_PIN","Primary Call Authenticated":"Yes""#,
        "ada: success, challenged, voice-call [SUCCESS_WITH_PIN success ]",
    );
}

#[test]
fn devices_are_steps_and_one_request() {
    let record = r#"{"Timestamp":"/Date(1773479107000)/","Username":"CORP\\ada","AuthenticationMethod":"Mobile App",
        "MobileAppMode":"Standard","OverallAuthenticated":false,"OverallResult":"FAILED_PHONE_APP_DENIED",
        "Devices":[{"DeviceToken":"token-1","DeviceType":"iOS","Result":"FAILED_PHONE_APP_NO_RESPONSE"},
                   {"DeviceToken":"token-2","DeviceType":"Android","Result":"FAILED_PHONE_APP_DENIED"}]}"#;
    let device =
        |event: &Event<'_>| format!("{} {:?} {:?}", summary(event), event.prompts, event.device_token);
    assert_eq!(
        lines(record, device),
        ["CORP\\ada: denied user-declined, challenged, mobile-app-notification standard \
          [FAILED_PHONE_APP_NO_RESPONSE denied no-response] [FAILED_PHONE_APP_DENIED denied user-declined] \
          Some(1) Some(\"token-2\")"]
    );
}

#[test]
fn a_flag_decides_against_a_code_and_then_proves_nothing() {
    check_row(
        r#"Overall Result":"SUCCESS_PHONE_APP_AUTHENTICATED","Overall Authenticated":false"#,
        "ada: denied unspecified, challenged, mobile-app-notification",
    );
    check_row(
        r#"Overall Result":"SUCCESS_USED_CACHE","Overall Authenticated":false"#,
        "ada: denied unspecified, unknown",
    );
    check_row(
        r#"Overall Result":"FAILED_SERVER_ERROR","Overall Authenticated":true"#,
        "ada: success, unknown, voice-call",
    );
}

#[test]
fn words_that_are_not_known_are_told() {
    check_row(
        r#"Call Result":"SUCCESS_USER_BLOCKED","Authentication Method":"Carrier Pigeon","Mode":"Coop""#,
        "ada: denied user-blocked, unknown, other other ?method=Carrier Pigeon ?mode=Coop",
    );
}

#[test]
fn times_are_read_in_each_form() {
    let row = |key: &str, text: &str| {
        format!(r#"{{"{key}":"{text}","Username":"ada","Call Result":"SUCCESS_USED_CACHE"}}"#)
    };
    let another = "rejected: bad-time Timestamp: \
                   found another text, expected a time with a zone, or a column `Timestamp (UTC)`";
    check(&row("Timestamp", "soon"), another);
    check(&row("Timestamp (UTC)", "soon"), another);
    let at = |event: &Event<'_>| event.occurred_at_us.to_string();
    for (key, text) in [
        ("Timestamp (UTC)", "3/14/2026 9:05:07 AM"),
        ("timestamp_utc", "2026-03-14 09:05:07"),
        ("Date", "3/14/2026 1:05:07 AM (UTC-08:00)"),
        ("TIMESTAMP", "1773479107"),
    ] {
        assert_eq!(lines(&row(key, text), at), ["1773479107000000"], "{key} {text}");
    }
}

#[test]
fn a_table_has_a_head_line() {
    check(
        "\u{feff}Timestamp (UTC),User Name,\"Application Name\",Call Result,Authenticated\r\n\
         3/14/2026 9:05:07 AM,\"Lovelace, Ada\",\"the \"\"old\"\"\nVPN\",SUCCESS_PHONE_APP_AUTHENTICATED,Yes\r\n\
         3/14/2026 9:05:08 AM,bob,vpn,FAILED_PHONE_BUSY,No\r\n\
         3/14/2026 9:05:09 AM,eve,vpn\r\n",
        "Lovelace, Ada: success, challenged, mobile-app-notification\n\
         bob: denied phone-busy, unknown\n\
         rejected: wrong-type -: found 3 columns, expected 5 as in the head line",
    );
    check(
        "Timestamp;Username;Call Result\n2026-03-14T09:05:07Z;ada;FAILED_OATH_CODE_OLD",
        "ada: denied wrong-code, challenged, oath-token",
    );
    check("Timestamp,Username,Call Result", "skipped: head line");
    check(
        "Timestamp,Username,Overall Result,Device Token,Device Type,Result\n\
         2026-03-14T09:05:07Z,ada,FAILED_PHONE_APP_DENIED,token-1,iOS,FAILED_PHONE_APP_NO_RESPONSE",
        "ada: denied user-declined, challenged, mobile-app-notification \
         [FAILED_PHONE_APP_NO_RESPONSE denied no-response]",
    );
}

#[test]
fn a_line_without_its_head_has_the_documented_order() {
    check(
        "3/14/2026 9:05:07 AM UTC,ada,Ada,Lovelace,ada@example.org,Finance,Phone Call,PIN,,,,,RADIUS,vpn,\
         1,5550100,,false,SUCCESS_NO_PIN,,,,,,false,SUCCESS_NO_PIN",
        "ada: denied wrong-pin, challenged, voice-call pin [SUCCESS_NO_PIN denied wrong-pin]",
    );
    check(
        "3/14/2026 9:05:07 AM UTC,ada,,,,,Mobile App,,,,Standard,,AD FS,portal,,,,,,,,,,,true,\
         SUCCESS_PHONE_APP_AUTHENTICATED,,,203.0.113.7,token-1,iOS,6.8,17,SUCCESS_PHONE_APP_AUTHENTICATED,false",
        "ada: success, challenged, mobile-app-notification standard [SUCCESS_PHONE_APP_AUTHENTICATED success ]",
    );
    check(
        "3/14/2026 9:05:07 AM UTC,ada,SUCCESS_NO_PIN",
        "rejected: wrong-type -: found 3 columns, expected a head line, or the 26 or 35 of the documented order",
    );
    check(
        "2026-03-14T09:05:07Z|i|2960|4036|pfsvc|a line of the server's own log",
        "rejected: not-json -: found one text, expected JSON or a table with a head line",
    );
}

#[test]
fn blocks_bypasses_activations_and_changes_are_changes() {
    check(
        r#"{"Block Timestamp":"3/14/2026 9:00:00 AM UTC","Block By Username":"admin","Username":"ada","Phone Number":"5550100",
            "Blocked":true,"Block Reason":"lost phone","Completion Timestamp":"3/14/2026 10:00:00 AM UTC",
            "Completion Reason":"found it","Account Lockout":false,"Fraud Alert":false}"#,
        "blocked of ada by admin for 3600 s: lost phone (-, found it)",
    );
    check(
        r#"{"BlockTimestamp":"2026-03-14T09:00:00Z","Username":"ada","Blocked":true,"FraudAlert":true}"#,
        "blocked of ada by - for - s: - (Fraud Alert, -)",
    );
    check(
        r#"{"BlockTimestamp":"2026-03-14T09:00:00Z","Username":"ada","Blocked":false,"FraudAlertNotBlocked":true}"#,
        "fraud-reported of ada by - for - s: - (Fraud Alert Not Blocked, -)",
    );
    check(
        r#"{"CompletionTimestamp":"2026-03-14T09:00:00Z","Username":"ada","Blocked":false,"CompletionReason":"found it"}"#,
        "unblocked of ada by - for - s: - (-, found it)",
    );
    check(
        r#"{"bypass_timestamp":"2026-03-14T09:00:00Z","bypass_seconds":300,"bypass_by_username":"admin","username":"ada",
            "bypass_reason":"at the airport","bypass_used":false}"#,
        "bypass-granted of ada by admin for 300 s: at the airport (-, -)",
    );
    check(
        r#"{"Username":"ada","Account Name":"acme","Timestamp":"2026-03-14T09:00:00Z","Get Activation Code Result":"Success",
            "Activate Success":true,"Activation Status Result":"Activated","Device Type":"iOS","OATH Token Enabled":true}"#,
        "method-added of ada by - for - s: iOS (Activated, -)",
    );
    check(
        r#"{"Username":"ada","Timestamp":"2026-03-14T09:00:00Z","Activate Success":false,"Activate Error":"not for an activated account"}"#,
        "other of ada by - for - s: - (Activate Success: false, not for an activated account)",
    );
    check(
        r#"{"Change Timestamp":"2026-03-14T09:00:00Z","Username":"ada","New Phone Number":"5550199","New PIN":"1234",
            "PIN Change Required":false}"#,
        "method-changed of ada by - for - s: - (New Phone Number, New PIN, -)",
    );
    check(
        r#"{"Change Timestamp":"2026-03-14T09:00:00Z","Username":"ada","New Device Token":"token-2"}"#,
        "method-added of ada by - for - s: - (New Device Token, -)",
    );
    check(
        r#"{"Date":"2026-03-14T09:00:00Z","User":"ada","Action":"Unblock","Reason":"found it","Admin":"admin"}"#,
        "unblocked of ada by admin for - s: found it (Unblock, -)",
    );
}

#[test]
fn the_export_of_a_person_has_all_of_it() {
    check(
        r#"{"AuthenticationAttempts":[{"Timestamp":"2026-03-14T09:00:00Z","Username":"ada","OverallAuthenticated":true,
            "OverallResult":"SUCCESS_OATH_CODE_VERIFIED"}],
            "Blocks":[],"Bypasses":[{"BypassTimestamp":"2026-03-14T08:00:00Z","BypassSeconds":60,"Username":"ada"}],
            "Changes":[{"ChangeTimestamp":"2026-03-14T07:00:00Z","Username":"ada","OldDeviceToken":"token-1"}]}"#,
        "ada: success, challenged, oath-token\n\
         bypass-granted of ada by - for 60 s: - (-, -)\n\
         method-removed of ada by - for - s: - (Old Device Token, -)",
    );
}

#[test]
fn other_reports_are_skipped_by_name() {
    check(r#"{"Report":"Server Status","Server Name":"mfa01","Status":"Online"}"#, "skipped: Server Status");
    check(r#"{"Username":"ada","Phone Calls":12,"Text Messages":3}"#, "skipped: unknown-shape");
}

#[test]
fn the_same_row_has_the_same_id_in_both_formats_and_another_outcome_another() {
    let id = |event: &Event<'_>| format!("{} {:?}", event.event_id, event.attempt_id);
    let json = |result: &str| {
        format!(
            r#"{{"Timestamp":"2026-03-14T09:05:07Z","Username":"ada","Request Id":"r-1","Call Result":"{result}"}}"#
        )
    };
    let of_json = lines(&json("FAILED_PHONE_BUSY"), id);
    let table = "Timestamp,Username,Request Id,Call Result\n2026-03-14T09:05:07Z,ada,r-1,FAILED_PHONE_BUSY";
    assert_eq!(lines(table, id), of_json);
    assert_ne!(lines(&json("SUCCESS_USED_CACHE"), id), of_json);
    assert!(of_json[0].ends_with(r#" Some("r-1")"#));
}

proptest! {
    #[test]
    fn any_text_becomes_something(text in "\\PC{1,40}|[a,;\"\n\t ]{1,30}|(Timestamp|Username|Result|[/: 0-9APMUTC+-]{1,20}|[,\n\"]){1,12}") {
        prop_assume!(!text.trim_matches([' ', '\t', '\n', '\r']).is_empty());
        prop_assert!(!lines(&text, summary).is_empty());
    }
}
