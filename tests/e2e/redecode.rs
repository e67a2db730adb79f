//! Kept bytes read anew: the new reading takes the old one's place, beside ingest and upkeep and whatever is killed.
//!
//! A switched-off field stands for a decoder that reads differently.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::harness::event::event_at;
use crate::harness::feed::Feed;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::{SOON, until};

/// Kills of `redecode --apply` at a random instant.
const KILLS: u32 = 8;

/// After its start the kill comes within this time: about what a run takes.
const KILL_WITHIN_MS: u64 = 1_500;

/// A deployment that keeps the bytes of every event.
fn deployment(topic: &Topic, brokers: &str) -> Deployment {
    Deployment::new(brokers, &topic.name)
        .set("ingest", "keep_raw = \"all\"")
        .set("maintain", "compact_files_min = 2\ncheckpoint_commits = 3\nlease_s = 5")
}

/// As [`deployment`], with events of yesterday and of the day before in several files, some merged.
fn with_two_days(theme: &str) -> (Deployment, Topic) {
    let brokers = Kafka::shared().brokers();
    let topic = Topic::create(&brokers, theme, 1, &[]);
    let deployment = deployment(&topic, &brokers);
    for round in 0..3 {
        let now = Utc::now();
        let value = |n: u64| event_at(n, now - TimeDelta::days(1 + n as i64 % 2));
        topic.produce(0, &(round * 100..round * 100 + 100).map(value).collect::<Vec<_>>());
        deployment.catch_up();
        if round == 1 {
            deployment.succeed(&["maintain", "--once"]);
        }
    }
    (deployment, topic)
}

/// Arguments of a run over every day that the tests produce.
fn redecode(more: &[&str]) -> Vec<String> {
    let day = |days: i64| (Utc::now() + TimeDelta::days(days)).date_naive().to_string();
    let range = ["redecode".to_owned(), "--from".to_owned(), day(-4), "--to".to_owned(), day(2)];
    range.into_iter().chain(more.iter().map(|argument| (*argument).to_owned())).collect()
}

fn texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn a_new_reading_takes_the_place_of_the_old_one_which_is_kept() {
    let (deployment, topic) = with_two_days("redecode");
    let truth = Truth::read(&topic);
    let deployment = deployment.set("fields", "client_ip = false");
    let before = deployment.files();
    let told = deployment.succeed(&texts(&redecode(&[])));
    for line in ["300  would read differently", "client_ip: 300", "with --apply replaces"] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(deployment.files(), before, "a dry run writes nothing");

    let told = deployment.succeed(&texts(&redecode(&["--apply", "--actor", "ada"])));
    assert_eq!(told.matches("150 of 150 events replaced").count(), 2, "{told}");
    assert!(told.contains("300  were replaced"), "{told}");
    deployment.succeed(&["check"]);
    truth.assert_is_all_of(&deployment.book());
    assert_eq!(deployment.number("SELECT count(client_ip) FROM events"), 0);
    assert_eq!(deployment.number("SELECT count(client_ip) FROM superseded"), 300);
    let whole = "SELECT count(*) FROM events e JOIN superseded s USING (kafka_partition, kafka_offset) \
                 WHERE e.event_id = s.event_id AND e.day = s.day AND e.raw = s.raw";
    assert_eq!(deployment.number(whole), 300);
    let entries = "SELECT sum(rows) FROM removals WHERE why = 'redecoded' AND actor = 'ada' AND removed_kind = 'event' \
                   AND old_decoder = new_decoder AND map_keys(changed_columns) = ['client_ip']";
    assert_eq!(deployment.number(entries), 300);

    // A second run has nothing to do, and upkeep merges what it finds.
    let version = deployment.files().len();
    let told = deployment.succeed(&texts(&redecode(&["--apply"])));
    assert!(told.contains("300  read the same") && told.contains("0 of 150 events replaced"), "{told}");
    let log = |file: &std::path::PathBuf| file.extension().is_some_and(|extension| extension == "json");
    assert_eq!(deployment.files().len(), version, "nothing was committed");
    assert!(deployment.files().iter().any(log));
    deployment.succeed(&["maintain", "--once"]);
    deployment.succeed(&["check"]);
    truth.assert_is_all_of(&deployment.book());
}

#[test]
fn an_answer_says_that_its_days_were_read_anew() {
    let (deployment, _) = with_two_days("redecode-told");
    let deployment = deployment.set("fields", "client_ip = false");
    let coverage = |arguments: &[&str]| -> Value {
        let answer: Value = serde_json::from_str(&deployment.succeed(arguments)).expect("JSON");
        answer["coverage"]["redecoded_days"].clone()
    };
    let sql = ["sql", "--format", "json", "SELECT count(*) AS n FROM events"];
    assert_eq!(coverage(&sql), Value::Null);
    deployment.succeed(&texts(&redecode(&["--apply"])));
    let days = coverage(&sql);
    let day = |days: i64| (Utc::now() + TimeDelta::days(days)).date_naive();
    // Midnight may pass meanwhile.
    let from: chrono::NaiveDate =
        serde_json::from_value(days[0]["from"].clone()).unwrap_or_else(|_| panic!("{days}"));
    assert!([day(-2), day(-3)].contains(&from), "{days}");
    assert_eq!(days, json!([{"from": from, "to": from + TimeDelta::days(2)}]));
    let report = |from: chrono::NaiveDate| {
        let (from, to) = (from.to_string(), (from + TimeDelta::days(1)).to_string());
        coverage(&["report", "usage", "--from", &from, "--to", &to, "--format", "json"])
    };
    assert_eq!(report(from), json!([{"from": from, "to": from + TimeDelta::days(1)}]));
    assert_eq!(report(from - TimeDelta::days(1)), Value::Null);
    // Where the format has no room for it, it is told beside the rows.
    let said = deployment.run(&["sql", "--format", "csv", "SELECT count(*) AS n FROM events"]).stderr;
    assert!(said.contains("read anew by a later decoder: from "), "{said}");
}

#[test]
fn kills_at_named_points_of_a_replacement() {
    let (mut deployment, topic) = with_two_days("redecode-points");
    let truth = Truth::read(&topic);
    for (round, (point, nth)) in [
        ("redecode-mid-file", 1),
        ("redecode-mid-file", 2),
        ("redecode-before-commit", 1),
        ("redecode-after-commit", 1),
        // The first day is done, the second is under way.
        ("redecode-before-commit", 2),
    ]
    .into_iter()
    .enumerate()
    {
        let switch = format!("client_ip = {}", round % 2 == 1);
        deployment = deployment.set("fields", &switch);
        let apply = redecode(&["--apply"]);
        let ended = deployment.spawn_failing_at(point, nth, &texts(&apply)).wait(ENDS);
        assert!(ended.status.signal().is_some(), "never came to {point}:\n{}", ended.stderr);
        deployment.succeed(&["check"]);
        truth.assert_is_all_of(&deployment.book());
        deployment.succeed(&texts(&apply));
        deployment.succeed(&["check"]);
        truth.assert_is_all_of(&deployment.book());
        let shown = if round % 2 == 1 { 300 } else { 0 };
        assert_eq!(deployment.number("SELECT count(client_ip) FROM events"), shown, "{point}");
        assert_eq!(deployment.number("SELECT count(*) FROM superseded"), 300 * (round as u64 + 1), "{point}");
    }
}

#[test]
fn beside_ingest_and_upkeep_it_loses_and_doubles_nothing_whenever_it_is_killed() {
    let brokers = Kafka::shared().brokers();
    let topic = Topic::create(&brokers, "redecode-busy", 2, &[]);
    let mut deployment = deployment(&topic, &brokers).set("ingest", "commit_interval_ms = 100");
    let feed = Feed::start(&topic, 2);
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    let mut killed = 0;
    for round in 0..KILLS {
        std::thread::sleep(Duration::from_millis(500)); // some commits
        deployment = deployment.set("fields", &format!("client_ip = {}", round % 2 == 1));
        let apply = redecode(&["--apply"]);
        let process = deployment.spawn(&texts(&apply));
        let upkeep = (round % 2 == 0).then(|| deployment.spawn(&["maintain", "--once"]));
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(0..KILL_WITHIN_MS)));
        killed += u32::from(process.kill().status.signal() == Some(9));
        deployment.succeed(&["check"]);
        Truth::assert_is_begun(&topic, &deployment.book());
        if let Some(upkeep) = upkeep {
            let ended = upkeep.wait(ENDS);
            assert!(ended.status.success(), "{}", ended.stderr);
        }
    }
    assert!(killed > 0, "every run had ended before its kill");
    deployment = deployment.set("fields", "client_ip = false");
    // Once more beside ingest, and to its end.
    deployment.succeed(&texts(&redecode(&["--apply"])));
    deployment.succeed(&["check"]);
    assert!(deployment.number("SELECT count(*) FROM superseded") > 0, "nothing was replaced beside ingest");
    feed.stop();
    let truth = Truth::read(&topic);
    // All by the one worker: another one would read the switch, and find no copy of what stands there unswitched.
    let elements = "SELECT sum(events + rejections) FROM segments";
    until("all is landed", ENDS, || (deployment.number(elements) == truth.len() as u64).then_some(()));
    deployment.terminate(worker);
    deployment.succeed(&texts(&redecode(&["--apply"])));
    deployment.succeed(&["check"]);
    assert_eq!(deployment.number("SELECT count(client_ip) FROM events"), 0);
    truth.assert_is_all_of(&deployment.book());
}
