//! Attempts that are kept beside the book: killed, kept up, and the same as those that are made anew.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::harness::event::event_at;
use crate::harness::feed::{Feed, produce_mixed};
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::{SOON, until};

const ATTEMPTS: &str = "select tenant_id, user_key, source, first_at, last_at, application, event_ids, prompts, result, \
    denial_reason, assurance, joined_by from attempts order by first_at, user_key, tenant_id, event_ids";

/// What the deployment answers, and what one answers that has its book and no projections.
fn assert_is_as_made_anew(deployment: &Deployment, kafka: &Kafka, topic: &Topic) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    copy(&deployment.book(), &folder.path().join("lake/book"));
    let plain = Deployment::new(&kafka.brokers(), &topic.name).at(&folder.path().join("lake"));
    let ask = |deployment: &Deployment| deployment.succeed(&["sql", "--format", "csv", ATTEMPTS]);
    let (kept, made) = (ask(deployment), ask(&plain));
    assert!(made.lines().count() > 1, "{made}");
    assert_eq!(kept, made);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// A value of `gatebook projections status`.
fn status(deployment: &Deployment, what: &str) -> String {
    let printed = deployment.succeed(&["projections", "status"]);
    let line =
        printed.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what}: {printed}"));
    line.split_once(what).map(|(_, value)| value.trim().to_owned()).expect("a value")
}

#[test]
fn killed_at_any_point_they_are_made_the_next_time() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "projections-kills", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("maintain", "lease_s = 5");
    let writer = topic.writer();
    let points = ["projections-before-commit", "projections-after-commit"];
    for (round, point) in (0..4).zip(points.iter().cycle()) {
        produce_mixed(&writer, 2, round, 200);
        deployment.succeed(&["ingest", "--until-caught-up"]);
        let command: &[&str] = if round < 2 { &["projections", "rebuild"] } else { &["maintain", "--once"] };
        let ended = deployment.spawn_failing_at(point, 1, command).wait(SOON);
        assert!(!ended.status.success(), "never came to {point}:\n{}", ended.stderr);
        // Whether or not it stands: the answer is that of the book.
        assert_is_as_made_anew(&deployment, kafka, &topic);
        deployment.succeed(command);
        assert_eq!(status(&deployment, "events not taken in, at most"), "0");
        assert_is_as_made_anew(&deployment, kafka, &topic);
    }
}

#[test]
fn they_keep_up_while_events_come_and_files_are_merged() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "projections-run", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("ingest", "commit_interval_ms = 100")
        .set("maintain", "compact_files_min = 2\ninterval_s = 1\nlease_s = 5");
    let feed = Feed::start(&topic, 2);
    for _ in 0..3 {
        let service = deployment.spawn(&["run"]);
        std::thread::sleep(Duration::from_secs(4)); // some commits, and the lease of whoever was killed ends
        // What is compared stands still. Whoever is killed leaves what the next one goes on from.
        service.kill();
        assert_is_as_made_anew(&deployment, kafka, &topic);
    }
    let service = deployment.spawn(&["run"]);
    feed.stop();
    let all = Truth::read(&topic).len() as u64;
    until("all is taken in", SOON, || {
        let has_all = deployment.number("select sum(elements) from segments") == all;
        (has_all && status(&deployment, "events not taken in, at most") == "0").then_some(())
    });
    deployment.terminate(service);
    assert_is_as_made_anew(&deployment, kafka, &topic);
}

#[test]
fn what_was_taken_in_is_not_taken_in_again_after_files_were_merged() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "projections-merged", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("maintain", "compact_files_min = 2");
    // One partition is far ahead of the other, and a merged file holds both.
    let now = Utc::now();
    let values =
        |from: u64, count: u64| -> Vec<_> { (from..from + count).map(|n| event_at(n, now)).collect() };
    for (partition, from, count) in [(0, 0, 300), (1, 300, 20), (0, 320, 300), (1, 620, 20)] {
        topic.produce(partition, &values(from, count));
        deployment.succeed(&["ingest", "--until-caught-up"]);
    }
    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(status(&deployment, "events not taken in, at most"), "0");
    topic.produce(1, &values(640, 5));
    deployment.succeed(&["ingest", "--until-caught-up"]);
    assert_eq!(status(&deployment, "events not taken in, at most"), "5");
    assert_is_as_made_anew(&deployment, kafka, &topic);
}

#[test]
fn expired_days_and_other_rules_are_followed() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "projections-days", 1, &[]);
    let now = Utc::now();
    let values: Vec<_> = (0..200).map(|n| event_at(n, now - TimeDelta::days(n as i64 / 10))).collect();
    topic.produce(0, &values);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set_topic("backfill = true\n")
        .set("lake", "retention_days = 30");
    deployment.catch_up();
    deployment.succeed(&["projections", "rebuild"]);
    let all = deployment.number("select count(*) from attempts");
    let deployment = deployment.set("lake", "retention_days = 10");
    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(status(&deployment, "events not taken in, at most"), "0");
    assert!(deployment.number("select count(*) from attempts") < all);
    assert_is_as_made_anew(&deployment, kafka, &topic);
    let deployment = deployment.append("[attempts]\ngap_s = 60\n");
    assert!(status(&deployment, "by the rules of the configuration").starts_with("no"));
    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(status(&deployment, "by the rules of the configuration"), "yes");
}
