//! A pipeline: one thread that polls, decodes and encodes its own partitions.
//!
//! It never writes to the book; it submits finished batches to the committer, one at a time, and goes on
//! reading while that batch lands. Back-pressure: when the next batch is full before the last one landed,
//! its partitions are paused, and polling goes on so that the group keeps it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use lake::{Book, LandError, PartitionId};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::Decoder;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::batch::{Batch, EncodeError, Encoded, Reading};
use crate::client::{self, Context, Rebalance};
use crate::cluster::{Cluster, ClusterError, TopicIdentity};
use crate::committer::{Answer, Submission};
use crate::native::{Delivery, RecordQueue};
use crate::resume::{Resume, ResumeError};
use crate::settings::{Settings, Until};
use crate::slot::Slot;
use crate::window::Fingerprinter;

/// How long one call waits for records: the delay of a rebalance or a stop, and part of that of an event.
const POLL_WAIT: Duration = Duration::from_millis(20);

/// How often an offset range that held no record is committed, so that it does not look unread.
const EMPTY_RANGE_INTERVAL: Duration = Duration::from_secs(600);

/// How long a seek may take; it waits for the partition's broker thread, not for the broker.
const SEEK_TIMEOUT: Duration = Duration::from_secs(3);

/// How long partitions that are given back are left alone before they are assigned again.
const STOP_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for a commit before the partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_millis(500);

/// How long the brokers are asked whether the topics are still the same.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a pipeline stopped. What it had not landed is read again on the next start.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A batch could not be landed in time.
    #[error(
        "see that the lake's folder can be written and has room, then start again: a commit failed for {seconds} s. \
         Nothing is lost: what was not landed will be read again"
    )]
    Land {
        /// How long it was tried.
        seconds: u64,
        /// What failed last.
        source: LandError,
    },
    /// A batch could not be encoded.
    #[error("report this as a bug; what was not landed will be read again")]
    Encode(#[from] EncodeError),
    /// A partition cannot be read on.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The brokers gave no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Kafka refuses something that no retry mends.
    #[error("Kafka refuses to go on; what was not landed will be read again")]
    Kafka(#[from] KafkaError),
    /// A topic is not the one that was read.
    #[error(
        "the topic \"{topic}\" was deleted and created again while it was read (id {before}, now {now}); nothing of the new \
         topic was landed. Start again to see what the book needs"
    )]
    Recreated {
        /// The topic.
        topic: String,
        /// Its id before.
        before: String,
        /// Its id now.
        now: String,
    },
    /// The committer is gone: another part of the process failed first.
    #[error("another part of the process failed")]
    CommitterGone,
}

/// What all pipelines of a process share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
    pub(crate) topics: Vec<TopicIdentity>,
    pub(crate) fingerprinter: Fingerprinter,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) runtime: Handle,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) landed_records: Arc<AtomicI64>,
}

/// Which partitions a pipeline reads.
pub(crate) enum Partitions {
    /// Those that the group assigns.
    Group,
    /// These.
    Fixed(Vec<(String, i32)>),
}

pub(crate) struct Pipeline {
    shared: Arc<Shared>,
    // Before the consumer, since a queue must be gone before its client.
    queue: RecordQueue<Context>,
    consumer: Arc<BaseConsumer<Context>>,
    slots: Vec<Slot>,
    decoders: Vec<Decoder>,
    batch: Batch,
    submissions: Sender<Submission>,
    /// Where the committer will say what became of the batch in flight.
    in_flight: Option<Receiver<Answer>>,
    /// When the topics were last known to be the same.
    checked_at: Instant,
    /// When the last record was read.
    read_at: Instant,
    /// Where catching up ends, by partition.
    targets: HashMap<PartitionId, i64>,
    empty_since: Instant,
}

impl Pipeline {
    pub(crate) fn new(shared: Arc<Shared>, submissions: Sender<Submission>) -> Result<Self, PipelineError> {
        let config = client::config(&shared.settings.kafka);
        let consumer = Arc::new(BaseConsumer::from_config_and_context(&config, Context::default())?);
        let fields = &shared.settings.fields;
        let decoders = schemas::Source::ALL.iter().map(|source| Decoder::new(*source, fields)).collect();
        Ok(Self {
            queue: RecordQueue::new(Arc::clone(&consumer)),
            consumer,
            slots: Vec::new(),
            decoders,
            batch: Batch::new(fields),
            submissions,
            in_flight: None,
            checked_at: Instant::now(),
            read_at: Instant::now(),
            targets: HashMap::new(),
            empty_since: Instant::now(),
            shared,
        })
    }

    /// Reads until told to stop, or until caught up.
    pub(crate) fn run(mut self, partitions: Partitions) -> Result<(), PipelineError> {
        match partitions {
            Partitions::Group => {
                let names: Vec<&str> = self.shared.topics.iter().map(|topic| topic.name.as_str()).collect();
                self.consumer.subscribe(&names)?;
            }
            Partitions::Fixed(partitions) => self.assign(&partitions)?,
        }
        // Landing the last batch can fail because another worker was first; then there is more to read.
        while !self.is_stopping() && !self.is_caught_up() {
            while !self.is_stopping() && !self.is_caught_up() {
                self.turn()?;
            }
            self.flush()?;
        }
        self.flush()
    }

    /// One turn: what the client has to say, what became of the batch in flight, and new records.
    fn turn(&mut self) -> Result<(), PipelineError> {
        self.serve_client()?;
        if let Some(reply) = &self.in_flight {
            match reply.try_recv() {
                Ok(answer) => self.settle(answer)?,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(PipelineError::CommitterGone),
            }
        }
        if self.is_due() {
            self.submit()?;
        }
        self.check_brokers()?;
        self.read()
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    /// Rebalances, errors and statistics: everything but records.
    fn serve_client(&mut self) -> Result<(), PipelineError> {
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
        while let Some(rebalance) = self.consumer.context().next_rebalance() {
            // What was read of a partition is landed before it is let go, or refused by the book if another
            // worker was first.
            self.flush()?;
            match rebalance {
                Rebalance::Assigned(partitions) => {
                    tracing::info!(partitions = partitions.len(), "assigned");
                    self.assign(&partitions)?;
                }
                Rebalance::Revoked => {
                    tracing::info!(partitions = self.slots.len(), "revoked");
                    self.slots.clear();
                    self.consumer.unassign()?;
                }
            }
        }
        Ok(())
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

    /// Begins to read these partitions where the book says.
    fn assign(&mut self, partitions: &[(String, i32)]) -> Result<(), PipelineError> {
        self.make_slots(partitions)?;
        self.route();
        self.queue.clear();
        self.consumer.assign(&self.positions()?)?;
        Ok(())
    }

    /// Sends the records of each slot to the queue. A partition that stops loses its route.
    fn route(&self) {
        for slot in &self.slots {
            self.queue.route(&slot.topic, slot.id.partition);
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
            Err(ResumeError::Cluster(_)) if self.is_stopping() => Vec::new(),
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

    /// Reads the same partitions from the slots' offsets on; what was fetched before is forgotten. A seek, and
    /// no second assignment: librdkafka aborts when assignments follow each other before the first has begun.
    /// A partition that stopped on an error cannot be sought, and is assigned anew after a while.
    fn seek(&mut self) -> Result<(), PipelineError> {
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
            thread::sleep(POLL_WAIT);
        }
        self.queue.clear();
        Ok(())
    }

    /// Drops what was read and reads again from the book's offsets.
    fn start_over(&mut self) -> Result<(), PipelineError> {
        self.batch = Batch::new(&self.shared.settings.fields);
        let partitions: Vec<_> =
            self.slots.iter().map(|slot| (slot.topic.clone(), slot.id.partition)).collect();
        self.make_slots(&partitions)?;
        self.seek()
    }

    fn is_caught_up(&self) -> bool {
        self.shared.settings.until == Until::CaughtUp && self.slots.iter().all(Slot::is_caught_up)
    }

    fn is_due(&self) -> bool {
        if self.in_flight.is_some() {
            return false;
        }
        let limits = &self.shared.settings.limits;
        match self.batch.began() {
            Some(began) => self.batch.is_full(limits) || began.elapsed() >= limits.commit_interval,
            None => {
                let has_gap = self.slots.iter().any(|slot| slot.segment.gap.is_some());
                let has_range = self.slots.iter().any(|slot| !slot.segment.is_empty());
                has_gap || (has_range && self.empty_since.elapsed() >= EMPTY_RANGE_INTERVAL)
            }
        }
    }

    /// Takes in what has come. A full batch waits for the one in flight, with the partitions paused.
    fn read(&mut self) -> Result<(), PipelineError> {
        if self.batch.is_full(&self.shared.settings.limits)
            && let Some(reply) = self.in_flight.take()
        {
            return self.wait_paused(&reply);
        }
        let reading = Reading {
            limits: &self.shared.settings.limits,
            fields: &self.shared.settings.fields,
            now_us: Utc::now().timestamp_micros(),
        };
        let wait = self.batch.began().map_or(POLL_WAIT, |began| {
            reading.limits.commit_interval.saturating_sub(began.elapsed()).min(POLL_WAIT)
        });
        let (slots, batch, decoders) = (&mut self.slots, &mut self.batch, &mut self.decoders);
        let mut current = usize::MAX;
        let (mut failed, mut has_records) = (None, false);
        self.queue.poll(wait, |topic, partition, delivery| {
            let is_current = |slot: &Slot| slot.id.partition == partition && slot.topic == topic;
            if !slots.get(current).is_some_and(is_current) {
                current = slots.iter().position(is_current).unwrap_or(usize::MAX);
            }
            // A record of a partition that was just taken away.
            let Some(slot) = slots.get_mut(current) else { return ControlFlow::Continue(()) };
            match delivery {
                Delivery::Record { offset, timestamp_ms, value } if offset >= slot.next_offset() => {
                    let decoder = &mut decoders[slot.source as usize];
                    batch.read(slot, current as u16, decoder, (offset, timestamp_ms), value, &reading);
                    slot.segment.next_offset = offset + 1;
                    has_records = true;
                }
                Delivery::Record { .. } => {}
                Delivery::End { offset } => {
                    slot.segment.next_offset = slot.segment.next_offset.max(offset);
                }
                Delivery::Failed { code, text } => {
                    failed.get_or_insert((code, text, topic.to_owned(), partition));
                }
            }
            if batch.is_full(reading.limits) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if has_records {
            self.read_at = Instant::now();
        }
        match failed {
            None => Ok(()),
            Some((code, text, topic, partition)) => self.partition_failed(code, &text, &topic, partition),
        }
    }

    /// A partition that reports an error is looked at again: expired offsets, another topic of the same
    /// name, or something that passes.
    fn partition_failed(
        &mut self,
        code: RDKafkaErrorCode,
        text: &str,
        topic: &str,
        partition: i32,
    ) -> Result<(), PipelineError> {
        tracing::warn!(kafka.topic = topic, kafka.partition = partition, %code, text, "cannot read on, looking again");
        match code {
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                Err(ClusterError::NotAuthorized { topic: topic.to_owned() }.into())
            }
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
                self.flush()?;
                self.start_over()
            }
            _ => Ok(()),
        }
    }

    /// Waits for the batch in flight. A short wait leaves the fetch queue to fill up to its bound; for a long
    /// one the partitions are paused, so that nothing is fetched that nobody reads.
    fn wait_paused(&mut self, reply: &Receiver<Answer>) -> Result<(), PipelineError> {
        if let Ok(answer) = reply.recv_timeout(PAUSE_AFTER) {
            return self.settle(answer);
        }
        self.consumer.pause(&self.consumer.assignment()?)?;
        let answer = loop {
            self.serve_client_while_waiting()?;
            match reply.recv_timeout(POLL_WAIT) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(PipelineError::CommitterGone),
            }
        };
        self.settle(answer)?;
        // Sought before it is resumed: librdkafka takes the end of a partition for a record that was consumed,
        // and would resume one offset too far.
        self.seek()?;
        self.consumer.resume(&self.consumer.assignment()?)?;
        Ok(())
    }

    /// Keeps the group's patience; a rebalance is looked at once the batch in flight has landed.
    fn serve_client_while_waiting(&self) -> Result<(), PipelineError> {
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => self.judge(error),
            _ => Ok(()),
        }
    }

    fn submit(&mut self) -> Result<(), PipelineError> {
        // Asked after the batch was read and before it is submitted, so that no record of a topic that was
        // created again lands under the old one's id.
        if self.checked_at <= self.read_at {
            self.check_identities()?;
        }
        let today = Utc::now().date_naive();
        let batch = self.batch.encode(&mut self.slots, &self.shared.fingerprinter, today)?;
        self.empty_since = Instant::now();
        if batch.segments.is_empty() {
            return Ok(());
        }
        let (reply, answer) = bounded(1);
        self.submissions.send(Submission { batch, reply }).map_err(|_| PipelineError::CommitterGone)?;
        self.in_flight = Some(answer);
        Ok(())
    }

    /// Takes in what became of the batch in flight.
    fn settle(&mut self, answer: Answer) -> Result<(), PipelineError> {
        self.in_flight = None;
        match answer {
            Answer::Landed(batch) => {
                self.shared.landed_records.fetch_add(batch.records, Ordering::Relaxed);
                self.tell_kafka(&batch);
                Ok(())
            }
            Answer::Stale => self.start_over(),
            Answer::Failed(source) => {
                let seconds = self.shared.settings.limits.commit_retry_max.as_secs();
                Err(PipelineError::Land { seconds, source })
            }
        }
    }

    /// Kafka's own committed offsets, for lag tools; nothing here ever reads them.
    fn tell_kafka(&self, batch: &Encoded) {
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

    /// Lands everything that was read.
    fn flush(&mut self) -> Result<(), PipelineError> {
        loop {
            if let Some(reply) = &self.in_flight {
                let answer = reply.recv().map_err(|_| PipelineError::CommitterGone)?;
                self.settle(answer)?;
            }
            if self.slots.iter().all(|slot| slot.segment.is_empty()) {
                return Ok(());
            }
            self.submit()?;
        }
    }

    /// Whether each topic is still the one that was read. Where no broker answers twice, none can have
    /// created a topic anew either.
    fn check_identities(&mut self) -> Result<(), PipelineError> {
        let names: Vec<&str> = self.shared.topics.iter().map(|topic| topic.name.as_str()).collect();
        let ask = || self.shared.cluster.topics(&names, IDENTITY_TIMEOUT);
        match ask().or_else(|_| ask()) {
            Ok(current) => {
                for (before, now) in self.shared.topics.iter().zip(current) {
                    if before.id != now.id {
                        let (topic, before) = (before.name.clone(), before.id.clone());
                        return Err(PipelineError::Recreated { topic, before, now: now.id });
                    }
                }
                self.checked_at = Instant::now();
            }
            Err(error) => tracing::debug!(%error, "the topics' ids could not be checked"),
        }
        Ok(())
    }

    /// Catching up ends with an error when the brokers are gone; a worker goes on waiting.
    fn check_brokers(&mut self) -> Result<(), PipelineError> {
        let limits = &self.shared.settings.limits;
        if self.shared.settings.until == Until::CaughtUp && self.read_at.elapsed() >= limits.connect_max {
            let names: Vec<&str> = self.shared.topics.iter().map(|topic| topic.name.as_str()).collect();
            self.shared.cluster.topics(&names, IDENTITY_TIMEOUT)?;
            self.read_at = Instant::now();
        }
        Ok(())
    }
}

impl Drop for Pipeline {
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
