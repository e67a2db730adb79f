//! What could not be read: shown, and produced again.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::harness::event::events;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::wait::SOON;

#[test]
fn a_rejection_is_listed_shown_and_replayed() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "replayed", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("fields", "first_name = false");
    topic.produce(0, &events(0..3));
    topic.produce(0, &[b"rubbish".to_vec(), br#"{"first_name":"Ada"}"#.to_vec()]);
    deployment.catch_up();

    let place = format!("{}:0:3", topic.name);
    let listed = deployment.succeed(&["rejections", "list"]);
    assert!(listed.contains(&format!("{place}:0")), "{listed}");
    let shown = deployment.succeed(&["rejections", "show", &place]);
    assert!(shown.trim_end().ends_with("\n\nrubbish"), "{shown}");

    // What is blanked is not what Kafka delivered, and must not pass for it.
    let blanked = deployment.run(&["rejections", "replay", &format!("{}:0:4", topic.name)]);
    assert_eq!(blanked.status.code(), Some(1), "{}", blanked.stderr);
    assert!(blanked.stderr.contains("redacted"), "{}", blanked.stderr);

    let planned = deployment.succeed(&["rejections", "replay", &place, "--dry-run"]);
    assert_eq!(planned.trim_end(), format!("{place}:0  not-json  7 bytes"));
    assert_eq!(records_from(&topic, 5), []);

    deployment.succeed(&["rejections", "replay", &place]);
    let sent = records_from(&topic, 5);
    assert_eq!(sent.len(), 1, "{sent:?}");
    let (value, header) = &sent[0];
    assert_eq!(value, b"rubbish");
    assert!(header.starts_with("gatebook-replay-of=") && header.ends_with(":0:3:0"), "{header}");

    deployment.catch_up();
    assert_eq!(deployment.number("SELECT count(*) FROM rejections WHERE reason = 'not-json'"), 2);
}

/// Values and headers of the records of partition 0 from an offset on.
fn records_from(topic: &Topic, offset: i64) -> Vec<(Vec<u8>, String)> {
    let consumer: BaseConsumer = topic
        .client()
        .set("group.id", "looks")
        .set("enable.partition.eof", "false")
        .create()
        .expect("a consumer");
    let (_, end) = consumer.fetch_watermarks(&topic.name, 0, SOON).expect("the end of the partition");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic.name, 0, Offset::Offset(offset)).expect("an offset");
    consumer.assign(&list).expect("assigned");
    let mut records = Vec::new();
    while offset + (records.len() as i64) < end {
        let message = consumer.poll(Duration::from_secs(10)).expect("a record").expect("readable");
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let text = |header: rdkafka::message::Header<'_, &[u8]>| {
            format!("{}={}", header.key, String::from_utf8_lossy(header.value.unwrap_or_default()))
        };
        records.push((
            message.payload().unwrap_or_default().to_vec(),
            headers.map(text).collect::<Vec<_>>().join(" "),
        ));
    }
    records
}
