//! Exceptions, against what was made.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use schemas::Step;
use schemas::vocabulary::{Assurance, AuthResult, ChangeKind};
use serde_json::Value;

use super::REPORT;
use crate::report::world::{World, at, rows, told};
use crate::test_book::{TestBook, change, event};

const MARCH: [(&str, &str); 2] = [("from", "2026-03-01"), ("to", "2026-04-01")];

fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_success_without_a_challenge_is_counted_by_person_and_application() {
    let mut world = World::new(9, 260, 28).await;
    world.land_all().await;
    for (from, to) in [("2026-03-01", "2026-04-01"), ("2026-03-05T10:20:00Z", "2026-03-06T10:20:00Z")] {
        let found = rows(&world.book, &REPORT, &[("from", from), ("to", to)]).await;
        let found: BTreeMap<_, _> = found
            .iter()
            .map(|row| {
                let key = ["tenant", "exception", "person", "application"].map(|name| text(row, name));
                let counts =
                    ["sign_ins", "attempts", "events"].map(|name| row[name].as_i64().expect("a count"));
                (key, (counts, told(&row["first_at"]), told(&row["last_at"])))
            })
            .collect();
        let moment =
            |text: &str| at(&if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() });
        let mut expected = BTreeMap::new();
        for it in &world.made {
            let is_asked = (moment(from)..moment(to)).contains(&it.at);
            if !is_asked || it.result != AuthResult::Success || it.assurance == Assurance::Challenged {
                continue;
            }
            let application = it.application.unwrap_or_default();
            let key = [it.tenant, it.assurance.as_str(), it.person, application].map(str::to_owned);
            let entry = expected.entry(key).or_insert(([0, 0, 0], None, None));
            entry.0 = entry.0.map(|count: i64| count + 1);
            let at = DateTime::from_timestamp_micros(it.at.timestamp_micros());
            entry.1 = entry.1.or(at);
            entry.2 = at;
        }
        assert!(!expected.is_empty());
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_bypass_says_by_whom_why_how_long_and_whether_it_was_used() {
    let mut book = TestBook::new().await;
    let on = |day, hour| at(&format!("2026-03-{day:02}T{hour:02}:00:00Z"));
    let grant = |at, user, until| {
        change(at, ChangeKind::BypassGranted).of("duo", user).with(|it| {
            (it.actor, it.reason, it.until_us) = (Some("help"), Some("lost phone"), until);
        })
    };
    let until = |at: chrono::DateTime<chrono::Utc>| Some(at.timestamp_micros());
    book.land_changes(&[
        // Long ago, and it holds.
        change(at("2025-01-01T00:00:00Z"), ChangeKind::BypassGranted).of("duo", "eve"),
        // Ended before the range.
        grant(at("2025-01-01T00:00:00Z"), "old", until(at("2025-01-02T00:00:00Z"))),
        grant(on(2, 8), "ada", until(on(2, 12))),
        // The source gives the reason as its own text, too.
        grant(on(3, 8), "ada", None).with(|it| it.result_detail = Some("lost phone")),
        change(on(3, 9), ChangeKind::BypassEnded).of("duo", "ada"),
        change(on(4, 8), ChangeKind::AppPasswordAdded).of("entra", "ada").with(|it| it.actor = Some("ada")),
    ])
    .await;
    let bypassed = |at, id| {
        event(at).of("duo").with(|event| {
            (event.event_id, event.attempt_id) = (id, Some(id));
            event.assurance = Assurance::Bypassed;
        })
    };
    // Within, at the end (which is without), and after it was taken back.
    book.land(&[bypassed(on(2, 9), "a"), bypassed(on(2, 12), "b"), bypassed(on(3, 10), "c")]).await;
    let found = rows(&book, &REPORT, &MARCH).await;
    let grants: Vec<String> = found
        .iter()
        .filter(|row| !row["granted_at"].is_null())
        .map(|row| {
            ["exception", "person", "granted_by", "why", "ended_at", "lasted_s", "used", "attempts"]
                .map(|name| row[name].to_string())
                .join(" ")
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        grants,
        [
            "bypass-granted eve (duo) null null null null false 0",
            "bypass-granted ada (duo) help lost phone 2026-03-02T12:00:00Z 14400 true 1",
            "bypass-granted ada (duo) help lost phone 2026-03-03T09:00:00Z 3600 false 0",
            "app-password-added ada (entra) ada null null null null null",
        ]
    );
    assert_eq!((&found[0]["exception"], &found[0]["sign_ins"]), (&Value::from("bypassed"), &Value::from(3)));
}

/// The steps of a sign-in by an app password, as Entra tells them.
const IN_A_STEP: [Step<'static>; 2] =
    [step("Correct password"), step("MFA requirement skipped due to app password")];

const fn step(detail: &'static str) -> Step<'static> {
    Step {
        at_us: None,
        method: None,
        result: None,
        reason: None,
        code: None,
        detail: Some(detail),
        device: None,
    }
}

#[tokio::test]
async fn old_clients_and_app_passwords_are_told_by_events() {
    let mut book = TestBook::new().await;
    let noon = at("2026-03-02T12:00:00Z");
    let with = |minutes, client, detail: Option<&'static str>| {
        let at = noon + TimeDelta::minutes(minutes);
        let id: &'static str = Box::leak(format!("e{minutes}").into_boxed_str());
        event(at).of("entra").with(|event| {
            (event.event_id, event.client_app, event.result_detail) = (id, client, detail);
            event.assurance = Assurance::Challenged;
        })
    };
    book.land(&[
        with(0, Some("IMAP4"), None),
        with(1, Some("imap4"), None),
        with(2, Some("Browser"), None),
        with(3, Some("Browser"), Some("MFA requirement skipped due to app password")),
        with(4, Some("IMAP4"), None).denied(schemas::vocabulary::DenialReason::WrongPassword),
        // Entra has the text in a step alone.
        with(5, Some("Exchange ActiveSync"), None).with(|event| event.steps = &IN_A_STEP),
    ])
    .await;
    let found = rows(&book, &REPORT, &MARCH).await;
    let told: Vec<String> = found
        .iter()
        .map(|row| format!("{} {} {}", row["exception"], row["client_app"], row["events"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "app-password Browser 1",
            "app-password Exchange ActiveSync 1",
            "legacy-client IMAP4 1",
            "legacy-client imap4 1"
        ]
    );
}

#[tokio::test]
async fn an_empty_book_has_none() {
    assert!(rows(&TestBook::new().await, &REPORT, &MARCH).await.is_empty());
}
