//! A Kafka producer that counts what the brokers confirmed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use rdkafka::types::RDKafkaConfRes;

use super::reports::{Reports, code_of, detail};
use super::source::InputError;
use crate::settings::Kafka;

/// What differs from librdkafka's defaults, and why. `[kafka.properties]` wins.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "gatebook-produce"),
    // Full batches compress better and cost the broker less; nobody waits for a single record.
    ("linger.ms", "20"),
    ("batch.size", "1000000"),
    // Changes the partition often, so that all get alike much even of a short run.
    ("sticky.partitioning.linger.ms", "1"),
    ("compression.type", "lz4"),
    // Bounds the memory: the sender waits when either is reached.
    ("queue.buffering.max.messages", "200000"),
    ("queue.buffering.max.kbytes", "131072"),
    // A record that no broker confirmed by then has failed.
    ("message.timeout.ms", "60000"),
    ("socket.keepalive.enable", "true"),
];

/// Each record once and in order, on every replica in step, whatever `[kafka.properties]` says.
const FIXED: &[(&str, &str)] = &[("enable.idempotence", "true"), ("acks", "all")];

/// How long to look for a broker.
const CONNECT_MAX: Duration = Duration::from_secs(60);
/// How long a topic may be unknown: a broker that creates topics needs a moment.
const UNKNOWN_TOPIC_MAX: Duration = Duration::from_secs(10);
/// How long one question to the brokers may take; a stop is noticed between two.
const REQUEST_MAX: Duration = Duration::from_secs(2);
/// How long to wait between two questions, while client errors are gathered.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// How long to wait for room in the queue before trying again.
const ROOM_WAIT: Duration = Duration::from_millis(5);
/// How long to wait for confirmations before telling the progress.
const FLUSH_WAIT: Duration = Duration::from_millis(200);
/// Reports are taken in after so many records.
const RECORDS_A_POLL: u32 = 512;

/// No record could be sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The client does not take a property.
    #[error("correct {key} in [kafka.properties]: {problem}")]
    Property {
        /// The property.
        key: String,
        /// What is wrong. It never repeats the value, which may be a secret under a mistyped key.
        problem: &'static str,
    },
    /// The client does not take the properties as a whole.
    #[error("correct [kafka.properties]: the Kafka client does not start")]
    Properties(#[source] KafkaError),
    /// No broker answered.
    #[error(
        "check that Kafka runs and that kafka.brokers is right: no broker answered at {brokers} within \
         {} s{}", CONNECT_MAX.as_secs(), detail(.reason)
    )]
    NoBroker {
        /// The addresses that were tried.
        brokers: String,
        /// The client's last error, where it told one.
        reason: Option<String>,
    },
    /// The brokers refused the credentials.
    #[error("check the credentials in [kafka.properties]: {brokers} refused them{}", detail(.reason))]
    Refused {
        /// The brokers.
        brokers: String,
        /// Their reason.
        reason: Option<String>,
    },
    /// The brokers do not know the topic, and do not create it.
    #[error("create the topic {topic:?} first: the brokers at {brokers} do not know it")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// The brokers.
        brokers: String,
    },
    /// The brokers know the topic and do not let us in.
    #[error("the brokers refuse the topic {topic:?}: {code}")]
    Topic {
        /// The topic.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
    /// It was stopped before a broker answered.
    #[error("stopped before a broker answered")]
    Stopped,
}

/// Records were not confirmed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} records were not delivered, {delivered} were: {reason}")]
pub struct DeliveryError {
    /// Records that the brokers have confirmed.
    pub delivered: u64,
    /// Records that they have not. One that timed out may be in the topic all the same.
    pub failed: u64,
    /// Why the first of them failed.
    pub reason: String,
}

/// A record that the client does not take.
pub(super) struct RecordError {
    error: KafkaError,
    bytes: usize,
}

pub(super) struct Sender {
    producer: BaseProducer<Reports>,
    topic: String,
    until_poll: u32,
}

impl Sender {
    /// Waits until a broker answers and knows the topic.
    pub(super) fn connect(kafka: &Kafka, topic: &str, stop: &AtomicBool) -> Result<Self, ConnectError> {
        let producer: BaseProducer<Reports> =
            config(kafka).create_with_context(Reports::default()).map_err(refused_property)?;
        let sender = Self { producer, topic: topic.to_owned(), until_poll: RECORDS_A_POLL };
        let started = Instant::now();
        let mut unknown_since = None;
        while !stop.load(Ordering::Relaxed) {
            match sender.topic_state() {
                Ok(()) => return Ok(sender),
                Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    let since: &mut Instant = unknown_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= UNKNOWN_TOPIC_MAX {
                        let brokers = kafka.brokers.clone();
                        return Err(ConnectError::UnknownTopic { topic: sender.topic.clone(), brokers });
                    }
                }
                Err(code @ (RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::InvalidTopic)) => {
                    return Err(ConnectError::Topic { topic: sender.topic.clone(), code });
                }
                Err(_) => {}
            }
            sender.poll(RETRY_AFTER);
            let reports = sender.reports();
            let brokers = kafka.brokers.clone();
            if reports.is_refused() {
                return Err(ConnectError::Refused { brokers, reason: reports.last_error() });
            }
            if started.elapsed() >= CONNECT_MAX {
                return Err(ConnectError::NoBroker { brokers, reason: reports.last_error() });
            }
        }
        Err(ConnectError::Stopped)
    }

    fn topic_state(&self) -> Result<(), RDKafkaErrorCode> {
        let metadata = self.producer.client().fetch_metadata(Some(&self.topic), REQUEST_MAX);
        let metadata = metadata.map_err(|error| code_of(&error))?;
        match metadata.topics().first().and_then(|topic| topic.error()) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Queues a record, to a partition where one is named; waits while the queue is full.
    pub(super) fn send(
        &mut self,
        value: &[u8],
        timestamp_ms: Option<i64>,
        partition: Option<i32>,
    ) -> Result<(), RecordError> {
        self.poll_now_and_then();
        let mut record = BaseRecord::<(), [u8]>::to(&self.topic).payload(value);
        record.timestamp = timestamp_ms;
        record.partition = partition;
        self.queue(record, value.len())
    }

    /// Queues a record with a header, at the time of sending; waits while the queue is full.
    pub(super) fn send_with_header(
        &mut self,
        value: &[u8],
        (key, text): (&str, &str),
    ) -> Result<(), RecordError> {
        self.poll_now_and_then();
        let headers = OwnedHeaders::new().insert(Header { key, value: Some(text) });
        let record = BaseRecord::<(), [u8]>::to(&self.topic).payload(value).headers(headers);
        self.queue(record, value.len())
    }

    fn poll_now_and_then(&mut self) {
        self.until_poll -= 1;
        if self.until_poll == 0 {
            self.until_poll = RECORDS_A_POLL;
            self.poll(Duration::ZERO);
        }
    }

    fn queue(&self, mut record: BaseRecord<'_, (), [u8]>, bytes: usize) -> Result<(), RecordError> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, refused)) if code_of(&error) == RDKafkaErrorCode::QueueFull => {
                    self.poll(ROOM_WAIT);
                    // Who asks next is told; the rest of the input is of no use.
                    if self.has_failed() {
                        return Ok(());
                    }
                    record = refused;
                }
                Err((error, _)) => return Err(RecordError { error, bytes }),
            }
        }
    }

    /// Takes in reports for as long as `wait`; one group of them where it is zero.
    pub(super) fn poll(&self, wait: Duration) {
        self.producer.poll(wait);
    }

    /// Records that the brokers have confirmed so far.
    pub(super) fn delivered(&self) -> u64 {
        self.reports().delivered()
    }

    /// Whether a record was not delivered.
    pub(super) fn has_failed(&self) -> bool {
        self.reports().failed() > 0
    }

    /// Waits until every queued record was confirmed or has failed, which it has after `message.timeout.ms`
    /// or with the first that has; returns how many were confirmed.
    pub(super) fn finish(self, progress: &mut dyn FnMut(u64)) -> Result<u64, DeliveryError> {
        while self.producer.in_flight_count() > 0 {
            if self.has_failed() {
                // What has not gone out is of no use any more: report it now, not after another time-out.
                self.producer.purge(PurgeConfig::default().queue());
            }
            // A timeout is no error here: the loop goes on until each record has its report.
            let _ = self.producer.flush(FLUSH_WAIT);
            progress(self.delivered());
        }
        let delivered = self.delivered();
        let failed = self.reports().failed();
        if failed == 0 {
            return Ok(delivered);
        }
        let reason = self.reports().failure().unwrap_or_default();
        Err(DeliveryError { delivered, failed, reason })
    }

    fn reports(&self) -> &Reports {
        self.producer.client().context()
    }
}

impl RecordError {
    /// Says which record it is, counted from 1.
    pub(super) fn of_record(self, record: u64) -> InputError {
        if code_of(&self.error) == RDKafkaErrorCode::MessageSizeTooLarge {
            return InputError::TooLarge { record, bytes: self.bytes };
        }
        InputError::Refused { record, source: self.error }
    }
}

fn config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    let given = kafka.properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in DEFAULTS.iter().copied().chain(given).chain(FIXED.iter().copied()) {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &kafka.brokers);
    config.set_log_level(RDKafkaLogLevel::Error);
    config
}

fn refused_property(error: KafkaError) -> ConnectError {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, key, _) => {
            ConnectError::Property { key, problem: "librdkafka has no such property" }
        }
        KafkaError::ClientConfig(_, _, key, _) => {
            ConnectError::Property { key, problem: "librdkafka does not take its value" }
        }
        error => ConnectError::Properties(error),
    }
}
