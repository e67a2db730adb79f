//! Attempts that are kept, against the same made anew.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lake::Location;
use lake::projections::{PartKind, Projections};
use projections::{Projector, Rules};
use schemas::vocabulary::{AuthResult, DenialReason, Method};

use crate::limits::Limits;
use crate::output::Format;
use crate::session::folded;
use crate::test_book::{TestBook, TestEvent, event, text};

/// Draws numbers that are the same in each run.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

pub(crate) fn location(book: &TestBook) -> Location {
    Location::parse(&book.folder.path().display().to_string()).expect("a location")
}

pub(crate) async fn projector(book: &TestBook) -> Projector {
    Projector::open(&location(book), Arc::new(Rules::default()), folded()).await.expect("opens")
}

pub(crate) async fn rows(book: &TestBook, sql: &str) -> Vec<String> {
    let told = text(book.session(Limits::default()).sql(sql).await, Format::Csv).await;
    let mut rows: Vec<String> = told.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    assert!(!told.starts_with("error"), "{told}");
    rows
}

pub(crate) const ATTEMPTS: &str = "SELECT tenant_id, user_key, source, attempt_id, first_at, last_at, application, server_name, \
    methods, method, event_ids, events, steps, prompts, result, denial_reason, inferred, inferred_cause, assurance, joined_by, \
    day FROM attempts";

const PERSONS: &str = "SELECT * FROM persons";

const IDENTITIES: &str = "SELECT * FROM identities";

const SIGN_INS: &str = "SELECT * FROM sign_ins";

/// An event at some minute, among few, of few persons, some of whom never pause.
fn some_event(draw: &mut Draw, number: u64, minutes: u64) -> TestEvent {
    let start = "2026-03-02T20:00:00Z".parse::<DateTime<Utc>>().expect("a moment");
    let at = start + TimeDelta::minutes(draw.below(minutes) as i64);
    let result = draw.one(AuthResult::ALL);
    let reasons = [DenialReason::WrongCode, DenialReason::UserDeclined];
    let made = event(at).of(draw.one(&["okta", "gatebook", "entra", "duo"]));
    let id: &'static str = format!("e{number}").leak();
    let reason = (result == AuthResult::Denied).then(|| draw.one(&reasons));
    let method = draw.one(&[Method::TextMessage, Method::MobileAppNotification, Method::OathToken]);
    let user = draw.one(&["ada", "bob", "ada@acme.example"]);
    let (attempt_id, server) = (draw.one(&[None, None, Some("k"), Some("l")]), draw.one(&["a", "b"]));
    let (application, email) =
        (draw.one(&[None, Some("vpn")]), draw.one(&[None, None, Some("ada@acme.example")]));
    let prompts = draw.one(&[None, None, Some(2)]);
    made.with(|event| {
        (event.event_id, event.result, event.denial_reason, event.method) =
            (id, result, reason, Some(method));
        (event.user_key, event.user_id, event.email) = (user, user, email);
        (event.attempt_id, event.server_name, event.application) = (attempt_id, Some(server), application);
        event.prompts = prompts;
    })
}

/// A later state of an event, by which another person may have signed in at another time of the day, or a copy of it.
pub(crate) fn again(draw: &mut Draw, of: &TestEvent) -> TestEvent {
    let copy = of.clone().late(TimeDelta::seconds(draw.below(30) as i64));
    match draw.below(4) {
        0 => copy,
        1 => copy.duplicate(),
        _ => {
            let user = draw.one(&["ada", "bob"]);
            let start_us = copy.event.occurred_at_us.div_euclid(86_400_000_000) * 86_400_000_000;
            let at_us = start_us + 3_600_000_000 * 23 + draw.below(60) as i64 * 60_000_000;
            copy.with(|event| (event.user_key, event.user_id, event.occurred_at_us) = (user, user, at_us))
        }
    }
}

/// Lands events in random batches, with copies and later states; keeps up now and then, with a projector that remembers or
/// one that begins; and compares every so often, stored or not, with what is made of nothing but the book.
async fn keeps_up(seed: u64, events: u64, minutes: u64) {
    let mut draw = Draw(seed);
    let (mut kept, mut plain) = (TestBook::new().await, TestBook::new().await);
    let mut keeping = projector(&kept).await;
    let (mut all, mut number): (Vec<TestEvent>, u64) = (Vec::new(), 0);
    let mut has_refolded = false;
    while number < events {
        let batch: Vec<TestEvent> = (0..1 + draw.below(25))
            .map(|_| {
                number += 1;
                if !all.is_empty() && draw.below(6) == 0 {
                    let of = all[draw.below(all.len() as u64) as usize].clone();
                    again(&mut draw, &of)
                } else {
                    some_event(&mut draw, number, minutes)
                }
            })
            .collect();
        all.extend(batch.iter().cloned());
        let partition = draw.below(3) as i32;
        kept.land_from(partition, &batch).await;
        plain.land_from(partition, &batch).await;
        if draw.below(3) > 0 {
            let done = keeping.refresh().await.expect("keeps up");
            has_refolded |= done.is_some_and(|done| !done.rebuilt);
        }
        match draw.below(8) {
            0 => keeping = projector(&kept).await,
            1 => drop(keeping.rebuild(&mut |_| {}).await.expect("makes anew")),
            2 => while keeping.table().merge_once().await.expect("merges") {},
            _ => {}
        }
        if draw.below(4) == 0 {
            assert_eq!(
                rows(&kept, ATTEMPTS).await,
                rows(&plain, ATTEMPTS).await,
                "seed {seed}, {number} events"
            );
        }
    }
    keeping.refresh().await.expect("keeps up");
    for table in [ATTEMPTS, PERSONS, IDENTITIES, SIGN_INS] {
        assert_eq!(rows(&kept, table).await, rows(&plain, table).await, "seed {seed}, at the end");
    }
    assert!(has_refolded);
}

#[tokio::test]
async fn what_is_kept_is_what_would_be_made_anew() {
    // Over few hours nobody ever pauses; over days they do.
    for (seed, minutes) in [(1, 180), (2, 2_000), (3, 6_000)] {
        keeps_up(seed, 150, minutes).await;
    }
}

#[tokio::test]
async fn the_same_events_give_the_same_tables_however_they_come() {
    let mut draw = Draw(21);
    let mut events: Vec<TestEvent> = Vec::new();
    for number in 0..160 {
        let made = if number > 20 && draw.below(5) == 0 {
            let of = events[draw.below(events.len() as u64) as usize].clone();
            // No two states of one event came at the same moment: which of them is the last is then told by Kafka's offsets.
            let state = again(&mut draw, &of);
            TestEvent { duplicate: false, late_us: number as i64, ..state }
        } else {
            TestEvent { late_us: number as i64, ..some_event(&mut draw, number, 1_500) }
        };
        events.push(made);
    }
    let mut expected: Option<Vec<Vec<String>>> = None;
    for round in 0..4 {
        for index in (1..events.len()).rev() {
            events.swap(index, draw.below(index as u64 + 1) as usize);
        }
        let mut book = TestBook::new().await;
        let mut keeping = projector(&book).await;
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at((1 + draw.below(30) as usize).min(rest.len()));
            book.land_from(draw.below(4) as i32, batch).await;
            // Copies that a connector sends again, to whichever partition.
            if draw.below(3) == 0 {
                book.land_from(draw.below(4) as i32, &batch[..1]).await;
            }
            if draw.below(2) == 0 {
                keeping.refresh().await.expect("keeps up");
            }
            rest = later;
        }
        if round % 2 == 0 {
            keeping.refresh().await.expect("keeps up");
        }
        let mut found = Vec::new();
        for table in [ATTEMPTS, PERSONS, IDENTITIES, SIGN_INS] {
            found.push(rows(&book, table).await);
        }
        assert!(found[0].len() > 40, "{found:?}");
        let expected = expected.get_or_insert_with(|| found.clone());
        assert_eq!(found, *expected, "round {round}");
    }
}

#[tokio::test]
async fn whoever_never_pauses_is_kept_up_without_their_past() {
    let start = "2026-03-01T23:30:00Z".parse::<DateTime<Utc>>().expect("a moment");
    let tick = |minute: i64| {
        let id: &'static str = format!("t{minute}").leak();
        event(start + TimeDelta::minutes(minute)).with(|event| {
            (event.event_id, event.result) = (id, AuthResult::Denied);
            event.denial_reason = Some(DenialReason::WrongCode);
        })
    };
    let (mut kept, mut plain) = (TestBook::new().await, TestBook::new().await);
    let mut keeping = projector(&kept).await;
    // Three days, a try every five minutes; some of them come late.
    let is_late = |minute: &i64| minute % 600 == 0;
    let minutes: Vec<i64> = (0..4_400).step_by(5).collect();
    for some in minutes.chunks(90) {
        let batch: Vec<TestEvent> =
            some.iter().filter(|it| !is_late(it)).map(|minute| tick(*minute)).collect();
        for book in [&mut kept, &mut plain] {
            book.land(&batch).await;
        }
        keeping.refresh().await.expect("keeps up");
    }
    let told = rows(&kept, "SELECT first_at, events FROM attempts").await;
    assert_eq!(told, rows(&plain, "SELECT first_at, events FROM attempts").await);
    for minute in minutes.iter().filter(|it| is_late(it)) {
        for book in [&mut kept, &mut plain] {
            book.land(&[tick(*minute)]).await;
        }
        assert_eq!(
            rows(&kept, ATTEMPTS).await,
            rows(&plain, ATTEMPTS).await,
            "before it is stored, {minute}"
        );
        keeping.refresh().await.expect("keeps up");
        assert_eq!(rows(&kept, ATTEMPTS).await, rows(&plain, ATTEMPTS).await, "{minute}");
    }
}

#[tokio::test]
async fn merging_leaves_few_files_and_none_that_is_void() {
    let mut book = TestBook::new().await;
    let mut keeping = projector(&book).await;
    let mut draw = Draw(7);
    for number in 0..40 {
        book.land(&[some_event(&mut draw, number, 120)]).await;
        keeping.refresh().await.expect("keeps up");
    }
    let parts = async |book: &TestBook| {
        let table = Projections::open(&location(book)).await.expect("opens").expect("is there");
        let parts = table.parts().expect("parts").into_iter();
        parts.filter(|part| !part.kind.adds_up()).collect::<Vec<_>>()
    };
    let before = rows(&book, ATTEMPTS).await;
    assert!(parts(&book).await.len() > 40);
    while keeping.table().merge_once().await.expect("merges") {}
    let merged = parts(&book).await;
    assert!(merged.len() <= 4, "{merged:?}");
    assert_eq!(
        merged.iter().filter(|part| part.kind == PartKind::Void).map(|part| part.rows).sum::<u64>(),
        0
    );
    assert_eq!(rows(&book, ATTEMPTS).await, before);
}

#[tokio::test]
async fn an_older_session_is_answered_as_it_was() {
    let mut book = TestBook::new().await;
    let mut keeping = projector(&book).await;
    let mut draw = Draw(9);
    let mut older = Vec::new();
    for number in 0..6 {
        book.land(&[some_event(&mut draw, number, 120)]).await;
        let plain = rows(&book, ATTEMPTS).await;
        older.push((book.session(Limits::default()), plain));
        keeping.refresh().await.expect("keeps up");
    }
    for (session, expected) in older {
        let told = text(session.sql(ATTEMPTS).await, Format::Csv).await;
        let mut told: Vec<String> = told.lines().skip(1).map(str::to_owned).collect();
        told.sort();
        assert_eq!(told, expected);
    }
}
