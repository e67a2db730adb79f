//! Changes, against what was made.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use schemas::vocabulary::{AuthResult, ChangeKind, Method};
use serde_json::Value;

use super::{KINDS, PROMPTED, REPORT};
use crate::report::world::{AWKWARD, Dice, at, rows};
use crate::test_book::{TestBook, TestChange, change, event};

const MARCH: [(&str, &str); 2] = [("from", "2026-03-01"), ("to", "2026-04-01")];

#[test]
fn every_kind_of_change_can_be_asked_for() {
    let all: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.as_str()).chain([PROMPTED]).collect();
    assert_eq!(KINDS, all);
}

/// Changes of five days around the range, and whose account each is.
fn made() -> Vec<(TestChange, &'static str)> {
    let mut dice = Dice(14);
    let users = [
        ("entra", "ada@acme.example", "ada@acme.example"),
        ("duo", "ada", "ada@acme.example"),
        ("duo", AWKWARD, "n\0l'\"; DROP é (duo)"),
        ("okta", "unseen", "unseen (okta)"),
    ];
    (0..150)
        .map(|index| {
            let moment = at("2026-03-29T23:00:00Z") + TimeDelta::minutes(48) * index;
            let (source, user, person) = dice.one(&users);
            let made = change(moment, dice.one(ChangeKind::ALL)).of(source, user).with(|it| {
                it.actor = dice.one(&[None, Some("Ada@acme.example"), Some("help 'desk'")]);
                it.method = dice.one(&[None, Some(Method::OathToken)]);
            });
            (made, person)
        })
        .collect()
}

async fn book(made: &[(TestChange, &'static str)]) -> TestBook {
    let mut book = TestBook::new().await;
    let noon = at("2026-03-02T12:00:00Z");
    book.land(&[event(noon).of("duo").with(|event| event.email = Some("ada@acme.example"))]).await;
    let all: Vec<TestChange> = made.iter().map(|(it, _)| it.clone()).collect();
    for batch in all.chunks(13).rev() {
        book.land_changes(batch).await;
    }
    // Some came twice.
    book.land_changes(&all[20..60]).await;
    book
}

#[tokio::test]
async fn changes_are_counted_once_and_by_person() {
    let made = made();
    let book = book(&made).await;
    type Key = [String; 4];
    let mut expected: BTreeMap<Key, (i64, BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for (it, person) in
        made.iter().filter(|(it, _)| it.change.occurred_at_us < at("2026-04-01T00:00:00Z").timestamp_micros())
    {
        let method = it.change.method.map_or("", |method| method.as_str());
        let key = [it.source, it.change.change.as_str(), method, ""].map(str::to_owned);
        let counts = expected.entry(key).or_default();
        counts.0 += 1;
        counts.1.insert(person);
        counts.2.extend(it.change.actor);
    }
    let found = rows(&book, &REPORT, &MARCH).await;
    let told: BTreeMap<Key, [i64; 3]> = found
        .iter()
        .map(|row| {
            let key = ["source", "change", "method", "cause"]
                .map(|name| row[name].as_str().unwrap_or_default().to_owned());
            (key, ["changes", "persons", "actors"].map(|name| row[name].as_i64().expect("a count")))
        })
        .collect();
    let expected: BTreeMap<Key, [i64; 3]> =
        expected.into_iter().map(|(key, it)| (key, [it.0, it.1.len() as i64, it.2.len() as i64])).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_list_says_who_did_it_to_whom_in_the_order_of_time() {
    let made = made();
    let book = book(&made).await;
    let given = [("from", "2026-03-01"), ("to", "2026-05-01"), ("list", "list"), ("tz", "Asia/Kathmandu")];
    let found = rows(&book, &REPORT, &given).await;
    assert_eq!(found.len(), made.len());
    for (row, (it, person)) in found.iter().zip(&made) {
        assert_eq!(
            (&row["person"], &row["user_id"]),
            (&Value::from(*person), &Value::from(it.change.user_id))
        );
        assert_eq!(row["change"], it.change.change.as_str());
        assert_eq!(row["actor"].as_str(), it.change.actor);
        let actor_person =
            it.change.actor.filter(|actor| actor.starts_with("Ada")).map(|_| "ada@acme.example");
        assert_eq!(row["actor_person"].as_str(), actor_person);
        assert!(row["local_time"].as_str().expect("a time").ends_with("+05:45"));
    }
    let theirs = rows(&book, &REPORT, &[&given[..], &[("person", "ada")]].concat()).await;
    assert_eq!(theirs.len(), made.iter().filter(|(_, person)| *person == "ada@acme.example").count());
    let blocked =
        rows(&book, &REPORT, &[&given[..], &[("change", "blocked"), ("source", "duo")]].concat()).await;
    let expected =
        made.iter().filter(|(it, _)| it.change.change == ChangeKind::Blocked && it.source == "duo");
    assert_eq!(blocked.len(), expected.count());
}

#[tokio::test]
async fn prompts_to_register_stand_among_changes_with_their_cause() {
    let mut book = TestBook::new().await;
    let noon = at("2026-03-02T12:00:00Z");
    let prompt = |minutes, code, detail| {
        let id: &'static str = Box::leak(format!("e{minutes}").into_boxed_str());
        event(noon + TimeDelta::minutes(minutes)).of("entra").with(|event| {
            event.result = AuthResult::Pending;
            (event.event_id, event.result_code, event.result_detail) = (id, Some(code), detail);
        })
    };
    book.land(&[
        prompt(0, "50079", Some("Due to a Conditional Access policy")),
        prompt(1, "50072", None),
        prompt(2, "0", Some("Registration prompted")),
        prompt(3, "50074", None),
    ])
    .await;
    let found = rows(&book, &REPORT, &MARCH).await;
    let told: Vec<_> =
        found.iter().map(|row| (row["cause"].as_str().expect("a cause"), row["changes"].as_i64())).collect();
    assert_eq!(told, [("conditional-access", Some(1)), ("not-told", Some(2))]);
    let list = rows(&book, &REPORT, &[&MARCH[..], &[("list", "list"), ("change", PROMPTED)]].concat()).await;
    assert_eq!((list.len(), &list[0]["person"]), (3, &Value::from("ada (entra)")));
}

#[tokio::test]
async fn an_empty_book_has_none() {
    assert!(rows(&TestBook::new().await, &REPORT, &MARCH).await.is_empty());
}
