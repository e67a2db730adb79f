use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::DenialReason;

use super::REPORT;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// An attempt of its own.
fn attempt(user: &'static str, minute: i64, prompts: i32) -> TestEvent {
    let event = event(at("2026-10-25T08:00:00Z") + TimeDelta::minutes(minute));
    event.with(|event| {
        (event.user_id, event.user_key) = (user, user);
        event.prompts = Some(prompts);
    })
}

#[tokio::test]
async fn who_was_asked_most_comes_first_with_what_became_of_it() {
    let mut book = TestBook::new().await;
    book.land(&[
        attempt("ada", 0, 2).denied(DenialReason::UserDeclined),
        attempt("ada", 20, 3).denied(DenialReason::NoResponse),
        attempt("ada", 40, 1),
        attempt("bob", 0, 6),
        attempt("cem", 0, 7).with(|event| event.tenant_id = "other"),
        attempt("dan", 0, 0),
        // Before the range and after it.
        attempt("eve", -8 * 60 - 1, 9),
        attempt("eve", 16 * 60, 9),
    ])
    .await;
    let session = book.session(Limits::default());
    let ask = async |given: &[(&str, &str)]| {
        let day = [("from", "2026-10-25"), ("to", "2026-10-26")];
        let given = day.iter().chain(given).copied();
        let parameters = REPORT.parse(given, at("2026-11-01T00:00:00Z")).expect("parameters");
        text(REPORT.answer(&session, &parameters).await, Format::Csv).await.replace("\r\n", "\n")
    };
    let head = "tenant,source,user_key,prompts,attempts,succeeded,declined,unanswered,first_at,last_at\n";
    let cem = "other,gatebook,cem,7,1,1,0,0,2026-10-25T08:00:00Z,2026-10-25T08:00:00Z\n";
    let ada = "acme,gatebook,ada,6,3,1,1,1,2026-10-25T08:00:00Z,2026-10-25T08:40:00Z\n";
    let bob = "acme,gatebook,bob,6,1,1,0,0,2026-10-25T08:00:00Z,2026-10-25T08:00:00Z\n";
    assert_eq!(ask(&[]).await, format!("{head}{cem}{ada}{bob}"));
    assert_eq!(ask(&[("limit", "1")]).await, format!("{head}{cem}"));
    assert_eq!(ask(&[("tenant", "acme")]).await, format!("{head}{ada}{bob}"));
}
