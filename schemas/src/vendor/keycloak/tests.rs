//! What is made of Keycloak's events and of the lines of its log.

use super::*;
use crate::maps::Maps;
use crate::vendor::VendorDecoder;
use crate::{Element, Event, Record, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits =
    TimeLimits { max_age_us: None, max_ahead_us: 86_400_000_000, now_us: 1_772_400_000_000_000 };

/// 2026-03-01T08:00:00.123Z
const AT_US: i64 = 1_772_352_000_123_000;

fn summary(element: &Element<'_>) -> String {
    let method = |method: Option<Method>| method.map_or("-", Method::as_str);
    match element {
        Element::Event(event) => {
            let reason = event.denial_reason.map_or(String::new(), |reason| format!(" {reason}"));
            let (stage, assurance) = (event.stage, event.assurance);
            format!(
                "{}{reason}, {stage}, {assurance}, {}, {}",
                event.result,
                method(event.method),
                event.user_id
            )
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

fn decode(record: &str, look: &mut dyn FnMut(Element<'_>)) {
    let mut counts = UnknownCounts::default();
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    VendorDecoder::new(VENDOR, &Maps::default()).decode(&record, &LIMITS, &mut counts, &mut |_, element| {
        look(element);
    });
}

#[track_caller]
fn check(record: &str, expected: &str) {
    let mut summaries = Vec::new();
    decode(record, &mut |element| summaries.push(summary(&element)));
    assert_eq!(summaries, [expected], "{record}");
}

#[track_caller]
fn check_event(record: &str, look: impl Fn(&Event<'_>) -> bool) {
    decode(record, &mut |element| match element {
        Element::Event(event) => assert!(look(&event), "{event:?}"),
        other => panic!("no event: {other:?}"),
    });
}

/// The JSON of a listener: an event of Ada's with these details, each `"key":"value"`.
fn listened(kind: &str, error: &str, details: &str) -> String {
    let error = if error.is_empty() { "null".to_owned() } else { format!("\"{error}\"") };
    format!(
        r#"{{"id":"e-1","time":1772352000123,"type":"{kind}","realmId":"r-9","realmName":"acme","clientId":"web","userId":"8c1b-ada","sessionId":"s-1","ipAddress":"192.0.2.7","error":{error},"details":{{"auth_method":"openid-connect","code_id":"s-1","username":"ada@example.org"{details}}}}}"#
    )
}

/// A line of the log, as a JSON layout wraps it.
fn wrapped(line: &str) -> String {
    let message = line.replace('\\', r"\\").replace('"', "\\\"");
    format!(
        r#"{{"timestamp":"2026-03-01T09:00:00.123456+01:00","sequence":7,"loggerName":"org.keycloak.events","level":"WARN","message":"{message}","threadName":"executor-thread-4","hostName":"keycloak-0"}}"#
    )
}

#[test]
fn a_sign_in_says_nothing_of_a_second_factor() {
    check(&listened("LOGIN", "", ""), "success, whole-sign-in, unknown, -, ada@example.org");
    let password = r#","credential_type":"password""#;
    check(&listened("LOGIN", "", password), "success, whole-sign-in, unknown, password, ada@example.org");
    let level = r#","acr":"2""#;
    check(&listened("LOGIN", "", level), "success, whole-sign-in, unknown, -, ada@example.org");
}

#[test]
fn details_may_name_a_second_factor() {
    let code = "success, whole-sign-in, challenged, oath-token, ada@example.org";
    let key = "success, whole-sign-in, challenged, security-key, ada@example.org";
    for (details, expected) in [
        (r#","credential_type":"otp""#, code),
        (r#","selected_credential_id":"c-1""#, code),
        (r#","credential_type":"password","selected_credential_id":"c-1""#, code),
        (r#","credential_type":"webauthn","public_key_credential_id":"k-1""#, key),
        (r#","public_key_credential_id":"k-1""#, key),
        (r#","credential_type":"webauthn-passwordless""#, key),
        (r#","amr":"[\"pwd\",\"otp\"]""#, code),
        (r#","acr":"urn:example:mfa""#, "success, whole-sign-in, challenged, -, ada@example.org"),
        (r#","amr":"pwd""#, "success, whole-sign-in, first-factor-only, password, ada@example.org"),
        (r#","identity_provider":"corp""#, "success, whole-sign-in, external, -, ada@example.org"),
    ] {
        check(&listened("LOGIN", "", details), expected);
    }
}

#[test]
fn another_provider_vouches() {
    let details = r#","identity_provider":"corp","identity_provider_identity":"ada""#;
    let record = listened("IDENTITY_PROVIDER_LOGIN", "", details);
    check(&record, "success, first-factor, external, -, ada@example.org");
    let record = listened("IDENTITY_PROVIDER_LOGIN_ERROR", "identity_provider_login_failure", details);
    check(&record, "denied unspecified, first-factor, unknown, -, ada@example.org");
}

#[test]
fn a_wrong_password_is_no_denied_second_factor() {
    let record = listened("LOGIN_ERROR", "invalid_user_credentials", "");
    check(&record, "denied wrong-password, first-factor, unknown, password, ada@example.org");
    let record = listened("LOGIN_ERROR", "invalid_user_credentials", r#","selected_credential_id":"c-1""#);
    check(&record, "denied wrong-code, second-factor, challenged, oath-token, ada@example.org");
    let record = listened("LOGIN_ERROR", "invalid_user_credentials", r#","credential_type":"webauthn""#);
    check(&record, "denied unspecified, second-factor, challenged, security-key, ada@example.org");
    let nobody = listened("LOGIN_ERROR", "invalid_user_credentials", "").replace(r#""8c1b-ada""#, "null");
    check(&nobody, "denied wrong-credentials, first-factor, unknown, -, ada@example.org");
}

#[test]
fn errors_that_judge_a_person_are_denials() {
    let check_error = |error: &str, expected: &str| {
        let expected = format!("denied {expected}, unknown, -, ada@example.org");
        check(&listened("LOGIN_ERROR", error, ""), &expected);
    };
    check_error("user_not_found", "unknown-user, first-factor");
    check_error("user_disabled", "user-disabled, first-factor");
    check_error("user_temporarily_disabled", "locked-out, first-factor");
    check_error("resolve_required_actions", "not-activated, whole-sign-in");
    check_error("rejected_by_user", "user-declined, whole-sign-in");
    check_error("access_denied", "denied-by-policy, whole-sign-in");
    check_error("", "unspecified, whole-sign-in");
    check_error("struck_by_lightning", "other, whole-sign-in");
    check_event(&listened("LOGIN_ERROR", "struck_by_lightning", ""), |event| {
        event.unknown_values == ["result_detail=struck_by_lightning"]
    });
}

#[test]
fn errors_that_judge_a_request_are_skipped() {
    for error in [
        "expired_code",
        "invalid_code",
        "invalid_redirect_uri",
        "client_not_found",
        "client_disabled",
        "invalid_client_credentials",
        "cookie_not_found",
        "not_allowed",
        "ssl_required",
        "not_logged_in",
        "username_missing",
    ] {
        check(&listened("LOGIN_ERROR", error, ""), &format!("skipped LOGIN_ERROR:{error}"));
    }
}

#[test]
fn what_is_no_sign_in_is_skipped_by_its_type() {
    for kind in [
        "CLIENT_LOGIN",
        "CLIENT_LOGIN_ERROR",
        "CODE_TO_TOKEN",
        "CODE_TO_TOKEN_ERROR",
        "REFRESH_TOKEN",
        "LOGOUT",
        "INTROSPECT_TOKEN",
        "UPDATE_TOTP_ERROR",
        "UPDATE_PROFILE",
        "CUSTOM_REQUIRED_ACTION",
    ] {
        check(&listened(kind, "", ""), &format!("skipped {kind}"));
    }
    check(r#"{"hello":"world"}"#, "skipped unknown-shape");
}

#[test]
fn changes_of_methods_and_accounts() {
    let check_change = |kind: &str, details: &str, expected: &str| {
        check(&listened(kind, "", details), &format!("change {expected}"));
    };
    let own = "ada@example.org by ada@example.org";
    check_change("UPDATE_TOTP", "", &format!("method-added, oath-token, {own}"));
    check_change("REMOVE_TOTP", "", &format!("method-removed, oath-token, {own}"));
    check_change(
        "UPDATE_CREDENTIAL",
        r#","credential_type":"webauthn""#,
        &format!("method-added, security-key, {own}"),
    );
    check_change(
        "UPDATE_CREDENTIAL",
        r#","credential_type":"password""#,
        &format!("password-changed, password, {own}"),
    );
    check_change(
        "REMOVE_CREDENTIAL",
        r#","credential_type":"otp""#,
        &format!("method-removed, oath-token, {own}"),
    );
    check_change("UPDATE_PASSWORD", "", &format!("password-changed, password, {own}"));
    check_change("RESET_PASSWORD", "", &format!("password-changed, password, {own}"));
    check_change("REGISTER", "", &format!("account-created, -, {own}"));
    check_change("DELETE_ACCOUNT", "", &format!("account-deleted, -, {own}"));
    let key = r#","custom_required_action":"webauthn-register""#;
    check_change("CUSTOM_REQUIRED_ACTION", key, &format!("method-added, security-key, {own}"));
    for kind in ["USER_DISABLED_BY_PERMANENT_LOCKOUT", "USER_DISABLED_BY_TEMPORARY_LOCKOUT"] {
        check_change(kind, r#","reason":"brute_force_attack detected""#, "blocked, -, ada@example.org by -");
    }
    check_change("IMPERSONATE", r#","impersonator":"root""#, "other, -, ada@example.org by root");
}

#[test]
fn administrators_change_what_the_path_says() {
    let administered = |operation: &str, resource: &str, path: &str, others: &str| {
        format!(
            r#"{{"id":"a-1","time":1772352000123,"authDetails":{{"realmId":"master","clientId":"cli","userId":"root-id","ipAddress":"192.0.2.9"}},"realmId":"r-9","operationType":"{operation}","resourceType":"{resource}","resourcePath":"{path}"{others}}}"#
        )
    };
    for (operation, resource, path, expected) in [
        ("CREATE", "USER", "users/8c1b", "change account-created, -, 8c1b by root-id"),
        ("DELETE", "USER", "users/8c1b", "change account-deleted, -, 8c1b by root-id"),
        ("UPDATE", "USER", "users/8c1b", "change other, -, 8c1b by root-id"),
        ("ACTION", "USER", "users/8c1b/reset-password", "change password-changed, password, 8c1b by root-id"),
        ("ACTION", "USER", "users/8c1b/credentials/c-1", "change method-removed, -, 8c1b by root-id"),
        ("UPDATE", "USER", "users/8c1b/credentials/c-1/userLabel", "skipped UPDATE USER"),
        ("ACTION", "USER", "users/8c1b/execute-actions-email", "skipped ACTION USER"),
        (
            "DELETE",
            "USER_LOGIN_FAILURE",
            "attack-detection/brute-force/users/8c1b",
            "change unblocked, -, 8c1b by root-id",
        ),
        (
            "UPDATE",
            "AUTH_EXECUTION",
            "authentication/flows/browser/executions",
            "change policy-changed, -, unknown by root-id",
        ),
        ("CREATE", "CLIENT", "clients/x", "skipped CREATE CLIENT"),
    ] {
        check(&administered(operation, resource, path, ""), expected);
    }
    let disabled = r#","representation":"{\"username\":\"ada\", \"enabled\": false}""#;
    check(&administered("UPDATE", "USER", "users/8c1b", disabled), "change blocked, -, 8c1b by root-id");
    let failed = r#","error":"unknown_error""#;
    check(&administered("UPDATE", "USER", "users/8c1b", failed), "skipped UPDATE USER:unknown_error");
    let line = r#"operationType="ACTION", realmId="master", clientId="cli", userId="root-id", ipAddress="192.0.2.9", resourceType="USER", resourcePath="users/8c1b/reset-password""#;
    check(&wrapped(line), "change password-changed, password, 8c1b by root-id");
}

#[test]
fn lines_are_read_with_quotes_and_without() {
    let denied = "denied wrong-password, first-factor, unknown, password, ada@example.org";
    let quoted = r#"type="LOGIN_ERROR", realmId="r-9", realmName="acme", clientId="web", userId="8c1b-ada", ipAddress="192.0.2.7", error="invalid_user_credentials", auth_method="openid-connect", auth_type="code", redirect_uri="https://app.example/a,b", code_id="s-1", username="ada@example.org""#;
    check(&wrapped(quoted), denied);
    check_event(&wrapped(quoted), |event| {
        event.occurred_at_us == AT_US + 456 && event.server_name == Some("keycloak-0")
    });
    let bare = "type=LOGIN_ERROR, realmId=r-9, clientId=web, userId=8c1b-ada, ipAddress=192.0.2.7, error=invalid_user_credentials, auth_method=openid-connect, redirect_uri=https://app.example/, consent='no consent, really', code_id=s-1, username=ada@example.org";
    check(&wrapped(bare), denied);
    let in_line = |time: &str| format!("{time} WARN  [org.keycloak.events] (executor-thread-4) {quoted}");
    for time in [
        "2026-03-01 09:00:00,123+0100",
        "2026-03-01T08:00:00.123Z",
        "2026-03-01T08:00:00.123+00:00 stdout F 2026-03-01 08:00:00,123",
    ] {
        check(&in_line(time), denied);
        check_event(&in_line(time), |event| event.occurred_at_us == AT_US);
    }
    // The collector's own time stands in where the line's has no zone.
    check(&wrapped(&in_line("2026-03-01 08:00:00,123")), denied);
    let collected = wrapped(quoted).replace("\"timestamp\"", "\"type\":\"log\",\"@timestamp\"");
    check(&collected, denied);
}

#[test]
fn a_line_is_read_by_the_time_that_says_most() {
    let line = r#"WARN  [org.keycloak.events] (default task-1) type="LOGIN", realmId="r-9", clientId="web", userId="u", ipAddress="192.0.2.7""#;
    for (time, text) in [
        ("2026-03-01 08:00:00,123", "2026-03-01 08:00:00,123"),
        ("08:00:00,123 stdout 2026-03-01T08:00:00.123", "2026-03-01T08:00:00.123"),
    ] {
        let noted = format!("occurred_at={text}");
        check_event(&format!("{time} {line}"), |event| {
            event.occurred_at_us == AT_US && event.unknown_values == [noted.as_str()]
        });
    }
    check_event(&format!("2026-03-01 09:00:00,123 +0100 {line}"), |event| {
        event.occurred_at_us == AT_US && event.unknown_values.is_empty()
    });
    let of_day = format!("08:00:00,123 {line}");
    check_event(&of_day, |event| event.unknown_values == ["occurred_at=08:00:00,123"]);
    check_event(line, |event| event.unknown_values == ["occurred_at=(none)"]);
    // The collector's own time is a whole one.
    check_event(&wrapped(&of_day), |event| {
        event.occurred_at_us == AT_US + 456 && event.unknown_values.is_empty()
    });
    check(&format!("2026-13-01 08:00:00,123 {line}"), "rejected bad-time timestamp");
    let record = listened("LOGIN", "", "").replace("1772352000123", "\"yesterday\"");
    check(&record, "rejected bad-time time");
}

#[test]
fn colours_brackets_and_files_around_a_time_are_left_out() {
    let line = r#"WARN  [org.keycloak.events] (t) type="LOGIN_ERROR", realmId="r-9", clientId="web", userId="null", ipAddress="192.0.2.7", error="user_not_found", username="eve""#;
    let bare = "WARN  [\x1b[34morg.keycloak.events\x1b[39m] (t)\x1b[39m\x1b[33mtype=LOGIN_ERROR, realmId=r-9, clientId=web, userId=u, ipAddress=192.0.2.7, error=user_not_found, username=eve\x1b[39m\x1b[0m";
    let denied = "denied unknown-user, first-factor, unknown, -, eve";
    for time in [
        "2026-03-01 08:00:00,123",
        "\x1b[0m\x1b[33m2026-03-01 08:00:00,123\x1b[39m",
        "\x1b[38;5;188m2026-03-01 08:00:00,123",
        "[2026-03-01 08:00:00,123]",
        "server.log:2026-03-01 08:00:00,123",
        "server.log.2026-02-28:2058:2026-03-01 08:00:00,123",
        "server.log.2026-02-28:2058:\x1b[33m2026-03-01 08:00:00,123",
        "keycloak-0 | 2026-03-01 08:00:00,123",
    ] {
        for record in [format!("{time} {line}"), format!("{time} {bare}")] {
            let text = record.replace('\\', r"\\").replace('"', "\\\"").replace('\x1b', r"\u001b");
            for record in [record, format!(r#"{{"message":"{text}"}}"#)] {
                check(&record, denied);
                check_event(&record, |event| {
                    event.occurred_at_us == AT_US
                        && event.unknown_values == ["occurred_at=2026-03-01 08:00:00,123"]
                });
            }
        }
    }
    // Neither many colours nor many brackets take long.
    for (part, expected) in
        [("\x1b[0m", denied), ("1mtype=", denied), ("[12:00:00", "rejected bad-time timestamp")]
    {
        check(&part.repeat(100_000), "skipped log-line");
        check(&format!("{} {line} {}", part.repeat(50_000), "\x1b[0m".repeat(50_000)), expected);
    }
    let twice = format!("2026-03-01 09:00:00 2026-03-01 08:00:00,123 {line}");
    check_event(&twice, |event| event.occurred_at_us == AT_US);
    let of_day = format!("server.log.2026-02-28:12: 08:00:00,123 {line}");
    check_event(&of_day, |event| event.unknown_values == ["occurred_at=08:00:00,123"]);
    check(r#"[{"type":"LOGIN""#, "rejected not-json -");
    let other =
        "\x1b[31m2026-03-01 08:00:00,123 WARN [org.example.forms] (t) no such user: type=LOGIN, userId=x";
    check(other, "skipped log-line");
}

#[test]
fn an_absent_value_may_be_the_word_null() {
    let line = r#"type="LOGIN_ERROR", realmId="r-9", clientId="null", userId="null", ipAddress="null", error="user_not_found", username="eve""#;
    check(&wrapped(line), "denied unknown-user, first-factor, unknown, -, eve");
    check_event(&wrapped(line), |event| event.application.is_none() && event.client_ip.is_none());
    let line = line.replace(r#", username="eve""#, "");
    check(&wrapped(&line), "denied unknown-user, first-factor, unknown, -, unknown");
}

#[test]
fn what_somebody_typed_is_no_key() {
    let typed = r#"type="LOGIN_ERROR", realmId="r-9", clientId="web", userId="null", ipAddress="192.0.2.7", error="user_not_found", username="x\", userId=\"root""#;
    check(&wrapped(typed), "denied unknown-user, first-factor, unknown, -, x\", userId=\"root");
    let typed = "type=LOGIN_ERROR, realmId=r-9, clientId=web, userId=u-1, ipAddress=192.0.2.7, error=user_disabled, username='x', type=LOGIN, error=none";
    check(&wrapped(typed), "denied user-disabled, first-factor, unknown, -, x");
    let quoting =
        r#"2026-03-01T08:00:00Z WARN [org.example.forms] (t) no such user: type="LOGIN", userId="root""#;
    check(quoting, "skipped log-line");
}

#[test]
fn other_lines_of_the_log_are_skipped() {
    let line = "2026-03-01T08:00:00Z INFO  [io.quarkus] (main) Keycloak 26.2.2 on JVM started in 8.749s.";
    check(line, "skipped log-line");
    check(&wrapped("Profile prod activated."), "skipped log-line");
}

#[test]
fn an_event_keeps_what_the_source_says() {
    check_event(&listened("LOGIN_ERROR", "user_disabled", ""), |event| {
        event.event_id == "e-1"
            && event.occurred_at_us == AT_US
            && event.tenant_id == "r-9"
            && event.application == Some("web")
            && event.protocol == Some("oidc")
            && event.attempt_id == Some("s-1")
            && event.client_ip == Some("192.0.2.7")
            && event.result_code == Some("LOGIN_ERROR")
            && event.result_detail == Some("user_disabled")
    });
    let nameless = listened("LOGIN", "", "").replace(r#","username":"ada@example.org""#, "");
    check_event(&nameless, |event| event.user_id == "8c1b-ada");
    let without_id = listened("LOGIN", "", "").replace(r#""id":"e-1","#, "");
    check_event(&without_id, |event| event.event_id.len() == 32);
}

#[test]
fn lists_are_opened() {
    let record = format!("[{},{}]", listened("LOGIN", "", ""), listened("LOGOUT", "", ""));
    let mut summaries = Vec::new();
    decode(&record, &mut |element| summaries.push(summary(&element)));
    assert_eq!(summaries, ["success, whole-sign-in, unknown, -, ada@example.org", "skipped LOGOUT"]);
}

#[test]
fn the_tables_are_in_order() {
    for words in [&KEYCLOAK_EVENTS, &KEYCLOAK_ERRORS, &KEYCLOAK_CREDENTIALS] {
        assert!(words.all().all(|word| !word.meaning.is_empty() && words.get(word.text) == Some(*word)));
    }
    assert!(KEYCLOAK_CHANGES.get("update_totp").is_some_and(|word| !word.meaning.is_empty()));
}

#[test]
fn json_in_a_line_is_opened() {
    check(&wrapped(&listened("LOGIN", "", "")), "success, whole-sign-in, unknown, -, ada@example.org");
}
