//! Who speaks, against a count of the test's own events.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::DenialReason;
use serde_json::Value;

use super::REPORT;
use crate::expectations::Expectations;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Events of a server every so many minutes; the first of each ten is denied since the phone was not reached.
fn speaks(server: &'static str, from: &str, to: &str, every_min: i64) -> Vec<TestEvent> {
    let (from, to) = (at(from), at(to));
    let moments = (0..).map(|nth| from + TimeDelta::minutes(every_min) * nth).take_while(|at| *at < to);
    let one = |(nth, at): (usize, DateTime<Utc>)| {
        let id: &'static str = format!("{server} {at}").leak();
        let event = event(at).with(|event| (event.event_id, event.server_name) = (id, Some(server)));
        if nth % 10 == 0 { event.denied(DenialReason::PhoneUnreachable) } else { event }
    };
    moments.enumerate().map(one).collect()
}

async fn rows(book: &TestBook, given: &[(&str, &str)], expectations: Expectations) -> Vec<Value> {
    let parameters = REPORT.parse(given.iter().copied(), at("2026-11-27T12:00:00Z")).expect("parameters");
    let session = book.expecting(Limits::default(), expectations);
    let json = text(REPORT.answer(&session, &parameters).await, Format::Json).await;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    json["rows"].as_array().expect("rows").clone()
}

fn told(row: &Value, columns: &[&str]) -> String {
    columns.iter().map(|name| row[name].to_string().replace('"', "")).collect::<Vec<_>>().join(" ")
}

const DAY: [(&str, &str); 2] = [("from", "2026-11-26"), ("to", "2026-11-27")];

#[tokio::test]
async fn a_server_is_told_with_its_past_and_its_silences() {
    let mut book = TestBook::new().await;
    // Two weeks ago and one: every five minutes. Now one is silent for two hours, and another one from the evening on.
    let mut events = Vec::new();
    for day in ["2026-11-12", "2026-11-19"] {
        for server in ["gate-1", "gate-2"] {
            let (from, to) = (format!("{day}T00:00:00Z"), format!("{day}T23:59:00Z"));
            events.extend(speaks(server, &from, &to, 5));
        }
    }
    events.extend(speaks("gate-1", "2026-11-26T00:00:00Z", "2026-11-26T08:00:00Z", 5));
    events.extend(speaks("gate-1", "2026-11-26T10:00:00Z", "2026-11-27T00:00:00Z", 5));
    events.extend(speaks("gate-2", "2026-11-26T00:00:00Z", "2026-11-26T20:00:00Z", 5));
    events.push(speaks("gate-1", "2026-11-26T03:00:00Z", "2026-11-26T03:01:00Z", 5)[0].clone().duplicate());
    book.land(&events).await;
    let expected =
        Expectations { servers: vec!["gate-1".into(), "gate-9".into()], ..Expectations::default() };
    let found = rows(&book, &DAY, expected).await;
    let columns =
        ["source", "server", "state", "events", "events_before", "denied", "delivery_failures", "outages"];
    assert_eq!(
        found.iter().map(|row| told(row, &columns)).collect::<Vec<_>>(),
        [
            "null gate-9 not-seen 0 null 0 0 0",
            "gatebook null speaking 504 576.0 51 51 0",
            "gatebook gate-1 speaking 264 288.0 27 27 1",
            "gatebook gate-2 silent 240 288.0 24 24 1",
        ],
        "{found:#?}"
    );
    assert_eq!(
        (&found[2]["silent_from_to"][0], &found[3]["silent_from_to"][0]),
        (&"2026-11-26T07:55:00.000Z/2026-11-26T10:00:00.000Z".into(), &"2026-11-26T19:55:00.000Z/..".into())
    );
    assert_eq!(found[2]["last_seen_at"], "2026-11-26T23:55:00.000Z");
    let near = |name: &str, value: f64| (found[2][name].as_f64().expect("a number") - value).abs() < 1e-9;
    assert!(near("events_per_hour", 11.0) && near("change", -24.0 / 288.0), "{found:#?}");
    assert!(near("denied_rate", 27.0 / 264.0) && near("denied_rate_before", 58.0 / 576.0), "{found:#?}");
    let attempts =
        "SELECT server_name, count(*) FROM attempts WHERE day = DATE '2026-11-26' GROUP BY 1 ORDER BY 1";
    let attempts = book.ask(attempts, Format::Csv).await;
    let of_report: Vec<String> =
        found[2..].iter().map(|row| told(row, &["server", "attempts"]).replace(' ', ",")).collect();
    assert_eq!(attempts.lines().skip(1).collect::<Vec<_>>(), of_report);
    let one = rows(&book, &[DAY[0], DAY[1], ("server", "gate-2")], Expectations::default()).await;
    assert_eq!(
        one.iter().map(|row| told(row, &["server", "events"])).collect::<Vec<_>>(),
        ["null 240", "gate-2 240"]
    );
    assert_eq!(one[0]["attempts"], one[1]["attempts"]);
}

#[tokio::test]
async fn the_past_is_that_of_the_same_local_hours() {
    let mut book = TestBook::new().await;
    // Clocks went back on 25 October in Berlin: eight o'clock is 06:00Z before and 07:00Z after.
    let mut events = speaks("gate-1", "2026-10-21T06:00:00Z", "2026-10-21T07:00:00Z", 1);
    events.extend(speaks("gate-1", "2026-10-28T07:00:00Z", "2026-10-28T07:30:00Z", 1));
    book.land(&events).await;
    let given = [("from", "2026-10-28T08:00"), ("to", "2026-10-28T09:00"), ("tz", Tz::Europe__Berlin.name())];
    let found = rows(&book, &given, Expectations::default()).await;
    assert_eq!(
        found
            .iter()
            .map(|row| told(row, &["server", "events", "events_before", "state"]))
            .collect::<Vec<_>>(),
        ["null 30 60.0 speaking", "gate-1 30 60.0 speaking"]
    );
    assert_eq!(found[1]["last_seen_at"], "2026-10-28T08:29:00.000+01:00");
}

#[tokio::test]
async fn an_hour_that_clocks_skipped_is_missed_in_that_week_alone() {
    let mut book = TestBook::new().await;
    // In New York there was no half past two on 8 March; on the 1st that was 07:30Z, on the 15th 06:30Z.
    book.land(&speaks("gate-1", "2026-03-01T07:40:00Z", "2026-03-01T07:45:00Z", 1)).await;
    let given = [("from", "2026-03-15T02:30"), ("to", "2026-03-15T03:30"), ("tz", "America/New_York")];
    let found = rows(&book, &given, Expectations::default()).await;
    assert_eq!(
        found.iter().map(|row| told(row, &["server", "events_before"])).collect::<Vec<_>>(),
        ["null 5.0", "gate-1 5.0"]
    );
}

#[tokio::test]
async fn only_the_days_that_are_compared_are_read() {
    let mut book = TestBook::new().await;
    for day in 1..=26 {
        let from = format!("2026-11-{day:02}T00:00:00Z");
        let to = format!("2026-11-{day:02}T00:02:00Z");
        book.land(&speaks("gate-1", &from, &to, 1)).await;
    }
    let session = book.session(Limits::default());
    let range = |day: &str| format!("(day = DATE '{day}' AND occurred_at >= '{day}T00:00:00Z')");
    let days = ["2026-11-26", "2026-11-19", "2026-11-12", "2026-11-05"].map(range).join(" OR ");
    let sql = format!("SELECT server_name, count(*) FROM counted_events WHERE {days} GROUP BY 1");
    assert_eq!(session.files_read(&sql).await, 4);
    let found = rows(&book, &DAY, Expectations::default()).await;
    assert_eq!(told(&found[1], &["events", "events_before"]), "2 2.0");
}
