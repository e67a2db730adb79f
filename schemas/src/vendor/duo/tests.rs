//! What becomes of Duo's records: of each log, of each word, and of each trap.

use serde_json::{Value, json};

use super::words::{action, find};
use crate::vendor::tables::{DUO_FACTORS, DUO_REASONS, DUO_RESULTS};
use crate::vendor::words::Words;
use crate::vocabulary::ChangeKind;
use crate::{Change, Decoder, Element, Event, Maps, Record, Source, TimeLimits, UnknownCounts};

/// What an element says, in a line.
fn line(element: &Element<'_>) -> String {
    fn or_dash<T: ToString>(value: Option<T>) -> String {
        value.map_or("-".to_owned(), |value| value.to_string())
    }
    match element {
        Element::Event(event) => {
            let reason = event.denial_reason.map(|reason| format!(" {reason}")).unwrap_or_default();
            let method = or_dash(event.method);
            format!("{}{reason} {method} {} {} {}", event.result, event.stage, event.assurance, event.user_id)
        }
        Element::Change(change) => {
            format!("change {} {} {}", change.change, or_dash(change.method), change.user_id)
        }
        Element::Skipped(kind) => format!("skipped {kind}"),
        Element::Rejection(rejection) => {
            format!("rejected {} {}", rejection.reason.as_str(), or_dash(rejection.field))
        }
    }
}

fn decode<T>(record: &str, describe: impl Fn(&Element<'_>) -> T) -> Vec<T> {
    let mut decoder = Decoder::new(Source::Duo, &Maps::default());
    let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut said = Vec::new();
    decoder.decode(&record, &limits, &mut UnknownCounts::default(), &mut |_, element| {
        said.push(describe(&element))
    });
    said
}

/// Expects one line for each element.
#[track_caller]
fn check(record: &Value, expected: &str) {
    assert_eq!(decode(&record.to_string(), line).join("\n"), expected, "{record}");
}

/// Expects an event of which `look` says this.
#[track_caller]
fn check_event(record: &Value, look: impl Fn(&Event<'_>) -> String, expected: &str) {
    let look = |element: &Element<'_>| match element {
        Element::Event(event) => look(event),
        other => line(other),
    };
    assert_eq!(decode(&record.to_string(), look).join("\n"), expected, "{record}");
}

/// Expects a change of which `look` says this.
#[track_caller]
fn check_change(record: &Value, look: impl Fn(&Change<'_>) -> String, expected: &str) {
    let look = |element: &Element<'_>| match element {
        Element::Change(change) => look(change),
        other => line(other),
    };
    assert_eq!(decode(&record.to_string(), look).join("\n"), expected, "{record}");
}

/// A record with some keys changed; a null stays a null.
fn with(mut record: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().expect("an object") {
        record[key] = value.clone();
    }
    record
}

/// A push that was approved, as version 2 of the authentication log has it.
fn auth(changes: Value) -> Value {
    let record = json!({
        "access_device": {
            "browser": "Firefox", "browser_version": "148.0", "epkey": "EP1A2B3C4D5E6F7G8H9J",
            "hostname": null, "ip": "203.0.113.7", "is_encryption_enabled": true,
            "location": {"city": "Ghent", "country": "Belgium"},
            "os": "Linux", "os_version": null,
        },
        "alias": "", "application": {"key": "DIKEY0000000000000VP", "name": "VPN"},
        "auth_device": {
            "ip": "198.51.100.4", "key": "DPKEY000000000000PH1", "name": "Ada's phone (+32 470 55 01 42)",
        },
        "email": "ada@example.org", "event_type": "authentication", "factor": "duo_push",
        "isotimestamp": "2026-02-27T08:15:30.351346+00:00", "ood_software": null, "reason": "user_approved",
        "result": "success", "timestamp": 1_772_180_130, "trusted_endpoint_status": "not trusted",
        "txid": "2b9f6c5e-8a77-4c55-9d4b-7a1f0e1c2d3f",
        "user": {"groups": ["Staff"], "key": "DUKEY000000000000ADA", "name": "ada@example.org"},
    });
    with(record, changes)
}

/// A sign-in as version 1 of the authentication log has it.
fn auth_v1(changes: Value) -> Value {
    let record = json!({
        "alias": "", "device": "+32 470 55 01 42", "email": "ada@example.org", "factor": "Duo Push",
        "integration": "UNIX servers", "ip": "203.0.113.7", "isotimestamp": "2026-02-27T08:15:30+00:00",
        "location": {"city": "Ghent", "country": "BE", "state": ""}, "new_enrollment": false,
        "reason": "User approved", "result": "SUCCESS", "timestamp": 1_772_180_130, "username": "ada",
    });
    with(record, changes)
}

/// An operation of the administrator log.
fn admin(action: &str, object: Value, description: &str) -> Value {
    json!({
        "action": action, "description": description, "isotimestamp": "2026-02-27 08:15:30", "object": object,
        "timestamp": 1_772_180_130, "username": "Grace H. Admin",
    })
}

/// An operation of the activity log.
fn activity(action: &str, changes: Value) -> Value {
    let record = json!({
        "access_device": {"browser": "Chrome", "ip": {"address": "203.0.113.7"}},
        "action": {"details": null, "name": action},
        "activity_id": "720b8360-078b-47c4-adc7-7968df1caef0",
        "actor": {
            "details": "{\"status\": \"Active\"}", "key": "DUKEY000000000000ADA", "name": "ada",
            "type": "user",
        },
        "akey": "DAKEY00000000000ACME", "application": null, "old_target": null,
        "outcome": {"result": "SUCCESS"},
        "target": {
            "details": "{\"credential_name\": \"Key\"}", "key": "WA", "name": "WAKEY",
            "type": "webauthn_credential",
        },
        "ts": "2026-02-27T08:15:30.591015+00:00",
    });
    with(record, changes)
}

#[test]
fn an_approved_push_is_a_challenge_that_was_met() {
    check(&auth(json!({})), "success mobile-app-notification second-factor challenged ada@example.org");
    let look = |event: &Event<'_>| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?}",
            event.occurred_at_us,
            event.client_ip,
            event.application,
            event.client_app,
            event.result_code,
            event.result_detail,
            event.attempt_id
        )
    };
    let expected = "1772180130351346 Some(\"203.0.113.7\") Some(\"VPN\") Some(\"Firefox\") Some(\"success\") \
                    Some(\"user_approved\") Some(\"2b9f6c5e-8a77-4c55-9d4b-7a1f0e1c2d3f\")";
    check_event(&auth(json!({})), look, expected);
}

#[test]
fn version_1_says_the_same_in_other_words() {
    check(&auth_v1(json!({})), "success mobile-app-notification second-factor challenged ada");
    for (result, factor, reason, expected) in [
        (
            "FAILURE",
            "Phone Call",
            "No keys pressed",
            "denied no-response voice-call second-factor challenged ada",
        ),
        ("FAILURE", "Passcode", "Invalid passcode", "denied wrong-code other second-factor challenged ada"),
        (
            "FRAUD",
            "Duo Push",
            "User marked fraud",
            "denied fraud-reported mobile-app-notification second-factor challenged ada",
        ),
        ("ERROR", "n/a", "Error", "denied server-error - whole-sign-in unknown ada"),
        ("FAILURE", "n/a", "Locked out", "denied locked-out - whole-sign-in unknown ada"),
        ("SUCCESS", "Bypass Code", "Valid passcode", "success - second-factor bypassed ada"),
        (
            "SUCCESS",
            "Remembered Device",
            "Remembered device",
            "success - second-factor satisfied-earlier ada",
        ),
        (
            "SUCCESS",
            "WebAuthn Security Key",
            "User approved",
            "success security-key second-factor challenged ada",
        ),
        ("success", "SMS PASSCODE", "VALID PASSCODE", "success text-message second-factor challenged ada"),
    ] {
        check(&auth_v1(json!({"result": result, "factor": factor, "reason": reason})), expected);
    }
    // Its older records give no reason.
    check(
        &auth_v1(json!({"reason": null, "result": "FAILURE"})),
        "denied unspecified mobile-app-notification second-factor challenged ada",
    );
    check(&auth_v1(json!({"reason": ""})), "success mobile-app-notification second-factor challenged ada");
}

#[test]
fn who_was_let_in_without_a_challenge_used_no_factor() {
    for (factor, reason, assurance) in [
        ("remembered_device", "remembered_device", "satisfied-earlier"),
        ("duo_push", "remembered_device", "satisfied-earlier"),
        ("remembered_device", "user_approved", "satisfied-earlier"),
        ("trusted_network", "trusted_network", "exempt"),
        ("not_available", "trusted_location", "exempt"),
        ("not_available", "allowed_by_policy", "exempt"),
        ("not_available", "allow_unenrolled_user", "exempt"),
        ("not_available", "allow_unenrolled_user_on_trusted_network", "exempt"),
        ("not_available", "bypass_user", "bypassed"),
        ("duo_push", "bypass_user", "bypassed"),
        ("bypass_code", "valid_passcode", "bypassed"),
        ("BYPASS_CODE", "Valid_Passcode", "bypassed"),
    ] {
        let expected = format!("success - second-factor {assurance} ada@example.org");
        check(&auth(json!({"factor": factor, "reason": reason})), &expected);
    }
    // A reason that nobody knows may be such an exception.
    check(
        &auth(json!({"reason": "waved_through"})),
        "success mobile-app-notification second-factor unknown ada@example.org",
    );
    // A bypass code that was refused let nobody in.
    check(
        &auth(json!({"factor": "bypass_code", "reason": "invalid_passcode", "result": "denied"})),
        "denied wrong-code - second-factor unknown ada@example.org",
    );
}

#[test]
fn a_refusal_before_a_factor_judges_the_sign_in_and_challenges_nobody() {
    for (reason, denial) in [
        ("user_disabled", "user-disabled"),
        ("location_restricted", "location-restricted"),
        ("out_of_date", "version-restricted"),
        ("deny_unenrolled_user", "not-enrolled"),
        ("denied_by_policy", "denied-by-policy"),
        ("factor_restricted", "denied-by-policy"),
    ] {
        let changes = json!({"factor": "not_available", "reason": reason, "result": "denied"});
        check(&auth(changes), &format!("denied {denial} - whole-sign-in unknown ada@example.org"));
    }
    // A push that a device without a screen lock answered was sent; a check of the browser leaves that open.
    let push = "mobile-app-notification second-factor";
    for (reason, rest) in [
        ("no_screen_lock", format!("device-restricted {push} challenged")),
        ("out_of_date", format!("version-restricted {push} unknown")),
    ] {
        let changes = json!({"reason": reason, "result": "denied"});
        check(&auth(changes), &format!("denied {rest} ada@example.org"));
    }
}

#[test]
fn fraud_is_a_denial_whatever_else_is_said() {
    let expected = "denied fraud-reported mobile-app-notification second-factor challenged ada@example.org";
    for reason in [json!("user_marked_fraud"), json!(null), json!("user_approved"), json!("something_new")] {
        check(&auth(json!({"reason": reason, "result": "fraud"})), expected);
    }
}

#[test]
fn asking_for_passcodes_decides_nothing() {
    let pending = "pending text-message second-factor unknown ada@example.org";
    check(&auth(json!({"factor": "sms_refresh", "reason": null})), pending);
    check(&auth(json!({"factor": "SMS Refresh", "reason": null, "result": "denied"})), pending);
    check(
        &auth(json!({"factor": "sms_refresh", "reason": "locked_out", "result": "denied"})),
        "denied locked-out text-message second-factor unknown ada@example.org",
    );
}

#[test]
fn a_verified_push_says_whether_the_number_was_right() {
    let with = |result: &str, reason: &str| {
        auth(json!({"factor": "verified_duo_push", "result": result, "reason": reason}))
    };
    check(
        &with("success", "verification_code_correct"),
        "success mobile-app-notification second-factor challenged ada@example.org",
    );
    check(
        &with("denied", "verification_code_incorrect"),
        "denied wrong-code mobile-app-notification second-factor challenged ada@example.org",
    );
}

#[test]
fn words_that_nobody_knows_are_noted() {
    let look = |event: &Event<'_>| {
        format!("{} {:?} {:?}", event.result, event.denial_reason.map(|it| it.as_str()), event.unknown_values)
    };
    check_event(
        &auth(json!({"factor": "carrier_pigeon", "reason": "bird_lost", "result": "denied"})),
        look,
        r#"denied Some("other") ["method=carrier_pigeon", "result_detail=bird_lost"]"#,
    );
    // Known as a passcode of a kind that Duo could not tell.
    for factor in ["passcode", "duo_desktop_authentication"] {
        let changes = json!({"factor": factor, "reason": "valid_passcode"});
        check_event(&auth(changes), look, "success None []");
    }
    check(&auth(json!({"result": "maybe"})), "rejected unknown-result result");
    check(&auth(json!({"result": null})), "rejected missing-field result");
}

#[test]
fn a_webauthn_credential_shows_in_its_key_where_no_factor_is_named() {
    let changes = json!({"factor": null, "auth_device": {"ip": null, "name": "WAQWPO8MD9PPHPW2HPCI"}});
    check_event(
        &auth(changes),
        |event| {
            format!(
                "{} {:?} {:?}",
                event.assurance,
                event.method.map(|it| it.as_str()),
                event.authenticator_id
            )
        },
        r#"challenged Some("security-key") Some("WAQWPO8MD9PPHPW2HPCI")"#,
    );
}

#[test]
fn a_transaction_with_several_records_gives_as_many_events() {
    let id = |record: &Value| {
        decode(&record.to_string(), |element| match element {
            Element::Event(event) => event.event_id.to_owned(),
            other => line(other),
        })
    };
    let success = id(&auth(json!({})));
    assert_eq!(success, id(&auth(json!({}))), "the same record, the same id");
    assert_eq!(
        success,
        id(&auth(json!({"host": "api-1a2b3c4d.duosecurity.com", "eventtype": "authentication"})))
    );
    for changes in [
        json!({"result": "denied", "reason": "user_cancelled"}),
        json!({"isotimestamp": "2026-02-27T08:15:31.351346+00:00"}),
        json!({"factor": "phone_call"}),
        json!({"user": {"name": "bob@example.org"}}),
        json!({"application": {"name": "Mail"}}),
        json!({"access_device": {"ip": "203.0.113.8"}}),
    ] {
        assert_ne!(success, id(&auth(changes.clone())), "{changes}");
    }
}

#[test]
fn times_are_utc_in_any_unit_and_form() {
    let at = |changes: Value, expected: &str| {
        check_event(&auth(changes), |event| event.occurred_at_us.to_string(), expected);
    };
    at(json!({"isotimestamp": "2026-02-27 08:15:30"}), "1772180130000000");
    at(json!({"isotimestamp": "2026-02-27T08:15:30"}), "1772180130000000");
    at(json!({"isotimestamp": "2026-02-27T09:15:30.5+01:00"}), "1772180130500000");
    // A time that a collector broke leaves it to the other clock.
    at(json!({"isotimestamp": "2026-02-27T08: 15: 30+00: 00"}), "1772180130000000");
    for timestamp in [
        json!(1_772_180_130),
        json!("1772180130"),
        json!(1_772_180_130_000_i64),
        json!(1_772_180_130_000_000_i64),
        json!("2026-02-27 08:15:30"),
        json!(1_772_180_130.0),
        json!("2026-02-27T08:15:30Z"),
    ] {
        at(json!({"isotimestamp": null, "timestamp": timestamp}), "1772180130000000");
    }
    at(json!({"isotimestamp": null, "timestamp": 1_772_180_130.25}), "1772180130250000");
    check(&auth(json!({"isotimestamp": "yesterday", "timestamp": ""})), "rejected bad-time timestamp");
}

#[test]
fn a_user_without_a_name_is_somebody_still() {
    let user = |changes: Value, expected: &str| {
        check_event(&auth(changes), |event| event.user_id.to_owned(), expected);
    };
    user(json!({"user": {"name": null, "key": "DU1"}, "alias": "ada.l"}), "ada.l");
    user(json!({"user": {"name": "", "key": "DU1"}, "alias": "unknown"}), "ada@example.org");
    user(json!({"user": {"name": "", "key": "DU1"}, "email": null}), "DU1");
    user(json!({"user": "ada"}), "ada");
    user(json!({"user": null, "email": ""}), "unknown");
}

#[test]
fn addresses_that_are_none_are_absent() {
    let ip = |changes: Value, expected: &str| {
        let look =
            |event: &Event<'_>| format!("{} {:?}", event.client_ip.unwrap_or("-"), event.unknown_values);
        check_event(&auth(changes), look, expected);
    };
    for address in [json!("0.0.0.0"), json!(null), json!("null"), json!(""), json!("-")] {
        ip(json!({"access_device": {"ip": address}}), "- []");
    }
    ip(json!({"access_device": null}), "- []");
    ip(json!({"access_device": {"ip": "203.0.113.7:51234"}}), "203.0.113.7 []");
    ip(json!({"access_device": {"ip": {"address": "2001:DB8::7"}}}), "2001:db8::7 []");
    ip(json!({"access_device": {"ip": "gate.example"}}), "- [\"client_ip=gate.example\"]");
}

#[test]
fn a_phone_number_stands_in_no_other_column() {
    let device = |changes: Value, expected: &str| {
        let look = |event: &Event<'_>| format!("{:?} {:?}", event.phone_number, event.authenticator_id);
        check_event(&auth(changes), look, expected);
    };
    let named = |name: &str| json!({"name": name});
    device(json!({}), r#"None Some("DPKEY000000000000PH1")"#);
    device(json!({"auth_device": named("Ada's phone (734-555-0142)")}), r#"None Some("Ada's phone")"#);
    device(json!({"auth_device": named("+32 470 55 01 42")}), "None None");
    let call = |name: &str| json!({"factor": "phone_call", "auth_device": named(name)});
    device(call("Desk (+1 (734) 555-0142 x45)"), r#"Some("+1 (734) 555-0142 x45") Some("Desk")"#);
    device(call("Desk (734-555-0142)"), r#"Some("734-555-0142") Some("Desk")"#);
    device(call("734-555-0142"), r#"Some("734-555-0142") None"#);
    // The serial number of a token is no phone number.
    let token =
        json!({"factor": "hardware_token", "reason": "valid_passcode", "auth_device": named("2308123456")});
    device(token, r#"None Some("2308123456")"#);
}

#[test]
fn the_server_is_duos_and_no_collectors() {
    let server = |host: &str, expected: &str| {
        check_event(&auth(json!({"host": host})), |event| format!("{:?}", event.server_name), expected);
    };
    server("api-1a2b3c4d.duosecurity.com", r#"Some("api-1a2b3c4d.duosecurity.com")"#);
    server("collector-3.example.org", "None");
}

#[test]
fn enrolments_are_changes() {
    let enrollment = json!({"event_type": "enrollment", "factor": "not_available", "reason": null});
    check(&auth(enrollment.clone()), "change enrolled - ada@example.org");
    check(&with(auth(enrollment), json!({"result": "denied"})), "skipped enrollment failed");
    check(
        &auth_v1(json!({"new_enrollment": true, "factor": "n/a", "reason": null})),
        "change enrolled - ada",
    );
    // Who enrolled and then approved a push has signed in.
    check(
        &auth_v1(json!({"new_enrollment": true})),
        "success mobile-app-notification second-factor challenged ada",
    );
}

#[test]
fn telephony_decides_nothing() {
    let v2 = json!({
        "context": "authentication", "credits": 2, "phone": "+17345550131",
        "telephony_id": "60799fee-f08f-4ba8-971f-4e53b3473e9a", "ts": "2026-02-27T08:15:30.573580+00:00",
        "txid": "373bd5f3-1e42-4a5d-aefa-b33ae278fac8", "type": "phone",
    });
    check(&v2, "pending voice-call second-factor unknown unknown");
    let look = |event: &Event<'_>| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?}",
            event.event_id,
            event.phone_number,
            event.prompts,
            event.result_code,
            event.result_detail,
            event.attempt_id,
            event.unknown_values
        )
    };
    let expected = "60799fee-f08f-4ba8-971f-4e53b3473e9a Some(\"+17345550131\") Some(1) \
                    Some(\"authentication\") Some(\"credits=2\") \
                    Some(\"373bd5f3-1e42-4a5d-aefa-b33ae278fac8\") []";
    check_event(&v2, look, expected);
    let v1 = json!({
        "context": "administrator login", "credits": 1, "isotimestamp": "2026-02-27T08:15:30+00:00",
        "phone": "+17345550131", "timestamp": 1_772_180_130, "type": "sms",
    });
    check(&v1, "pending text-message second-factor unknown unknown");
    // What goes out in an enrolment is no second factor of a sign-in.
    check(&with(v2.clone(), json!({"context": "enrollment", "type": "SMS"})), "skipped telephony enrollment");
    check(&with(v1.clone(), json!({"context": "Verify"})), "skipped telephony verify");
    let unknown = with(v2, json!({"context": "lottery", "type": "SMS"}));
    check(&unknown, "pending text-message other unknown unknown");
    check_event(&unknown, |event| format!("{:?}", event.unknown_values), r#"["stage=lottery"]"#);
    check(&with(v1, json!({"type": "pager"})), "pending other second-factor unknown unknown");
}

#[test]
fn bypass_codes_are_granted_until_and_ended() {
    let description =
        r#"{"bypass": "", "count": 1, "valid_secs": 3600, "remaining_uses": 1, "user_id": "DU1"}"#;
    let create = admin("bypass_create", json!("ada"), description);
    check(&create, "change bypass-granted - ada");
    let look =
        |change: &Change<'_>| format!("{:?} {:?} {:?}", change.until_us, change.actor, change.result_detail);
    let expected = format!("Some(1772183730000000) Some(\"Grace H. Admin\") Some({description:?})");
    check_change(&create, look, &expected);
    for action in ["bypass_delete", "bypass_detele", "BYPASS_DELETE"] {
        check(&admin(action, json!("ada"), description), "change bypass-ended - ada");
    }
    check_change(
        &admin("bypass_delete", json!("ada"), description),
        |it| format!("{:?}", it.until_us),
        "None",
    );
    check(&admin("bypass_view", json!("ada"), "{}"), "skipped bypass_view");
    // For ever, and broken.
    for description in [r#"{"valid_secs": 0}"#, r#"{"valid_secs": 36"#] {
        check_change(
            &admin("bypass_create", json!("ada"), description),
            |it| format!("{:?}", it.until_us),
            "None",
        );
    }
}

#[test]
fn an_update_of_a_user_says_in_its_description_what_it_did() {
    for (description, expected) in [
        (r#"{"status": "Bypass"}"#, "change bypass-granted - ada"),
        (r#"{"status": "bypass", "notes": "lost phone"}"#, "change bypass-granted - ada"),
        (r#"{"status": "Disabled"}"#, "change blocked - ada"),
        (r#"{"status": "Locked Out"}"#, "change blocked - ada"),
        (r#"{"status": "Active"}"#, "change unblocked - ada"),
        (r#""status": "Active""#, "change unblocked - ada"),
        (r#"{"phones": ""}"#, "change method-removed - ada"),
        (r#"{"phones": "734-555-0142"}"#, "change method-changed - ada"),
        (r#"{"realname": "Ada L."}"#, "skipped user_update"),
        (r#"{"status": "Sleeping"}"#, "change other - ada"),
        ("", "skipped user_update"),
        // What cannot be read may have been a status.
        (r#"{"status": "Act"#, "change other - ada"),
        ("free text", "change other - ada"),
    ] {
        check(&admin("user_update", json!("ada"), description), expected);
    }
    let mut object = admin("User_Update", json!("ada"), "");
    object["description"] = json!({"status": "Bypass"});
    check(&object, "change bypass-granted - ada");
}

#[test]
fn operations_are_changes_of_their_kind() {
    for (action, object, expected) in [
        ("user_create", "ada", "change account-created - ada"),
        ("user_delete", "ada", "change account-deleted - ada"),
        ("user_pending_delete", "ada", "change blocked - ada"),
        ("user_adminapi_lockout", "ada", "change blocked - ada"),
        ("user_lockout_cleared", "ada", "change unblocked - ada"),
        ("phone_create", "+1 734-555-0142", "change method-added - unknown"),
        ("phone_disassociate", "+1 734-555-0142", "change method-removed - unknown"),
        (
            "phone_activation_code_regenerated",
            "+1 734-555-0142",
            "change method-changed mobile-app-notification unknown",
        ),
        ("hardtoken_associate", "HOTP 8-digit 123456", "change method-added oath-token unknown"),
        ("webauthncredential_delete", "WA1", "change method-removed security-key unknown"),
        ("policy_update", "Global Policy", "change policy-changed - unknown"),
        ("admin_single_sign_on_update", "", "change policy-changed - unknown"),
        ("admin_create", "Bob", "change account-created - Bob"),
        ("admin_update", "", "change other - unknown"),
        ("admin_reset_password", "Bob", "change password-changed password Bob"),
        ("update_admin_factor_restrictions", "", "change policy-changed - unknown"),
        ("group_create", "Staff", "skipped group_create"),
        ("integration_create", "VPN", "skipped integration_create"),
        ("ad_sync_finish", "AD", "skipped ad_sync_finish"),
        // Not in the table: read by object and verb.
        ("desktopauthenticator_delete", "D1", "change method-removed - unknown"),
        ("u2f_token_associate", "D1", "change method-added security-key unknown"),
        ("user_nudge", "ada", "change other - ada"),
        ("policy_copy", "Global Policy", "change policy-changed - unknown"),
        ("phone_view", "+1 734-555-0142", "skipped phone_view"),
    ] {
        check(&admin(action, json!(object), "{}"), expected);
    }
    check(
        &admin("group_update", json!("Staff"), r#"{"status": "Bypass"}"#),
        "change policy-changed - unknown",
    );
    check(&admin("group_update", json!("Staff"), r#"{"desc": "all"}"#), "skipped group_update");
    check(
        &admin("phone_associate", json!("+1 734-555-0142"), r#"{"username": "ada"}"#),
        "change method-added - ada",
    );
    // What it was done to is kept where it is no user and no phone number.
    let reason =
        |record: Value, expected: &str| check_change(&record, |it| format!("{:?}", it.reason), expected);
    reason(admin("policy_update", json!("Global Policy"), "{}"), r#"Some("Global Policy")"#);
    reason(admin("phone_create", json!("+1 734-555-0142"), "{}"), "None");
    reason(admin("user_create", json!("ada"), "{}"), "None");
}

#[test]
fn a_long_description_is_cut_and_not_rejected() {
    let description = format!(r#"{{"rules": "{}"}}"#, "é".repeat(9000));
    let look = |change: &Change<'_>| change.result_detail.map_or(0, str::len).to_string();
    check_change(&admin("policy_update", json!("Global Policy"), &description), look, "8191");
}

#[test]
fn offline_access_is_a_method_of_the_user_who_got_it() {
    let mut record = admin(
        "o2fa_user_provisioned",
        json!("Windows Logon"),
        r#"{"user_agent": "DuoCredProv/4.0.6.413", "hostname": "WKS1", "factor": "duo_otp"}"#,
    );
    record["username"] = json!("ada");
    check(&record, "change method-added mobile-app-code ada");
    record["action"] = json!("o2fa_user_deprovisioned");
    check(&record, "change method-removed mobile-app-code ada");
}

#[test]
fn administrators_sign_in_too() {
    let sign_in = |action: &str, description: &str, expected: &str| {
        check(&admin(action, json!(null), description), &format!("{expected} Grace H. Admin"));
    };
    let push = r#"{"ip_address": "203.0.113.7", "device": "734-555-0142", "factor": "push",
        "primary_auth_method": "Password"}"#;
    sign_in("admin_login", push, "success mobile-app-notification whole-sign-in challenged");
    let sms = r#"{"ip_address": "203.0.113.7", "device": "734-555-0142", "factor": "sms",
        "saml_idp": "Okta", "primary_auth_method": "Single Sign-On"}"#;
    sign_in("admin_login", sms, "success text-message whole-sign-in challenged");
    check_event(
        &admin("admin_login", json!(null), sms),
        |event| {
            format!(
                "{:?} {:?} {:?} {:?}",
                event.phone_number, event.client_ip, event.application, event.result_detail
            )
        },
        r#"Some("734-555-0142") Some("203.0.113.7") Some("Duo Admin Panel") Some("Single Sign-On")"#,
    );
    sign_in(
        "admin_login",
        r#"{"primary_auth_method": "Single Sign-On"}"#,
        "success - whole-sign-in external",
    );
    sign_in(
        "admin_login",
        r#"{"primary_auth_method": "Password"}"#,
        "success - whole-sign-in first-factor-only",
    );
    sign_in("admin_login", "", "success - whole-sign-in unknown");
    let fraud = r#"{"ip_address": "203.0.113.7", "email": "grace@example.org", "factor": "push",
        "error": "Login request reported as fraudulent."}"#;
    sign_in(
        "admin_2fa_error",
        fraud,
        "denied fraud-reported mobile-app-notification second-factor challenged",
    );
    sign_in(
        "Admin_2FA_Error",
        r#"{"error": "Incorrect passcode"}"#,
        "denied wrong-code - second-factor challenged",
    );
    sign_in("admin_2fa_error", r#"{"error": "The owl was late"}"#, "denied other - second-factor challenged");
    sign_in(
        "admin_login_error",
        r#"{"error": "Invalid email or password"}"#,
        "denied wrong-credentials - first-factor unknown",
    );
    sign_in("admin_login_error", "{}", "denied unspecified - whole-sign-in unknown");
    let mut nobody = admin(
        "admin_login_error",
        json!(null),
        r#"{"error": "SAML login is disabled", "email": "grace@example.org"}"#,
    );
    nobody["username"] = json!("");
    check(&nobody, "denied misconfigured - whole-sign-in unknown grace@example.org");
}

#[test]
fn a_lockout_of_an_administrator_is_a_block() {
    for description in [
        r#"{"message": "Admin temporarily locked out due to too many passcode attempts."}"#,
        r#""message": "Admin temporarily locked out due to too many passcode attempts.""#,
    ] {
        check(&admin("admin_lockout", json!(null), description), "change blocked - Grace H. Admin");
    }
}

#[test]
fn the_activity_log_names_actor_and_target() {
    let own = activity("webauthncredential_create", json!({}));
    check(&own, "change method-added security-key ada");
    let by_admin = json!({"actor": {"key": "DE1", "name": "Grace", "type": "admin"}});
    check(
        &activity("webauthncredential_create", by_admin.clone()),
        "change method-added security-key unknown",
    );
    let bypass = json!({
        "target": {
            "details": "{\"count\": 1, \"valid_secs\": 3600}", "key": "DU1", "name": "ada",
            "type": "user_bypass",
        },
    });
    let bypass = with(activity("bypass_create", by_admin.clone()), bypass);
    check(&bypass, "change bypass-granted - ada");
    check_change(
        &bypass,
        |it| format!("{:?} {:?} {:?}", it.until_us, it.actor, it.client_ip),
        r#"Some(1772183730591015) Some("Grace") Some("203.0.113.7")"#,
    );
    let status = |old: &str, new: &str| {
        let user = |status: &str| json!({"details": {"status": status}, "name": "ada", "type": "user"});
        with(activity("user_update", by_admin.clone()), json!({"old_target": user(old), "target": user(new)}))
    };
    check(&status("Bypass", "Active"), "change bypass-ended - ada");
    check(&status("Disabled", "Active"), "change unblocked - ada");
    check(&status("Active", "Bypass"), "change bypass-granted - ada");
    check(&status("Bypass", "Bypass"), "skipped user_update");
    // The action as a text, as its first version had it.
    check(
        &activity("", json!({"action": "webauthncredential_delete"})),
        "change method-removed security-key ada",
    );
}

#[test]
fn an_activity_that_failed_changed_nothing() {
    let failed = json!({"outcome": {"result": "FAILURE"}});
    check(&activity("webauthncredential_create", failed.clone()), "skipped webauthncredential_create failed");
    let grace = json!({"actor": {"name": "Grace", "type": "admin"}});
    let sign_in = with(activity("admin_login", failed), grace.clone());
    check(&sign_in, "denied unspecified - whole-sign-in unknown Grace");
    check_event(&sign_in, |event| event.event_id.to_owned(), "720b8360-078b-47c4-adc7-7968df1caef0");
    check(&activity("admin_login", grace), "success - whole-sign-in unknown Grace");
    check(&activity("log_export_start", json!({})), "skipped log_export_start");
}

#[test]
fn what_is_no_log_record_of_these_is_skipped() {
    let surfaced = json!({"sekey": "SE1", "surfaced_auth": auth(json!({})), "type": "auth", "state": "new"});
    check(&surfaced, "skipped trust_monitor");
    check(&json!({"stat": "FAIL", "code": 42_901, "message": "Too Many Requests"}), "skipped api_answer");
    check(&json!({"admin_count": 3, "user_count": 300}), "skipped unknown-shape");
}

#[test]
fn an_answer_of_the_api_holds_many() {
    let two = [auth(json!({})), auth(json!({"result": "denied", "reason": "no_response"}))];
    let expected = "success mobile-app-notification second-factor challenged ada@example.org\n\
                    denied no-response mobile-app-notification second-factor challenged ada@example.org";
    check(&json!({"response": {"authlogs": two, "metadata": {"total_objects": 2}}, "stat": "OK"}), expected);
    check(&json!({"authlogs": two}), expected);
    check(&json!({"response": two, "stat": "OK"}), expected);
    check(&json!(two), expected);
    check(&json!({"items": [activity("bypass_view", json!({}))]}), "skipped bypass_view");
    check(&json!({"response": {"events": [{"sekey": "SE1"}]}}), "skipped trust_monitor");
    check(&json!({"response": {"authlogs": []}, "stat": "OK"}), "");
}

/// Every word of the vendor's lists, and how many there are.
#[test]
fn every_documented_word_is_known() {
    const RESULT_WORDS: &str = "success|denied|fraud|SUCCESS|FAILURE|FRAUD|ERROR";
    const FACTOR_WORDS: &str = "duo_push|phone_call|u2f_token|hardware_token|bypass_code|sms_passcode|\
        duo_mobile_passcode|yubikey_code|passcode|digipass_go_7_token|not_available|sms_refresh|\
        remembered_device|trusted_network|WebAuthn Security Key|WebAuthn Chrome Touch ID|\
        WebAuthn Credential|trusted_mobile_authenticator|yubikey_passcode|Verified Duo Push";
    const REASON_WORDS: &str = "user_marked_fraud|deny_unenrolled_user|error|locked_out|user_disabled|\
        user_cancelled|invalid_passcode|no_response|no_keys_pressed|call_timed_out|location_restricted|\
        factor_restricted|platform_restricted|version_restricted|rooted_device|no_screen_lock|\
        touch_id_disabled|no_disk_encryption|anonymous_ip|out_of_date|denied_by_policy|software_restricted|\
        no_duo_certificate_present|user_provided_invalid_certificate|\
        could_not_determine_if_endpoint_was_trusted|invalid_management_certificate_collection_state|\
        no_referring_hostname_provided|invalid_referring_hostname_provided|no_web_referer_match|\
        endpoint_failed_google_verification|endpoint_is_not_trusted|invalid_device|anomalous_push|\
        endpoint_is_not_in_management_system|no_activated_duo_mobile_account|allow_unenrolled_user|\
        bypass_user|trusted_network|remembered_device|trusted_location|user_approved|valid_passcode|\
        allowed_by_policy|allow_unenrolled_user_on_trusted_network|user_not_in_permitted_group";
    // In real logs and in older documentation.
    const REASON_WORDS_BEYOND: &str = "user_mistake|denied_network|touchid_disabled";
    assert_eq!(REASON_WORDS.split('|').count(), 45);
    fn missing(table: &Words, words: &'static str) -> Vec<&'static str> {
        words.split('|').filter(|word| find(table, word).is_none()).collect()
    }
    assert_eq!(missing(&DUO_RESULTS, RESULT_WORDS), [""; 0]);
    assert_eq!(missing(&DUO_FACTORS, FACTOR_WORDS), [""; 0]);
    assert_eq!(missing(&DUO_REASONS, REASON_WORDS), [""; 0]);
    assert_eq!(missing(&DUO_REASONS, REASON_WORDS_BEYOND), [""; 0]);
}

#[test]
fn every_reason_says_what_it_means_and_agrees_with_its_result() {
    for word in DUO_REASONS.all() {
        let changes = json!({"reason": word.text, "result": word.result.map(|it| it.as_str())});
        let denied = word.reason.map(|it| it.as_str());
        check_event(
            &auth(changes),
            |event| format!("{:?} {:?}", event.denial_reason.map(|it| it.as_str()), event.unknown_values),
            &format!("{denied:?} []"),
        );
        assert!(word.meaning.ends_with('.'), "{}", word.text);
        assert_eq!(
            word.reason.is_some(),
            word.result == Some(crate::vocabulary::AuthResult::Denied),
            "{}",
            word.text
        );
    }
    assert_eq!(action("bypass_create").change, Some(ChangeKind::BypassGranted));
}
