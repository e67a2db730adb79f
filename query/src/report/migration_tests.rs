//! Who is told to pass which product, against a count of the test's own events.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, DenialReason, Method, Stage};

use super::migration::REPORT;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

fn of(source: &'static str, user: &'static str, hour: i64) -> TestEvent {
    let id: &'static str = format!("{source} {user} {hour}").leak();
    event(at("2026-11-20T00:00:00Z") + TimeDelta::hours(hour)).of(source).with(|event| {
        (event.event_id, event.user_id, event.user_key) = (id, user, user);
        (event.method, event.stage) = (Some(Method::MobileAppNotification), Stage::SecondFactor);
        event.assurance = Assurance::Challenged;
    })
}

async fn rows(book: &TestBook, given: &[(&str, &str)]) -> Vec<String> {
    let range = [("from", "2026-11-20"), ("to", "2026-11-21")];
    let given = range.iter().chain(given).copied();
    let parameters = REPORT.parse(given, at("2027-01-01T00:00:00Z")).expect("parameters");
    let csv = text(REPORT.answer(&book.session(Limits::default()), &parameters).await, Format::Csv).await;
    csv.lines()
        .skip(1)
        .map(|line| line.trim().replace("2026-11-20T", "").replace(":00:00.000Z", ""))
        .collect()
}

#[tokio::test]
async fn persons_are_told_by_where_their_second_factor_is_challenged() {
    let mut book = TestBook::new().await;
    let cached = |event: &mut schemas::Event<'static>| event.assurance = Assurance::SatisfiedEarlier;
    book.land(&[
        of("mfa-server", "ada@acme.example", 1),
        of("mfa-server", "ada@acme.example", 2),
        // One that needed none is not counted.
        of("mfa-server", "ada@acme.example", 3).with(cached),
        of("mfa-server", "bob@acme.example", 1),
        // Denied before the last success at the server, and after it.
        of("entra", "bob@acme.example", 0).denied(DenialReason::NotActivated),
        of("entra", "bob@acme.example", 5).denied(DenialReason::NotActivated),
        of("entra", "bob@acme.example", 6).denied(DenialReason::WrongPassword).with(cached),
        of("entra", "cy@acme.example", 4),
        of("entra", "cy@acme.example", 7).denied(DenialReason::NoResponse),
        of("entra", "dan@acme.example", 4).with(cached),
        of("duo", "eve@acme.example", 4),
    ])
    .await;
    let bob = "acme,bob@acme.example,both,1,1,01,01,2,2,00,05,1,not-activated";
    assert_eq!(
        rows(&book, &[]).await,
        [
            "acme,ada@acme.example,server,2,2,01,02,0,0,,,0,",
            bob,
            "acme,cy@acme.example,cloud,0,0,,,2,2,04,07,1,no-response",
        ]
    );
    assert_eq!(rows(&book, &[("state", "both")]).await, [bob]);
    assert_eq!(rows(&book, &[("person", "bob@acme.example")]).await, [bob]);
}
