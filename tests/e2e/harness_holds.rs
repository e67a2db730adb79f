//! The harness itself: brokers start, survive a kill with their records, and speak TLS.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::harness::certificates::Certificates;
use crate::harness::event::events;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;

#[test]
fn a_killed_broker_comes_back_with_its_records() {
    let mut kafka = Kafka::start(1);
    let topic = Topic::create(&kafka.brokers(), "survives", 1, &[]);
    topic.produce(0, &events(0..1_000));
    kafka.kill(0);
    kafka.restart(0);
    let client: BaseConsumer = topic.client().create().expect("a client");
    let watermarks = client.fetch_watermarks(&topic.name, 0, Duration::from_secs(30)).expect("watermarks");
    assert_eq!(watermarks, (0, 1_000));
}

#[test]
fn three_brokers_elect_another_leader() {
    let mut kafka = Kafka::start(3);
    let topic = Topic::create_replicated(&kafka.brokers(), "led", 1, 3, &[]);
    topic.produce(0, &events(0..10));
    let first = kafka.leader(&topic.name, 0);
    kafka.kill(first);
    topic.produce(0, &events(10..20));
    assert_ne!(kafka.leader(&topic.name, 0), first);
}

#[test]
fn a_secured_broker_listens() {
    let kafka = Kafka::start_secured(&Certificates::create());
    for address in [&kafka.sasl_address, &kafka.mutual_tls_address] {
        std::net::TcpStream::connect(address).expect("the listener is there");
    }
}
