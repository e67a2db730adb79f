//! Hits against what was landed: worked examples, and a search row by row.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};
use serde_json::Value;

use super::REPORT;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

const NOON: &str = "2026-11-20T12:00:00Z";

/// An event so many seconds after noon, with an id of its own.
fn of(user: &'static str, seconds: i64, method: Method) -> TestEvent {
    let id: &'static str = format!("{user} {seconds} {method}").leak();
    event(at(NOON) + TimeDelta::seconds(seconds)).with(|event| {
        (event.event_id, event.user_id, event.user_key, event.method) = (id, user, user, Some(method));
        (event.stage, event.assurance) = (Stage::SecondFactor, Assurance::Challenged);
        event.client_ip = Some("192.0.2.7");
    })
}

fn push(user: &'static str, seconds: i64) -> TestEvent {
    of(user, seconds, Method::MobileAppNotification)
}

fn declined(user: &'static str, seconds: i64) -> TestEvent {
    push(user, seconds).denied(DenialReason::UserDeclined)
}

fn wrong(user: &'static str, seconds: i64) -> TestEvent {
    of(user, seconds, Method::MobileAppCode).denied(DenialReason::WrongCode)
}

async fn hits(book: &TestBook, given: &[(&str, &str)]) -> Vec<Value> {
    let given: BTreeMap<&str, &str> =
        [("from", "2026-11-20"), ("to", "2026-11-21")].into_iter().chain(given.iter().copied()).collect();
    let parameters = REPORT.parse(given, at("2027-01-01T00:00:00Z")).expect("parameters");
    let answer = REPORT.answer(&book.session(Limits::default()), &parameters).await;
    let json = text(answer, Format::Json).await;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    json["rows"].as_array().expect("rows").clone()
}

/// Kind, severity, whom it is about, events, attempts, prompts, persons.
fn told(hit: &Value) -> String {
    let about =
        ["person", "address", "number_range"].map(|name| &hit[name]).into_iter().find(|it| it.is_string());
    let word = |name: &str| hit[name].as_str().unwrap_or("-").to_owned();
    let about = about.and_then(Value::as_str).unwrap_or("-");
    format!(
        "{} {} {about} {} {} {} {}",
        word("kind"),
        word("severity"),
        hit["events"],
        hit["attempts"],
        hit["prompts"],
        hit["persons"]
    )
}

#[track_caller]
fn check(hits: &[Value], expected: &[&str]) {
    assert_eq!(hits.iter().map(told).collect::<Vec<_>>(), expected, "{hits:#?}");
}

#[tokio::test]
async fn somebody_who_declined_here_and_came_in_there_is_one_person() {
    let mut book = TestBook::new().await;
    let mut events: Vec<TestEvent> =
        (0..5).map(|nth| declined("ada@acme.example", nth * 100).of("entra")).collect();
    let linked = push("ada", -90_000).of("duo").with(|event| event.email = Some("ada@acme.example"));
    events.extend([linked, push("ada", 500).of("duo").with(|event| event.client_ip = None)]);
    book.land(&events).await;
    check(&hits(&book, &[("kind", "fatigue")]).await, &["fatigue high ada@acme.example 5 1 5 1"]);
}

#[tokio::test]
async fn fatigue_is_worse_when_somebody_comes_in_and_worst_when_a_method_is_registered() {
    let mut book = TestBook::new().await;
    let mut events: Vec<TestEvent> = (0..4).map(|nth| declined("few", nth * 100)).collect();
    events.extend((0..5).map(|nth| declined("tired", nth * 100)));
    events.extend((0..4).map(|nth| declined("worn", nth * 100)));
    // Two prompts in one record, of which the second was approved.
    events.push(push("worn", 500).with(|event| event.prompts = Some(2)));
    events.extend((0..6).map(|nth| declined("robbed@acme.example", nth * 100)));
    // Too far apart to belong together.
    events.extend((0..9).map(|nth| declined("slow", nth * 601)));
    book.land(&events).await;
    book.land_change(ChangeKind::MethodAdded, "robbed@acme.example", at("2026-11-21T09:00:00Z")).await;
    let found = hits(&book, &[]).await;
    check(
        &found,
        &[
            "fatigue critical robbed@acme.example 6 1 6 1",
            "fatigue high worn (gatebook) 5 1 5 1",
            "fatigue medium tired (gatebook) 5 1 5 1",
        ],
    );
    assert_eq!(
        found[0]["what"],
        "6 prompts were declined or left unanswered within 8 minutes; then a method was registered"
    );
    assert_eq!(found[0]["places"][0], "auth:0:14:0");
    assert_eq!(found[0]["event_ids"].as_array().map(Vec::len), Some(6));
    check(
        &hits(&book, &[("severity", "high")]).await[..],
        &["fatigue critical robbed@acme.example 6 1 6 1", "fatigue high worn (gatebook) 5 1 5 1"],
    );
    check(
        &hits(&book, &[("person", "tired (gatebook)")]).await,
        &["fatigue medium tired (gatebook) 5 1 5 1"],
    );
    check(&hits(&book, &[("kind", "fraud")]).await, &[]);
    check(&hits(&book, &[("tenant", "globex")]).await, &[]);
}

#[tokio::test]
async fn a_hit_keeps_its_id_when_it_grows_and_whatever_range_is_asked() {
    let mut book = TestBook::new().await;
    let midnight = 12 * 3_600;
    let run = |from: i64, to: i64| {
        (from..to).map(|nth| declined("tired", midnight + (nth - 4) * 60)).collect::<Vec<_>>()
    };
    book.land(&run(0, 5)).await;
    let found = hits(&book, &[]).await;
    check(&found, &["fatigue medium tired (gatebook) 5 1 5 1"]);
    let id = found[0]["id"].clone();
    book.land(&run(5, 9)).await;
    book.land(&[push("tired", midnight + 600)]).await;
    let grown = "fatigue high tired (gatebook) 9 1 9 1";
    for (from, to) in [
        ("2026-11-20", "2026-11-21"),
        ("2026-11-21", "2026-11-22"),
        ("2026-11-01", "2026-11-30"),
        ("2026-11-21T00:03:30Z", "2026-11-21T00:04:30Z"),
    ] {
        let found = hits(&book, &[("from", from), ("to", to), ("kind", "fatigue")]).await;
        check(&found, &[grown]);
        assert_eq!(found[0]["id"], id, "{from} to {to}");
    }
    check(
        &hits(&book, &[("from", "2026-11-21T00:05:00Z"), ("to", "2026-11-22"), ("kind", "fatigue")]).await,
        &[],
    );
}

#[tokio::test]
async fn an_address_against_many_persons_is_no_busy_office() {
    let mut book = TestBook::new().await;
    let user = |nth: i64| -> &'static str { format!("user-{nth}").leak() };
    let from =
        |address: &'static str| move |event: &mut schemas::Event<'static>| event.client_ip = Some(address);
    let mut events = Vec::new();
    for nth in 0..12 {
        events.push(wrong(user(nth), nth * 30).with(from("198.51.100.1")));
        // From the office as many are denied, and more let in.
        events.push(wrong(user(nth + 20), nth * 30).with(from("203.0.113.1")));
        for offset in [7, 17] {
            events
                .push(of(user(nth + 20), nth * 30 + offset, Method::MobileAppCode).with(from("203.0.113.1")));
        }
        // One person who mistypes is one person.
        events.push(wrong("one", nth * 601).with(from("198.51.100.9")));
    }
    book.land(&events).await;
    check(&hits(&book, &[]).await, &["many-persons medium 198.51.100.1 12 12 null 12"]);
    book.land(&[of("user-3", 400, Method::MobileAppCode).with(from("198.51.100.1"))]).await;
    check(&hits(&book, &[]).await, &["many-persons high 198.51.100.1 12 12 null 12"]);
}

#[tokio::test]
async fn wrong_codes_in_a_row_and_reports_of_fraud() {
    let mut book = TestBook::new().await;
    let mut events: Vec<TestEvent> = (0..8).map(|nth| wrong("guessed", nth * 20)).collect();
    events.extend((0..9).map(|nth| wrong("right", nth * 20)));
    events.push(of("right", 200, Method::MobileAppCode));
    // A clock that drifts.
    events.extend((0..7).map(|nth| wrong("drifting", nth * 20)));
    events.push(push("careful", 50).denied(DenialReason::FraudReported));
    book.land(&events).await;
    book.land_change(ChangeKind::FraudReported, "careful@acme.example", at(NOON)).await;
    let found = hits(&book, &[]).await;
    check(
        &found,
        &[
            "wrong-codes high right (gatebook) 9 1 null 1",
            "fraud high careful@acme.example 0 0 null 1",
            "fraud high careful (gatebook) 1 1 null 1",
            "wrong-codes medium guessed (gatebook) 8 1 null 1",
        ],
    );
    assert_eq!(found[0]["what"], "9 wrong codes within 3 minutes, and then a right one");
}

#[tokio::test]
async fn a_report_of_fraud_that_came_twice_is_named_once() {
    let mut book = TestBook::new().await;
    for _ in 0..2 {
        book.land_change(ChangeKind::FraudReported, "careful@acme.example", at(NOON)).await;
    }
    let found = hits(&book, &[]).await;
    check(&found, &["fraud high careful@acme.example 0 0 null 1"]);
    assert_eq!(found[0]["places"], serde_json::json!(["auth:0:0:0"]));
}

#[tokio::test]
async fn messages_to_one_range_of_numbers_are_a_burst_unless_codes_come_back() {
    let mut book = TestBook::new().await;
    let text = |range: &str, nth: i64, seconds: i64| {
        let user: &'static str = format!("user-{nth}").leak();
        let number: &'static str = format!("{range}{nth:04}").leak();
        let key: &'static str = format!("{range} {nth}").leak();
        of(user, nth * 5 + seconds, Method::TextMessage)
            .with(|event| (event.phone_number, event.attempt_id) = (Some(number), Some(key)))
    };
    let sent = |event: &mut schemas::Event<'static>| event.result = AuthResult::Pending;
    let mut events = Vec::new();
    for nth in 0..40 {
        events.push(text("+1876555", nth, 0).with(sent));
        events.push(text("+1212555", nth, 0).with(sent));
        events.push(text("+1212555", nth, 20).with(|event| event.event_id = format!("{nth} check").leak()));
    }
    book.land(&events).await;
    let found = hits(&book, &[("kind", "number-range")]).await;
    check(&found, &["number-range high 192.0.2.7 40 40 40 40"]);
    assert_eq!(found[0]["number_range"], "+1876555");
}

#[tokio::test]
async fn a_method_or_an_address_is_new_to_those_who_are_known() {
    let mut book = TestBook::new().await;
    let day = |days: i64| -days * 86_400;
    let mut events = Vec::new();
    for nth in 1..=9 {
        events.push(push("known", day(nth)));
        events.push(push("fresh", day(1) - nth * 60));
    }
    let moved = |event: &mut schemas::Event<'static>| event.client_ip = Some("198.51.100.3");
    events.push(push("known", day(31)).with(moved));
    // The same address as a month and a day ago, twice; and a new method from the old address.
    events.push(push("known", 0).with(moved));
    events.push(push("known", 60).with(moved));
    events.push(of("known", 120, Method::VoiceCall));
    events.push(of("fresh", 0, Method::VoiceCall));
    book.land(&events).await;
    let found = hits(&book, &[]).await;
    check(
        &found,
        &["first-time low known (gatebook) 1 1 null 1", "first-time low known (gatebook) 1 1 null 1"],
    );
    assert_eq!(found[0]["what"], "let in by an address that this id had not used in the 30 days before");
    assert_eq!(found[1]["what"], "let in by a method that this id had not used in the 30 days before");
    // The second sign-in from there is not the first, also where the first one is not asked for.
    check(
        &hits(
            &book,
            &[("from", "2026-11-20T12:00:30Z"), ("kind", "first-time"), ("to", "2026-11-20T12:01:30Z")],
        )
        .await,
        &[],
    );
}

/// The same numbers in every run.
fn chance(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[tokio::test]
async fn agrees_with_a_search_row_by_row_in_every_range() {
    let users = ["ada", "bob", "cy"];
    let mut seed = 7;
    let mut moments: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut events = Vec::new();
    for user in users {
        let mut seconds = 0;
        while seconds < 86_400 {
            seconds += 30 + i64::try_from(chance(&mut seed) % 900).expect("small");
            moments.entry(user).or_default().push(seconds);
            events.push(declined(user, seconds));
        }
    }
    book_order(&mut events);
    let mut book = TestBook::new().await;
    book.land(&events).await;
    // By the definition: a new run after more than ten minutes.
    let mut expected: Vec<(String, usize, i64, i64)> = Vec::new();
    for (user, moments) in &moments {
        for run in moments.chunk_by(|one, next| next - one <= 600).filter(|run| run.len() >= 5) {
            expected.push((format!("{user} (gatebook)"), run.len(), run[0], run[run.len() - 1]));
        }
    }
    assert!(expected.len() > 10, "{expected:?}");
    let second =
        |hit: &Value, name: &str| (at(hit[name].as_str().expect("a moment")) - at(NOON)).num_seconds();
    for hours in [(12, 36), (0, 48), (15, 16), (20, 25), (23, 24)] {
        let edge = |hours: i64| (at("2026-11-20T00:00:00Z") + TimeDelta::hours(hours)).to_rfc3339();
        let (from, to) = (edge(hours.0), edge(hours.1));
        let found = hits(&book, &[("from", &from), ("to", &to), ("kind", "fatigue")]).await;
        let mut found: Vec<_> = found
            .iter()
            .map(|hit| {
                let person = hit["person"].as_str().expect("a person").to_owned();
                let events = hit["events"].as_u64().expect("a count") as usize;
                (person, events, second(hit, "first_at"), second(hit, "last_at"))
            })
            .collect();
        found.sort();
        let (from_s, to_s) = ((hours.0 - 12) * 3_600, (hours.1 - 12) * 3_600);
        let is_in = |(user, _, first, last): &&(String, usize, i64, i64)| {
            let user = user.split(' ').next().expect("a name");
            moments[user]
                .iter()
                .any(|second| (*first..=*last).contains(second) && (from_s..to_s).contains(second))
        };
        let mut wanted: Vec<_> = expected.iter().filter(is_in).cloned().collect();
        wanted.sort();
        // What goes on after the range is looked at for half an hour and a pause.
        let whole = |(.., last): &&(String, usize, i64, i64)| *last < to_s + 1_800;
        assert_eq!(
            found.iter().filter(whole).collect::<Vec<_>>(),
            wanted.iter().filter(whole).collect::<Vec<_>>(),
            "{hours:?}"
        );
        assert_eq!(
            found.iter().map(|hit| (&hit.0, hit.2)).collect::<Vec<_>>(),
            wanted.iter().map(|hit| (&hit.0, hit.2)).collect::<Vec<_>>(),
            "{hours:?}"
        );
    }
}

fn book_order(events: &mut [TestEvent]) {
    events.sort_by_key(|event| event.event.occurred_at_us);
}

#[tokio::test]
async fn the_coverage_says_the_thresholds() {
    let book = TestBook::new().await;
    let parameters = REPORT.parse([], at(NOON)).expect("parameters");
    let answer = REPORT.answer(&book.session(Limits::default()), &parameters).await.expect("an answer");
    let coverage: Value = serde_json::from_str(&answer.coverage.to_json()).expect("JSON");
    assert_eq!(coverage["thresholds"]["fatigue_prompts_min"], 5, "{coverage}");
}
