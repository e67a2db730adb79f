//! Calls and messages against a count of the test's own events.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::REPORT;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// An event of a message with this key so many seconds after noon.
fn of(user: &'static str, number: &'static str, key: &'static str, seconds: i64) -> TestEvent {
    let id: &'static str = format!("{user} {key} {seconds}").leak();
    event(at("2026-11-20T12:00:00Z") + TimeDelta::seconds(seconds)).with(|event| {
        (event.event_id, event.user_id, event.user_key) = (id, user, user);
        (event.method, event.stage) = (Some(Method::TextMessage), Stage::SecondFactor);
        (event.assurance, event.attempt_id) = (Assurance::Challenged, Some(key));
        event.phone_number = Some(number);
    })
}

fn sent(event: &mut schemas::Event<'static>) {
    event.result = AuthResult::Pending;
}

async fn rows(book: &TestBook, per: &str, columns: &[&str]) -> Vec<String> {
    let given = [("from", "2026-11-20T12:00:00Z"), ("to", "2026-11-20T13:00:00Z"), ("per", per)];
    let parameters = REPORT.parse(given, at("2027-01-01T00:00:00Z")).expect("parameters");
    let json = text(REPORT.answer(&book.session(Limits::default()), &parameters).await, Format::Json).await;
    let json: serde_json::Value =
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let row = |row: &serde_json::Value| {
        columns.iter().map(|name| row[name].to_string().replace('"', "")).collect::<Vec<_>>().join(" ")
    };
    json["rows"].as_array().expect("rows").iter().map(row).collect()
}

const COUNTS: [&str; 9] =
    ["calls", "messages", "events", "sent", "answered", "verified", "not_delivered", "persons", "credits"];

#[tokio::test]
async fn messages_are_told_by_where_they_went_and_what_came_of_them() {
    let mut book = TestBook::new().await;
    let call = |event: &mut schemas::Event<'static>| event.method = Some(Method::VoiceCall);
    let by = |sender: &'static str| move |event: &mut schemas::Event<'static>| event.sender = Some(sender);
    let paid = |event: &mut schemas::Event<'static>| {
        event.result = AuthResult::Pending;
        (event.user_id, event.user_key, event.result_detail) = ("unknown", "unknown", Some("credits=3"));
    };
    book.land(&[
        // Sent, and the code came back; sent, and it did not.
        of("ada", "+12125550101", "1", 0).with(sent).with(by("97671")),
        of("ada", "+12125550101", "1", 20).with(by("97671")),
        of("ada", "+12125550101", "2", 100).with(sent).with(by("28777")),
        // A wrong code is an answer.
        of("bob", "+14165550101", "3", 0).with(sent).with(by("97671")),
        of("bob", "+14165550101", "3", 20).denied(DenialReason::WrongCode),
        // Never went out.
        of("bob", "+447700900123", "4", 0).denied(DenialReason::MessageNotSent),
        of("bob", "+447700900123", "5", 0).denied(DenialReason::Throttled),
        of("cy", "+447700900124", "6", 0).with(call).with(paid),
        of("cy", "+447700900124", "6", 30).with(call),
        of("dan", "+X XXXXXXX01", "7", 0),
        // Began before the range; and one whose code came back after it.
        of("eve", "+12125550109", "8", -10).with(sent),
        of("eve", "+12125550109", "8", 10),
        of("eve", "+12125550109", "9", 3_599).with(sent),
        of("eve", "+12125550109", "9", 3_605),
        // Let in without a message.
        of("eve", "+12125550109", "10", 5).with(|event| event.assurance = Assurance::SatisfiedEarlier),
    ])
    .await;
    let with = |first: &[&'static str]| first.iter().copied().chain(COUNTS).collect::<Vec<_>>();
    assert_eq!(
        rows(&book, "country", &with(&["country"])).await,
        [
            "US 0 3 5 3 2 2 0 2 null",
            "null 0 1 1 1 1 1 0 1 null",
            "CA 0 1 2 1 1 0 0 1 null",
            "GB 1 2 4 1 1 1 1 2 3",
        ]
    );
    assert_eq!(
        rows(&book, "prefix", &["prefix", "calls", "messages", "sent"]).await,
        ["+1212 0 3 3", "null 0 1 1", "+1416 0 1 1", "+44770 1 2 1"]
    );
    let senders = rows(&book, "sender", &["country", "sender", "sender_known", "messages"]).await;
    for row in ["US 97671 true 1", "US 28777 false 1", "CA 97671 false 1", "GB null null 2"] {
        assert!(senders.contains(&row.to_owned()), "{row} in {senders:?}");
    }
}

#[tokio::test]
async fn events_without_a_key_are_messages_by_themselves_also_where_they_have_one_id() {
    let mut book = TestBook::new().await;
    let alone =
        |number| of("ada", number, "k", 0).with(|event| (event.attempt_id, event.event_id) = (None, "e"));
    // The key of one is the id of another.
    let keyed = of("ada", "+12125550101", "e", 5);
    book.land(&[alone("+12125550101"), alone("+12125550102"), keyed]).await;
    assert_eq!(rows(&book, "country", &["country", "messages", "events"]).await, ["US 3 3"]);
}

#[tokio::test]
async fn who_had_an_id_before_and_after_uses_the_app_in_their_own_time() {
    let mut book = TestBook::new().await;
    let csv = "person,ids,enabled_from,enabled_to\nA1,ada,,2026-11-10\nB2,ada,2026-11-10,\n";
    let file = schemas::read_directory_file(csv.as_bytes(), Some("hr"), &schemas::Maps::default());
    book.directory.import("acme", &file.expect("a file"), "op", 0).await.expect("imports");
    let app = |days: i64, key| {
        of("ada", "+12125550101", key, -86_400 * days)
            .with(|event| event.method = Some(Method::MobileAppCode))
    };
    let call = of("ada", "+12125550101", "call", 0);
    book.land(&[app(20, "before"), app(1, "after"), call]).await;
    let given = [("from", "2026-10-30"), ("to", "2026-11-21"), ("per", "person")];
    let parameters = REPORT.parse(given, at("2027-01-01T00:00:00Z")).expect("parameters");
    let csv = text(REPORT.answer(&book.session(Limits::default()), &parameters).await, Format::Csv).await;
    let row = csv.lines().nth(1).expect("a row");
    assert!(row.contains(",B2,") && row.ends_with("true,false"), "{csv}");
}

#[tokio::test]
async fn who_is_not_reached_would_be_better_off_with_the_app() {
    let mut book = TestBook::new().await;
    let mut keys = 0;
    let mut key = || -> &'static str {
        keys += 1;
        format!("k{keys}").leak()
    };
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(of("far", "+12125550101", key(), 0).denied(DenialReason::MessageNotSent));
        events.push(of("deaf", "+12125550102", key(), 0).with(sent));
        events.push(of("near", "+12125550103", key(), 0));
    }
    events.push(of("far", "+12125550101", "app", 5).with(|event| event.method = Some(Method::MobileAppCode)));
    // Three of thirteen came to nothing.
    for nth in 0..13 {
        let message = of("often", "+12125550104", key(), 0);
        events.push(if nth < 3 { message.with(sent) } else { message });
    }
    book.land(&events).await;
    let mut found = rows(&book, "person", &["person", "uses_app", "better_with_app"]).await;
    found.sort();
    assert_eq!(
        found,
        [
            "deaf (gatebook) false true",
            "far (gatebook) true true",
            "near (gatebook) false false",
            "often (gatebook) false false",
        ]
    );
}
