//! Where each partition stands: what the book holds, and what waits in Kafka.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use lake::{Book, PartitionId, PartitionTotals, ReadError};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client;
use crate::cluster::{Cluster, ClusterError, Watermarks};
use crate::settings::{Kafka, Topic};

/// How long the brokers are asked.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait for the oldest unread record of each partition.
const OLDEST_UNREAD_TIMEOUT: Duration = Duration::from_secs(5);

/// One partition of a configured topic, or of one that the book knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub id: PartitionId,
    /// The sums over its segments; none if the book has never heard of it.
    pub totals: Option<PartitionTotals>,
    /// What Kafka holds; none if it was not asked, or does not have this partition.
    pub waiting: Option<Waiting>,
}

/// What waits in Kafka for a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Offsets that were not taken in yet. Some may hold no record.
    pub lag: i64,
    /// How many milliseconds remain until the oldest unread record may expire by the topic's
    /// `retention.ms`; negative when it already may, none when nothing waits or nothing expires by time.
    pub expires_in_ms: Option<i64>,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The book cannot be read.
    #[error(transparent)]
    Book(#[from] ReadError),
    /// The brokers gave no answer. What the book holds can be shown without them.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// What the book holds, without asking Kafka.
pub async fn of_book(book: &Book) -> Result<Vec<PartitionStatus>, StatusError> {
    Ok(of_totals(book.totals().await?))
}

/// The same, of sums that are known already.
#[must_use]
pub fn of_totals(totals: BTreeMap<PartitionId, PartitionTotals>) -> Vec<PartitionStatus> {
    let status = |(id, totals): (PartitionId, PartitionTotals)| PartitionStatus {
        topic: totals.topic.clone(),
        id,
        totals: Some(totals),
        waiting: None,
    };
    totals.into_iter().map(status).collect()
}

/// Asks the brokers about each partition of the configured topics. `now_ms` is the clock.
pub async fn with_kafka(
    mut known: Vec<PartitionStatus>,
    kafka: &Kafka,
    topics: &[Topic],
    now_ms: i64,
) -> Result<Vec<PartitionStatus>, StatusError> {
    let cluster = Cluster::new(kafka)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let described = cluster.topics(&names, REQUEST_TIMEOUT)?;
    let mut unread: BTreeMap<PartitionId, (String, i64)> = BTreeMap::new();
    for topic in &described {
        for partition in 0..topic.partitions {
            let id = PartitionId {
                topic_id: topic.id.clone(),
                partition: i32::try_from(partition).unwrap_or(i32::MAX),
            };
            let Watermarks { start, stable_end } = cluster.watermarks(&topic.name, id.partition)?;
            let position = known.iter().position(|status| status.id == id).unwrap_or_else(|| {
                known.push(PartitionStatus {
                    topic: topic.name.clone(),
                    id: id.clone(),
                    totals: None,
                    waiting: None,
                });
                known.len() - 1
            });
            let status = &mut known[position];
            let next = status.totals.as_ref().map_or(start, |totals| totals.next_offset);
            let lag = (stable_end - next).max(0);
            status.waiting = Some(Waiting { lag, expires_in_ms: None });
            if lag > 0 {
                unread.insert(id, (topic.name.clone(), next.max(start)));
            }
        }
    }
    if !unread.is_empty() {
        let retention = retention_ms(kafka, &names).await;
        for (id, timestamp_ms) in oldest_unread(kafka, &unread)? {
            let status = known.iter_mut().find(|status| status.id == id);
            if let Some(PartitionStatus { topic, waiting: Some(waiting), .. }) = status {
                waiting.expires_in_ms =
                    retention.get(topic).map(|retention| timestamp_ms + retention - now_ms);
            }
        }
    }
    known.sort_by(|one, other| one.topic.cmp(&other.topic).then_with(|| one.id.cmp(&other.id)));
    Ok(known)
}

/// `retention.ms` of each topic whose records expire by time.
async fn retention_ms(kafka: &Kafka, topics: &[&str]) -> HashMap<String, i64> {
    let Ok(admin) = client::config(kafka).create::<AdminClient<DefaultClientContext>>() else {
        return HashMap::new();
    };
    let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
    let configs = match admin.describe_configs(&asked, &options).await {
        Ok(configs) => configs,
        Err(error) => {
            tracing::debug!(%error, "the topics' retention is not known");
            return HashMap::new();
        }
    };
    let retention = |topic: &&str, config: rdkafka::admin::ConfigResourceResult| {
        let config = config.ok()?;
        let value = |name: &str| config.get(name).and_then(|entry| entry.value.clone());
        let deletes = value("cleanup.policy").is_none_or(|policy| policy.contains("delete"));
        let ms: i64 = value("retention.ms")?.parse().ok()?;
        (deletes && ms >= 0).then(|| ((*topic).to_owned(), ms))
    };
    topics.iter().zip(configs).filter_map(|(topic, config)| retention(topic, config)).collect()
}

/// Kafka's timestamp of the first unread record of each partition, as far as it comes in time.
fn oldest_unread(
    kafka: &Kafka,
    unread: &BTreeMap<PartitionId, (String, i64)>,
) -> Result<HashMap<PartitionId, i64>, ClusterError> {
    let consumer: BaseConsumer =
        client::config(kafka).create().map_err(|error| ClusterError::Configuration(error.to_string()))?;
    let mut list = TopicPartitionList::new();
    for (id, (topic, offset)) in unread {
        list.add_partition_offset(topic, id.partition, Offset::Offset(*offset))?;
    }
    consumer.assign(&list)?;
    let mut found = HashMap::new();
    let began = Instant::now();
    while found.len() < unread.len() && began.elapsed() < OLDEST_UNREAD_TIMEOUT {
        let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let id = unread
            .iter()
            .find(|(id, (topic, _))| topic == record.topic() && id.partition == record.partition());
        if let (Some((id, _)), Some(ms)) = (id, record.timestamp().to_millis()) {
            found.entry(id.clone()).or_insert(ms);
        }
    }
    Ok(found)
}
