//! What is the same for all vendors: times that say too little reject nothing, and none is completed in silence.

use crate::decoder::Decoder;
use crate::element::Element;
use crate::maps::Maps;
use crate::moment;
use crate::record::Record;
use crate::rejection::Reason;
use crate::source::Source;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;
use crate::vendor::summary;

/// When Kafka took the records.
const RECEIVED: &str = "2026-03-02T00:01:00.5Z";

/// An authentication of each source, with `TIME` where its own time stands, and a change where the source has some.
const RECORDS: &[(Source, &str, Option<&str>)] = &[
    (
        Source::Entra,
        r#"{"id":"e-1","createdDateTime":TIME,"userPrincipalName":"ada","status":{"errorCode":0}}"#,
        Some(
            r#"{"category":"AuditLogs","activityDateTime":TIME,"activityDisplayName":"User registered security info","result":"success","targetResources":[{"type":"User","userPrincipalName":"ada"}],"initiatedBy":{"user":{"userPrincipalName":"ada"}}}"#,
        ),
    ),
    (
        Source::MfaServer,
        r#"{"Timestamp":TIME,"Username":"ada","Call Result":"SUCCESS_USED_CACHE"}"#,
        Some(r#"{"Block Timestamp":TIME,"Username":"ada","Block Reason":"lost"}"#),
    ),
    (
        Source::Duo,
        r#"{"timestamp":TIME,"user":{"name":"ada"},"factor":"duo_push","result":"success","reason":"user_approved"}"#,
        Some(r#"{"timestamp":TIME,"action":"user_create","object":"ada","username":"Grace"}"#),
    ),
    (
        Source::Okta,
        r#"{"published":TIME,"eventType":"user.session.start","outcome":{"result":"SUCCESS"},"actor":{"type":"User","alternateId":"ada"}}"#,
        Some(
            r#"{"published":TIME,"eventType":"user.mfa.factor.activate","outcome":{"result":"SUCCESS"},"actor":{"type":"User","alternateId":"ada"}}"#,
        ),
    ),
    (
        Source::Keycloak,
        r#"{"time":TIME,"type":"LOGIN","realmId":"r","userId":"ada"}"#,
        Some(r#"{"time":TIME,"type":"UPDATE_PASSWORD","realmId":"r","userId":"ada"}"#),
    ),
    (
        Source::O365,
        r#"{"CreationTime":TIME,"Operation":"UserLoggedIn","UserId":"ada","ErrorNumber":"0"}"#,
        Some(
            r#"{"CreationTime":TIME,"Operation":"Disable Strong Authentication.","ResultStatus":"Success","ObjectId":"ada"}"#,
        ),
    ),
    (
        Source::CloudTrail,
        r#"{"eventTime":TIME,"eventName":"ConsoleLogin","userIdentity":{"type":"IAMUser","userName":"ada"},"responseElements":{"ConsoleLogin":"Success"}}"#,
        Some(
            r#"{"eventTime":TIME,"eventSource":"iam.amazonaws.com","eventName":"DeactivateMFADevice","requestParameters":{"userName":"ada"}}"#,
        ),
    ),
    (
        Source::Ocsf,
        r#"{"class_uid":3002,"activity_id":1,"time":TIME,"status_id":1,"user":{"name":"ada"}}"#,
        None,
    ),
];

/// Sources that document their times as UTC.
const IN_UTC: &[Source] = &[Source::Entra, Source::Duo, Source::Okta, Source::O365, Source::CloudTrail];

/// What was read of a record: its id, its time, what it notes and what is counted.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    id: String,
    at_us: i64,
    noted: Vec<String>,
    counted: Vec<String>,
}

#[track_caller]
fn see(source: Source, record: &str, received: Option<&str>) -> Seen {
    let received_at_us = received.map(|received| moment::parse(received).expect("a time"));
    let limits = TimeLimits {
        max_age_us: None,
        max_ahead_us: 600_000_000,
        now_us: moment::parse("2026-03-03T00:00:00Z").expect("a time"),
    };
    let mut counts = UnknownCounts::default();
    let mut seen = None;
    let value = Record { value: Some(record.as_bytes()), timestamp_us: received_at_us };
    Decoder::new(source, &Maps::default()).decode(&value, &limits, &mut counts, &mut |_, element| {
        let (id, at_us, noted) = match element {
            Element::Event(event) => {
                (event.event_id.to_owned(), event.occurred_at_us, event.unknown_values.to_vec())
            }
            Element::Change(change) => (String::new(), change.occurred_at_us, Vec::new()),
            other => panic!("{other:?} of {record}"),
        };
        seen = Some(Seen { id, at_us, noted, counted: Vec::new() });
    });
    let mut seen = seen.expect("an element");
    seen.counted = counts.values.iter().map(|(name, count)| format!("{name} {count}")).collect();
    seen
}

/// Checks the authentication and the change of a source: the moment, the noted text, and the word that is counted.
#[track_caller]
fn check(source: Source, time: &str, received: Option<&str>, expected: &str, note: Option<(&str, &str)>) {
    let (_, event, change) =
        RECORDS.iter().find(|(of, ..)| *of == source).expect("every source has a record");
    let counted: Vec<String> = note.iter().map(|(_, word)| format!("occurred_at={word} 1")).collect();
    let noted: Vec<String> = note.iter().map(|(text, _)| format!("occurred_at={text}")).collect();
    let at_us = moment::parse(expected).expect("a time");
    let seen = see(source, &event.replace("TIME", time), received);
    assert_eq!((seen.at_us, &seen.noted, &seen.counted), (at_us, &noted, &counted), "{source:?} {time}");
    if let Some(change) = change {
        let seen = see(source, &change.replace("TIME", time), received);
        assert_eq!((seen.at_us, &seen.counted), (at_us, &counted), "{source:?} {time}: a change");
    }
}

fn sources() -> impl Iterator<Item = Source> {
    let vendors: Vec<_> = Source::ALL.iter().copied().filter(|source| *source != Source::Gatebook).collect();
    assert_eq!(vendors.len(), RECORDS.len());
    vendors.into_iter()
}

#[test]
fn a_time_without_a_zone_is_utc_and_noted_unless_that_is_documented() {
    for source in sources() {
        for text in ["2026-03-01T08:00:00", "2026-03-01 08:00:00"] {
            let note = (!IN_UTC.contains(&source)).then_some((text, "(no zone)"));
            check(source, &format!("\"{text}\""), Some(RECEIVED), "2026-03-01T08:00:00Z", note);
        }
    }
    let text = "3/1/2026 8:00:00 AM";
    let note = Some((text, "(no zone)"));
    check(Source::MfaServer, &format!("\"{text}\""), Some(RECEIVED), "2026-03-01T08:00:00Z", note);
}

#[test]
fn a_time_of_day_takes_the_latest_date_that_is_not_after_kafkas() {
    for source in sources() {
        for (text, expected) in [
            ("00:01:00,25", "2026-03-02T00:01:00.25Z"),
            ("00:06:00", "2026-03-02T00:06:00Z"),
            ("23:59:59", "2026-03-01T23:59:59Z"),
            ("00:06:01", "2026-03-01T00:06:01Z"),
        ] {
            check(source, &format!("\"{text}\""), Some(RECEIVED), expected, Some((text, "(no date)")));
        }
    }
}

#[test]
fn a_date_alone_is_its_beginning() {
    for source in sources() {
        let note = Some(("2026-03-01", "(no time of day)"));
        check(source, "\"2026-03-01\"", Some(RECEIVED), "2026-03-01T00:00:00Z", note);
    }
}

#[test]
fn without_a_time_it_is_kafkas_or_else_the_clocks() {
    for source in sources() {
        for time in ["null", "\"\"", "\"null\""] {
            check(source, time, Some(RECEIVED), RECEIVED, Some(("(none)", "(none)")));
            check(source, time, None, "2026-03-03T00:00:00Z", Some(("(none)", "(none)")));
        }
    }
}

#[test]
fn what_is_no_time_is_rejected() {
    for (source, record, change) in RECORDS {
        for record in [Some(*record), *change].into_iter().flatten() {
            for time in ["\"yesterday\"", "true", "\"2026-02-30T08:00:00Z\""] {
                let record = record.replace("TIME", time);
                let summary = super::summary::of(*source, &record);
                assert!(summary.starts_with("rejected ") && summary.contains("found"), "{record}: {summary}");
            }
        }
    }
}

#[test]
fn an_id_that_is_made_tells_days_apart_whose_times_the_source_left_out() {
    for (source, record, _) in RECORDS {
        for time in ["null", "\"08:00:00\""] {
            let record = record.replace("TIME", time);
            let first = see(*source, &record, Some(RECEIVED)).id;
            assert_eq!(first, see(*source, &record, Some(RECEIVED)).id);
            // Entra's record has an id of its own.
            let later = see(*source, &record, Some("2026-03-01T00:01:00Z")).id;
            assert_eq!(first == later, *source == Source::Entra, "{record}");
        }
    }
}

#[test]
fn how_long_a_bypass_holds_counts_from_the_moment_that_was_found() {
    let record = r#"{"bypass_seconds":300,"username":"ada"}"#;
    let mut until_us = None;
    let limits = TimeLimits { max_age_us: None, max_ahead_us: 0, now_us: 7_000_000 };
    let value = Record { value: Some(record.as_bytes()), timestamp_us: Some(7_000_000) };
    let mut counts = UnknownCounts::default();
    Decoder::new(Source::MfaServer, &Maps::default()).decode(
        &value,
        &limits,
        &mut counts,
        &mut |_, element| {
            let Element::Change(change) = element else { panic!("a change") };
            until_us = change.until_us;
        },
    );
    assert_eq!(until_us, Some(307_000_000));
}

#[test]
fn bytes_that_are_no_text_are_told_apart_from_text_that_is_no_json() {
    for source in sources() {
        let reason = |bytes: &[u8]| {
            let limits = TimeLimits { max_age_us: None, max_ahead_us: 0, now_us: 0 };
            let value = Record { value: Some(bytes), timestamp_us: None };
            let mut reasons = Vec::new();
            let mut counts = UnknownCounts::default();
            Decoder::new(source, &Maps::default()).decode(&value, &limits, &mut counts, &mut |_, element| {
                let Element::Rejection(rejection) = element else { panic!("{element:?}") };
                reasons.push((rejection.reason, rejection.detail.into_owned()));
            });
            reasons
        };
        let not_utf8 = (Reason::NotUtf8, "no UTF-8 after byte 6".to_owned());
        assert_eq!(reason(b"{\"a\":\"\xff\"}"), std::slice::from_ref(&not_utf8), "{source:?}");
        assert_eq!(reason(b"a text\xff"), [not_utf8], "{source:?}");
        assert!(matches!(reason(b"{\"a\":}").as_slice(), [(Reason::NotJson, _)]), "{source:?}");
    }
}

#[test]
fn what_collectors_wrap_is_read_for_every_source() {
    for (source, record, change) in RECORDS {
        for record in [Some(*record), *change].into_iter().flatten() {
            let record = record.replace("TIME", r#""2026-03-01T08:00:00Z""#);
            let (plain, text) = (summary::of(*source, &record), format!("{record:?}"));
            assert!(!plain.starts_with("skipped") && !plain.starts_with("rejected"), "{plain}");
            for wrapped in [
                format!(r#"{{"@timestamp":"2026-03-01T08:00:01Z","message":{text}}}"#),
                format!(r#"{{"service":"x","message":{record}}}"#),
                format!(r#"{{"message":"a line of a log","event":{record}}}"#),
                format!(r#"{{"event":{record},"routing":{{"event_type":"x"}}}}"#),
                format!(r#"{{"event":{{"original":{text}}}}}"#),
                format!(r#"{{"schema":{{}},"payload":{record}}}"#),
                format!(r#"{{"schema":{{}},"payload":{text}}}"#),
                format!(r#"{{"data":{record}}}"#),
                format!(r#"{{"detail":{record}}}"#),
                format!(r#"{{"body":{text}}}"#),
                format!(r#"{{"log":{text}}}"#),
                format!(r#"{{"result":{{"_raw":{text}}}}}"#),
                format!(r#"{{"records":[{record}]}}"#),
                format!(r#"[{{"Records":[{record}]}}]"#),
            ] {
                // A line of a log is an element of this source.
                if *source == Source::Keycloak && wrapped.contains("a line of a log") {
                    continue;
                }
                assert_eq!(summary::of(*source, &wrapped), plain, "{source:?} {wrapped}");
            }
            let deep = (0..6).fold(record, |inner, _| format!(r#"{{"event":{inner}}}"#));
            assert_eq!(summary::of(*source, &deep), "skipped unknown-shape", "{deep}");
        }
        for strange in
            ["{}", r#"{"records":null}"#, r#"{"message":"hello [x]","data":[1]}"#, r#"{"event":{}}"#]
        {
            let is_line = *source == Source::Keycloak && strange.contains("hello");
            let expected = if is_line { "skipped log-line" } else { "skipped unknown-shape" };
            assert_eq!(summary::of(*source, strange), expected, "{source:?} {strange}");
        }
    }
}

#[test]
fn of_a_key_that_stands_several_times_the_first_counts() {
    for (source, record, _) in RECORDS {
        let record = record.replace("TIME", r#""2026-03-01T08:00:00Z""#);
        let plain = summary::of(*source, &record);
        let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&record).expect("JSON");
        let (mut nulls, mut others) = (String::new(), String::new());
        for (key, value) in &parsed {
            let other = match value {
                serde_json::Value::String(_) => r#""other""#,
                serde_json::Value::Number(_) => "7",
                _ => r#"{"errorCode":7,"result":"other","name":"eve"}"#,
            };
            others += &format!(",{key:?}:{other}");
            nulls += &format!("{key:?}:null,");
        }
        let later = format!("{}{others}}}", &record[..record.len() - 1]);
        assert_eq!(summary::of(*source, &later), plain, "{later}");
        // Duo's nulls are values.
        if *source != Source::Duo {
            let earlier = format!("{{{nulls}{}", &record[1..]);
            assert_eq!(summary::of(*source, &earlier), plain, "{earlier}");
        }
    }
}
