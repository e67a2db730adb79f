//! What a newcomer does first: send traffic, land it, read a report and the status.

use crate::harness::event::{events, rubbish};
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;

#[test]
fn traffic_is_sent_landed_and_reported() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "first-run", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.succeed(&["produce", "--topic", &topic.name, "--count", "3000"]);
    deployment.catch_up();
    let landed = deployment.number("select count(*) from events where not duplicate");
    assert!(landed > 2_900, "synthetic traffic is nearly all events and no repeats, not {landed}");

    let report = deployment.succeed(&["report", "usage", "--by", "method", "--format", "csv"]);
    let cells = |line: &str| -> Vec<String> { line.split(',').map(str::to_owned).collect() };
    let mut lines = report.lines().filter(|line| !line.starts_with('#'));
    let header = cells(lines.next().expect("a header"));
    let column = header.iter().position(|name| name == "events").expect("a column of events");
    let reported: u64 = lines.map(|line| cells(line)[column].parse::<u64>().expect("a count")).sum();
    assert_eq!(reported, landed, "{report}");
}

#[test]
fn the_status_counts_what_is_landed_and_what_waits() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "status", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    topic.produce(0, &events(0..100));
    topic.produce(0, &[rubbish(0)]);
    deployment.catch_up();
    topic.produce(0, &events(100..107));
    let status = deployment.succeed(&["status"]);
    let line = status.lines().find(|line| line.contains(&topic.name)).expect("a line for the partition");
    // topic, partition, next offset, records, elements, events, duplicates, conflicting ids, changes,
    // rejections, skipped, unknown values, unknown keys, lag
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|cell| cell.parse().ok()).collect();
    assert_eq!(numbers[..13], [0, 101, 101, 101, 100, 0, 0, 0, 1, 0, 0, 0, 7], "{status}");
}
