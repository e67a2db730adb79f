//! Who spoke when, and what a report's coverage says of it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::limits::Limits;
use crate::report::usage;
use crate::test_book::{TestBook, TestEvent, event};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Events of a server every twenty minutes.
fn every_20_min(server: &'static str, from: &str, to: &str) -> Vec<TestEvent> {
    let (from, to) = (at(from), at(to));
    let moments = (0..).map(|index| from + TimeDelta::minutes(20) * index).take_while(|at| *at < to);
    moments.map(|at| event(at).with(|event| event.server_name = Some(server))).collect()
}

/// What the report of one day says of whether it is settled, as JSON.
async fn check(events: &[TestEvent], filter: &[(&str, &str)], expected: &str) {
    let mut book = TestBook::new().await;
    if !events.is_empty() {
        book.land(events).await;
    }
    let day = [("from", "2026-10-25"), ("to", "2026-10-26")];
    let given = day.iter().chain(filter).copied();
    let parameters = usage::REPORT.parse(given, at("2026-10-27T00:00:00Z")).expect("parameters");
    let answer =
        usage::REPORT.answer(&book.session(Limits::default()), &parameters).await.expect("an answer");
    let coverage = answer.coverage.to_json();
    let start = coverage.find("\"settled\"").expect("says whether it is settled");
    assert_eq!(coverage[start..], format!("{expected}}}"), "{coverage}");
}

const DAY: (&str, &str) = ("2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z");

#[tokio::test]
async fn a_day_is_settled_when_its_sources_went_on_and_nobody_fell_silent() {
    let mut events = every_20_min("gate-1", DAY.0, "2026-10-26T01:00:00Z");
    events.extend(every_20_min("gate-2", DAY.0, DAY.1));
    check(&events, &[], r#""settled":true"#).await;
}

#[tokio::test]
async fn a_source_that_is_usually_late_may_have_more_to_come() {
    let late = |events: Vec<TestEvent>| -> Vec<TestEvent> {
        events.into_iter().map(|event| event.late(TimeDelta::minutes(50))).collect()
    };
    let until = |to| late(every_20_min("gate-1", DAY.0, to));
    check(
        &until("2026-10-25T23:59:00Z"),
        &[],
        r#""settled":false,"unsettled":[{"source":"gatebook","received_until":"2026-10-26T00:30:00.000Z","usual_lateness_s":4096}]"#,
    )
    .await;
    check(&until("2026-10-26T00:21:00Z"), &[], r#""settled":true"#).await;
}

#[tokio::test]
async fn a_server_that_fell_silent_is_named_unless_another_one_is_asked_for() {
    let mut events = every_20_min("gate-1", DAY.0, "2026-10-26T01:00:00Z");
    events.extend(every_20_min("gate-2", DAY.0, "2026-10-25T20:10:00Z"));
    let silent = r#""settled":false,"unsettled":[{"source":"gatebook","server":"gate-2","silent_since":"2026-10-25T20:00:00.000Z"}]"#;
    check(&events, &[], silent).await;
    check(&events, &[("server", "gate-1")], r#""settled":true"#).await;
}

#[tokio::test]
async fn a_pause_as_long_as_last_nights_is_no_silence() {
    let mut events = every_20_min("gate-1", "2026-10-24T00:00:00Z", "2026-10-26T01:00:00Z");
    events.extend(every_20_min("gate-2", "2026-10-24T05:00:00Z", "2026-10-24T19:00:00Z"));
    events.extend(every_20_min("gate-2", "2026-10-25T05:00:00Z", "2026-10-25T19:00:00Z"));
    check(&events, &[], r#""settled":true"#).await;
}

#[tokio::test]
async fn nothing_at_all_is_not_settled() {
    check(&[], &[], r#""settled":false,"unsettled":[{"nothing_since":"2026-10-24T00:00:00.000Z"}]"#).await;
}
