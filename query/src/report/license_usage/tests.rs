//! Persons a month, against what was made.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::AuthResult;
use serde_json::Value;

use super::REPORT;
use crate::report::world::{World, at, rows};
use crate::test_book::{TestBook, event};

const LISTED: [(&str, &str); 3] = [("acme", "ada@acme.example"), ("acme", "H'2 \"ü\""), ("globex", "Z-1")];

fn key(row: &Value) -> [String; 4] {
    ["month", "tenant", "method", "source"].map(|name| row[name].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn persons_and_ids_are_counted_once_a_local_month() {
    let mut world = World::new(12, 300, 75).await;
    world.land_all().await;
    let (from, to) = ("2026-03-02T03:00:00Z", "2026-05-10T00:00:00Z");
    for tz in [Tz::Europe__Berlin, Tz::Asia__Kathmandu, Tz::Australia__Lord_Howe, Tz::America__New_York] {
        for by in ["", "tenant", "method", "source,method", "tenant,source"] {
            for identity in ["person", "raw"] {
                let given =
                    [("from", from), ("to", to), ("tz", tz.name()), ("by", by), ("identity", identity)];
                let found = rows(&world.book, &REPORT, &given).await;
                let mut persons: BTreeMap<[String; 4], BTreeSet<(&str, String)>> = BTreeMap::new();
                let mut events: BTreeMap<[String; 4], i64> = BTreeMap::new();
                let in_range = |moment: DateTime<Utc>| (at(from)..at(to)).contains(&moment);
                for it in &world.made {
                    for (source, user, _, moment, method) in it.events.iter().filter(|it| in_range(it.3)) {
                        let has = |group: &str| by.split(',').any(|it| it == group);
                        let asked =
                            |group, value: &str| if has(group) { value.to_owned() } else { String::new() };
                        let key = [
                            moment.with_timezone(&tz).format("%Y-%m").to_string(),
                            asked("tenant", it.tenant),
                            asked("method", method.map_or("", |method| method.as_str())),
                            asked("source", source),
                        ];
                        let name =
                            if identity == "raw" { format!("{source} {user}") } else { it.person.to_owned() };
                        persons.entry(key.clone()).or_default().insert((it.tenant, name));
                        *events.entry(key).or_default() += 1;
                    }
                }
                let told = found.iter().map(|row| (key(row), row["persons"].as_i64().expect("a count")));
                let expected: BTreeMap<_, _> =
                    persons.iter().map(|(key, persons)| (key.clone(), persons.len() as i64)).collect();
                assert_eq!(told.collect::<BTreeMap<_, _>>(), expected, "{tz} {by} {identity}");
                for row in &found {
                    let theirs = &persons[&key(row)];
                    assert_eq!(row["events"].as_i64(), Some(events[&key(row)]));
                    // Each event of this world is an attempt.
                    assert_eq!(row["attempts"], row["events"], "{row}");
                    let is_listed =
                        |(tenant, name): &&(&str, String)| LISTED.contains(&(tenant, name.as_str()));
                    let unlisted = theirs.iter().filter(|it| !is_listed(it)).count() as i64;
                    let expected = (identity == "person").then_some(unlisted);
                    assert_eq!(row["not_in_directory"].as_i64(), expected, "{row}");
                }
            }
        }
    }
}

#[tokio::test]
async fn whom_a_directory_enables_and_nobody_saw_is_counted_for_the_part_of_the_time() {
    let mut world = World::new(13, 60, 10).await;
    world.land_all().await;
    let given = [("from", "2026-03-01"), ("to", "2026-06-01"), ("tenant", "acme")];
    let found = rows(&world.book, &REPORT, &given).await;
    let not_seen: Vec<_> = found.iter().map(|row| row["not_seen"].as_i64().expect("a count")).collect();
    // In March Ada and Bob were seen and Never was not; Bob is enabled until March 20 alone.
    assert_eq!(not_seen, [1, 2, 2]);
    assert!(
        rows(&world.book, &REPORT, &[&given[..], &[("by", "method")]].concat()).await[0]["not_seen"]
            .is_null()
    );
}

#[tokio::test]
async fn an_empty_book_says_zero() {
    let book = TestBook::new().await;
    let found = rows(&book, &REPORT, &[("from", "2026-03-01"), ("to", "2026-04-01")]).await;
    assert_eq!(
        (found.len(), &found[0]["persons"], &found[0]["not_seen"]),
        (1, &Value::from(0), &Value::from(0))
    );
}

#[tokio::test]
async fn events_of_nobody_who_is_named_are_no_person() {
    let mut book = TestBook::new().await;
    let sent = event(at("2026-03-02T08:00:00Z")).with(|event| {
        (event.user_id, event.user_key, event.result) = ("unknown", "unknown", AuthResult::Pending);
    });
    book.land(&[sent, event(at("2026-03-02T08:00:20Z")).with(|event| event.event_id = "answered")]).await;
    for identity in ["person", "raw"] {
        let given = [("from", "2026-03-01"), ("to", "2026-04-01"), ("identity", identity)];
        let found = rows(&book, &REPORT, &given).await;
        let told = ["persons", "attempts", "events"].map(|name| found[0][name].as_i64());
        assert_eq!(told, [Some(1), Some(1), Some(2)], "{identity}");
    }
}
