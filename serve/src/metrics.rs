//! Counters and gauges for a monitor, in the OpenMetrics text format.
//!
//! Counts of the book come from its segments: they are the same in every process and outlive each. No label holds
//! what a client sent: an operation's name, a status, a topic and a partition are all there are.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use lake::{PartitionId, PartitionTotals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use query::{Session, Waiting};

pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What this process has counted.
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct PartitionLabels {
    topic: String,
    partition: i32,
}

impl PartitionLabels {
    fn new(topic: &str, id: &PartitionId) -> Self {
        Self { topic: topic.to_owned(), partition: id.partition }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        // From 1 ms to 8 s, doubling.
        let durations = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        Self { requests: Family::default(), durations: Family::new_with_constructor(durations) }
    }

    /// Counts a request, up to the first byte of its answer.
    pub(crate) fn answered(&self, operation: &'static str, status: StatusCode, took: Duration) {
        self.requests.get_or_create(&RequestLabels { operation, status: status.as_u16() }).inc();
        self.durations.get_or_create(&OperationLabels { operation }).observe(took.as_secs_f64());
    }

    /// Everything, with the book as it stands in this version.
    pub(crate) fn text(
        &self,
        session: &Session,
        totals: &BTreeMap<PartitionId, PartitionTotals>,
        waiting: &BTreeMap<PartitionId, Waiting>,
    ) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("gatebook");
        let help = "Requests that were answered, by operation and status";
        registry.register("http_requests", help, self.requests.clone());
        let help = "Time to the first byte of an answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.durations.clone());
        registry.register_collector(Box::new(BookState {
            version: session.book_version(),
            files: session.book().files().map_or(0, |files| files.len()),
            totals: totals.clone(),
            waiting: waiting.clone(),
        }));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The book in one version, and what waits for it.
#[derive(Debug)]
struct BookState {
    version: u64,
    files: usize,
    totals: BTreeMap<PartitionId, PartitionTotals>,
    waiting: BTreeMap<PartitionId, Waiting>,
}

/// Counts of a partition that only grow: name, meaning, and where they stand.
type Count = (&'static str, &'static str, fn(&PartitionTotals) -> i64);

const COUNTS: &[Count] = &[
    ("book_records", "Records that the book took in", |totals| totals.records),
    ("book_events", "Elements that became events", |totals| totals.events),
    ("book_duplicates", "Events that were flagged as duplicates", |totals| totals.duplicates),
    ("book_conflicting_ids", "Events whose id was seen with other content", |totals| totals.conflicting_ids),
    ("book_changes", "Elements that became changes", |totals| totals.changes),
    ("book_rejections", "Elements that could not be read", |totals| totals.rejections),
    ("book_skipped", "Elements that are neither event nor change", |totals| totals.skipped),
    ("book_unknown_values", "Values that no vocabulary knew", |totals| totals.unknown_values),
    ("book_unknown_keys", "Keys that the contract does not have", |totals| totals.unknown_keys),
];

impl BookState {
    /// The partitions of the topics as they are now: an earlier topic of the same name would have the same labels.
    fn current(&self) -> BTreeMap<PartitionLabels, &PartitionTotals> {
        let mut current: BTreeMap<PartitionLabels, &PartitionTotals> = BTreeMap::new();
        for (id, totals) in &self.totals {
            let newest = current.entry(PartitionLabels::new(&totals.topic, id)).or_insert(totals);
            if totals.committed_at_us > newest.committed_at_us {
                *newest = totals;
            }
        }
        current
    }
}

impl Collector for BookState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("book_version", "The version of the book", self.version as i64)?;
        gauge("book_files", "Files of that version", self.files as i64)?;
        let current = self.current();
        for (name, help, of) in COUNTS {
            let sample = ConstCounter::new(0_u64);
            let mut family = encoder.encode_descriptor(name, help, None, sample.metric_type())?;
            for (labels, totals) in &current {
                let counter = ConstCounter::new(u64::try_from(of(totals)).unwrap_or(0));
                counter.encode(family.encode_family(labels)?)?;
            }
        }
        let seconds = |us: Option<i64>| us.map(|us| us as f64 / 1e6);
        let held = |of: &dyn Fn(&PartitionTotals) -> Option<f64>| {
            current.iter().map(|(labels, totals)| (labels.clone(), of(totals))).collect::<Vec<_>>()
        };
        // Of partitions too of which the book has nothing yet: theirs is the worst lag of all.
        let waits = |of: &dyn Fn(&Waiting) -> Option<f64>| {
            let waiting = self.waiting.iter();
            waiting
                .map(|(id, waiting)| (PartitionLabels::new(&waiting.topic, id), of(waiting)))
                .collect::<Vec<_>>()
        };
        let gauges = [
            (
                "book_next_offset",
                "The offset after the last that the book took in",
                held(&|totals| Some(totals.next_offset as f64)),
            ),
            (
                "book_last_commit_timestamp_seconds",
                "When its last segment was committed",
                held(&|totals| seconds(totals.committed_at_us)),
            ),
            (
                "book_newest_record_timestamp_seconds",
                "Kafka's newest timestamp",
                held(&|totals| seconds(totals.received_at_us)),
            ),
            ("kafka_lag", "Offsets that wait in Kafka", waits(&|waiting| Some(waiting.lag as f64))),
            (
                "kafka_unread_expires_seconds",
                "Until the oldest of them may expire",
                waits(&|waiting| waiting.expires_in_ms.map(|ms| ms as f64 / 1e3)),
            ),
        ];
        for (name, help, samples) in gauges {
            let sample = ConstGauge::new(0.0_f64);
            let mut family = encoder.encode_descriptor(name, help, None, sample.metric_type())?;
            for (labels, value) in samples {
                if let Some(value) = value {
                    ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
