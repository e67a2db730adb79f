//! Where a partition goes on: the book's offset, compared with what the brokers still have.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use futures::FutureExt as _;
use lake::{Book, PartitionId, ReadError, Segment};
use schemas::Fingerprinter;

use crate::cluster::{Cluster, ClusterError, TopicIdentity, Watermarks};
use crate::settings::{Gap, Settings, Until};
use crate::slot::Slot;
use crate::window::Recent;

/// How often, and at what distance, an end that lies before the book's offset is looked at again.
const TRUNCATION_LOOKS: u32 = 20;
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// How often a partition that cannot be asked about is spoken of.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// Why a partition cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Records expired before they were read.
    #[error(
        "records of {topic}:{partition} expired before they were read: the book goes on at offset {expected}, Kafka keeps \
         offsets from {start} on. What is in the book is whole up to {expected}. To go on without the lost offsets, start \
         once with --accept-gap {topic}:{partition}:{expected}-{start}; the book then says so for ever. To find them, look \
         for a copy of the topic first: nothing is written until you decide"
    )]
    Expired {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The book's next offset.
        expected: i64,
        /// The oldest offset that Kafka keeps.
        start: i64,
    },
    /// The partition is shorter than the book knows it.
    #[error(
        "{topic}:{partition} ends at offset {end}, but the book holds its records up to {expected}: Kafka lost records that \
         it had acknowledged, or this is another topic. The book is whole; nothing is written. Restore the topic, or send \
         its records to a topic of another name"
    )]
    Truncated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The book's next offset.
        expected: i64,
        /// Where the partition ends.
        end: i64,
    },
    /// The brokers do not answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The book does not answer.
    #[error("cannot read from the book where to go on")]
    Book(#[from] ReadError),
}

/// Makes slots for partitions: where they go on, and what their windows hold.
pub(crate) struct Resume<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: &'a Cluster,
    pub(crate) topics: &'a [TopicIdentity],
    pub(crate) fingerprinter: &'a Fingerprinter,
    pub(crate) stopping: &'a AtomicBool,
}

impl Resume<'_> {
    /// One slot for each partition. What the topic is was checked before; a topic that is not configured
    /// cannot be assigned.
    pub(crate) async fn slots(
        &self,
        book: &mut Book,
        partitions: &[(String, i32)],
    ) -> Result<Vec<Slot>, ResumeError> {
        book.refresh().await.map_err(ReadError::from)?;
        let mut slots = Vec::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            let identity = self.topics.iter().find(|identity| &identity.name == topic);
            let index = self.settings.topics.iter().position(|configured| &configured.name == topic);
            if let (Some(identity), Some(index)) = (identity, index) {
                slots.push(self.slot(book, identity, index, *partition).await?);
            }
        }
        self.fill_windows(book, &mut slots).await;
        Ok(slots)
    }

    async fn slot(
        &self,
        book: &mut Book,
        identity: &TopicIdentity,
        topic_index: usize,
        partition: i32,
    ) -> Result<Slot, ResumeError> {
        let topic = &self.settings.topics[topic_index];
        let id = PartitionId { topic_id: identity.id.clone(), partition };
        let expected = book.next_offset(&id).await.map_err(ReadError::from)?;
        let there = self.watermarks(&topic.name, partition, expected)?;
        let mut segment =
            Segment::starting_at(topic.name.clone(), id.clone(), expected, expected.unwrap_or(there.start));
        if let Some(expected) = expected {
            if expected > there.stable_end {
                let (topic, end) = (topic.name.clone(), there.stable_end);
                return Err(ResumeError::Truncated { topic, partition, expected, end });
            }
            if expected < there.start {
                let (topic, start) = (topic.name.clone(), there.start);
                if !self.settings.accept_gaps.contains(&Gap {
                    topic: topic.clone(),
                    partition,
                    from: expected,
                    to: start,
                }) {
                    return Err(ResumeError::Expired { topic, partition, expected, start });
                }
                segment.next_offset = start;
                segment.gap =
                    Some("records expired before they were read; accepted by an operator".to_owned());
            }
        }
        Ok(Slot {
            topic: topic.name.clone(),
            id,
            topic_index,
            source: topic.source,
            backfill: topic.backfill,
            segment,
            window: Recent::default().into_window(self.settings.limits.duplicate_window),
            target: (self.settings.until == Until::CaughtUp).then_some(there.stable_end),
        })
    }

    /// What is there. The brokers are asked again while they cannot answer: a partition that was just added,
    /// or whose leader is gone, is known after a moment. And a broker that has just come back can know less
    /// than it had acknowledged, so an end before `expected` is looked at again before it is believed.
    fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        expected: Option<i64>,
    ) -> Result<Watermarks, ClusterError> {
        let wait_max = (self.settings.until == Until::CaughtUp).then_some(self.settings.limits.connect_max);
        let (began, mut complained, mut short_looks) = (Instant::now(), Instant::now(), 0);
        loop {
            match self.cluster.watermarks(topic, partition) {
                Ok(there) => {
                    let is_short = expected.is_some_and(|expected| expected > there.stable_end);
                    if !is_short || short_looks == TRUNCATION_LOOKS {
                        return Ok(there);
                    }
                    short_looks += 1;
                }
                Err(error) => {
                    if self.stopping.load(Ordering::Acquire)
                        || wait_max.is_some_and(|max| began.elapsed() >= max)
                    {
                        return Err(error);
                    }
                    if complained.elapsed() >= COMPLAINT_INTERVAL {
                        complained = Instant::now();
                        let waited_s = began.elapsed().as_secs();
                        tracing::warn!(kafka.topic = topic, kafka.partition = partition, waited_s, %error, "cannot ask for offsets, trying again");
                    }
                }
            }
            std::thread::sleep(LOOK_PAUSE);
        }
    }

    /// Reads the last N events of each partition back from the book, so that a repeat is flagged as if
    /// this process had seen them itself.
    async fn fill_windows(&self, book: &Book, slots: &mut [Slot]) {
        let capacity = self.settings.limits.duplicate_window;
        let mut recent: HashMap<PartitionId, Recent> = HashMap::new();
        let mut since: HashMap<PartitionId, i64> = HashMap::new();
        for slot in slots.iter().filter(|slot| slot.segment.expected.is_some()) {
            since.insert(slot.id.clone(), slot.segment.from_offset.saturating_sub(capacity as i64));
        }
        // Offsets are sparse where transactions or compaction are at work: reach further back until the
        // window is full or the partition begins.
        while !since.is_empty() {
            recent.retain(|id, _| !since.contains_key(id));
            let read = book.events_since(&since, |rows| {
                let fingerprints = self.fingerprinter.of(rows);
                let text = |name: &str| rows.column_by_name(name).map(|column| column.as_string::<i32>());
                let number =
                    |name: &str| rows.column_by_name(name).map(|column| column.as_primitive::<Int32Type>());
                let offsets =
                    rows.column_by_name("kafka_offset").map(|column| column.as_primitive::<Int64Type>());
                let (Some(topics), Some(partitions), Some(offsets), Some(indexes)) =
                    (text("kafka_topic_id"), number("kafka_partition"), offsets, number("element_index"))
                else {
                    return;
                };
                for (row, event) in fingerprints.into_iter().enumerate() {
                    let id = PartitionId {
                        topic_id: topics.value(row).to_owned(),
                        partition: partitions.value(row),
                    };
                    recent.entry(id).or_default().add(offsets.value(row), indexes.value(row), event);
                }
            });
            // A damaged file makes the decoder fail, or panic. Records must land all the same: what cannot be seen
            // any more is a repeat that is not flagged, and reports that must be exact count distinct events.
            match AssertUnwindSafe(read).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "repeats of earlier events are not all flagged from here on");
                    break;
                }
                Err(_) => {
                    tracing::error!(
                        "repeats of earlier events are not all flagged from here on: a file of the book is damaged, \
                         `gatebook check` says which"
                    );
                    break;
                }
            }
            since.retain(|id, from| {
                let is_short = recent.get(id).map_or(0, Recent::len) < capacity && *from > 0;
                let next =
                    slots.iter().find(|slot| &slot.id == id).map_or(0, |slot| slot.segment.from_offset);
                *from = next.saturating_sub((next - *from).saturating_mul(4)).max(0);
                is_short
            });
        }
        for slot in slots {
            if let Some(recent) = recent.remove(&slot.id) {
                slot.window = recent.into_window(capacity);
            }
        }
    }
}
