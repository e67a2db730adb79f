//! Brokers that restart, lead no more, or are not there at all.

use std::time::Duration;

use crate::harness::broker::free_port;
use crate::harness::event::events;
use crate::harness::feed::Feed;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::SOON;

#[test]
fn ingest_goes_on_after_broker_restarts() {
    let mut kafka = Kafka::start(1);
    let topic = Topic::create(&kafka.brokers(), "restart", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let feed = Feed::start(&topic, 2);
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    kafka.kill(0);
    std::thread::sleep(Duration::from_secs(2));
    kafka.restart(0);
    deployment.wait_for_work(SOON);
    kafka.stop(0);
    kafka.restart(0);
    feed.stop();
    // What comes now was produced after both restarts: only a worker that is back can land it.
    topic.produce(0, &events(1_000_000..1_001_000));
    deployment.wait_for_row("event-1000999", SOON);
    deployment.terminate(worker);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn ingest_follows_a_change_of_leader() {
    let mut kafka = Kafka::start(3);
    let settings = [("min.insync.replicas", "2")];
    let topic = Topic::create_replicated(&kafka.brokers(), "leaders", 2, 3, &settings);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let feed = Feed::start(&topic, 2);
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_work(SOON);
    let leader = kafka.leader(&topic.name, 0);
    kafka.kill(leader);
    std::thread::sleep(Duration::from_secs(5));
    feed.stop();
    topic.produce(0, &events(1_000_000..1_001_000));
    deployment.wait_for_row("event-1000999", SOON);
    kafka.restart(leader);
    deployment.terminate(worker);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn ingest_waits_for_a_broker_that_is_not_there_yet() {
    let mut kafka = Kafka::start(1);
    let topic = Topic::create(&kafka.brokers(), "late", 1, &[]);
    topic.produce(0, &events(0..100));
    kafka.stop(0);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let worker = deployment.spawn(&["ingest"]);
    worker.wait_for_line("no broker answers", SOON);
    kafka.restart(0);
    deployment.wait_for_row("event-99", SOON);
    deployment.terminate(worker);
}

#[test]
fn without_a_broker_catching_up_gives_up_and_names_the_address() {
    let address = format!("127.0.0.1:{}", free_port());
    let deployment = Deployment::new(&address, "nowhere");
    let ended = deployment.run(&["ingest", "--until-caught-up"]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
}
