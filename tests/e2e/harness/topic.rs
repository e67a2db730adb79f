//! Kafka topics: made, filled and spoilt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::wait::{SOON, until};

/// How long one request to the broker may take.
const REQUEST: Duration = Duration::from_secs(30);

/// A topic with a name of its own.
pub(crate) struct Topic {
    pub(crate) name: String,
    brokers: String,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Transaction {
    Commit,
    Abort,
}

impl Topic {
    /// Creates a topic named after `theme`, with one replica and librdkafka-independent `settings`
    /// (`cleanup.policy`, …).
    pub(crate) fn create(brokers: &str, theme: &str, partitions: i32, settings: &[(&str, &str)]) -> Topic {
        Topic::create_replicated(brokers, theme, partitions, 1, settings)
    }

    /// As [`Topic::create`], on `replicas` brokers.
    pub(crate) fn create_replicated(
        brokers: &str,
        theme: &str,
        partitions: i32,
        replicas: i32,
        settings: &[(&str, &str)],
    ) -> Topic {
        static SEQUENCE: AtomicU64 = AtomicU64::new(0);
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let topic = Topic { name: format!("{theme}-{sequence}"), brokers: brokers.to_owned() };
        topic.create_again(partitions, replicas, settings);
        topic
    }

    /// Creates the topic under the name it had before it was deleted.
    pub(crate) fn create_again(&self, partitions: i32, replicas: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(replicas));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        until("the topic is created", SOON, || {
            let results = wait(self.admin().create_topics([&new], &options())).expect("the broker answers");
            match &results[0] {
                Ok(_) => Some(()),
                // The deletion of its predecessor is still under way.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => None,
                Err((_, code)) => panic!("creating {}: {code}", self.name),
            }
        });
    }

    /// Deletes the topic with all its records.
    pub(crate) fn delete(&self) {
        let results =
            wait(self.admin().delete_topics(&[&self.name], &options())).expect("the broker answers");
        results[0].as_ref().expect("the topic is deleted");
    }

    /// Gives the topic `partitions` partitions in all.
    pub(crate) fn grow(&self, partitions: usize) {
        let new = NewPartitions::new(&self.name, partitions);
        let results = wait(self.admin().create_partitions([&new], &options())).expect("the broker answers");
        results[0].as_ref().expect("the topic grows");
    }

    /// Makes the broker forget every record of a partition below offset `before`.
    pub(crate) fn expire(&self, partition: i32, before: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.name, partition, Offset::Offset(before)).expect("an offset");
        let deleted = wait(self.admin().delete_records(&offsets, &options())).expect("the broker answers");
        deleted.elements()[0].error().expect("the records are deleted");
    }

    /// Commits an offset of a partition for a consumer group.
    pub(crate) fn commit(&self, group: &str, partition: i32, offset: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().expect("a consumer");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.name, partition, Offset::Offset(offset)).expect("an offset");
        consumer.commit(&offsets, CommitMode::Sync).expect("the broker keeps the offset");
    }

    /// Appends `values` to a partition, in order, and waits until the broker has them all.
    pub(crate) fn produce(&self, partition: i32, values: &[Vec<u8>]) {
        self.writer().produce(partition, values);
    }

    /// Appends `values` to a partition within one transaction.
    pub(crate) fn transact(&self, partition: i32, values: &[Vec<u8>], transaction: Transaction) {
        let id = format!("{}-{partition}", self.name);
        let writer = Writer::create(self, &[("transactional.id", &id)]);
        writer.producer.init_transactions(REQUEST).expect("transactions");
        writer.producer.begin_transaction().expect("a transaction");
        writer.produce(partition, values);
        match transaction {
            Transaction::Commit => writer.producer.commit_transaction(REQUEST).expect("committed"),
            Transaction::Abort => writer.producer.abort_transaction(REQUEST).expect("aborted"),
        }
    }

    /// A producer that is kept open for many batches.
    pub(crate) fn writer(&self) -> Writer {
        Writer::create(self, &[])
    }

    /// The settings of a client of this topic's cluster.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }
}

/// An idempotent producer to one topic. Nothing that it was told to send is lost or doubled in the
/// log: otherwise the truth would be unknown.
pub(crate) struct Writer {
    topic: String,
    producer: ThreadedProducer<Failures>,
}

impl Writer {
    fn create(topic: &Topic, settings: &[(&str, &str)]) -> Writer {
        let mut config = topic.client();
        config.set("enable.idempotence", "true").set("compression.type", "lz4").set("linger.ms", "2");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        let producer = config.create_with_context(Failures::default()).expect("a producer");
        Writer { topic: topic.name.clone(), producer }
    }

    /// Appends `values` to a partition, in order, and waits until the broker has them all.
    pub(crate) fn produce(&self, partition: i32, values: &[Vec<u8>]) {
        self.produce_keyed(partition, values.iter().map(|value| (None, Some(value.as_slice()))));
    }

    /// As [`Writer::produce`], with a key and a value that may be absent (a tombstone).
    pub(crate) fn produce_keyed<'a>(
        &self,
        partition: i32,
        records: impl IntoIterator<Item = (Option<&'a str>, Option<&'a [u8]>)>,
    ) {
        for (key, value) in records {
            let mut record = BaseRecord::<str, [u8]>::to(&self.topic).partition(partition);
            record.key = key;
            record.payload = value;
            while let Err((error, unsent)) = self.producer.send(record) {
                assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "sending");
                std::thread::sleep(Duration::from_millis(5));
                record = unsent;
            }
        }
        self.producer.flush(SOON * 2).expect("all records are acknowledged");
        assert_eq!(self.producer.context().0.load(Ordering::Relaxed), 0, "records that the broker refused");
    }
}

/// Counts the records that were not delivered.
#[derive(Clone, Default)]
struct Failures(Arc<AtomicU64>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        if delivery.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST))
}

/// Runs a future of the admin client, which needs no reactor.
fn wait<T>(future: impl Future<Output = KafkaResult<T>>) -> KafkaResult<T> {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
