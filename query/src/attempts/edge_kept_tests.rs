//! Attempts that are kept, where something lies just so: each against the same made anew.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lake::Book;
use lake::maintain::{Lease, Upkeep};
use lake::projections::Projections;
use projections::{Projector, behind};
use schemas::vocabulary::{AuthResult, DenialReason, Method};

use super::kept_tests::{ATTEMPTS, location, projector, rows};
use crate::test_book::{TestBook, TestEvent, event};

/// A book whose attempts are kept, and one of the same events where they are not.
struct Pair {
    kept: TestBook,
    plain: TestBook,
    keeping: Projector,
}

impl Pair {
    async fn new() -> Self {
        let (kept, plain) = (TestBook::new().await, TestBook::new().await);
        let keeping = projector(&kept).await;
        Self { kept, plain, keeping }
    }

    /// What came before this process began to keep attempts up.
    async fn of_before(events: &[TestEvent]) -> Self {
        let mut pair = Self::new().await;
        pair.land(events).await;
        // The first makes all anew, the second looks at what is there.
        for _ in 0..2 {
            pair.keeping.refresh().await.expect("keeps up");
        }
        pair
    }

    async fn land(&mut self, events: &[TestEvent]) {
        self.kept.land(events).await;
        self.plain.land(events).await;
    }

    async fn redecode(&mut self, offset: i64, new: &TestEvent) {
        self.kept.redecode(offset, new).await;
        self.plain.redecode(offset, new).await;
    }

    #[track_caller]
    fn is_the_same(kept: Vec<String>, plain: Vec<String>, when: &str) {
        assert_eq!(kept, plain, "{when}");
    }

    /// Before it is stored and after it was, the answer is that of the book alone.
    async fn check(&mut self) {
        let plain = rows(&self.plain, ATTEMPTS).await;
        Self::is_the_same(rows(&self.kept, ATTEMPTS).await, plain.clone(), "before it is stored");
        self.keeping.refresh().await.expect("keeps up");
        Self::is_the_same(rows(&self.kept, ATTEMPTS).await, plain, "stored");
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// A wrong code of `ada`, with an id of its own.
fn wrong(moment: &str) -> TestEvent {
    let id: &'static str = moment.to_owned().leak();
    event(at(moment)).with(|event| {
        (event.event_id, event.result) = (id, AuthResult::Denied);
        (event.method, event.denial_reason) = (Some(Method::OathToken), Some(DenialReason::WrongCode));
    })
}

fn of_bob(made: TestEvent) -> TestEvent {
    made.with(|event| (event.user_key, event.user_id) = ("bob", "bob"))
}

fn keyed(made: TestEvent) -> TestEvent {
    made.with(|event| event.attempt_id = Some("k"))
}

#[tokio::test]
async fn of_an_attempt_over_midnight_both_ends_become_somebody_elses() {
    let of = |moment| keyed(wrong(moment)).of("entra");
    let [first, before, after] =
        ["2026-03-02T23:51:00Z", "2026-03-02T23:59:00Z", "2026-03-03T00:08:00Z"].map(of);
    let mut pair = Pair::of_before(&[first, before.clone(), after.clone()]).await;
    let later = |made: TestEvent| of_bob(made).late(TimeDelta::minutes(1));
    pair.land(&[later(before), later(after)]).await;
    pair.check().await;
}

#[tokio::test]
async fn a_late_event_joins_what_lies_before_those_in_memory() {
    let mut pair = Pair::of_before(&[wrong("2026-03-02T08:34:00Z"), wrong("2026-03-02T08:50:00Z")]).await;
    for moment in ["2026-03-02T08:55:00Z", "2026-03-02T08:42:00Z"] {
        pair.land(&[wrong(moment)]).await;
        pair.check().await;
    }
}

#[tokio::test]
async fn a_late_event_does_not_hide_what_is_older_than_all_that_is_known() {
    let long_after = of_bob(wrong("2026-03-12T12:00:00Z"));
    let mut pair = Pair::of_before(&[wrong("2026-03-02T12:00:00Z"), long_after]).await;
    for moment in ["2026-03-02T08:00:00Z", "2026-03-02T12:05:00Z"] {
        pair.land(&[wrong(moment)]).await;
        pair.check().await;
    }
}

#[tokio::test]
async fn a_new_reading_takes_an_event_out_of_an_attempt_that_began_the_day_before() {
    let events = ["2026-03-02T23:55:00Z", "2026-03-03T00:04:00Z"].map(wrong);
    let mut pair = Pair::of_before(&events).await;
    let [_, after] = events;
    pair.redecode(1, &of_bob(after)).await;
    pair.check().await;
}

#[tokio::test]
async fn what_is_in_memory_of_a_day_that_is_gone_is_forgotten() {
    let mut pair = Pair::new().await;
    pair.keeping.refresh().await.expect("keeps up");
    pair.land(&[wrong("2026-03-02T12:00:00Z")]).await;
    pair.check().await;
    // The only event of its day turns out to be somebody else's, the day after.
    pair.redecode(0, &of_bob(wrong("2026-03-03T12:00:00Z"))).await;
    pair.check().await;
    pair.land(&[wrong("2026-03-02T12:05:00Z")]).await;
    pair.check().await;
}

#[tokio::test]
async fn a_late_event_before_midnight_makes_a_day_without_a_pause() {
    let tick = |minute: i64| {
        let moment = at("2026-03-03T00:03:00Z") + TimeDelta::minutes(minute);
        let id: &'static str = format!("t{minute}").leak();
        event(moment).with(|event| event.event_id = id)
    };
    // From three past midnight for three days, never longer than five minutes apart: too long to be read as a whole.
    let mut events: Vec<TestEvent> = (0..4_500).step_by(5).map(tick).collect();
    events.push(event(at("2026-03-02T23:50:00Z")).with(|event| event.event_id = "before"));
    let text = |moment: &str, server, application, result| {
        wrong(moment).with(|event| {
            (event.method, event.result) = (Some(Method::TextMessage), result);
            (event.server_name, event.application) = (Some(server), Some(application));
            event.denial_reason = (result == AuthResult::Denied).then_some(DenialReason::WrongCode);
        })
    };
    events.push(text("2026-03-03T23:59:30Z", "a", "x", AuthResult::Pending));
    events.push(text("2026-03-04T00:00:30Z", "b", "y", AuthResult::Denied));
    let mut pair = Pair::of_before(&events).await;
    assert_eq!(
        rows(&pair.kept, "SELECT inferred_cause FROM attempts WHERE application = 'y'").await,
        ["other-server"]
    );
    pair.land(&[event(at("2026-03-02T23:56:00Z")).with(|event| event.event_id = "late")]).await;
    pair.check().await;
}

#[tokio::test]
async fn ids_hold_what_they_like() {
    let mut pair = Pair::of_before(&[wrong("2026-03-02T08:00:00Z")]).await;
    let odd = |made: TestEvent| made.with(|event| (event.tenant_id, event.user_key) = ("ac\0me", "a\0da"));
    pair.land(&[odd(wrong("2026-03-02T08:01:00Z")), odd(wrong("2026-03-02T09:01:00Z"))]).await;
    pair.check().await;
    let told = rows(&pair.kept, "SELECT DISTINCT tenant_id, source, user_key FROM attempts").await;
    assert_eq!(told, ["ac\0me,gatebook,a\0da", "acme,gatebook,ada"]);
}

#[tokio::test]
async fn a_merged_file_of_several_partitions_is_not_taken_in_again_and_again() {
    let book = &mut TestBook::new().await;
    let mut keeping = projector(book).await;
    let some: Vec<TestEvent> = (10..40).map(|minute| wrong(&format!("2026-03-02T08:{minute}:00Z"))).collect();
    book.land_from(0, &some).await;
    book.land_from(1, &[wrong("2026-03-02T10:00:00Z")]).await;
    let upkeep = Upkeep {
        retention_days: 100_000,
        compact_files_min: 2,
        compact_file_bytes_max: 1 << 20,
        compact_rows_max: 1 << 20,
        checkpoint_commits: 1_000,
        vacuum_after: Duration::from_secs(3_600),
        lease: Duration::from_secs(60),
    };
    let mut lease = Lease::take(&location(book), upkeep.lease, Duration::ZERO).await.expect("free");
    book.book.refresh().await.expect("refreshes");
    let done = book.book.maintain(&upkeep, &mut lease, &mut |_| {}).await.expect("merges");
    assert!(done.files_merged > 0, "{done:?}");
    keeping.refresh().await.expect("keeps up");
    let lacking = async || {
        let latest = Book::open(&location(book)).await.expect("opens");
        let mut table = Projections::open(&location(book)).await.expect("opens").expect("is there");
        behind(&latest, &mut table).await.expect("is known")
    };
    assert_eq!(lacking().await, 0);
}
