use crate::{Decoder, Element, Event, Maps, Record, Source, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX / 2, now_us: 0 };

fn lines(record: &str, summary: impl Fn(&Event<'_>) -> String) -> Vec<String> {
    let mut decoder = Decoder::new(Source::Ocsf, &Maps::default());
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut lines = Vec::new();
    decoder.decode(&record, &LIMITS, &mut UnknownCounts::default(), &mut |_, element| {
        lines.push(match element {
            Element::Event(event) => summary(&event),
            Element::Change(change) => format!("change: {}", change.change),
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

/// Who, the outcome, what it judges and proves, by what.
fn summary(event: &Event<'_>) -> String {
    let mut line = format!("{}: {}", event.user_id, event.result);
    if let Some(reason) = event.denial_reason {
        line += &format!(" {reason}");
    }
    line += &format!(", {}, {}", event.stage, event.assurance);
    if let Some(method) = event.method {
        line += &format!(", {method}");
    }
    for step in event.steps {
        line += &format!(" [{}]", step.method.map_or("-", |method| method.as_str()));
    }
    for value in event.unknown_values {
        line += &format!(" ?{value}");
    }
    line
}

#[test]
fn a_status_of_windows_is_read_as_a_decimal_too() {
    for status in ["0xC000006D", "0xc000006d", "-1073741715", "3221225581"] {
        let expected = "ada@example.org: denied wrong-credentials, first-factor, first-factor-only";
        check_logon(&format!(r#""status_id":2,"status_code":"{status}""#), expected);
    }
    check_logon(
        r#""status_id":2,"status_code":-1073741715"#,
        "ada@example.org: denied wrong-credentials, first-factor, first-factor-only",
    );
    let unknown = "ada@example.org: denied other, whole-sign-in, unknown ?denial_reason=6";
    check_logon(r#""status_id":2,"status_code":"6""#, unknown);
}

#[test]
fn a_factor_that_is_known_and_no_method_of_ours_is_not_noted() {
    let factor = r#""status_id":1,"is_mfa":true,"auth_factors":[{"factor_type_id":8}]"#;
    check_logon(factor, "ada@example.org: success, second-factor, challenged, other");
}

#[test]
fn the_number_of_a_verified_push_says_what_it_does_at_duo() {
    check_logon(
        r#""status_id":1,"status_detail":"verification_code_correct""#,
        "ada@example.org: success, whole-sign-in, challenged",
    );
    check_logon(
        r#""status_id":2,"status_detail":"verification_code_incorrect""#,
        "ada@example.org: denied wrong-code, second-factor, challenged, mobile-app-notification",
    );
}

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(lines(record, summary).join("\n"), expected, "{record}");
}

/// A logon of ada with these attributes.
#[track_caller]
fn check_logon(rest: &str, expected: &str) {
    check(
        &format!(
            r#"{{"class_uid":3002,"activity_id":1,"time":1773479107000,"user":{{"name":"ada@example.org"}},{rest}}}"#
        ),
        expected,
    );
}

#[test]
fn an_event_is_read_in_full() {
    let record = r#"{"activity_id":1,"activity_name":"Logon","category_uid":3,"class_uid":3002,"type_uid":300201,"severity_id":1,
        "time":1773479107123,"status_id":1,"status":"Success","is_mfa":true,
        "auth_factors":[{"factor_type":"Password","factor_type_id":11},
                        {"factor_type":"SMS","factor_type_id":1,"phone_number":"+1 555 0100","device":{"uid":"d-1"}}],
        "auth_protocol":"SAML","auth_protocol_id":5,"logon_type_id":2,
        "user":{"uid":"8c1b6e2e-0000-4000-8000-000000000001","name":"Ada@Example.org","full_name":"Ada Lovelace","email_addr":"ada@example.org"},
        "src_endpoint":{"ip":"203.0.113.7"},"dst_endpoint":{"hostname":"idp01","ip":"192.0.2.1"},"service":{"name":"payroll"},
        "cloud":{"account":{"uid":"tenant-1"}},
        "metadata":{"uid":"e-1","correlation_uid":"a-1","version":"1.3.0","product":{"name":"IdP","vendor_name":"Example"}}}"#;
    check(
        record,
        "Ada@Example.org: success, whole-sign-in, challenged, text-message [password] [text-message]",
    );
    let rest = |event: &Event<'_>| {
        [
            event.event_id,
            event.tenant_id,
            event.user_key,
            event.first_name.unwrap_or("-"),
            event.last_name.unwrap_or("-"),
            event.email.unwrap_or("-"),
            event.phone_number.unwrap_or("-"),
            event.authenticator_id.unwrap_or("-"),
            event.client_ip.unwrap_or("-"),
            event.server_name.unwrap_or("-"),
            event.server_ip.unwrap_or("-"),
            event.application.unwrap_or("-"),
            event.client_app.unwrap_or("-"),
            event.protocol.unwrap_or("-"),
            event.attempt_id.unwrap_or("-"),
            &event.occurred_at_us.to_string(),
        ]
        .join("|")
    };
    let expected = "e-1|tenant-1|ada@example.org|Ada|Lovelace|ada@example.org|+1 555 0100|d-1|203.0.113.7|idp01|192.0.2.1|\
                    payroll|Interactive|saml|a-1|1773479107123000";
    assert_eq!(lines(record, rest), [expected]);
}

#[test]
fn the_status_decides() {
    check_logon(r#""status_id":1"#, "ada@example.org: success, whole-sign-in, unknown");
    check_logon(r#""status_id":2"#, "ada@example.org: denied unspecified, whole-sign-in, unknown");
    check_logon(
        r#""status_id":"2","status":"Success""#,
        "ada@example.org: denied unspecified, whole-sign-in, unknown",
    );
    check_logon(
        r#""status_id":0,"status":"Failed""#,
        "ada@example.org: denied unspecified, whole-sign-in, unknown",
    );
    check_logon(
        r#""status_id":0,"status":"pending","is_mfa":true"#,
        "ada@example.org: pending, whole-sign-in, challenged",
    );
    check_logon(
        r#""status_id":99,"status":"Other","status_code":"50126""#,
        "ada@example.org: denied wrong-credentials, first-factor, first-factor-only",
    );
    check_logon(
        r#""status_id":99,"status":"Other","status_code":"0""#,
        "ada@example.org: success, whole-sign-in, unknown",
    );
    check_logon(
        r#""status_id":99,"status":"Other""#,
        "rejected: unknown-result status_id: found neither success nor failure, expected 1 or 2, or a status that says so",
    );
    check_logon(r#""is_mfa":true"#, "rejected: missing-field status_id: found nothing, expected a value");
}

#[test]
fn an_interrupt_before_the_second_factor_is_no_failure() {
    for code in ["50074", "50076", "50140", "AADSTS50158"] {
        check_logon(
            &format!(r#""status_id":2,"status_code":"{code}","is_mfa":false"#),
            "ada@example.org: pending, whole-sign-in, first-factor-only",
        );
    }
}

#[test]
fn the_house_s_own_words_are_read_back() {
    check_logon(
        r#""status_id":2,"status_code":"user-declined","is_mfa":true,"auth_factors":[{"factor_type_id":5}]"#,
        "ada@example.org: denied user-declined, second-factor, challenged, mobile-app-notification",
    );
    check_logon(
        r#""status_id":2,"status_detail":"no_response""#,
        "ada@example.org: denied no-response, whole-sign-in, unknown",
    );
    check(
        r#"{"class_uid":3002,"activity_id":1,"time":1773479107000,"status_id":1,
            "metadata":{"product":{"name":"Gatebook"}},"user":{"uid":"alovelace","email_addr":"ada@example.org"}}"#,
        "alovelace: success, whole-sign-in, unknown",
    );
}

#[test]
fn other_reasons_come_from_the_table_or_are_told() {
    check_logon(
        r#""status_id":2,"status_detail":"ACCOUNT_LOCKED_OUT","is_mfa":true"#,
        "ada@example.org: denied locked-out, whole-sign-in, challenged",
    );
    check_logon(
        r#""status_id":2,"status":"0xC000006D","status_detail":"Unknown user name or bad password.""#,
        "ada@example.org: denied wrong-credentials, first-factor, first-factor-only",
    );
    check_logon(
        r#""status_id":2,"status_code":"E42""#,
        "ada@example.org: denied other, whole-sign-in, unknown ?denial_reason=E42",
    );
    check_logon(
        r#""status_id":2,"status_detail":"ada@example.org failed again""#,
        "ada@example.org: denied other, whole-sign-in, unknown ?denial_reason=(text)",
    );
}

#[test]
fn codes_mean_what_they_mean_elsewhere() {
    let right_password = "ada@example.org: denied other, first-factor, first-factor-only, password";
    for code in ["0xC0000071", "0xc0000224", "0x17", "PASSWORD_EXPIRED"] {
        check_logon(&format!(r#""status_id":2,"status_code":"{code}""#), right_password);
    }
    for code in ["0xC000006E", "0xC000006F", "0xC000015B", "53003"] {
        check_logon(
            &format!(r#""status_id":2,"status_code":"{code}""#),
            "ada@example.org: denied denied-by-policy, whole-sign-in, unknown",
        );
    }
    check_logon(r#""status_id":2,"status_code":"50055""#, "ada@example.org: pending, whole-sign-in, unknown");
}

#[test]
fn an_application_keeps_no_query() {
    for (name, expected) in [
        ("https://app.example.org/login?code=secret&state=1#token", "app.example.org/login"),
        ("app.example.org/login?code=secret", "app.example.org/login"),
        ("https://app.example.org/", "app.example.org"),
        ("HTTP/app.example.org", "HTTP/app.example.org"),
        ("What now? A/B tests", "What now? A/B tests"),
        ("Visual C#", "Visual C#"),
    ] {
        let record = format!(
            r#"{{"class_uid":3002,"activity_id":1,"time":1773479107000,"status_id":1,"user":{{"name":"ada"}},"service":{{"name":"{name}"}}}}"#
        );
        assert_eq!(lines(&record, |event| event.application.unwrap_or("-").to_owned()), [expected], "{name}");
    }
}

#[test]
fn factors_say_what_was_proved() {
    let logon = |rest: &str, expected: &str| {
        check_logon(&format!(r#""status_id":1,{rest}"#), &format!("ada@example.org: success, {expected}"));
    };
    logon(r#""is_mfa":true"#, "whole-sign-in, challenged");
    logon(r#""is_mfa":false"#, "whole-sign-in, first-factor-only");
    logon(r#""auth_factors":[{"factor_type_id":11}]"#, "whole-sign-in, first-factor-only, password");
    logon(r#""is_mfa":true,"auth_factors":[{"factor_type_id":3}]"#, "second-factor, challenged, voice-call");
    logon(
        r#""is_mfa":false,"auth_factors":[{"factor_type_id":10}]"#,
        "whole-sign-in, first-factor-only, security-key",
    );
    logon(
        r#""is_mfa":true,"auth_factors":[{"factor_type_id":6},{"factor_type_id":11}]"#,
        "whole-sign-in, challenged, oath-token [oath-token] [password]",
    );
    logon(
        r#""auth_factors":[{"factor_type_id":99,"factor_type":"Smoke Signal"}]"#,
        "second-factor, challenged, other ?method=Smoke Signal",
    );
    logon(
        r#""auth_factors":[{"factor_type_id":99,"factor_type":"FIDO2"}]"#,
        "second-factor, challenged, security-key",
    );
    logon(r#""auth_factors":[{"factor_type_id":0,"factor_type":"Unknown"}]"#, "whole-sign-in, unknown");
}

#[test]
fn a_success_without_a_challenge_has_no_method() {
    check_logon(
        r#""status_id":1,"is_mfa":true,"status_detail":"MFA requirement satisfied by claim in the token""#,
        "ada@example.org: success, whole-sign-in, satisfied-earlier",
    );
    check_logon(
        r#""status_id":1,"is_mfa":true,"status_detail":"remembered_device","auth_factors":[{"factor_type_id":5}]"#,
        "ada@example.org: success, second-factor, satisfied-earlier",
    );
}

#[test]
fn a_wrong_password_is_no_denied_second_factor() {
    check_logon(
        r#""status_id":2,"status_detail":"INVALID_CREDENTIALS","is_mfa":true"#,
        "ada@example.org: denied wrong-credentials, first-factor, first-factor-only",
    );
    check_logon(
        r#""status_id":2,"status_detail":"INVALID_CREDENTIALS","metadata":{"event_code":"user.authentication.auth_via_mfa"}"#,
        "ada@example.org: denied wrong-credentials, second-factor, challenged",
    );
    check_logon(
        r#""status_id":2,"status_detail":"INVALID_CREDENTIALS","is_mfa":true,"auth_factors":[{"factor_type_id":7}]"#,
        "ada@example.org: denied wrong-credentials, second-factor, challenged, mobile-app-code",
    );
    check(
        r#"{"class_uid":3002,"activity_id":6,"time":1773479107000,"status_id":2,"status_code":"0x18","auth_protocol_id":2,
            "user":{"name":"ada","domain":"CORP"}}"#,
        "CORP\\ada: denied wrong-password, first-factor, first-factor-only, password",
    );
}

#[test]
fn what_judges_no_person_is_skipped_by_name() {
    let event = |rest: &str| format!(r#"{{"class_uid":3002,"time":1773479107000,"status_id":1,{rest}}}"#);
    for (rest, expected) in [
        (r#""activity_id":2,"user":{"name":"ada"}"#, "Logoff"),
        (r#""activity_id":4,"user":{"name":"ada"}"#, "Service Ticket Request"),
        (r#""activity_id":7,"user":{"name":"ada"}"#, "Account Switch"),
        (r#""activity_id":99,"activity_name":"Token Refresh","user":{"name":"ada"}"#, "Token Refresh"),
        (r#""activity_id":1,"user":{"name":"WIN-DC-725$","domain":"CORP"}"#, "Logon of a machine or service"),
        (r#""activity_id":1,"logon_type_id":5,"user":{"name":"SYSTEM"}"#, "Logon of a machine or service"),
        (r#""activity_id":3,"user":{"name":"PC1$"}"#, "Authentication Ticket of a machine or service"),
    ] {
        check(&event(rest), &format!("skipped: {expected}"));
    }
    check(
        &event(
            r#""activity_id":99,"activity_name":"MFA","user":{"name":"ada"},"auth_factors":[{"factor_type_id":5}]"#,
        ),
        "ada: success, second-factor, challenged, mobile-app-notification",
    );
    check(r#"{"class_uid":3001,"class_name":"Account Change","activity_id":10}"#, "skipped: Account Change");
    check(r#"{"class_uid":4001}"#, "skipped: class 4001");
    check(r#"{"hello":"world"}"#, "skipped: unknown-shape");
}

#[test]
fn the_user_is_who_looks_like_one() {
    let user = |user: &str, expected: &str| {
        let record = format!(
            r#"{{"class_uid":3002,"activity_id":1,"time":1773479107000,"status_id":1,"user":{user}}}"#
        );
        assert_eq!(lines(&record, |event| event.user_id.to_owned()), [expected], "{user}");
    };
    user(r#"{"uid":"S-1-5-21-7","name":"ada","domain":"CORP"}"#, "CORP\\ada");
    user(r#"{"uid":"00u1","name":"Ada Lovelace","email_addr":"ada@example.org"}"#, "ada@example.org");
    user(r#"{"uid":"ada@example.org","name":"Ada Lovelace"}"#, "ada@example.org");
    user(
        r#"{"uid":"arn:aws:iam::111122223333:user/ada","name":"ada"}"#,
        "arn:aws:iam::111122223333:user/ada",
    );
    user(r#"{"name":"ada"}"#, "ada");
    user(r#""ada""#, "ada");
    user(r#"{"type_id":1}"#, "unknown");
}

#[test]
fn tenants_clients_and_protocols_are_found_where_producers_put_them() {
    let rest = |event: &Event<'_>| {
        format!("{} {} {}", event.tenant_id, event.client_ip.unwrap_or("-"), event.protocol.unwrap_or("-"))
    };
    let event = |rest: &str| {
        format!(r#"{{"class_uid":3002,"activity_id":1,"time":1773479107000,"status_id":1,{rest}}}"#)
    };
    for (record, expected) in [
        (
            r#""metadata":{"tenant_uid":"t-1"},"cloud":{"account":{"uid":"t-2"}},"auth_protocol_id":10"#,
            "t-1 - radius",
        ),
        (
            r#""cloud":{"account":{"name":"Acme"}},"auth_protocol_id":99,"auth_protocol":"Kerberos FAST""#,
            "Acme - Kerberos FAST",
        ),
        (
            r#""cloud":{"provider":"AWS"},"actor":{"user":{"name":"ada","account":{"uid":"111122223333"}}}"#,
            "111122223333 - -",
        ),
        (
            r#""device":{"ip":"198.51.100.4"},"auth_protocol_id":99,"auth_protocol":"Other""#,
            "unknown 198.51.100.4 -",
        ),
        (r#""device":{"ip":"198.51.100.4"},"src_endpoint":{"ip":"-"}"#, "unknown - -"),
    ] {
        assert_eq!(lines(&event(record), rest), [expected], "{record}");
    }
}

#[test]
fn times_and_envelopes_are_read_as_they_come() {
    let at = |event: &Event<'_>| event.occurred_at_us.to_string();
    for time in [
        r#""time":1773479107000"#,
        r#""time":"1773479107000""#,
        r#""time":1773479107"#,
        r#""time":"2026-03-14T09:05:07Z""#,
        r#""time_dt":"2026-03-14T10:05:07+01:00""#,
    ] {
        let event = format!(r#"{{"type_uid":300201,{time},"status_id":1,"user":{{"name":"ada"}}}}"#);
        assert_eq!(lines(&event, at), ["1773479107000000"], "{time}");
        assert_eq!(lines(&format!(r#"{{"specversion":"1.0","data":{event}}}"#), at), ["1773479107000000"]);
        assert_eq!(lines(&format!("[{event},{event}]"), at).len(), 2);
    }
    let garbled = r#"{"class_uid":3002,"activity_id":1,"time":"noon","status_id":1,"user":{"name":"ada"}}"#;
    check(
        garbled,
        "rejected: bad-time time: found another text, expected milliseconds since 1970, or RFC 3339 with a zone",
    );
}
