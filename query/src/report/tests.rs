//! The report against the rows that it counts: worked examples, and a count row by row.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::{AuthResult, DenialReason, Method};

use super::{UsageParameters, UsageText, usage};
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

async fn report(book: &TestBook, text: &UsageText<'_>, format: Format) -> String {
    let parameters = UsageParameters::parse(text, at("2027-01-01T00:00:00Z")).expect("parameters");
    crate::test_book::text(usage(&book.session(Limits::default()), &parameters).await, format).await
}

#[track_caller]
fn check(found: &str, expected: &str) {
    let expected: String = expected.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn counts_by_local_day_over_a_clock_change() {
    let mut book = TestBook::new().await;
    book.land(&[
        event(at("2026-10-24T21:59:59.999999Z")),
        event(at("2026-10-24T22:00:00Z")).denied(DenialReason::WrongCode),
        event(at("2026-10-25T00:30:00Z")),
        event(at("2026-10-25T01:30:00Z")).with(|event| event.result = AuthResult::Pending),
        event(at("2026-10-25T22:59:59.999999Z")).with(|event| event.method = None),
        event(at("2026-10-25T22:00:00Z")).duplicate(),
        event(at("2026-10-25T23:00:00Z")),
    ])
    .await;
    let day = UsageText {
        from: Some("2026-10-24"),
        to: Some("2026-10-27"),
        tz: Some("Europe/Berlin"),
        by: Some("day"),
    };
    check(
        &report(&book, &day, Format::Csv).await,
        "day,start,end,events,succeeded,denied,pending
         2026-10-24,2026-10-24T00:00:00+02:00,2026-10-25T00:00:00+02:00,1,1,0,0
         2026-10-25,2026-10-25T00:00:00+02:00,2026-10-26T00:00:00+01:00,4,2,1,1
         2026-10-26,2026-10-26T00:00:00+01:00,2026-10-27T00:00:00+01:00,1,1,0,0",
    );
    let hour = UsageText {
        from: Some("2026-10-25"),
        to: Some("2026-10-26"),
        by: Some("hour,reason,reason_group"),
        ..day
    };
    check(
        &report(&book, &hour, Format::Csv).await,
        "hour,reason,reason_group,start,end,events,succeeded,denied,pending
         2026-10-25T00:00+02:00,wrong-code,user,2026-10-25T00:00:00+02:00,2026-10-25T01:00:00+02:00,1,0,1,0
         2026-10-25T02:00+02:00,,,2026-10-25T02:00:00+02:00,2026-10-25T02:00:00+01:00,1,1,0,0
         2026-10-25T02:00+01:00,,,2026-10-25T02:00:00+01:00,2026-10-25T03:00:00+01:00,1,0,0,1
         2026-10-25T23:00+01:00,,,2026-10-25T23:00:00+01:00,2026-10-26T00:00:00+01:00,1,1,0,0",
    );
    let method = UsageText { from: Some("2026-10-25"), to: Some("2026-10-26"), by: Some("method"), ..day };
    check(
        &report(&book, &method, Format::Csv).await,
        "method,events,succeeded,denied,pending
         mobile-app-notification,3,1,1,1
         ,1,1,0,0",
    );
}

#[tokio::test]
async fn without_groups_there_is_one_row_and_it_says_what_it_covers() {
    let mut book = TestBook::new().await;
    let last_day = UsageText::default();
    check(&report(&book, &last_day, Format::Csv).await, "events,succeeded,denied,pending\n0,0,0,0");
    book.land(&[event(at("2026-12-31T00:00:00Z")), event(at("2026-12-30T23:59:59Z"))]).await;
    assert_eq!(
        report(&book, &last_day, Format::Json).await,
        "{\"rows\":[\n\
         {\"events\":1,\"succeeded\":1,\"denied\":0,\"pending\":0}\n\
         ],\n\
         \"coverage\":{\"book_version\":1,\
         \"offsets\":[{\"topic\":\"auth\",\"topic_id\":\"topic-id\",\"partition\":0,\"next_offset\":2}],\
         \"newest_occurred_at\":\"2026-12-31T00:00:00.000000Z\",\"tz\":\"UTC\",\
         \"report\":\"usage\",\"parameters\":{\"from\":\"2026-12-31T00:00:00+00:00\",\"to\":\"2027-01-01T00:00:00+00:00\",\
         \"tz\":\"UTC\",\"by\":[]},\"rows\":1,\"complete\":true}}\n"
    );
}

#[tokio::test]
async fn more_groups_than_allowed_are_refused_with_advice() {
    let mut book = TestBook::new().await;
    book.land(&[event(at("2026-12-31T00:00:00Z")), event(at("2026-12-31T01:00:00Z"))]).await;
    let by_hour = UsageText { by: Some("hour"), ..UsageText::default() };
    let parameters = UsageParameters::parse(&by_hour, at("2027-01-01T00:00:00Z")).expect("parameters");
    let session = book.session(Limits { groups: 1, ..Limits::default() });
    let found = text(usage(&session, &parameters).await, Format::Csv).await;
    assert_eq!(found, "error: ask for a shorter range or fewer groups: the report has more than 1 groups");
}

/// How a person would label a moment, from nothing but its local time.
type Label = fn(&DateTime<Tz>) -> String;

const LABELS: &[(&str, Label)] = &[
    ("hour", |local| local.format("%Y-%m-%dT%H:00%:z").to_string()),
    ("day", |local| local.format("%Y-%m-%d").to_string()),
    ("week", |local| local.date_naive().week(chrono::Weekday::Mon).first_day().to_string()),
    ("month", |local| local.format("%Y-%m").to_string()),
];

#[tokio::test]
async fn agrees_with_a_count_row_by_row() {
    let methods = [Some(Method::VoiceCall), Some(Method::SecurityKey), None];
    for (from, to) in
        [("2026-03-27T21:00:00Z", "2026-03-31T03:00:00Z"), ("2026-10-23T21:00:00Z", "2026-11-02T03:00:00Z")]
    {
        let (from, to) = (at(from), at(to));
        let mut book = TestBook::new().await;
        // Every 131 seconds, so that all quarter hours are hit and none evenly.
        let moments = (0..)
            .map(|index| from + TimeDelta::milliseconds(131_007) * index)
            .take_while(|at| *at < to + TimeDelta::days(1));
        let events: Vec<TestEvent> = moments
            .enumerate()
            .map(|(index, at)| match index % 7 {
                0 => event(at).denied(DenialReason::NoResponse),
                1 => event(at).duplicate(),
                _ => event(at).with(|event| event.method = methods[index % 3]),
            })
            .collect();
        book.land(&events).await;
        for tz in [Tz::Europe__Berlin, Tz::Asia__Kathmandu, Tz::America__New_York, Tz::Australia__Lord_Howe] {
            for (name, label) in LABELS {
                let by = format!("{name},method");
                let (from_text, to_text) = (from.to_rfc3339(), to.to_rfc3339());
                let text = UsageText {
                    from: Some(&from_text),
                    to: Some(&to_text),
                    tz: Some(tz.name()),
                    by: Some(&by),
                };
                let found = report(&book, &text, Format::Csv).await;
                assert_eq!(counted(&found), expected(&events, from..to, tz, *label), "{tz} {name}");
                for row in found.lines().skip(1) {
                    check_edges(row, tz, *label);
                }
            }
        }
    }
}

type Counted = BTreeMap<(String, String), [i64; 4]>;

fn expected(
    events: &[TestEvent],
    range: std::ops::Range<DateTime<Utc>>,
    tz: Tz,
    label: fn(&DateTime<Tz>) -> String,
) -> Counted {
    let mut counted = Counted::new();
    for TestEvent { event, duplicate } in events {
        let at = DateTime::from_timestamp_micros(event.occurred_at_us).expect("a moment");
        if *duplicate || !range.contains(&at) {
            continue;
        }
        let method = event.method.map_or(String::new(), |method| method.to_string());
        let counts = counted.entry((label(&at.with_timezone(&tz)), method)).or_default();
        counts[0] += 1;
        counts[if event.result == AuthResult::Success { 1 } else { 2 }] += 1;
    }
    counted
}

fn counted(csv: &str) -> Counted {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let count = |index: usize| cells[index].parse().expect("a count");
        ((cells[0].to_owned(), cells[1].to_owned()), [count(4), count(5), count(6), count(7)])
    };
    csv.lines().skip(1).map(row).collect()
}

/// `start` is the first moment with the row's label, `end` the first one after it without.
#[track_caller]
fn check_edges(row: &str, tz: Tz, label: fn(&DateTime<Tz>) -> String) {
    let cells: Vec<&str> = row.split(',').collect();
    let label_at = |moment: DateTime<FixedOffset>| label(&moment.with_timezone(&tz));
    let (start, end) = (cells[2].parse().expect("a moment"), cells[3].parse().expect("a moment"));
    assert_eq!(label_at(start), cells[0], "{row}");
    assert_eq!(label_at(end - TimeDelta::microseconds(1)), cells[0], "{row}");
    assert_ne!(label_at(start - TimeDelta::microseconds(1)), cells[0], "{row}");
    assert_ne!(label_at(end), cells[0], "{row}");
    assert_eq!(
        start.to_rfc3339(),
        start.with_timezone(&tz).to_rfc3339(),
        "the offset of the zone at that moment"
    );
}
