//! Which events count, through the view, beside a plain computation of the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{AuthResult, DenialReason};

use crate::attempts::kept_tests::projector;
use crate::limits::Limits;
use crate::output::Format;
use crate::session::{Resources, Session};
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// The user ids of the events that count, in the order of their offsets.
async fn counted(book: &TestBook, resources: &Resources, condition: &str) -> String {
    let session = Session::open(&book.book, &book.directory, resources).expect("a session");
    let sql = format!("SELECT user_id FROM counted_events WHERE {condition} ORDER BY kafka_offset");
    text(session.sql(&sql).await, Format::Csv)
        .await
        .replace("user_id", "")
        .replace("\r\n", " ")
        .trim()
        .to_owned()
}

fn resources() -> Resources {
    Resources::new(Limits::default(), Arc::default()).expect("resources")
}

fn named(user: &'static str) -> TestEvent {
    event(at("2026-03-02T08:00:00Z")).with(|event| event.user_id = user)
}

#[tokio::test]
async fn a_copy_counts_once_wherever_it_came() {
    let mut book = TestBook::new().await;
    book.land(&[named("ada"), named("bob").with(|event| event.event_id = "f")]).await;
    // Beyond the window, or in another partition: not flagged.
    book.land(&[named("ada"), named("ada").duplicate()]).await;
    // The same id with other content is another event, as is the same content under another id.
    book.land(&[named("eve"), named("ada").with(|event| event.event_id = "g")]).await;
    assert_eq!(counted(&book, &resources(), "true").await, "ada bob eve ada");
}

#[tokio::test]
async fn the_last_state_of_a_sign_in_counts() {
    let mut book = TestBook::new().await;
    let state = |user, late_s| named(user).of("entra").late(TimeDelta::seconds(late_s));
    book.land(&[state("interrupted", 1), state("done", 9), state("between", 5)]).await;
    let resources = resources();
    assert_eq!(counted(&book, &resources, "true").await, "done");
    // A later one that ingest flagged as a copy of an earlier one counts all the same.
    book.land(&[state("interrupted", 12).duplicate()]).await;
    assert_eq!(counted(&book, &resources, "true").await, "interrupted");
    assert_eq!(counted(&book, &resources, "duplicate").await, "interrupted");
    // At the same moment the later offset counts.
    book.land(&[state("last", 12)]).await;
    assert_eq!(counted(&book, &resources, "true").await, "last");
    // Another tenant's or another source's id is another id.
    book.land(&[
        state("other", 1).with(|event| event.tenant_id = "globex"),
        named("another").of("okta"),
        named("more").of("okta"),
    ])
    .await;
    assert_eq!(counted(&book, &resources, "true").await, "last other another more");
}

#[tokio::test]
async fn a_day_that_was_read_anew_is_judged_anew() {
    let mut book = TestBook::new().await;
    book.land(&[named("ada"), named("eve"), named("bob").with(|event| event.event_id = "f")]).await;
    let resources = resources();
    assert_eq!(counted(&book, &resources, "true").await, "ada eve bob");
    // What a later decoder reads is a copy of the first.
    book.redecode(1, &named("ada")).await;
    assert_eq!(counted(&book, &resources, "true").await, "ada bob");
    // And then it is none, but of another day, where a copy of it stands already.
    book.land(&[event(at("2026-03-03T08:00:00Z")).with(|event| event.user_id = "eve")]).await;
    assert_eq!(counted(&book, &resources, "true").await, "ada bob eve");
    book.redecode(1, &event(at("2026-03-03T08:00:00Z")).with(|event| event.user_id = "eve")).await;
    assert_eq!(counted(&book, &resources, "true").await, "ada eve bob");
    assert!(book.book.check(&mut |_| {}).await.expect("checks").is_whole());
}

#[tokio::test]
async fn conditions_choose_among_those_that_count() {
    let mut book = TestBook::new().await;
    let state = |user, late_s| named(user).of("entra").late(TimeDelta::seconds(late_s));
    book.land(&[state("first", 1), state("second", 2)]).await;
    book.land(&[event(at("2026-03-03T08:00:00Z")).with(|event| event.user_id = "next")]).await;
    let resources = resources();
    for (condition, expected) in [
        ("user_id = 'first'", ""),
        ("user_id <> 'first'", "second next"),
        ("day = '2026-03-02'", "second"),
        ("occurred_at >= '2026-03-03T00:00:00Z'", "next"),
        ("day > '2026-03-02' OR user_id LIKE 's%'", "second next"),
        ("day > '2027-01-01'", ""),
    ] {
        assert_eq!(counted(&book, &resources, condition).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn an_older_version_is_answered_as_it_was() {
    let mut book = TestBook::new().await;
    let state = |user, late_s| named(user).of("entra").late(TimeDelta::seconds(late_s));
    let resources = resources();
    book.land(&[state("first", 1), state("second", 2)]).await;
    let older = Session::open(&book.book, &book.directory, &resources).expect("a session");
    book.land(&[state("third", 3)]).await;
    assert_eq!(counted(&book, &resources, "true").await, "third");
    let answer = older.sql("SELECT user_id FROM counted_events").await;
    assert_eq!(text(answer, Format::Csv).await, "user_id\r\nsecond\r\n");
    assert_eq!(counted(&book, &resources, "true").await, "third");
}

#[tokio::test]
async fn what_is_stored_of_repeats_is_found_out_where_it_is_gone() {
    let mut book = TestBook::new().await;
    book.land(&[named("ada"), named("bob").with(|event| event.event_id = "f")]).await;
    book.land(&[named("ada")]).await;
    projector(&book).await.refresh().await.expect("takes in");
    assert_eq!(counted(&book, &resources(), "true").await, "ada bob");
    let stored = book.folder.path().join("projections/v1/kind=exceptions-by-day");
    std::fs::remove_dir_all(stored).expect("it was stored");
    assert_eq!(counted(&book, &resources(), "true").await, "ada bob");
}

/// What counts, by the definition alone.
fn plainly(events: &[TestEvent]) -> Vec<usize> {
    let mut last: HashMap<_, (i64, usize)> = HashMap::new();
    let mut contents = BTreeSet::new();
    let mut counts = BTreeSet::new();
    for (offset, TestEvent { event, late_us, source, duplicate }) in events.iter().enumerate() {
        let id = (event.tenant_id, *source, event.event_id, event.occurred_at_us.div_euclid(86_400_000_000));
        let received = event.occurred_at_us + late_us;
        if *source == "entra" {
            let newest = last.entry(id).or_insert((received, offset));
            *newest = (*newest).max((received, offset));
        } else if !duplicate && contents.insert((id, format!("{event:?}"))) {
            counts.insert(offset);
        }
    }
    counts.extend(last.values().map(|(_, offset)| *offset));
    counts.into_iter().collect()
}

#[tokio::test]
async fn agrees_with_the_definition_while_the_book_grows() {
    let mut seed = 11_u64;
    let mut next = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for _ in 0..4 {
        let mut book = TestBook::new().await;
        let kept = resources();
        let mut following = None;
        let mut all: Vec<TestEvent> = Vec::new();
        for _ in 0..12 {
            let batch: Vec<TestEvent> = (0..1 + next(8))
                .map(|_| {
                    let moment = at("2026-03-02T08:00:00Z") + TimeDelta::days(next(3) as i64);
                    let source = ["entra", "gatebook"][next(2) as usize];
                    let id = ["a", "b", "c", "d"][next(4) as usize];
                    let made = event(moment).of(source).late(TimeDelta::seconds(next(4) as i64));
                    let made = made.with(|event| event.event_id = id);
                    let made =
                        if next(2) == 0 { made.denied(DenialReason::ALL[next(2) as usize]) } else { made };
                    // Ingest flags what it has seen before, whatever came in between.
                    let is_same = |other: &TestEvent| {
                        let key = |it: &TestEvent| (it.event.event_id, it.source, it.event.occurred_at_us);
                        key(other) == key(&made)
                    };
                    let is_known = source == "entra" && all.iter().any(is_same);
                    if is_known && next(2) == 0 { made.duplicate() } else { made }
                })
                .collect();
            all.extend(batch.iter().cloned());
            book.land(&batch).await;
            // Now and then what is stored has taken in everything, else a part.
            if next(3) == 0 {
                let following = match &mut following {
                    Some(following) => following,
                    none => none.insert(projector(&book).await),
                };
                following.refresh().await.expect("takes in");
            }
            // Copies whose arrival differs are the first that arrived: compared by what they say.
            let say = |offsets: Vec<usize>| {
                let mut said: Vec<String> = offsets
                    .iter()
                    .map(|offset| {
                        let TestEvent { event, source, .. } = &all[*offset];
                        format!(
                            "{source} {} {} {:?}",
                            event.event_id, event.occurred_at_us, event.denial_reason
                        )
                    })
                    .collect();
                said.sort();
                said
            };
            // A process that has seen all of it, and one that has only what is stored.
            for resources in [&kept, &resources()] {
                let session = Session::open(&book.book, &book.directory, resources).expect("a session");
                let sql = "SELECT kafka_offset FROM counted_events ORDER BY 1";
                let found = text(session.sql(sql).await, Format::Csv).await;
                let found: Vec<usize> =
                    found.lines().skip(1).map(|line| line.trim().parse().expect("an offset")).collect();
                assert_eq!(say(found), say(plainly(&all)));
            }
            assert!(all.iter().any(|made| made.event.result == AuthResult::Success) || all.len() < 9);
        }
    }
}
