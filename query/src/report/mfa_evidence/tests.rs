//! Evidence, against what was made.

use std::collections::BTreeMap;

use schemas::vocabulary::{Assurance, AuthResult};
use serde_json::Value;

use super::REPORT;
use crate::output::Format;
use crate::report::world::{Made, World, ask, at, rows, told};
use crate::test_book::{TestBook, event};

const MARCH: [(&str, &str); 2] = [("from", "2026-03-01"), ("to", "2026-04-01")];

/// The strongest first.
const ORDER: [Assurance; 7] = [
    Assurance::Challenged,
    Assurance::External,
    Assurance::SatisfiedEarlier,
    Assurance::Exempt,
    Assurance::Bypassed,
    Assurance::FirstFactorOnly,
    Assurance::Unknown,
];

/// The periods in which the world's directory enables somebody; none where it does not list them.
fn enabled(person: &str) -> Option<(&'static str, &'static str)> {
    match person {
        "ada@acme.example" | "Never" | "Z-1" => Some(("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z")),
        "H'2 \"ü\"" => Some(("2026-03-04T00:00:00Z", "2026-03-20T00:00:00Z")),
        "Later" => Some(("2027-01-01T00:00:00Z", "2100-01-01T00:00:00Z")),
        _ => None,
    }
}

fn counts(it: &Made) -> bool {
    enabled(it.person).is_none_or(|(from, to)| (at(from)..at(to)).contains(&it.at))
}

#[tokio::test]
async fn each_person_has_the_class_that_their_strongest_sign_in_proves() {
    let mut world = World::new(10, 300, 28).await;
    world.land_all().await;
    for (from, to) in
        [("2026-03-01", "2026-04-01"), ("2026-03-03", "2026-03-05"), ("2026-03-21", "2026-03-23")]
    {
        let answer = ask(&world.book, &REPORT, &[("from", from), ("to", to)]).await.expect("an answer");
        let moment = |text: &str| at(&format!("{text}T00:00:00Z"));
        let (start, end) = (moment(from), moment(to));
        let in_range: Vec<_> = world.made.iter().filter(|it| (start..end).contains(&it.at)).collect();
        let mut expected: BTreeMap<(&str, &str), (String, i64, i64, i64)> = BTreeMap::new();
        for (tenant, person) in
            [("acme", "ada@acme.example"), ("acme", "H'2 \"ü\""), ("acme", "Never"), ("globex", "Z-1")]
        {
            let (first, last) = enabled(person).expect("listed");
            if at(first) < end && at(last) > start {
                expected.insert((tenant, person), ("no-sign-in".to_owned(), 0, 0, 0));
            }
        }
        for it in in_range.iter().filter(|it| it.result == AuthResult::Success) {
            let key = (it.tenant, it.person);
            let row = expected.entry(key).or_insert(("none".to_owned(), 0, 0, 0));
            if !counts(it) {
                row.3 += 1;
                if row.0 == "none" {
                    row.0 = "not-enabled".to_owned();
                }
                continue;
            }
            row.1 += 1;
            row.2 += i64::from(it.assurance == Assurance::Challenged);
            let rank = |word: &str| ORDER.iter().position(|it| it.as_str() == word).unwrap_or(9);
            if enabled(it.person).is_none() {
                row.0 = "not-in-directory".to_owned();
            } else if rank(it.assurance.as_str()) < rank(&row.0) {
                row.0 = it.assurance.as_str().to_owned();
            }
        }
        let found = answer["rows"].as_array().expect("rows");
        let told: BTreeMap<(&str, &str), _> = found
            .iter()
            .map(|row| {
                let text = |name: &str| row[name].as_str().expect("a text");
                let count = |name: &str| row[name].as_i64().expect("a count");
                let counts =
                    (text("class").to_owned(), count("sign_ins"), count("challenged"), count("outside"));
                ((text("tenant"), text("person")), counts)
            })
            .collect();
        assert_eq!(told, expected, "{from}");
        let mut population: BTreeMap<&str, i64> = BTreeMap::new();
        expected.values().for_each(|row| *population.entry(row.0.as_str()).or_default() += 1);
        for (class, persons) in answer["coverage"]["population"].as_object().expect("a population") {
            assert_eq!(
                persons.as_i64(),
                Some(population.get(class.as_str()).copied().unwrap_or(0)),
                "{class}"
            );
        }
        let summary = rows(&world.book, &REPORT, &[("from", from), ("to", to), ("summary", "summary")]).await;
        assert_eq!(summary.len(), 10);
        for row in &summary {
            let class = row["class"].as_str().expect("a class");
            assert_eq!(row["persons"].as_i64(), Some(population.get(class).copied().unwrap_or(0)));
        }
    }
}

#[tokio::test]
async fn the_proof_is_there_in_the_book() {
    let mut world = World::new(11, 200, 28).await;
    world.land_all().await;
    for row in rows(&world.book, &REPORT, &MARCH).await {
        let Some(proved_at) = told(&row["proved_at"]) else { continue };
        let person = row["person"].as_str().expect("a person");
        let of_person =
            world.made.iter().filter(|it| it.person == person && it.result == AuthResult::Success);
        let strongest = of_person
            .filter(|it| counts(it))
            .max_by_key(|it| (std::cmp::Reverse(ORDER.iter().position(|of| *of == it.assurance)), it.at));
        let strongest = strongest.expect("one");
        assert_eq!(proved_at, strongest.at, "{person}");
        let places = row["places"].as_array().expect("places");
        assert!((1..=2).contains(&places.len()), "{row}");
        for (place, event_id) in places.iter().zip(row["event_ids"].as_array().expect("ids")) {
            let parts: Vec<&str> = place.as_str().expect("a place").split(':').collect();
            let sql = format!(
                "SELECT event_id, result, assurance FROM counted_events WHERE kafka_partition = {} AND kafka_offset = {}",
                parts[1], parts[2]
            );
            let event: Value = serde_json::from_str(&world.book.ask(&sql, Format::Json).await).expect("JSON");
            assert_eq!(event["rows"][0]["event_id"], *event_id);
            assert_eq!(event["rows"][0]["assurance"], strongest.assurance.as_str());
            assert_eq!(event["rows"][0]["result"], "success");
        }
    }
}

#[tokio::test]
async fn a_sample_is_drawn_again_after_others_came() {
    let mut book = TestBook::new().await;
    let listed: String = (0..40).map(|index| format!("P{index},p{index}\n")).collect();
    let file = format!("person,ids\n{listed}");
    let file = schemas::read_directory_file(file.as_bytes(), Some("hr"), &schemas::Maps::default());
    book.directory.import("acme", &file.expect("a file"), "op", 0).await.expect("imports");
    let noon = at("2026-03-02T12:00:00Z");
    book.land(&[event(noon).with(|event| (event.user_id, event.user_key) = ("p3", "p3"))]).await;
    let draw = async |book: &TestBook, seed: &'static str| {
        let found = rows(book, &REPORT, &[&MARCH[..], &[("sample", "5"), ("seed", seed)]].concat()).await;
        found.iter().map(|row| row["person"].as_str().expect("a person").to_owned()).collect::<Vec<_>>()
    };
    let first = draw(&book, "one").await;
    assert_eq!(first.len(), 5);
    assert_ne!(first, draw(&book, "two").await);
    // The smallest hashes, as anybody can compute them.
    let mut all: Vec<(Vec<u8>, String)> = (0..40)
        .map(|index| {
            use sha2::Digest as _;
            (sha2::Sha256::digest(format!("one\0acme\0P{index}")).to_vec(), format!("P{index}"))
        })
        .collect();
    all.sort();
    let mut expected: Vec<_> = all.into_iter().take(5).map(|(_, person)| person).collect();
    expected.sort();
    assert_eq!(first, expected);
    let others = ["stranger", "p7", "p9"].map(|user| {
        event(noon).with(|event| (event.user_id, event.user_key, event.event_id) = (user, user, user))
    });
    book.land(&others).await;
    assert_eq!(draw(&book, "one").await, first);
    let error = ask(&book, &REPORT, &[("sample", "5")]).await.expect_err("refused");
    assert!(error.starts_with("give `seed`"), "{error}");
}

#[tokio::test]
async fn without_a_directory_nobody_is_drawn_and_those_who_came_are_told() {
    let mut book = TestBook::new().await;
    assert!(rows(&book, &REPORT, &MARCH).await.is_empty());
    let given = [&MARCH[..], &[("sample", "5"), ("seed", "one")]].concat();
    assert!(ask(&book, &REPORT, &given).await.expect_err("refused").starts_with("import a directory"));
    book.land(&[event(at("2026-03-02T12:00:00Z"))]).await;
    assert_eq!(rows(&book, &REPORT, &MARCH).await[0]["class"], "not-in-directory");
}
