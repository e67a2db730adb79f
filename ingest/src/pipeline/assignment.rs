//! The partitions that a pipeline reads: which they are, where each goes on, and their records.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use lake::PartitionId;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::error::PipelineError;
use super::{Partitions, Shared};
use crate::batch::Encoded;
use crate::client::{self, Context, Rebalance};
use crate::cluster::ClusterError;
use crate::native::{Delivery, RecordQueue};
use crate::resume::{Resume, ResumeError};
use crate::slot::Slot;

/// How long a seek may take; it waits for the partition's broker thread, not for the broker.
const SEEK_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait before a seek is tried again.
const SEEK_PAUSE: Duration = Duration::from_millis(20);

/// How long partitions that are given back are left alone before they are assigned again.
const STOP_PAUSE: Duration = Duration::from_secs(1);

/// How long the brokers are asked whether the topics are still the same.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(2);

/// A partition that cannot be read on.
pub(super) struct Failure {
    pub(super) meaning: Meaning,
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Up to where it was read.
    pub(super) next_offset: i64,
}

/// What the failure of a partition asks for, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// Nothing: librdkafka tries again by itself.
    Passes,
    /// Records arrived damaged; what follows them in the queue must not be taken.
    Skipped,
    /// The offset is not there: expired, or another topic of the same name. librdkafka has stopped the partition.
    Reset,
    /// The broker lost what it had acknowledged. librdkafka has stopped the partition.
    Truncated,
    /// The broker refuses to be read, and says so once.
    Refused,
}

impl Meaning {
    fn of(code: RDKafkaErrorCode, text: &str) -> Self {
        match code {
            RDKafkaErrorCode::TopicAuthorizationFailed => Self::Refused,
            // librdkafka has no code of its own for it where `auto.offset.reset` is `error`.
            RDKafkaErrorCode::AutoOffsetReset if text.contains("truncation") => Self::Truncated,
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => Self::Reset,
            RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::NotImplemented => Self::Skipped,
            _ => Self::Passes,
        }
    }
}

/// The consumer of a pipeline, and a slot for each of its partitions.
pub(super) struct Assignment {
    shared: Arc<Shared>,
    // Before the consumer, since a queue must be gone before its client.
    queue: RecordQueue<Context>,
    consumer: Arc<BaseConsumer<Context>>,
    pub(super) slots: Vec<Slot>,
    /// Where catching up ends, by partition.
    targets: HashMap<PartitionId, i64>,
    /// When the topics were last known to be the same.
    checked_at: Instant,
    /// When the last record was read.
    read_at: Instant,
}

impl Assignment {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, KafkaError> {
        let config = client::config(&shared.settings.kafka);
        let consumer = Arc::new(BaseConsumer::from_config_and_context(&config, Context::default())?);
        Ok(Self {
            queue: RecordQueue::new(Arc::clone(&consumer)),
            consumer,
            slots: Vec::new(),
            targets: HashMap::new(),
            checked_at: Instant::now(),
            read_at: Instant::now(),
            shared,
        })
    }

    /// Begins with these partitions, or asks the group for some.
    pub(super) fn begin(&mut self, partitions: Partitions) -> Result<(), PipelineError> {
        match partitions {
            Partitions::Group => Ok(self.consumer.subscribe(&self.topic_names())?),
            Partitions::Fixed(partitions) => self.assign(&partitions),
        }
    }

    /// Begins to read these partitions where the book says.
    pub(super) fn assign(&mut self, partitions: &[(String, i32)]) -> Result<(), PipelineError> {
        self.make_slots(partitions)?;
        self.route();
        self.queue.clear();
        self.consumer.assign(&self.positions()?)?;
        Ok(())
    }

    /// Reads none of them any more.
    pub(super) fn give_back(&mut self) -> Result<(), KafkaError> {
        self.slots.clear();
        self.consumer.unassign()
    }

    /// Reads the same partitions again from the book's offsets on.
    pub(super) fn start_over(&mut self) -> Result<(), PipelineError> {
        let partitions: Vec<_> =
            self.slots.iter().map(|slot| (slot.topic.clone(), slot.id.partition)).collect();
        self.make_slots(&partitions)?;
        Ok(self.seek()?)
    }

    /// Serves rebalances, errors and statistics: everything but records. Rebalances wait for
    /// [`Self::next_rebalance`].
    pub(super) fn serve_client(&mut self) -> Result<(), PipelineError> {
        let is_astray = match self.consumer.poll(Duration::ZERO) {
            None => false,
            Some(Ok(message)) => self
                .slots
                .iter()
                .any(|slot| slot.topic == message.topic() && slot.id.partition == message.partition()),
            Some(Err(error)) => {
                self.judge(error)?;
                false
            }
        };
        if is_astray {
            // Partitions are routed before they start, so this does not happen; but a record that is dropped here
            // and followed by others in the queue would be lost.
            tracing::warn!("a record came past the queue, reading again from the last one taken");
            self.route();
            self.seek()?;
        }
        Ok(())
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.consumer.context().next_rebalance()
    }

    /// Hands over what comes within `wait`, with the index of its slot, until `take` has had enough: records in
    /// the order of their partition, each once.
    pub(super) fn read(
        &mut self,
        wait: Duration,
        mut take: impl FnMut(usize, &mut Slot, (i64, Option<i64>), Option<&[u8]>) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let slots = &mut self.slots;
        let mut current = usize::MAX;
        let (mut failed, mut has_records): (Option<Failure>, _) = (None, false);
        let mut skipped = Vec::new();
        self.queue.poll(wait, |topic, partition, delivery| {
            let is_current = |slot: &Slot| slot.id.partition == partition && slot.topic == topic;
            if !slots.get(current).is_some_and(is_current) {
                current = slots.iter().position(is_current).unwrap_or(usize::MAX);
            }
            // A record of a partition that was just taken away.
            let Some(slot) = slots.get_mut(current) else { return ControlFlow::Continue(()) };
            match delivery {
                _ if skipped.contains(&current) => {}
                Delivery::Record { offset, timestamp_ms, value } if offset >= slot.next_offset() => {
                    has_records = true;
                    let flow = take(current, slot, (offset, timestamp_ms), value);
                    slot.segment.next_offset = offset + 1;
                    return flow;
                }
                Delivery::Record { .. } => {}
                Delivery::End { offset } => {
                    slot.segment.next_offset = slot.segment.next_offset.max(offset);
                }
                Delivery::Failed { code, text } => {
                    let meaning = Meaning::of(code, &text);
                    if meaning == Meaning::Skipped {
                        skipped.push(current);
                    }
                    // The gravest is told: the others come again, once their partitions are read again.
                    if failed.as_ref().is_none_or(|failed| failed.meaning < meaning) {
                        let (topic, next_offset) = (topic.to_owned(), slot.next_offset());
                        failed = Some(Failure { meaning, code, text, topic, partition, next_offset });
                    }
                }
            }
            ControlFlow::Continue(())
        });
        if has_records {
            self.read_at = Instant::now();
        }
        failed.map_or(Ok(()), Err)
    }

    /// Fetches nothing until [`Self::resume`].
    pub(super) fn pause(&self) -> Result<(), KafkaError> {
        self.consumer.pause(&self.consumer.assignment()?)
    }

    /// Goes on after [`Self::pause`]. Sought before it is resumed: librdkafka takes the end of a partition for a
    /// record that was consumed, and would resume one offset too far.
    pub(super) fn resume(&mut self) -> Result<(), KafkaError> {
        self.seek()?;
        self.consumer.resume(&self.consumer.assignment()?)
    }

    /// Kafka's own committed offsets, for lag tools; nothing here ever reads them.
    pub(super) fn tell_kafka(&self, batch: &Encoded) {
        let mut list = TopicPartitionList::new();
        for segment in &batch.segments {
            let offset = Offset::Offset(segment.next_offset);
            if let Err(error) = list.add_partition_offset(&segment.topic, segment.id.partition, offset) {
                tracing::debug!(%error, "an offset that cannot be told to kafka");
            }
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "kafka's own offsets were not updated");
        }
    }

    /// To be called after a batch was read and before it is submitted, so that no record of a topic that was
    /// created again lands under the old one's id.
    pub(super) fn confirm_identities(&mut self) -> Result<(), PipelineError> {
        if self.checked_at > self.read_at { Ok(()) } else { self.check_identities() }
    }

    /// Whether each topic is still the one that was read. Where no broker answers twice, none can have created a
    /// topic anew either.
    fn check_identities(&mut self) -> Result<(), PipelineError> {
        let names = self.topic_names();
        let ask = || self.shared.cluster.known_topics(&names, IDENTITY_TIMEOUT);
        match ask().or_else(|_| ask()) {
            Ok(current) => {
                for now in current {
                    let before = self.shared.topics.iter().find(|before| before.name == now.name);
                    if let Some(before) = before.filter(|before| before.id != now.id) {
                        let (topic, before) = (before.name.clone(), before.id.clone());
                        return Err(PipelineError::Recreated { topic, before, now: now.id });
                    }
                }
                self.checked_at = Instant::now();
            }
            Err(error @ ClusterError::Unreachable { .. }) => {
                tracing::debug!(%error, "the topics' ids could not be checked");
            }
            Err(error) => tracing::warn!(%error, "the topics' ids could not be checked"),
        }
        Ok(())
    }

    /// Fails when nothing has come for long and the brokers do not answer.
    pub(super) fn check_brokers(&mut self) -> Result<(), ClusterError> {
        if self.read_at.elapsed() >= self.shared.settings.limits.connect_max {
            self.shared.cluster.topics(&self.topic_names(), IDENTITY_TIMEOUT)?;
            self.read_at = Instant::now();
        }
        Ok(())
    }

    fn topic_names(&self) -> Vec<&str> {
        self.shared.topics.iter().map(|topic| topic.name.as_str()).collect()
    }

    /// Errors that pass by themselves are told; the others stop the process.
    fn judge(&self, error: KafkaError) -> Result<(), PipelineError> {
        if self.consumer.context().take_refusal() {
            return Err(ClusterError::Refused { brokers: self.shared.settings.kafka.brokers.clone() }.into());
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GroupAuthorizationFailed) => Err(error.into()),
            _ => {
                tracing::warn!(%error, "kafka reports an error, going on");
                Ok(())
            }
        }
    }

    /// Looks up in the book where these partitions go on.
    fn make_slots(&mut self, partitions: &[(String, i32)]) -> Result<(), PipelineError> {
        self.check_identities()?;
        let resume = Resume {
            settings: &self.shared.settings,
            cluster: &self.shared.cluster,
            topics: &self.shared.topics,
            fingerprinter: &self.shared.fingerprinter,
            stopping: &self.shared.stopping,
        };
        // A clone: the book must stay free for the committer while the brokers are asked and files are read.
        let slots = self.shared.runtime.block_on(async {
            let mut book = self.shared.book.lock().await.clone();
            resume.slots(&mut book, partitions).await
        });
        self.slots = match slots {
            // Told to stop while the brokers did not answer: there is nothing to read and nothing to land.
            Err(ResumeError::Cluster(_)) if self.shared.stopping.load(Ordering::Acquire) => Vec::new(),
            slots => slots?,
        };
        for slot in &mut self.slots {
            // What was stable at the start stays the aim, however often this begins anew.
            if let Some(target) = slot.target {
                slot.target = Some(*self.targets.entry(slot.id.clone()).or_insert(target));
            }
        }
        Ok(())
    }

    /// Where each slot goes on.
    fn positions(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for slot in &self.slots {
            list.add_partition_offset(&slot.topic, slot.id.partition, Offset::Offset(slot.next_offset()))?;
        }
        Ok(list)
    }

    /// Sends the records of each slot to the queue. A partition that stops loses its route.
    fn route(&self) {
        for slot in &self.slots {
            self.queue.route(&slot.topic, slot.id.partition);
        }
    }

    /// Reads the same partitions from the slots' offsets on; what was fetched before is forgotten. A seek, and
    /// no second assignment: librdkafka aborts when assignments follow each other before the first has begun.
    /// A partition that stopped on an error cannot be sought, and is assigned anew after a while.
    fn seek(&mut self) -> Result<(), KafkaError> {
        let began = Instant::now();
        loop {
            let sought = self.consumer.seek_partitions(self.positions()?, SEEK_TIMEOUT);
            let is_done = match &sought {
                Ok(list) => list.elements().iter().all(|partition| partition.error().is_ok()),
                Err(_) => false,
            };
            if is_done {
                break;
            }
            if began.elapsed() >= SEEK_TIMEOUT {
                tracing::debug!("a partition cannot be sought, assigning anew");
                self.consumer.unassign()?;
                thread::sleep(STOP_PAUSE);
                self.route();
                self.consumer.assign(&self.positions()?)?;
                break;
            }
            thread::sleep(SEEK_PAUSE);
        }
        self.queue.clear();
        Ok(())
    }
}

impl Drop for Assignment {
    /// Gives the partitions back, so that the group need not wait for a time-out. The consumer itself is
    /// closed when it is dropped, after this.
    fn drop(&mut self) {
        self.consumer.context().close();
        // A revocation that was not answered yet is answered here; without it, closing would wait for ever.
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "cannot give back the partitions");
        }
        self.consumer.unsubscribe();
    }
}
