//! Upkeep beside a running ingest.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::harness::event::{event_at, events};
use crate::harness::feed::Feed;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::SOON;

#[test]
fn upkeep_beside_ingest_loses_and_doubles_nothing() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "upkeep", 2, &[]);
    // More commits a second than any deployment makes, so that merges and landings meet.
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("ingest", "commit_interval_ms = 50")
        .set("maintain", "compact_files_min = 2\ncheckpoint_commits = 3");
    let feed = Feed::start(&topic, 2);
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    let mut merges = 0;
    for _ in 0..5 {
        std::thread::sleep(Duration::from_secs(1)); // some commits
        let done = deployment.run(&["maintain", "--once"]);
        assert!(done.status.success(), "{}", done.stderr);
        merges += u32::from(done.stderr.contains("small files merged"));
        deployment.succeed(&["check"]);
        Truth::assert_is_begun(&topic, &deployment.book());
    }
    assert!(merges > 0, "nothing was merged: upkeep and ingest never met");
    feed.stop();
    deployment.terminate(worker);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn expired_days_are_removed_whole_and_leave_a_trace() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "retention", 1, &[]);
    let now = Utc::now();
    // Ten a day, from today back to thirty-nine days ago.
    let values: Vec<_> = (0..400).map(|n| event_at(n, now - TimeDelta::days(n as i64 / 10))).collect();
    topic.produce(0, &values);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set_topic("backfill = true")
        .set("lake", "retention_days = 30");
    deployment.catch_up();
    deployment.succeed(&["maintain", "--once"]);
    let kept = deployment.number("select count(*) from events");
    // Midnight may pass meanwhile.
    assert!((300..=310).contains(&kept), "{kept} events are left of the last 30 days");
    assert_eq!(deployment.number("select sum(rows) from removals"), 400 - kept);
    assert_eq!(deployment.number("select sum(events) from segments"), 400);
    deployment.succeed(&["check"]);
}

#[test]
fn whoever_comes_second_waits_for_the_lease_of_one_that_was_killed() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "lease", 1, &[]);
    let deployment =
        Deployment::new(&kafka.brokers(), &topic.name).set("maintain", "checkpoint_commits = 1\nlease_s = 5");
    topic.produce(0, &events(0..10));
    deployment.catch_up();
    let first = deployment.spawn_failing_at("checkpoint-before", 1, &["maintain", "--once"]);
    assert!(!first.wait(SOON).status.success(), "the first was to die with its lease");
    deployment.succeed(&["maintain", "--once"]);
}

#[test]
fn replaced_files_are_deleted_once_no_reader_can_want_them() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "vacuum", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("maintain", "compact_files_min = 2\nvacuum_after_hours = 1");
    for round in 0..3 {
        topic.produce(0, &events(round * 100..(round + 1) * 100));
        deployment.catch_up();
    }
    let landed = deployment.data_files();
    deployment.succeed(&["maintain", "--once"]);
    assert!(landed.iter().all(|file| file.exists()), "a reader of an older version still wants them");

    deployment.age_removals(Duration::from_secs(2 * 60 * 60));
    deployment.succeed(&["maintain", "--once"]);
    assert!(!landed.iter().any(|file| file.exists()), "nothing wants them any more");
    deployment.succeed(&["check"]);
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn a_lake_restored_without_its_leases_is_maintained() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "no-leases", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("maintain", "compact_files_min = 2");
    let upkeep = |round: u64| {
        for half in 0..2 {
            topic.produce(0, &events(round * 100 + half * 50..round * 100 + half * 50 + 50));
            deployment.catch_up();
        }
        let done = deployment.run(&["maintain", "--once"]);
        assert!(done.status.success() && done.stderr.contains("small files merged"), "{}", done.stderr);
    };
    (0..3).for_each(upkeep);
    std::fs::remove_dir_all(deployment.book().with_file_name("maintain")).expect("the leases are there");
    upkeep(3);
    deployment.succeed(&["check"]);
}

#[test]
fn ingest_says_when_upkeep_is_away() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "no-upkeep", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let mut batch = 0..100;
    let mut said = || {
        topic.produce(0, &events(batch.clone()));
        batch = batch.end..batch.end + 100;
        let ended = deployment.run(&["ingest", "--until-caught-up"]);
        assert!(ended.status.success(), "{}", ended.stderr);
        ended.stderr.contains("run `gatebook maintain`")
    };
    assert!(!said(), "a new book needs no upkeep yet");
    deployment.succeed(&["maintain", "--once"]);
    deployment.age_upkeep(Duration::from_secs(9 * 60));
    assert!(!said(), "upkeep ran nine minutes ago");
    deployment.age_upkeep(Duration::from_secs(11 * 60));
    assert!(said(), "upkeep ran eleven minutes ago");
}
