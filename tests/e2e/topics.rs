//! Topics that grow, have holes, or are not what they were.

use crate::harness::event::{events, rubbish};
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::{Topic, Transaction};
use crate::harness::truth::Truth;
use crate::harness::wait::{SOON, until};

#[test]
fn a_partition_is_added() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "grows", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("kafka.properties", "\"topic.metadata.refresh.interval.ms\" = \"1000\"");
    topic.produce(0, &events(0..1_000));
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_row("event-999", SOON);
    topic.grow(2);
    topic.produce(1, &events(1_000..2_000));
    deployment.wait_for_row("event-1999", SOON);
    deployment.terminate(worker);

    topic.grow(3);
    topic.produce(2, &events(2_000..3_000));
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn offsets_that_the_group_has_committed_say_nothing() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "committed", 1, &[]);
    topic.produce(0, &events(0..1_000));
    topic.commit(&topic.name, 0, 900); // a deployment's group is named after its topic
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let worker = deployment.spawn(&["ingest"]);
    deployment.wait_for_row("event-0", SOON);
    deployment.terminate(worker);
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn aborted_transactions_are_not_landed() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "transactions", 2, &[]);
    topic.transact(0, &events(0..500), Transaction::Commit);
    topic.transact(0, &events(500..900), Transaction::Abort);
    topic.transact(0, &events(1_000..1_500), Transaction::Commit);
    // A partition that ends in aborted records, and one whose every record was aborted.
    topic.transact(0, &events(1_500..1_600), Transaction::Abort);
    topic.transact(1, &events(2_000..2_100), Transaction::Abort);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.catch_up();
    let truth = Truth::read(&topic);
    assert_eq!(truth.len(), 1_000);
    truth.assert_is_all_of(&deployment.book());

    topic.transact(1, &events(3_000..3_100), Transaction::Commit);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn a_compacted_topic_has_holes() {
    let kafka = Kafka::shared();
    let settings =
        [("cleanup.policy", "compact"), ("segment.ms", "500"), ("min.cleanable.dirty.ratio", "0.01")];
    let topic = Topic::create(&kafka.brokers(), "compacted", 1, &settings);
    let writer = topic.writer();
    let values = events(0..3_000);
    let keys: Vec<String> = (0..3_000).map(|n| format!("user-{}", n % 700)).collect();
    let records = keys.iter().zip(&values).map(|(key, value)| (Some(key.as_str()), Some(value.as_slice())));
    writer.produce_keyed(0, records);
    writer.produce_keyed(0, [(Some("user-1"), None)]);
    until("the broker compacts the topic", SOON * 2, || {
        // Only a closed segment is compacted, and only a new record closes one.
        writer.produce_keyed(0, [(Some("tick"), Some(rubbish(0).as_slice()))]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        (Truth::read(&topic).len() < 2_000).then_some(())
    });
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    // The broker may compact between the landing and the reading; then both are read again.
    let before = Truth::read(&topic);
    deployment.catch_up();
    assert!(before.len() < 2_000);
    before.assert_is_all_of(&deployment.book());
}

#[test]
fn a_topic_is_deleted_and_created_again() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "again", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    topic.produce(0, &events(0..1_000));
    deployment.catch_up();
    let first = Truth::read(&topic);

    topic.delete();
    topic.create_again(1, 1, &[]);
    topic.produce(0, &events(5_000..5_300));
    let refused = deployment.run(&["ingest", "--until-caught-up"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("--accept-new-topic {}", topic.name)), "{}", refused.stderr);
    first.assert_is_all_of(&deployment.book());

    deployment.succeed(&["ingest", "--until-caught-up", "--accept-new-topic", &topic.name]);
    deployment.catch_up();
    first.and(Truth::read(&topic)).assert_is_all_of(&deployment.book());
}

#[test]
fn records_expire_unread() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "expired", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    topic.produce(0, &events(0..1_000));
    deployment.catch_up();
    let first = Truth::read(&topic);

    topic.produce(0, &events(1_000..2_000));
    topic.expire(0, 1_700);
    let refused = deployment.run(&["ingest", "--until-caught-up"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let gap = format!("{}:0:1000-1700", topic.name);
    assert!(refused.stderr.contains(&format!("--accept-gap {gap}")), "{}", refused.stderr);
    first.assert_is_all_of(&deployment.book());

    deployment.succeed(&["ingest", "--until-caught-up", "--accept-gap", &gap]);
    deployment.catch_up();
    first.and(Truth::read(&topic)).assert_is_all_of(&deployment.book());
    let gaps = deployment.succeed(&[
        "sql",
        "--format",
        "csv",
        "select from_offset, next_offset from segments where gap is not null",
    ]);
    assert!(gaps.contains("1000,1700"), "the gap stands in the book for ever: {gaps}");
}
