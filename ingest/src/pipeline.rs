//! A pipeline: one thread that polls, decodes and encodes its own partitions.
//!
//! It never writes to the book; it submits finished batches to the committer, one at a time, and goes on
//! reading while that batch lands. Back-pressure: when the next batch is full before the last one landed,
//! its partitions are paused, and polling goes on so that the group keeps it.

mod assignment;
mod error;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use lake::Book;
use schemas::{Decoder, Fingerprinter, Maps};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use self::assignment::{Assignment, Failure, Meaning};
pub(crate) use self::error::PipelineError;
use crate::batch::{Batch, Reading};
use crate::client::Rebalance;
use crate::cluster::{Cluster, ClusterError, TopicIdentity};
use crate::committer::{Answer, Submission};
use crate::settings::{Settings, Topic, Until};
use crate::slot::Slot;

/// How long one call waits for records: the delay of a rebalance or a stop, and part of that of an event.
const POLL_WAIT: Duration = Duration::from_millis(20);

/// How often an offset range that held no record is committed, so that it does not look unread.
const EMPTY_RANGE_INTERVAL: Duration = Duration::from_secs(600);

/// How often, and after what pause, records that arrive damaged are fetched again.
const REREADS_MAX: u32 = 10;
const REREAD_PAUSE: Duration = Duration::from_millis(500);

/// How long to wait for a commit before the partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_millis(500);

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
    assignment: Assignment,
    /// One for each topic, in the order of the settings.
    decoders: Vec<Decoder>,
    batch: Batch,
    submissions: Sender<Submission>,
    /// Where the committer will say what became of the batch in flight.
    in_flight: Option<Receiver<Answer>>,
    empty_since: Instant,
    /// How often in a row records that cannot be read were fetched again.
    rereads: u32,
}

impl Pipeline {
    pub(crate) fn new(shared: Arc<Shared>, submissions: Sender<Submission>) -> Result<Self, PipelineError> {
        let Settings { maps, topics, .. } = &shared.settings;
        let decoder = |topic: &Topic| {
            Decoder::new(topic.source, &Maps { tenant: topic.tenant.clone(), ..maps.clone() })
        };
        let decoders = topics.iter().map(decoder).collect();
        Ok(Self {
            assignment: Assignment::new(Arc::clone(&shared))?,
            decoders,
            batch: Batch::new(&maps.fields),
            submissions,
            in_flight: None,
            empty_since: Instant::now(),
            rereads: 0,
            shared,
        })
    }

    /// Reads until told to stop, or until caught up.
    pub(crate) fn run(mut self, partitions: Partitions) -> Result<(), PipelineError> {
        self.assignment.begin(partitions)?;
        // Landing the last batch can fail because another worker was first; then there is more to read.
        while !self.is_done() {
            while !self.is_done() {
                self.turn()?;
            }
            self.flush()?;
        }
        self.flush()
    }

    fn is_done(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
            || (self.shared.settings.until == Until::CaughtUp
                && self.assignment.slots.iter().all(Slot::is_caught_up))
    }

    /// One turn: what the client has to say, what became of the batch in flight, and new records.
    fn turn(&mut self) -> Result<(), PipelineError> {
        self.assignment.serve_client()?;
        self.rebalance()?;
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
        // Catching up ends with an error when the brokers are gone; a worker goes on waiting.
        if self.shared.settings.until == Until::CaughtUp {
            self.assignment.check_brokers()?;
        }
        self.read()
    }

    /// Takes partitions on and lets them go, as the group wants it.
    fn rebalance(&mut self) -> Result<(), PipelineError> {
        while let Some(rebalance) = self.assignment.next_rebalance() {
            // What was read of a partition is landed before it is let go, or refused by the book if another
            // worker was first.
            self.flush()?;
            match rebalance {
                Rebalance::Assigned(partitions) => {
                    tracing::info!(partitions = partitions.len(), "assigned");
                    self.assignment.assign(&partitions)?;
                }
                Rebalance::Revoked => {
                    tracing::info!(partitions = self.assignment.slots.len(), "revoked");
                    self.assignment.give_back()?;
                }
            }
        }
        Ok(())
    }

    /// Drops what was read and reads again from the book's offsets.
    fn start_over(&mut self) -> Result<(), PipelineError> {
        self.batch = Batch::new(&self.shared.settings.maps.fields);
        self.assignment.start_over()
    }

    fn is_due(&self) -> bool {
        if self.in_flight.is_some() {
            return false;
        }
        let limits = &self.shared.settings.limits;
        match self.batch.began() {
            Some(began) => self.batch.is_full(limits) || began.elapsed() >= limits.commit_interval,
            None => {
                let has_gap = self.assignment.slots.iter().any(|slot| slot.segment.gap.is_some());
                let has_range = self.assignment.slots.iter().any(|slot| !slot.segment.is_empty());
                has_gap || (has_range && self.empty_since.elapsed() >= EMPTY_RANGE_INTERVAL)
            }
        }
    }

    /// Takes in what has come. A full batch waits for the one in flight, with the partitions paused.
    fn read(&mut self) -> Result<(), PipelineError> {
        let limits = &self.shared.settings.limits;
        if self.batch.is_full(limits)
            && let Some(reply) = self.in_flight.take()
        {
            return self.wait_paused(&reply);
        }
        let reading =
            Reading { limits, maps: &self.shared.settings.maps, now_us: Utc::now().timestamp_micros() };
        let wait = match self.batch.began() {
            Some(began) if self.in_flight.is_none() => {
                limits.commit_interval.saturating_sub(began.elapsed()).min(POLL_WAIT)
            }
            // Nothing is due before the batch in flight has landed.
            _ => POLL_WAIT,
        };
        let (batch, decoders) = (&mut self.batch, &mut self.decoders);
        let taken = self.assignment.read(wait, |index, slot, place, value| {
            let decoder = &mut decoders[slot.topic_index];
            batch.read(slot, index as u16, decoder, place, value, &reading);
            if batch.is_full(limits) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        taken.or_else(|failure| self.partition_failed(failure))
    }

    /// A partition that reports an error is looked at again: expired offsets, another topic of the same
    /// name, or something that passes.
    fn partition_failed(&mut self, failure: Failure) -> Result<(), PipelineError> {
        let Failure { meaning, code, text, topic, partition, next_offset } = failure;
        tracing::warn!(kafka.topic = topic, kafka.partition = partition, %code, text, "cannot read on, looking again");
        match meaning {
            Meaning::Passes => return Ok(()),
            Meaning::Refused => return Err(ClusterError::NotAuthorized { topic }.into()),
            Meaning::Truncated => {
                self.flush()?;
                return Err(PipelineError::Truncated { topic, partition, next_offset });
            }
            Meaning::Skipped if self.rereads == REREADS_MAX => {
                self.flush()?;
                return Err(PipelineError::Unreadable { topic, partition, next_offset, text });
            }
            Meaning::Skipped => {
                self.rereads += 1;
                thread::sleep(REREAD_PAUSE);
            }
            Meaning::Reset => {}
        }
        self.flush()?;
        self.start_over()
    }

    /// Waits for the batch in flight. A short wait leaves the fetch queue to fill up to its bound; for a long
    /// one the partitions are paused, so that nothing is fetched that nobody reads.
    fn wait_paused(&mut self, reply: &Receiver<Answer>) -> Result<(), PipelineError> {
        if let Ok(answer) = reply.recv_timeout(PAUSE_AFTER) {
            return self.settle(answer);
        }
        self.assignment.pause()?;
        let answer = loop {
            // Keeps the group's patience; a rebalance is looked at once the batch in flight has landed.
            self.assignment.serve_client()?;
            match reply.recv_timeout(POLL_WAIT) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(PipelineError::CommitterGone),
            }
        };
        self.settle(answer)?;
        Ok(self.assignment.resume()?)
    }

    fn submit(&mut self) -> Result<(), PipelineError> {
        self.assignment.confirm_identities()?;
        let today = Utc::now().date_naive();
        let slots = &mut self.assignment.slots;
        let batch = self.batch.encode(slots, &self.shared.fingerprinter, today)?;
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
                self.rereads = 0;
                self.shared.landed_records.fetch_add(batch.records, Ordering::Relaxed);
                self.assignment.tell_kafka(&batch);
                Ok(())
            }
            Answer::Stale => self.start_over(),
            Answer::Failed { source, tried } => Err(PipelineError::Land { seconds: tried.as_secs(), source }),
        }
    }

    /// Lands everything that was read.
    fn flush(&mut self) -> Result<(), PipelineError> {
        loop {
            if let Some(reply) = &self.in_flight {
                let answer = reply.recv().map_err(|_| PipelineError::CommitterGone)?;
                self.settle(answer)?;
            }
            if self.assignment.slots.iter().all(|slot| slot.segment.is_empty()) {
                return Ok(());
            }
            self.submit()?;
        }
    }
}
