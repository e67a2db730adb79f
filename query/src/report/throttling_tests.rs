//! Who is told to have been slowed down, against a count of the test's own events.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::throttling::REPORT;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// A text message of a user so many seconds after noon, in an attempt of its own unless a key is given.
fn of(user: &'static str, seconds: i64, key: Option<&'static str>) -> TestEvent {
    let id: &'static str = format!("{user} {seconds}").leak();
    event(at("2026-11-20T12:00:00Z") + TimeDelta::seconds(seconds)).with(|event| {
        (event.event_id, event.user_id, event.user_key) = (id, user, user);
        (event.method, event.stage) = (Some(Method::TextMessage), Stage::SecondFactor);
        (event.assurance, event.attempt_id) = (Assurance::Challenged, Some(key.unwrap_or(id)));
    })
}

fn sent(event: &mut schemas::Event<'static>) {
    event.result = AuthResult::Pending;
}

async fn rows(book: &TestBook, given: &[(&str, &str)]) -> Vec<String> {
    let range = [("from", "2026-11-20T12:00:00Z"), ("to", "2026-11-21")];
    let range = range.iter().filter(|(name, _)| given.iter().all(|(other, _)| other != name));
    let parameters =
        REPORT.parse(range.chain(given).copied(), at("2027-01-01T00:00:00Z")).expect("parameters");
    let csv = text(REPORT.answer(&book.session(Limits::default()), &parameters).await, Format::Csv).await;
    let row = |line: &str| line.split(',').skip(1).take(9).collect::<Vec<_>>().join(" ");
    csv.lines().skip(1).map(row).collect()
}

#[tokio::test]
async fn what_began_at_the_same_moment_is_no_retry() {
    for is_first in [true, false] {
        let mut book = TestBook::new().await;
        let other = of("both", 0, Some("other")).with(|event| event.event_id = "other");
        let denied = of("both", 0, Some("busy")).denied(DenialReason::PhoneBusy);
        book.land(&if is_first { [denied, other] } else { [other, denied] }).await;
        assert_eq!(rows(&book, &[]).await, ["both (gatebook) 2 0  1 1 0 0 0"]);
    }
}

#[tokio::test]
async fn counts_retries_limits_and_codes_that_came_too_late_or_elsewhere() {
    let mut book = TestBook::new().await;
    let wrong = |event: TestEvent| event.denied(DenialReason::WrongCode);
    let elsewhere = |event: &mut schemas::Event<'static>| event.server_name = Some("gate-2");
    let mut events = vec![
        // Three tries within five minutes after a denied one, and one that is later.
        of("again", 0, None).denied(DenialReason::NoResponse),
        of("again", 60, None).denied(DenialReason::NoResponse),
        of("again", 120, None).denied(DenialReason::Throttled),
        of("again", 301, None),
        of("again", 700, None),
        // Typed when the code's life was over, and within it.
        of("late", 0, Some("late")).with(sent),
        wrong(of("late", 299, Some("late"))),
        wrong(of("late", 301, Some("late"))),
        // Hours later it has nothing to do with the code.
        wrong(of("late", 3_700, None)),
        of("elsewhere", 0, Some("elsewhere")).with(sent),
        wrong(of("elsewhere", 20, Some("elsewhere")).with(elsewhere)),
        of("elsewhere", 40, None).denied(DenialReason::OtherServer),
        of("busy", 0, None).denied(DenialReason::PhoneBusy),
        of("locked", 0, None).denied(DenialReason::LockedOut),
        of("fine", 0, None),
    ];
    // A copy is no try.
    events.push(of("again", 60, None).denied(DenialReason::NoResponse).duplicate());
    book.land(&events).await;
    // Person, attempts, retries, most, events, repeated, limited, expired, elsewhere.
    assert_eq!(
        rows(&book, &[]).await,
        [
            "again (gatebook) 5 3 3 1 0 1 0 0",
            "locked (gatebook) 1 0  1 0 1 0 0",
            "elsewhere (gatebook) 2 1 2 2 0 0 0 2",
            "busy (gatebook) 1 0  1 1 0 0 0",
            "late (gatebook) 2 0  1 0 0 1 0",
        ]
    );
    // What was sent or denied before the range is known in it.
    let later = [("from", "2026-11-20T12:01:30Z")];
    assert_eq!(
        rows(&book, &later).await,
        ["again (gatebook) 3 2 3 1 0 1 0 0", "late (gatebook) 1 0  1 0 0 1 0"]
    );
    assert_eq!(rows(&book, &[("person", "late (gatebook)")]).await, ["late (gatebook) 2 0  1 0 0 1 0"]);
}
