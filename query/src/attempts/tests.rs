//! Attempts, as SQL shows them.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// An event some seconds after eight o'clock, with an id of its own.
fn step(seconds: i64, method: Method, result: AuthResult) -> TestEvent {
    let id = format!("{seconds} {method} {result}").leak();
    event(at("2026-03-02T08:00:00Z") + TimeDelta::seconds(seconds)).with(|event| {
        (event.event_id, event.method, event.result) = (id, Some(method), result);
        event.stage = Stage::SecondFactor;
        event.assurance = Assurance::Challenged;
        event.denial_reason = (result == AuthResult::Denied).then_some(DenialReason::WrongCode);
    })
}

fn keyed(key: &'static str, seconds: i64, result: AuthResult) -> TestEvent {
    step(seconds, Method::MobileAppCode, result).with(|event| event.attempt_id = Some(key))
}

const COLUMNS: &str =
    "events, prompts, result, coalesce(denial_reason, 'none'), inferred, coalesce(joined_by, 'none')";

async fn attempts(events: &[TestEvent], columns: &str) -> Vec<String> {
    let mut book = TestBook::new().await;
    book.land(events).await;
    told(&book, columns).await
}

async fn told(book: &TestBook, columns: &str) -> Vec<String> {
    let sql = format!("SELECT {columns} FROM attempts ORDER BY first_at, user_key, attempt_id");
    let found = text(book.session(Limits::default()).sql(&sql).await, Format::Csv).await;
    found.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[track_caller]
fn check(found: Vec<String>, expected: &[&str]) {
    assert_eq!(found, expected);
}

use AuthResult::{Denied, Pending, Success};

#[tokio::test]
async fn a_message_to_nobody_who_is_named_is_no_attempt() {
    let of_nobody = |seconds, method, result| {
        step(seconds, method, result).with(|event| (event.user_id, event.user_key) = ("unknown", "unknown"))
    };
    let events = [
        // The log of messages names no user; that of sign-ins says how it ended.
        of_nobody(0, Method::TextMessage, Pending).with(|event| event.attempt_id = Some("k")),
        step(20, Method::TextMessage, Success).with(|event| event.attempt_id = Some("k")),
        of_nobody(60, Method::VoiceCall, Pending),
        of_nobody(90, Method::Password, Denied),
    ];
    check(
        attempts(&events, &format!("user_key, {COLUMNS}")).await,
        &["ada,1,1,success,none,false,key", "unknown,1,0,denied,wrong-code,false,none"],
    );
}

#[tokio::test]
async fn a_key_joins_and_a_long_pause_parts() {
    let events = [
        keyed("k", 0, Denied),
        keyed("k", 30, Success),
        keyed("k", 30 + 601, Success),
        keyed("other", 30, Denied),
    ];
    check(
        attempts(&events, COLUMNS).await,
        &[
            "2,0,success,none,false,key",
            "1,0,denied,wrong-code,false,key",
            "1,0,success,none,false,key-and-gap",
        ],
    );
    // Ten minutes are no long pause.
    check(
        attempts(&[keyed("k", 0, Denied), keyed("k", 600, Success)], COLUMNS).await,
        &["2,0,success,none,false,key"],
    );
}

#[tokio::test]
async fn without_a_key_an_attempt_ends_when_the_gate_opens() {
    let code = |seconds, result| step(seconds, Method::OathToken, result);
    check(
        attempts(&[code(0, Denied), code(20, Denied), code(40, Success), code(60, Denied)], COLUMNS).await,
        &["3,0,success,none,false,inferred", "1,0,denied,wrong-code,false,none"],
    );
    let vpn = |made: TestEvent| made.with(|event| event.application = Some("vpn"));
    check(
        attempts(&[code(0, Denied), vpn(code(10, Denied))], COLUMNS).await,
        &["1,0,denied,wrong-code,false,none", "1,0,denied,wrong-code,false,none"],
    );
}

#[tokio::test]
async fn people_sources_and_tenants_are_apart() {
    let of = |user, source| {
        keyed("k", 0, Success).of(source).with(|event| {
            event.user_key = user;
            event.tenant_id = if user == "eve" { "globex" } else { "acme" };
        })
    };
    let events = [of("ada", "duo"), of("bob", "duo"), of("ada", "okta"), of("eve", "duo")];
    assert_eq!(attempts(&events, "events").await, ["1", "1", "1", "1"]);
}

#[tokio::test]
async fn a_code_that_outlived_its_life_is_a_denial_and_a_younger_one_is_open() {
    let sent = |seconds| step(seconds, Method::TextMessage, Pending);
    check(attempts(&[sent(0)], COLUMNS).await, &["1,1,denied,no-response,true,none"]);
    // One that was sent a moment ago can still be answered; in the cloud no longer after three minutes.
    for (age_s, source, expected) in [
        (100, "gatebook", "1,1,open,none,false,none"),
        (240, "gatebook", "1,1,open,none,false,none"),
        (330, "gatebook", "1,1,denied,no-response,true,none"),
        (240, "okta", "1,1,denied,no-response,true,none"),
    ] {
        let moment = Utc::now() - TimeDelta::seconds(age_s);
        let young = sent(0).of(source).with(|event| event.occurred_at_us = moment.timestamp_micros());
        check(attempts(&[young], COLUMNS).await, &[expected]);
    }
    // Answered: one prompt, and the answer decides.
    let answer = step(20, Method::TextMessage, Success);
    check(attempts(&[sent(0), answer], COLUMNS).await, &["2,1,success,none,false,inferred"]);
    // What is interrupted before any challenge is no denial.
    let interrupt = keyed("k", 0, Pending).with(|event| event.stage = Stage::WholeSignIn);
    check(attempts(&[interrupt], COLUMNS).await, &["1,0,undecided,none,false,key"]);
}

#[tokio::test]
async fn a_code_on_another_server_than_the_one_that_sent_it_has_that_cause() {
    let on = |server, made: TestEvent| made.with(|event| event.server_name = Some(server));
    let sent = on("a", step(0, Method::TextMessage, Pending));
    let columns = "denial_reason, coalesce(inferred_cause, 'none'), server_name";
    for (server, seconds, expected) in [
        ("b", 20, "wrong-code,other-server,b"),
        ("a", 20, "wrong-code,none,a"),
        // After its life it would have been wrong anywhere.
        ("b", 301, "wrong-code,none,b"),
    ] {
        let wrong = on(server, step(seconds, Method::TextMessage, Denied));
        check(attempts(&[sent.clone(), wrong], columns).await, &[expected]);
    }
    let app = on("b", step(20, Method::MobileAppCode, Denied));
    check(attempts(&[sent, app], columns).await, &["wrong-code,none,b"]);
}

#[tokio::test]
async fn prompts_are_told_or_counted() {
    let push = |seconds, result| step(seconds, Method::MobileAppNotification, result);
    let declined = |seconds| push(seconds, Denied).denied(DenialReason::UserDeclined);
    check(
        attempts(&[declined(0), declined(20), push(40, Success)], "events, prompts, result, assurance").await,
        &["3,3,success,challenged"],
    );
    let told = declined(0).with(|event| event.prompts = Some(4));
    check(attempts(&[told], "prompts").await, &["4"]);
}

#[tokio::test]
async fn the_same_events_give_the_same_attempts_however_they_come() {
    let mut seed = 5_u64;
    let mut next = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    let methods = [Method::TextMessage, Method::MobileAppNotification, Method::OathToken];
    let mut events: Vec<TestEvent> = (0..400)
        .map(|number: u64| {
            let method = methods[next(3) as usize];
            let result = AuthResult::ALL[next(3) as usize];
            // Few moments, so that several events share one; over midnight.
            let made = step(57_000 + 60 * next(90) as i64, method, result)
                .of(["okta", "gatebook"][next(2) as usize]);
            let id: &'static str = format!("e{number}").leak();
            made.with(|event| {
                event.event_id = id;
                event.user_key = ["ada", "bob"][next(2) as usize];
                event.attempt_id = [None, Some("k"), Some("l")][next(3) as usize];
                event.server_name = Some(["a", "b"][next(2) as usize]);
                event.application = [None, Some("vpn")][next(2) as usize];
            })
        })
        .collect();
    let all = "user_key, source, attempt_id, first_at, last_at, application, server_name, methods, event_ids, prompts, \
               result, denial_reason, inferred, inferred_cause, assurance, joined_by";
    let sorted = async |book: &TestBook| {
        let mut told = told(book, all).await;
        told.sort();
        told
    };
    let mut once = TestBook::new().await;
    once.land(&events).await;
    let expected = sorted(&once).await;
    assert!(
        expected.len() > 20 && expected.iter().any(|attempt| attempt.contains("other-server")),
        "{expected:?}"
    );
    for _ in 0..6 {
        for index in (1..events.len()).rev() {
            events.swap(index, next(index as u64 + 1) as usize);
        }
        let mut book = TestBook::new().await;
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at((1 + next(40) as usize).min(rest.len()));
            let mut batch = batch.to_vec();
            // Copies, some of which ingest noticed.
            let copy = batch[next(batch.len() as u64) as usize].clone();
            batch.push(if next(2) == 0 { copy.duplicate() } else { copy });
            book.land(&batch).await;
            rest = later;
        }
        assert_eq!(sorted(&book).await, expected);
    }
}

#[tokio::test]
async fn a_robot_is_bounded_and_its_attempts_are_all_there() {
    // Each with a key of its own, which comes again much later.
    let mut events: Vec<TestEvent> = Vec::new();
    for round in 0..2 {
        for number in 0..1_500 {
            let key: &'static str = format!("k{number}").leak();
            events.push(keyed(key, round * 4_000 + number, Denied));
        }
    }
    let mut book = TestBook::new().await;
    book.land(&events).await;
    let told = text(
        book.session(Limits::default())
            .sql("SELECT joined_by, count(*), sum(events) FROM attempts GROUP BY 1 ORDER BY 1")
            .await,
        Format::Csv,
    )
    .await;
    assert_eq!(told.lines().skip(1).collect::<Vec<_>>(), ["key,1500,1500", "key-and-gap,1500,1500"]);
    // Without a key, and without an end: one attempt, which names the first events.
    let code = |seconds| step(seconds, Method::OathToken, Denied);
    let endless: Vec<TestEvent> = (0..300).map(code).collect();
    check(attempts(&endless, "events, array_length(event_ids)").await, &["300,256"]);
}
