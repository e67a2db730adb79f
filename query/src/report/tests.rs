//! The report against the rows that it counts: worked examples, and a count row by row.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::{Report, ReportParameters, denials, usage};
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

fn parameters(given: &[(&str, &str)]) -> ReportParameters {
    usage::REPORT.parse(given.iter().copied(), at("2027-01-01T00:00:00Z")).expect("parameters")
}

async fn ask(book: &TestBook, report: &Report, given: &[(&str, &str)], format: Format) -> String {
    text(report.answer(&book.session(Limits::default()), &parameters(given)).await, format).await
}

async fn ask_usage(book: &TestBook, given: &[(&str, &str)]) -> String {
    ask(book, &usage::REPORT, given, Format::Csv).await
}

async fn ask_denials(book: &TestBook, given: &[(&str, &str)]) -> String {
    ask(book, &denials::REPORT, given, Format::Csv).await
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
    let berlin = ("tz", "Europe/Berlin");
    let three_days = [("from", "2026-10-24"), ("to", "2026-10-27"), berlin];
    let one_day = [("from", "2026-10-25"), ("to", "2026-10-26"), berlin];
    let by = |range: [(&'static str, &'static str); 3], by| [range[0], range[1], range[2], ("by", by)];
    check(
        &ask_usage(&book, &by(three_days, "day")).await,
        "day,start,end,events,succeeded,denied,pending,attempts,attempts_succeeded,attempts_denied,attempts_open
         2026-10-24,2026-10-24T00:00:00+02:00,2026-10-25T00:00:00+02:00,1,1,0,0,1,1,0,0
         2026-10-25,2026-10-25T00:00:00+02:00,2026-10-26T00:00:00+01:00,4,2,1,1,4,2,2,0
         2026-10-26,2026-10-26T00:00:00+01:00,2026-10-27T00:00:00+01:00,1,1,0,0,1,1,0,0",
    );
    check(
        &ask_usage(&book, &by(one_day, "hour,reason,reason_group")).await,
        "hour,reason,reason_group,start,end,events,succeeded,denied,pending,attempts,attempts_succeeded,attempts_denied,attempts_open
         2026-10-25T00:00+02:00,wrong-code,user,2026-10-25T00:00:00+02:00,2026-10-25T01:00:00+02:00,1,0,1,0,1,0,1,0
         2026-10-25T02:00+02:00,,,2026-10-25T02:00:00+02:00,2026-10-25T02:00:00+01:00,1,1,0,0,1,1,0,0
         2026-10-25T02:00+01:00,no-response,user,2026-10-25T02:00:00+01:00,2026-10-25T03:00:00+01:00,0,0,0,0,1,0,1,0
         2026-10-25T02:00+01:00,,,2026-10-25T02:00:00+01:00,2026-10-25T03:00:00+01:00,1,0,0,1,0,0,0,0
         2026-10-25T23:00+01:00,,,2026-10-25T23:00:00+01:00,2026-10-26T00:00:00+01:00,1,1,0,0,1,1,0,0",
    );
    check(
        &ask_usage(&book, &by(one_day, "method")).await,
        "method,events,succeeded,denied,pending,attempts,attempts_succeeded,attempts_denied,attempts_open
         mobile-app-notification,3,1,1,1,3,1,2,0
         ,1,1,0,0,1,1,0,0",
    );
}

#[tokio::test]
async fn a_report_says_which_of_its_days_were_read_anew() {
    let mut book = TestBook::new().await;
    book.land(&[event(at("2026-12-29T08:00:00Z")), event(at("2026-12-30T08:00:00Z"))]).await;
    let one_day = |from: &'static str, to| [("from", from), ("to", to)];
    let (before, day) = (one_day("2026-12-29", "2026-12-30"), one_day("2026-12-30", "2026-12-31"));
    let told = r#""redecoded_days":[{"from":"2026-12-29","to":"2026-12-30"}]"#;
    assert!(!ask(&book, &usage::REPORT, &before, Format::Json).await.contains("redecoded_days"));
    book.redecode(0, &event(at("2026-12-29T08:00:00Z")).denied(DenialReason::WrongCode)).await;
    let json = ask(&book, &usage::REPORT, &before, Format::Json).await;
    assert!(json.contains(told) && json.contains(r#""denied":1"#), "{json}");
    let json = ask(&book, &usage::REPORT, &day, Format::Json).await;
    assert!(!json.contains("redecoded_days"), "{json}");
    // A report that compares with the day before covers it too.
    let json = ask(&book, &denials::REPORT, &day, Format::Json).await;
    assert!(json.contains(told), "{json}");
    // A question in SQL may be about any day.
    let json = book.ask("SELECT count(*) AS n FROM events", Format::Json).await;
    assert!(json.contains(told), "{json}");
}

#[tokio::test]
async fn without_groups_there_is_one_row_and_it_says_what_it_covers() {
    let mut book = TestBook::new().await;
    check(
        &ask_usage(&book, &[]).await,
        "events,succeeded,denied,pending,attempts,attempts_succeeded,attempts_denied,attempts_open\n0,0,0,0,0,0,0,0",
    );
    book.land(&[event(at("2026-12-31T00:00:00Z")), event(at("2026-12-30T23:59:59Z"))]).await;
    assert_eq!(
        ask(&book, &usage::REPORT, &[], Format::Json).await,
        "{\"rows\":[\n\
         {\"events\":1,\"succeeded\":1,\"denied\":0,\"pending\":0,\
         \"attempts\":1,\"attempts_succeeded\":1,\"attempts_denied\":0,\"attempts_open\":0}\n\
         ],\n\
         \"coverage\":{\"book_version\":1,\
         \"offsets\":[{\"topic\":\"auth\",\"topic_id\":\"topic-id\",\"partition\":0,\"next_offset\":2}],\
         \"newest_occurred_at\":\"2026-12-31T00:00:00.000000Z\",\"tz\":\"UTC\",\
         \"report\":\"usage\",\"parameters\":{\"from\":\"2026-12-31T00:00:00+00:00\",\"to\":\"2027-01-01T00:00:00+00:00\",\
         \"tz\":\"UTC\",\"by\":[]},\
         \"settled\":false,\"unsettled\":[{\"source\":\"gatebook\",\"received_until\":\"2026-12-31T00:00:00.000Z\",\"usual_lateness_s\":1}],\
         \"rows\":1,\"complete\":true}}\n"
    );
}

#[tokio::test]
async fn more_groups_than_allowed_are_refused_with_advice() {
    let mut book = TestBook::new().await;
    book.land(&[event(at("2026-12-31T00:00:00Z")), event(at("2026-12-31T01:00:00Z"))]).await;
    let session = book.session(Limits { groups: 1, ..Limits::default() });
    let found = text(usage::REPORT.answer(&session, &parameters(&[("by", "hour")])).await, Format::Csv).await;
    assert_eq!(
        found,
        "error: ask for a shorter range or fewer groups: the report has more than 1 groups (query.groups_max)"
    );
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
                let given = [("from", &*from_text), ("to", &*to_text), ("tz", tz.name()), ("by", &*by)];
                let found = ask_usage(&book, &given).await;
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
    for TestEvent { event, duplicate, .. } in events {
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

fn challenged(at: DateTime<Utc>) -> TestEvent {
    event(at).with(|event| event.assurance = Assurance::Challenged)
}

fn of_assurance(at: DateTime<Utc>, assurance: Assurance) -> TestEvent {
    event(at).with(|event| event.assurance = assurance)
}

#[tokio::test]
async fn a_rate_is_successes_among_the_challenged() {
    let mut book = TestBook::new().await;
    let noon = at("2026-12-31T12:00:00Z");
    book.land(&[
        challenged(noon),
        challenged(noon).with(|event| event.event_id = "f"),
        challenged(noon).denied(DenialReason::WrongCode),
        // Its check is another event.
        challenged(noon).with(|event| event.result = AuthResult::Pending),
        of_assurance(noon, Assurance::Unknown).denied(DenialReason::NoResponse),
        // Nobody was challenged.
        of_assurance(noon, Assurance::SatisfiedEarlier),
        of_assurance(noon, Assurance::Exempt).denied(DenialReason::UserBlocked),
        // A wrong password is no denied second factor.
        of_assurance(noon, Assurance::FirstFactorOnly)
            .denied(DenialReason::WrongPassword)
            .with(|event| event.stage = Stage::FirstFactor),
        challenged(noon).denied(DenialReason::WrongCode).duplicate(),
        // The day before.
        challenged(noon - TimeDelta::days(1)).denied(DenialReason::WrongCode),
        challenged(noon - TimeDelta::days(1)),
    ])
    .await;
    let columns = "denied,denied_per_hour,challenged,rate,denied_before,denied_per_hour_before,rate_before,\
                   attempts_denied,attempts_inferred,attempts_denied_before";
    check(
        &ask_denials(&book, &[]).await,
        &format!("{columns}\n3,0.125,4,0.5,1,0.041666666666666664,0.5,0,0,0"),
    );
    check(
        &ask_denials(&book, &[("by", "reason")]).await,
        &format!(
            "reason,meaning,{columns}
             no-response,{},1,0.041666666666666664,4,0.5,0,0.0,0.5,0,0,0
             user-blocked,{},1,0.041666666666666664,4,0.5,0,0.0,0.5,0,0,0
             wrong-code,{},1,0.041666666666666664,4,0.5,1,0.041666666666666664,0.5,0,0,0",
            DenialReason::NoResponse.meaning(),
            DenialReason::UserBlocked.meaning(),
            DenialReason::WrongCode.meaning(),
        ),
    );
    check(
        &ask_denials(&book, &[("reason_group", "account"), ("reason_group", "policy")]).await,
        &format!("{columns}\n1,0.041666666666666664,4,0.5,0,0.0,0.5,0,0,0"),
    );
    check(
        &ask_denials(&book, &[("stage", "first-factor")]).await,
        &format!("{columns}\n1,0.041666666666666664,0,,0,0.0,,,,"),
    );
    check(
        &ask_denials(
            &book,
            &[
                ("by", "assurance"),
                ("duplicates", "include"),
                ("to", "2026-12-31T13:00:00Z"),
                ("from", "2026-12-31T12:00:00Z"),
            ],
        )
        .await,
        &format!(
            "assurance,{columns}
             challenged,2,2.0,4,0.5,0,0.0,,0,0,0
             exempt,1,1.0,0,,0,0.0,,0,0,0
             satisfied-earlier,0,0.0,0,,0,0.0,,0,0,0
             unknown,1,1.0,1,0.0,0,0.0,,0,0,0"
        ),
    );
    let json = ask(&book, &denials::REPORT, &[], Format::Json).await;
    assert!(json.contains(r#""assurance_unknown":1"#), "{json}");
}

#[tokio::test]
async fn filters_choose_events() {
    let mut book = TestBook::new().await;
    let noon = at("2026-12-31T12:00:00Z");
    book.land(&[
        event(noon),
        event(noon).with(|event| event.server_name = Some("gate-2")),
        event(noon).with(|event| event.tenant_id = "globex"),
        event(noon).with(|event| event.method = Some(Method::VoiceCall)).denied(DenialReason::HungUp),
        event(noon).with(|event| event.method = Some(Method::VoiceCall)).denied(DenialReason::Voicemail),
        event(noon).duplicate(),
    ])
    .await;
    for (given, events) in [
        (&[][..], 5),
        (&[("duplicates", "include")], 6),
        (&[("server", "gate-2")], 1),
        (&[("server", "gate-2"), ("server", "gate-1")], 5),
        (&[("tenant", "globex"), ("server", "gate-2")], 0),
        (&[("method", "VOICE-CALL"), ("reason_group", "delivery")], 1),
        (&[("result", "denied"), ("reason", "hung-up"), ("reason", "voicemail")], 2),
        (&[("reason", "hung-up"), ("reason_group", "delivery")], 0),
        (&[("source", "gatebook"), ("stage", "whole-sign-in"), ("assurance", "unknown")], 5),
    ] {
        let found = ask_usage(&book, given).await;
        let events_found = found.lines().nth(1).and_then(|line| line.split(',').next());
        assert_eq!(events_found, Some(&*events.to_string()), "{given:?}");
    }
}

/// What the report says of before, against a count row by row: the label of the day before, at the same local time.
#[tokio::test]
async fn before_agrees_with_a_count_row_by_row() {
    for (from, to) in [("2026-03-26", "2026-04-01"), ("2026-10-23", "2026-10-28")] {
        let mut book = TestBook::new().await;
        let start = at(&format!("{from}T00:00:00Z")) - TimeDelta::days(3);
        let end = at(&format!("{to}T00:00:00Z")) + TimeDelta::days(2);
        let moments = (0..).map(|index| start + TimeDelta::milliseconds(131_007) * index);
        let events: Vec<TestEvent> = moments
            .take_while(|at| *at < end)
            .enumerate()
            .map(|(index, at)| match index % 5 {
                0 | 1 => challenged(at).denied(DenialReason::NoResponse),
                _ => challenged(at),
            })
            .collect();
        book.land(&events).await;
        for tz in [Tz::Europe__Berlin, Tz::Asia__Kathmandu, Tz::Australia__Lord_Howe] {
            let given = [("from", from), ("to", to), ("tz", tz.name()), ("by", "day")];
            let found = ask_denials(&book, &given).await;
            let count = |date: chrono::NaiveDate| {
                let local = |event: &TestEvent| {
                    let at = DateTime::from_timestamp_micros(event.event.occurred_at_us).expect("a moment");
                    at.with_timezone(&tz).date_naive()
                };
                let of_day: Vec<_> = events.iter().filter(|event| local(event) == date).collect();
                let denied = of_day.iter().filter(|event| event.event.result == AuthResult::Denied).count();
                (denied, (of_day.len() - denied) as f64 / of_day.len() as f64)
            };
            let mut days = 0;
            for row in found.lines().skip(1) {
                let cells: Vec<&str> = row.split(',').collect();
                let date: chrono::NaiveDate = cells[0].parse().expect("a date");
                let (denied, rate) = count(date);
                let (denied_before, rate_before) = count(date.pred_opt().expect("a day before"));
                assert_eq!(cells[3], denied.to_string(), "{tz} {row}");
                assert_eq!(cells[6].parse::<f64>().expect("a rate"), rate, "{tz} {row}");
                assert_eq!(cells[7], denied_before.to_string(), "{tz} {row}");
                assert_eq!(cells[9].parse::<f64>().expect("a rate"), rate_before, "{tz} {row}");
                let hours = |start: &str, end: &str| {
                    let at = |text: &str| text.parse::<DateTime<FixedOffset>>().expect("a moment");
                    (at(end) - at(start)).as_seconds_f64() / 3600.0
                };
                let per_hour = denied as f64 / hours(cells[1], cells[2]);
                assert_eq!(cells[4].parse::<f64>().expect("a number"), per_hour, "{tz} {row}");
                days += 1;
            }
            assert!(days >= 5, "{found}");
        }
    }
}

#[tokio::test]
async fn a_month_so_far_is_compared_with_all_of_a_shorter_one() {
    let mut book = TestBook::new().await;
    let denied = |at_text: &str| challenged(at(at_text)).denied(DenialReason::WrongCode);
    book.land(&[
        denied("2026-02-01T00:00:00Z"),
        denied("2026-02-28T23:59:59Z"),
        denied("2026-03-05T12:00:00Z"),
    ])
    .await;
    for to in ["2026-03-29", "2026-03-31", "2026-04-01"] {
        let found = ask_denials(&book, &[("from", "2026-03-01"), ("to", to), ("by", "month")]).await;
        let row: Vec<&str> = found.lines().nth(1).expect("a row").split(',').collect();
        assert_eq!((row[3], row[7]), ("1", "2"), "{to}: {found}");
    }
}

#[tokio::test]
async fn a_day_that_is_not_over_is_compared_with_as_much_of_the_day_before() {
    let mut book = TestBook::new().await;
    let denied = |at_text: &str| challenged(at(at_text)).denied(DenialReason::WrongCode);
    let events = ["2026-12-30T05:00:00Z", "2026-12-30T07:00:00Z", "2026-12-31T05:00:00Z"].map(denied);
    book.land(&events).await;
    let given = [("from", "2026-12-31"), ("to", "2027-01-01"), ("by", "day")];
    let parameters = denials::REPORT.parse(given, at("2026-12-31T06:00:00Z")).expect("parameters");
    let session = book.session(Limits::default());
    let found = text(denials::REPORT.answer(&session, &parameters).await, Format::Csv).await;
    let row: Vec<&str> = found.lines().nth(1).expect("a row").split(',').collect();
    assert_eq!(row[3..5], ["1", "0.16666666666666666"], "{found}");
    assert_eq!(row[7..9], ["1", "0.16666666666666666"], "{found}");
}

#[tokio::test]
async fn the_same_question_to_the_same_version_is_answered_once() {
    let mut book = TestBook::new().await;
    book.land(&[event(at("2026-12-30T08:00:00Z"))]).await;
    let session = book.session(Limits::default());
    let ask = async |to: &str| {
        let parameters = parameters(&[("from", "2026-12-30"), ("to", to)]);
        let answer = usage::REPORT.answer(&session, &parameters).await;
        answer.map(|answer| (answer.coverage.to_json(), answer.whole().map(|rows| rows.num_rows())))
    };
    let first = ask("2026-12-31").await.expect("an answer");
    std::fs::remove_dir_all(book.folder.path()).expect("a folder");
    assert_eq!(ask("2026-12-31").await.expect("the same"), first);
    assert!(ask("2026-12-30T12:00:00Z").await.is_err(), "another question reads the book");
    // What reaches to now can be another answer a moment later.
    assert!(ask("2027-01-01").await.is_err(), "a challenge of then may be alive");
}
