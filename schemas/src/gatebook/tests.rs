//! What the contract accepts, refuses and makes of a record.

use crate::RECORD_BYTES_MAX;
use crate::gatebook::{FIELD_BYTES_MAX, GatebookDecoder, STEPS_MAX};
use crate::{Element, Fields, NameCounts, Record, TimeLimits, UnknownCounts};

const DAY_US: i64 = 86_400_000_000;
/// 2026-03-01T00:00:00Z
const NOW_US: i64 = 1_772_323_200_000_000;
const LIMITS: TimeLimits =
    TimeLimits { max_age_us: Some(730 * DAY_US), max_ahead_us: DAY_US, now_us: NOW_US };

/// A valid record with some keys changed: the value is JSON, nothing takes the key out.
fn record(changes: &[(&str, Option<&str>)]) -> String {
    let mut pairs = vec![
        ("event_id", r#""e-1""#),
        ("occurred_at", r#""2026-02-28T23:59:59Z""#),
        ("tenant_id", r#""acme""#),
        ("user_id", r#""Ada@Example.org""#),
        ("method", r#""voice-call""#),
        ("result", r#""success""#),
        ("server_name", r#""mfa-1""#),
        ("server_ip", r#""10.0.0.1""#),
    ];
    for (key, value) in changes {
        pairs.retain(|(known, _)| known != key);
        pairs.extend(value.map(|value| (*key, value)));
    }
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Decodes a record by the scanner, before and after it knows such records, and by the parser alone, and
/// expects one answer of all, which `describe` puts into words.
#[track_caller]
fn decode(
    value: Option<&[u8]>,
    fields: &Fields,
    describe: impl Fn(u32, &Element<'_>) -> String,
) -> (String, UnknownCounts) {
    let record = Record { value, timestamp_us: Some(NOW_US) };
    let mut scanning = GatebookDecoder::new(fields);
    let mut parsing = GatebookDecoder::without_scanner(fields);
    let answers = [0, 1, 2].map(|round| {
        let decoder = if round == 2 { &mut parsing } else { &mut scanning };
        let mut counts = UnknownCounts::default();
        let (mut answers, mut debug) = (Vec::new(), String::new());
        decoder.decode(&record, &LIMITS, &mut counts, &mut |index, element| {
            answers.push(describe(index, &element));
            debug = format!("{element:?}");
        });
        assert_eq!(answers.len(), 1, "a record of this source is one element");
        (answers.remove(0), counts, debug)
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
    let [(answer, counts, _), ..] = answers;
    (answer, counts)
}

fn verdict(_: u32, element: &Element<'_>) -> String {
    match element {
        Element::Event(_) => "event".to_owned(),
        Element::Change(_) | Element::Skipped(_) => "neither".to_owned(),
        Element::Rejection(rejection) => {
            [rejection.reason.as_str(), rejection.field.unwrap_or_default()].join(" ").trim_end().to_owned()
        }
    }
}

/// Expects `event`, or the reason and the field of a rejection, of any bytes.
#[track_caller]
fn check_bytes(value: Option<&[u8]>, expected: &str) {
    assert_eq!(decode(value, &Fields::ALL, verdict).0, expected);
}

/// Expects the same of the valid record with some keys changed.
#[track_caller]
fn check(changes: &[(&str, Option<&str>)], expected: &str) {
    check_bytes(Some(record(changes).as_bytes()), expected);
}

/// Expects an event of which `describe` says this.
#[track_caller]
fn check_event(
    changes: &[(&str, Option<&str>)],
    describe: impl Fn(&crate::Event<'_>) -> String,
    expected: &str,
) {
    let describe = |index, element: &Element<'_>| match element {
        Element::Event(event) => describe(event),
        _ => verdict(index, element),
    };
    assert_eq!(decode(Some(record(changes).as_bytes()), &Fields::ALL, describe).0, expected);
}

fn counted(counts: &NameCounts) -> String {
    counts.iter().map(|(name, count)| format!("{name}:{count}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_valid_record_is_an_event() {
    check(&[], "event");
    check_event(
        &[],
        |event| {
            format!(
                "{:?}",
                (event.event_id, event.occurred_at_us, event.tenant_id, event.user_id, event.user_key)
            )
        },
        r#"("e-1", 1772323199000000, "acme", "Ada@Example.org", "ada@example.org")"#,
    );
    check_event(
        &[],
        |event| format!("{} {} {:?}", event.stage, event.assurance, event.prompts),
        "whole-sign-in unknown None",
    );
}

#[test]
fn no_value_is_empty() {
    check_bytes(None, "empty");
    check_bytes(Some(b""), "empty");
}

#[test]
fn what_is_no_json_is_not_json() {
    let valid = record(&[]);
    for bad in [
        " ",
        "{",
        "}",
        "nul",
        "'a'",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":\"\t\"}",
        "{\"a\":1} {}",
        "{,}",
    ] {
        check_bytes(Some(bad.as_bytes()), "not-json");
    }
    check_bytes(Some(format!("{valid}x").as_bytes()), "not-json");
    check_bytes(Some(format!("{valid}{valid}").as_bytes()), "not-json");
    check_bytes(Some(format!("\u{feff}{valid}").as_bytes()), "not-json");
    check_bytes(Some(valid.replace(":", ":,").as_bytes()), "not-json");
    check_bytes(Some(&valid.as_bytes()[..valid.len() - 1]), "not-json");
    check_bytes(Some(valid.replace("acme", "ac\u{0}me").as_bytes()), "not-json");
}

#[test]
fn invalid_utf8_is_not_utf8_wherever_it_stands() {
    let mut in_a_value = record(&[]).into_bytes();
    let at = in_a_value.windows(4).position(|bytes| bytes == b"acme").expect("the tenant is there");
    in_a_value[at] = 0xff;
    check_bytes(Some(&in_a_value), "not-utf8");
    check_bytes(Some(b"\xff\xfe{\x00}\x00"), "not-utf8");
    check_bytes(Some(b"{\"note\":\"\xc3\"}"), "not-utf8");
}

#[test]
fn json_that_is_no_object_is_wrong_type() {
    for other in ["null", "true", "7", "1e400", "\"text\"", "[]", "[{}]", "\"\\ud800\""] {
        check_bytes(Some(other.as_bytes()), "wrong-type");
    }
}

#[test]
fn a_field_of_another_type_is_wrong_type() {
    for value in ["7", "true", "{}", "[\"a\"]", "1.5"] {
        check(&[("user_id", Some(value))], "wrong-type user_id");
    }
    check(&[("email", Some("7"))], "wrong-type email");
    check(&[("occurred_at", Some("1772323199"))], "wrong-type occurred_at");
    for prompts in ["\"3\"", "-1", "1.5", "3.0", "2147483648", "99999999999999999999", "true", "[]"] {
        check(&[("prompts", Some(prompts))], "wrong-type prompts");
    }
    check(&[("prompts", Some("2147483647"))], "event");
}

#[test]
fn text_that_unicode_cannot_hold_is_wrong_type() {
    check(&[("user_id", Some(r#""\ud800""#))], "wrong-type");
    check(&[("user_id", Some(r#""\ud83d\ude00""#))], "event");
    check(&[("prompts", Some("1e400"))], "wrong-type");
}

#[test]
fn a_required_field_absent_null_or_empty_is_missing() {
    let required =
        ["event_id", "occurred_at", "tenant_id", "user_id", "method", "result", "server_name", "server_ip"];
    for field in required {
        for value in [None, Some("null"), Some("\"\"")] {
            check(&[(field, value)], &format!("missing-field {field}"));
        }
    }
    check_bytes(Some(b"{}"), "missing-field user_id");
}

#[test]
fn an_optional_field_null_or_empty_is_absent() {
    for value in ["null", "\"\""] {
        let changes = [("email", Some(value)), ("client_ip", Some(value)), ("stage", Some(value))];
        check_event(
            &changes,
            |event| format!("{:?} {:?} {}", event.email, event.client_ip, event.stage),
            "None None whole-sign-in",
        );
    }
}

#[test]
fn result_is_closed() {
    for word in ["maybe", "other", "success ", "\u{17f}uccess"] {
        check(&[("result", Some(&format!("{word:?}")))], "unknown-result result");
    }
    check_event(&[("result", Some("\"Success\""))], |event| event.result.to_string(), "success");
    check_event(&[("result", Some("\"pending\""))], |event| event.result.to_string(), "pending");
}

#[test]
fn a_reason_of_denial_stands_exactly_with_a_denial() {
    let denied = ("result", Some("\"denied\""));
    let reason = ("denial_reason", Some("\"no-response\""));
    check(&[denied], "missing-field denial_reason");
    check(&[denied, ("denial_reason", Some("null"))], "missing-field denial_reason");
    check(&[reason], "contradiction denial_reason");
    check(&[("result", Some("\"pending\"")), reason], "contradiction denial_reason");
    check(&[("denial_reason", Some("null"))], "event");
    check_event(&[denied, reason], |event| format!("{:?}", event.denial_reason), "Some(NoResponse)");
}

#[test]
fn a_known_key_twice_is_a_contradiction() {
    let twice = |json: &str| record(&[]).replace(r#""tenant_id""#, &format!(r#"{json},"tenant_id""#));
    check_bytes(Some(twice(r#""tenant_id":"acme""#).as_bytes()), "contradiction tenant_id");
    check_bytes(Some(twice(r#""tenant_id":null"#).as_bytes()), "contradiction tenant_id");
    check_bytes(Some(twice(r#""\u0074enant_id":7"#).as_bytes()), "contradiction tenant_id");
    check_bytes(Some(twice(r#""color":1,"color":2"#).as_bytes()), "event");
    let steps = r#"[{"code":"a","code":"a"}]"#;
    check(&[("steps", Some(steps))], "contradiction steps.code");
}

#[test]
fn times_are_rfc_3339_with_a_zone() {
    for bad in ["2026-02-28", "2026-02-28T10:00:00", "2026-02-28 10:00:00Z", "2026-02-30T10:00:00Z", "now"] {
        check(&[("occurred_at", Some(&format!("{bad:?}")))], "bad-time occurred_at");
    }
    let with_zone = ("occurred_at", Some("\"2026-03-01T01:59:59.123456789+02:00\""));
    check_event(&[with_zone], |event| event.occurred_at_us.to_string(), "1772323199123456");
}

#[test]
fn implausible_times_are_refused() {
    check(&[("occurred_at", Some("\"2026-03-02T00:00:00Z\""))], "event");
    check(&[("occurred_at", Some("\"2026-03-02T00:00:00.000001Z\""))], "implausible-time occurred_at");
    check(&[("occurred_at", Some("\"1970-01-01T00:00:00Z\""))], "implausible-time occurred_at");
}

#[test]
fn addresses_are_canonical() {
    for field in ["server_ip", "client_ip"] {
        for bad in ["10.0.0.256", "10.0.0.1:443", "localhost", " 10.0.0.1", "10.0.0.01"] {
            check(&[(field, Some(&format!("{bad:?}")))], &format!("bad-address {field}"));
        }
    }
    check_event(
        &[("server_ip", Some("\"2001:0DB8:0:0::1\"")), ("client_ip", Some("\"::FFFF:10.0.0.1\""))],
        |event| format!("{:?} {:?}", event.server_ip, event.client_ip),
        r#"Some("2001:db8::1") Some("::ffff:10.0.0.1")"#,
    );
}

#[test]
fn lengths_are_bounded() {
    let text = |length: usize| format!("\"{}\"", "x".repeat(length));
    check(&[("application", Some(&text(FIELD_BYTES_MAX)))], "event");
    check(&[("application", Some(&text(FIELD_BYTES_MAX + 1)))], "too-long application");
    check(&[("user_id", Some(&text(FIELD_BYTES_MAX + 1)))], "too-long user_id");
    // Bytes are counted as stored: an escape of six bytes is one.
    check(&[("application", Some(&format!("\"{}\"", r"\u0061".repeat(FIELD_BYTES_MAX))))], "event");
    check(&[("note", Some(&text(FIELD_BYTES_MAX + 1)))], "event");
    let padded = |length: usize| {
        let record = record(&[]);
        let blanks = " ".repeat(length - record.len());
        format!("{record}{blanks}")
    };
    check_bytes(Some(padded(RECORD_BYTES_MAX).as_bytes()), "event");
    check_bytes(Some(padded(RECORD_BYTES_MAX + 1).as_bytes()), "too-long");
    let steps = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    check(&[("steps", Some(&steps(STEPS_MAX)))], "event");
    check(&[("steps", Some(&steps(STEPS_MAX + 1)))], "too-long steps");
}

#[test]
fn deep_nesting_neither_matters_nor_overflows() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&[("note", Some(&nested(400_000)))], "event");
    check(&[("user_id", Some(&nested(400_000)))], "wrong-type user_id");
    check(&[("steps", Some(&nested(400_000)))], "wrong-type steps");
    check_bytes(Some(nested(400_000).as_bytes()), "wrong-type");
    check_bytes(Some("[".repeat(400_000).as_bytes()), "not-json");
}

#[test]
fn unknown_words_become_other_and_are_kept_and_counted() {
    let changes = [
        ("result", Some("\"denied\"")),
        ("method", Some("\"Carrier Pigeon\"")),
        ("mode", Some("\"both-ways\"")),
        ("denial_reason", Some("\"ate-the-letter\"")),
        ("stage", Some("\"third-factor\"")),
        ("assurance", Some("\"sworn\"")),
    ];
    let describe = |_, element: &Element<'_>| match element {
        Element::Event(event) => format!(
            "{:?} {:?} {:?} {} {} {}",
            event.method,
            event.mode,
            event.denial_reason,
            event.stage,
            event.assurance,
            event.unknown_values.join("|")
        ),
        element => format!("{element:?}"),
    };
    let (answer, counts) = decode(Some(record(&changes).as_bytes()), &Fields::ALL, describe);
    assert_eq!(
        answer,
        "Some(Other) Some(Other) Some(Other) other unknown \
        method=Carrier Pigeon|mode=both-ways|denial_reason=ate-the-letter|stage=third-factor|assurance=sworn"
    );
    assert_eq!(
        counted(&counts.values),
        "assurance=sworn:1 denial_reason=ate-the-letter:1 method=Carrier Pigeon:1 mode=both-ways:1 stage=third-factor:1"
    );
    // The word `other` is known, and any ASCII case is.
    check_event(&[("method", Some("\"other\""))], |event| event.unknown_values.join("|"), "");
    check_event(
        &[("method", Some("\"VOICE-CALL\""))],
        |event| format!("{:?}", event.method),
        "Some(VoiceCall)",
    );
}

#[test]
fn unknown_words_of_a_rejection_are_not_counted() {
    let changes = [("method", Some("\"pigeon\"")), ("occurred_at", Some("\"1970-01-01T00:00:00Z\""))];
    let (answer, counts) = decode(Some(record(&changes).as_bytes()), &Fields::ALL, verdict);
    assert_eq!(answer, "implausible-time occurred_at");
    assert!(counts.is_empty());
}

#[test]
fn unknown_keys_are_counted_and_no_error() {
    let changes = [
        ("color", Some("\"red\"")),
        ("source", Some("null")),
        ("kafka_offset", Some("17")),
        ("steps", Some(r#"[{"color":[1]},{"color":{}}]"#)),
    ];
    let (answer, counts) = decode(Some(record(&changes).as_bytes()), &Fields::ALL, verdict);
    assert_eq!(answer, "event");
    assert_eq!(counted(&counts.keys), "color:1 kafka_offset:1 source:1 steps.color:2");
    // A renamed required key shows in the counts, beside the rejection.
    let changes = [("user_id", None), ("user_name", Some("\"ada\""))];
    let (answer, counts) = decode(Some(record(&changes).as_bytes()), &Fields::ALL, verdict);
    assert_eq!(answer, "missing-field user_id");
    assert_eq!(counted(&counts.keys), "user_name:1");
}

#[test]
fn steps_are_read_in_order() {
    let steps = r#"[
        {"at":"2026-02-28T23:59:00Z","method":"mobile-app-notification","result":"denied","reason":"user-declined","code":"D"},
        {},
        {"method":"pigeon","result":"success","reason":null,"detail":"ok","device":"token"}
    ]"#;
    check_event(
        &[("steps", Some(steps))],
        |event| format!("{:?} {:?}", event.steps, event.unknown_values),
        "[Step { at_us: Some(1772323140000000), method: Some(MobileAppNotification), result: Some(Denied), \
        reason: Some(UserDeclined), code: Some(\"D\"), detail: None, device: None }, \
        Step { at_us: None, method: None, result: None, reason: None, code: None, detail: None, device: None }, \
        Step { at_us: None, method: Some(Other), result: Some(Success), reason: None, code: None, \
        detail: Some(\"ok\"), device: Some(\"token\") }] [\"steps.method=pigeon\"]",
    );
    check_event(&[("steps", Some("[]"))], |event| event.steps.len().to_string(), "0");
}

#[test]
fn steps_are_judged_like_the_record() {
    for other in ["{}", "\"a\"", "7", "[7]", "[null]", "[{},[]]"] {
        check(&[("steps", Some(other))], "wrong-type steps");
    }
    let long = format!(r#"[{{"detail":"{}"}}]"#, "x".repeat(FIELD_BYTES_MAX + 1));
    check(&[("steps", Some(&long))], "too-long steps.detail");
    check(&[("steps", Some(r#"[{"at":"yesterday"}]"#))], "bad-time steps.at");
    check(&[("steps", Some(r#"[{"result":"maybe"}]"#))], "unknown-result steps.result");
    check(&[("steps", Some(r#"[{"code":7}]"#))], "wrong-type steps.code");
}

#[test]
fn a_switched_off_field_is_neither_read_nor_judged() {
    let fields = Fields { client_ip: false, device_token: false, email: false, ..Fields::ALL };
    let changes = [
        ("client_ip", Some("\"no address\"")),
        ("email", Some("7")),
        ("device_token", Some("\"secret\"")),
        ("steps", Some(r#"[{"device":"secret","code":"D"}]"#)),
    ];
    let describe = |_, element: &Element<'_>| format!("{element:?}");
    let (answer, _) = decode(Some(record(&changes).as_bytes()), &fields, describe);
    assert!(answer.starts_with("Event"), "{answer}");
    assert!(!answer.contains("secret") && !answer.contains("no address"), "{answer}");
    assert!(answer.contains("Some(\"D\")"), "{answer}");
}

#[test]
fn the_detail_of_a_rejection_repeats_no_value() {
    let secret = "S3CRET";
    let describe = |_, element: &Element<'_>| match element {
        Element::Rejection(rejection) => format!("{:?}", (rejection.field, &rejection.detail)),
        _ => panic!("expected a rejection"),
    };
    for field in ["occurred_at", "result", "server_ip", "denial_reason", "prompts", "steps"] {
        let record = record(&[(field, Some(&format!("{secret:?}")))]);
        let (answer, _) = decode(Some(record.as_bytes()), &Fields::ALL, describe);
        assert!(!answer.contains(secret), "{answer}");
    }
    let broken = record(&[]).replace("\"acme\"", secret);
    let (answer, _) = decode(Some(broken.as_bytes()), &Fields::ALL, describe);
    assert!(!answer.contains(secret), "{answer}");
}

#[test]
fn white_space_and_order_do_not_matter() {
    let spaced = record(&[]).replace(':', " : ").replace(",", " ,\n\t");
    let spaced = spaced.replace("T23 : 59 : 59", "T23:59:59");
    check_bytes(Some(format!("\r\n {spaced} \n").as_bytes()), "event");
    let python = record(&[]).replace("\",\"", "\", \"").replace("\":\"", "\": \"");
    check_bytes(Some(python.as_bytes()), "event");
    check(&[("event_id", None), ("tenant_id", Some("\"t\"")), ("event_id", Some("\"last\""))], "event");
}
