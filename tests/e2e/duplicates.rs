//! The `duplicate` flag: a repeat is landed and flagged, another content under the same id is counted.

use std::os::unix::process::ExitStatusExt;

use crate::harness::event::events;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;

#[test]
fn a_repeat_is_flagged_across_a_kill() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "repeats", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let values = events(0..5_000);
    topic.produce(0, &values);
    let worker = deployment.spawn_failing_at("after-commit", 1, &["ingest", "--until-caught-up"]);
    assert!(worker.wait(ENDS).status.signal().is_some(), "the worker was to die after its commit");
    // Only the book can tell the next process what the dead one had seen.
    topic.produce(0, &values);
    deployment.catch_up();
    assert_eq!(deployment.number("select count(*) from events where duplicate"), 5_000);
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn the_same_id_with_other_content_is_another_event() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "conflicts", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let value = String::from_utf8(events(1..2).remove(0)).expect("text");
    let other = value.replace("\"vpn\"", "\"mail\"");
    assert_ne!(value, other);
    topic.produce(0, &[value.clone(), other, value].map(String::into_bytes));
    deployment.catch_up();
    let printed = deployment.succeed(&[
        "sql",
        "--format",
        "csv",
        "select application, duplicate from events order by kafka_offset",
    ]);
    let rows: Vec<&str> = printed.lines().skip(1).collect();
    // The window remembers an id with the content that it saw last.
    assert_eq!(rows[..2], ["vpn,false", "mail,false"], "{printed}");
    assert!(deployment.number("select sum(conflicting_ids) from segments") >= 1);
}
