//! Kafka clients with the house's defaults.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::settings::Kafka;

/// What differs from librdkafka's defaults, and why. `[kafka.properties]` wins over all but the last group.
const DEFAULTS: &[(&str, &str)] = &[
    // A full fetch queue pauses a partition for a second by default, and fetches are small: both starve a fast reader.
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "200000"),
    // Bounds the memory of each pipeline's fetch queue.
    ("queued.max.messages.kbytes", "65536"),
    ("fetch.message.max.bytes", "4194304"),
    ("fetch.wait.max.ms", "50"),
    ("receive.message.max.bytes", "104857600"),
    // Kafka's own check of each batch: a flipped bit on the way must not become an event.
    ("check.crcs", "true"),
    // After kill -9 the group hands the partitions on within this time.
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "2000"),
    // A new partition is noticed within this time.
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("reconnect.backoff.max.ms", "5000"),
    ("socket.keepalive.enable", "true"),
];

/// What exactly-once rests on: no setting may change it.
const FIXED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("isolation.level", "read_committed"),
    ("auto.offset.reset", "error"),
    // Spreads partitions of all topics over all pipelines; eager, since cooperative rebalancing with manual
    // commits has known holes.
    ("partition.assignment.strategy", "roundrobin"),
];

/// A property that `[kafka.properties]` may not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("remove {key} from [kafka.properties]: it is always \"{value}\", since exactly-once rests on it")]
pub struct FixedProperty {
    /// The property.
    pub key: &'static str,
    /// What it always is.
    pub value: &'static str,
}

/// Refuses properties that would break exactly-once.
pub fn check_properties(kafka: &Kafka) -> Result<(), FixedProperty> {
    for &(key, value) in FIXED {
        if kafka.properties.get(key).is_some_and(|set| set != value) {
            return Err(FixedProperty { key, value });
        }
    }
    Ok(())
}

pub(crate) fn config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (key, value) in DEFAULTS {
        // librdkafka knows this one by a second name, and which of the two it reads last is chance.
        if *key != "fetch.message.max.bytes" || !kafka.properties.contains_key("max.partition.fetch.bytes") {
            config.set(*key, *value);
        }
    }
    config.set("client.id", "gatebook");
    for (key, value) in &kafka.properties {
        config.set(key, value);
    }
    for (key, value) in FIXED {
        config.set(*key, *value);
    }
    config.set("bootstrap.servers", &kafka.brokers).set("group.id", &kafka.group);
    config.set_log_level(RDKafkaLogLevel::Error);
    config
}

/// A change of what this member reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebalance {
    Assigned(Vec<(String, i32)>),
    Revoked,
}

/// Keeps rebalances and errors until the pipeline looks at them: a callback must not commit or wait.
#[derive(Debug, Default)]
pub(crate) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    refused: AtomicBool,
    distrusted: AtomicBool,
    closing: AtomicBool,
}

impl Context {
    pub(crate) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// Whether the brokers refused the credentials since this was last asked. What follows a refusal that
    /// passed by itself is no refusal.
    pub(crate) fn take_refusal(&self) -> bool {
        self.refused.swap(false, Ordering::AcqRel)
    }

    /// Whether a TLS handshake failed since this was last asked.
    pub(crate) fn take_distrust(&self) -> bool {
        self.distrusted.swap(false, Ordering::AcqRel)
    }

    /// From now on revocations are answered at once: nothing is in flight any more.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(kafka.level = ?level, kafka.facility = facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.refused.store(true, Ordering::Release);
            }
            Some(RDKafkaErrorCode::SSL) => self.distrusted.store(true, Ordering::Release),
            _ => {}
        }
        tracing::debug!(%error, "{reason}");
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: rd_kafka_resp_err_t,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::Acquire) {
            if let Err(error) = consumer.unassign() {
                tracing::debug!(%error, "cannot give back the partitions on leaving");
            }
            return;
        }
        let rebalance = if err == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let named = partitions.elements();
            Rebalance::Assigned(named.iter().map(|one| (one.topic().to_owned(), one.partition())).collect())
        } else {
            Rebalance::Revoked
        };
        lock(&self.rebalances).push_back(rebalance);
    }
}

/// A panic elsewhere does not make what is kept here wrong.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
