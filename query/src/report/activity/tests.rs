//! Pages, against what was made, while the book grows.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::AuthResult;
use serde_json::Value;

use super::REPORT;
use crate::report::world::{IDS, World, ask, at, rows, told};
use crate::test_book::{TestBook, event};

const MARCH: [(&str, &str); 2] = [("from", "2026-03-01"), ("to", "2026-04-01")];

fn id(row: &Value) -> (String, DateTime<Utc>) {
    (row["event_id"].as_str().expect("an id").to_owned(), told(&row["occurred_at"]).expect("a moment"))
}

async fn page(book: &TestBook, given: &[(&str, &str)], cursor: Option<&str>) -> (Vec<Value>, Option<String>) {
    let cursor = cursor.map(|cursor| ("cursor", cursor));
    let given: Vec<_> = MARCH.iter().chain(given).copied().chain(cursor).collect();
    let answer = ask(book, &REPORT, &given).await.expect("an answer");
    let next = answer["coverage"]["next_cursor"].as_str().map(str::to_owned);
    (answer["rows"].as_array().expect("rows").clone(), next)
}

#[tokio::test]
async fn each_page_is_what_is_older_than_the_one_before_as_the_book_then_stands() {
    for of in ["events", "attempts"] {
        let mut world = World::new(7, 120, 24).await;
        let late = world.to_land.split_off(world.to_land.len() / 2);
        world.land_all().await;
        let mut late = late.into_iter();
        let (mut cursor, mut before, mut seen) = (None, None, Vec::new());
        loop {
            let given = [("of", of), ("limit", "9")];
            let (found, next) = page(&world.book, &given, cursor.as_deref()).await;
            assert_eq!(page(&world.book, &given, cursor.as_deref()).await.0, found, "asked again");
            // All that the book holds now, by SQL of its own.
            let table = if of == "events" { "counted_events" } else { "attempts" };
            let (moment, id_of) =
                if of == "events" { ("occurred_at", "event_id") } else { ("first_at", "event_ids[1]") };
            let sql = format!("SELECT {id_of} AS id, {moment} AS at FROM {table} ORDER BY 2 DESC");
            let all: Value =
                serde_json::from_str(&world.book.ask(&sql, crate::output::Format::Json).await).expect("JSON");
            let all = all["rows"].as_array().expect("rows").iter().map(|row| {
                (row["id"].as_str().expect("an id").to_owned(), told(&row["at"]).expect("a moment"))
            });
            let expected: Vec<_> =
                all.filter(|(_, at)| before.is_none_or(|before| *at < before)).take(9).collect();
            assert_eq!(found.iter().map(id).collect::<Vec<_>>(), expected, "{of}");
            before = expected.last().map(|(_, at)| *at);
            seen.extend(expected);
            if let Some(batch) = late.next() {
                world.book.land(&batch).await;
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let different: BTreeSet<_> = seen.iter().map(|(id, _)| id).collect();
        assert_eq!(different.len(), seen.len(), "told twice");
        assert!(seen.len() > 60, "{}", seen.len());
    }
}

#[tokio::test]
async fn rows_of_one_moment_are_told_once_each_though_states_move_to_other_places() {
    let mut book = TestBook::new().await;
    let noon = at("2026-03-02T12:00:00Z");
    let name = |index: usize| -> &'static str { Box::leak(format!("e{index}").into_boxed_str()) };
    let make = |index: usize, source| event(noon).of(source).with(|event| event.event_id = name(index));
    let all: Vec<_> =
        (0..40).map(|index| make(index, if index % 2 == 0 { "entra" } else { "duo" })).collect();
    book.land_from(1, &all[..20]).await;
    book.land_from(2, &all[20..]).await;
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let (found, next) = page(&book, &[("limit", "7")], cursor.as_deref()).await;
        seen.extend(found.iter().map(|row| row["event_id"].as_str().expect("an id").to_owned()));
        // A later state of the page's last sign-ins comes in the first partition.
        let again = found.iter().filter(|row| row["source"] == "entra").map(|row| {
            let index = row["event_id"].as_str().and_then(|id| id[1..].parse().ok()).expect("a number");
            make(index, "entra").late(TimeDelta::seconds(60)).with(|event| event.result = AuthResult::Pending)
        });
        book.land(&again.collect::<Vec<_>>()).await;
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let different: BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), different.len()), (40, 40), "{seen:?}");
}

#[tokio::test]
async fn filters_choose_and_the_user_is_a_person() {
    let mut world = World::new(8, 140, 20).await;
    world.land_all().await;
    let person = "H'2 \"ü\"";
    let count = async |given: &[(&str, &str)]| {
        let given = [given, &[("limit", "10000")]].concat();
        page(&world.book, &given, None).await.0.len()
    };
    let made = |is: &dyn Fn(&&crate::report::world::Made) -> bool| -> usize {
        world.made.iter().filter(is).map(|it| it.events.len()).sum()
    };
    assert_eq!(count(&[("user", "bob")]).await, made(&|it| it.person == person));
    assert_eq!(count(&[("user", "bob"), ("of", "attempts")]).await, made(&|it| it.person == person));
    assert_eq!(
        count(&[("application", "VPN 'é'"), ("result", "denied")]).await,
        made(&|it| it.application == Some("VPN 'é'") && it.result == AuthResult::Denied)
    );
    assert_eq!(
        count(&[("of", "attempts"), ("result", "success"), ("tenant", "globex")]).await,
        made(&|it| it.tenant == "globex" && it.result == AuthResult::Success)
    );
    let one = rows(&world.book, &REPORT, &[&MARCH[..], &[("event", "e17")]].concat()).await;
    assert_eq!((one.len(), &one[0]["event_id"]), (1, &Value::from("e17")));
    assert!(IDS.iter().any(|it| it.2 == one[0]["user_id"].as_str().expect("an id")));
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let book = TestBook::new().await;
    for (given, expected) in [
        (&[("cursor", "1' OR 1=1")][..], "give `cursor` as"),
        (&[("cursor", "a1.5.ffffffffffffffff.7")], "give `of` as"),
        (&[("of", "attempts"), ("stage", "first-factor")], "leave out `stage`"),
    ] {
        let error = ask(&book, &REPORT, given).await.expect_err("refused");
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(page(&book, &[], None).await, (Vec::new(), None));
}
