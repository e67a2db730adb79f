//! Several workers in one consumer group, committing to one book.

use std::time::Duration;

use crate::harness::feed::{Feed, produce_mixed};
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::SOON;

const PARTITIONS: i32 = 4;

/// Short enough that a test can outlast it.
const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

fn deployment(kafka: &Kafka, topic: &Topic) -> Deployment {
    let session_ms = SESSION_TIMEOUT.as_millis();
    Deployment::new(&kafka.brokers(), &topic.name).set(
        "kafka.properties",
        &format!("\"session.timeout.ms\" = \"{session_ms}\"\n\"heartbeat.interval.ms\" = \"500\""),
    )
}

#[test]
fn workers_come_and_go() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "rebalances", PARTITIONS, &[]);
    let deployment = deployment(kafka, &topic);
    let feed = Feed::start(&topic, PARTITIONS);
    let first = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    for _ in 0..3 {
        let second = deployment.spawn(&["ingest"]);
        std::thread::sleep(SESSION_TIMEOUT);
        deployment.terminate(second);
        let third = deployment.spawn(&["ingest"]);
        std::thread::sleep(SESSION_TIMEOUT);
        third.kill();
    }
    feed.stop();
    deployment.terminate(first);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn a_worker_that_lost_its_partitions_lands_nothing_twice() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "asleep", PARTITIONS, &[]);
    let deployment = deployment(kafka, &topic);
    let feed = Feed::start(&topic, PARTITIONS);
    let sleeper = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    for round in 0..3 {
        sleeper.signal("STOP");
        let awake = deployment.spawn(&["ingest"]);
        std::thread::sleep(SESSION_TIMEOUT * 2);
        deployment.wait_for_work(SOON);
        sleeper.signal("CONT");
        // The sleeper now holds records that the other has landed, and believes they are its own.
        std::thread::sleep(SESSION_TIMEOUT);
        Truth::assert_is_begun(&topic, &deployment.book());
        assert!(!sleeper.stderr().contains("panicked"), "round {round}:\n{}", sleeper.stderr());
        deployment.terminate(awake);
    }
    feed.stop();
    deployment.terminate(sleeper);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn catching_up_ends_where_another_worker_landed_everything() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "overtaken", PARTITIONS, &[]);
    let deployment = deployment(kafka, &topic);
    let writer = topic.writer();
    for round in 0..5 {
        produce_mixed(&writer, PARTITIONS, round, 5_000);
        let first = deployment.spawn(&["ingest", "--until-caught-up"]);
        // Another instant each time: before it has read, while it reads, when it wants to commit.
        std::thread::sleep(Duration::from_millis(200 * (round + 1)));
        first.signal("STOP");
        deployment.succeed(&["ingest", "--until-caught-up"]);
        first.signal("CONT");
        let ended = first.wait(ENDS);
        assert_eq!(ended.status.code(), Some(0), "round {round}:\n{}", ended.stderr);
        deployment.succeed(&["check"]);
    }
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn a_killed_worker_is_replaced_within_ten_seconds() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "replaced", 1, &[]);
    // The defaults are under test here: no session time-out of our own.
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let feed = Feed::start(&topic, 1);
    let first = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    first.kill();
    let second = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(Duration::from_secs(10 + 5)); // five for the start on a busy machine
    feed.stop();
    deployment.terminate(second);
}
