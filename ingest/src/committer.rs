//! The committer: batches of all pipelines meet here and land in the book, several in one commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use crossbeam_channel::{Receiver, Sender};
use lake::{Book, LandError, Landing, Outcome, PartitionId};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::batch::Encoded;

/// The pause after a commit that failed, doubled up to the second value.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How long upkeep may be away before it is missed, and how often it is looked for.
const UPKEEP_MISSED_AFTER: Duration = Duration::from_secs(600);

/// A batch on its way into the book, and where its pipeline waits for the answer.
pub(crate) struct Submission {
    pub(crate) batch: Encoded,
    pub(crate) reply: Sender<Answer>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The book holds it.
    Landed(Encoded),
    /// Another worker was first: the book holds none of it.
    Stale,
    /// It could not be landed in time: the book holds none of it, and the process is to stop.
    Failed { source: LandError, tried: Duration },
}

/// Lands what the pipelines submit until all of them are gone.
pub(crate) struct Committer {
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) submissions: Receiver<Submission>,
    pub(crate) retry_max: Duration,
    /// Once set, a commit that fails is tried no longer than `stop_retry_max`.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) stop_retry_max: Duration,
}

impl Committer {
    pub(crate) fn run(&self, runtime: &Handle) {
        let mut looked: Option<Instant> = None;
        while let Ok(first) = self.submissions.recv() {
            // Whatever came while the last commit was written goes into this one.
            let mut arrived: Vec<Submission> =
                std::iter::once(first).chain(self.submissions.try_iter()).collect();
            let mut round = first_of_each_partition(&mut arrived);
            while !round.is_empty() {
                round = runtime.block_on(self.land(round));
                if round.is_empty() {
                    round = first_of_each_partition(&mut arrived);
                }
            }
            if looked.is_none_or(|looked| looked.elapsed() >= UPKEEP_MISSED_AFTER) {
                looked = Some(Instant::now());
                runtime.block_on(self.look_for_upkeep());
            }
        }
    }

    /// Without upkeep, each commit leaves small files behind and every reader and commit gets slower.
    async fn look_for_upkeep(&self) {
        let location = self.book.lock().await.location().clone();
        let missed = lake::maintain::missed_for(&location).unwrap_or_default();
        if missed >= UPKEEP_MISSED_AFTER {
            tracing::warn!(
                missed_s = missed.as_secs(),
                "run `gatebook maintain`: small files pile up in the book"
            );
        }
    }

    /// Lands a round in one commit. Returns what is to be tried again without a batch that was stale.
    async fn land(&self, round: Vec<Submission>) -> Vec<Submission> {
        let mut landing = Landing::default();
        let mut waiting = Vec::with_capacity(round.len());
        for Submission { batch, reply } in round {
            landing.files.extend(batch.files);
            landing.segments.extend(batch.segments.iter().cloned());
            waiting.push((reply, batch.segments, batch.records, landing.files.len()));
        }
        match self.land_with_retries(&landing).await {
            Ok(Outcome::Landed { version }) => {
                let records: i64 = waiting.iter().map(|(_, _, records, _)| records).sum();
                tracing::debug!(book.version = version, records, files = landing.files.len(), "landed");
                for (reply, segments, records, _) in waiting {
                    // A pipeline that is gone has nothing to learn.
                    let _ = reply.send(Answer::Landed(Encoded { files: Vec::new(), segments, records }));
                }
                Vec::new()
            }
            Ok(Outcome::Stale { partition, found }) => {
                tracing::info!(%partition, found, "another worker landed these offsets, reading again from the book");
                let mut files = landing.files.into_iter();
                let (mut kept, mut taken) = (Vec::new(), 0);
                for (reply, segments, records, end) in waiting {
                    let own: Vec<_> = files.by_ref().take(end - taken).collect();
                    taken = end;
                    if segments.iter().any(|segment| segment.id == partition) {
                        let _ = reply.send(Answer::Stale);
                    } else {
                        kept.push(Submission { batch: Encoded { files: own, segments, records }, reply });
                    }
                }
                kept
            }
            Err((error, tried)) => {
                let mut error = Some(error);
                for (reply, ..) in waiting {
                    let answer =
                        error.take().map_or(Answer::Stale, |source| Answer::Failed { source, tried });
                    let _ = reply.send(answer);
                }
                Vec::new()
            }
        }
    }

    async fn land_with_retries(&self, landing: &Landing) -> Result<Outcome, (LandError, Duration)> {
        let (pause, pause_max) = RETRY_PAUSES;
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(pause)
            .with_max_delay(pause_max)
            .without_max_times()
            .build();
        let began = Instant::now();
        loop {
            let error = match self.book.lock().await.land(landing).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            let stopping = self.stopping.load(Ordering::Acquire);
            let bound = if stopping { self.stop_retry_max.min(self.retry_max) } else { self.retry_max };
            if began.elapsed() >= bound {
                return Err((error, began.elapsed()));
            }
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                tried_s = began.elapsed().as_secs(),
                "cannot land a batch yet, trying again"
            );
            tokio::time::sleep(pauses.next().unwrap_or(pause_max)).await;
        }
    }
}

/// Takes out the submissions that can land together. Two with the same partition cannot: a partition that
/// moved between pipelines while a commit was stuck stands in both, and only the first of them is right.
fn first_of_each_partition(arrived: &mut Vec<Submission>) -> Vec<Submission> {
    let mut seen: HashSet<PartitionId> = HashSet::new();
    let (together, later) = arrived.drain(..).partition(|submission| {
        let ids = || submission.batch.segments.iter().map(|segment| &segment.id);
        let is_first = ids().all(|id| !seen.contains(id));
        seen.extend(ids().cloned());
        is_first
    });
    *arrived = later;
    together
}

#[cfg(test)]
mod tests {
    use super::*;
    use lake::Segment;

    fn submission(partitions: &[i32]) -> Submission {
        let segment = |partition: &i32| {
            let id = PartitionId { topic_id: "t".into(), partition: *partition };
            Segment::starting_at("topic".into(), id, None, 0)
        };
        let segments = partitions.iter().map(segment).collect();
        let (reply, _) = crossbeam_channel::bounded(1);
        Submission { batch: Encoded { files: Vec::new(), segments, records: 0 }, reply }
    }

    #[test]
    fn a_partition_lands_once_a_round() {
        let mut arrived = vec![submission(&[0, 1]), submission(&[1, 2]), submission(&[3]), submission(&[2])];
        let sizes =
            |round: Vec<Submission>| round.iter().map(|one| one.batch.segments.len()).collect::<Vec<_>>();
        assert_eq!(sizes(first_of_each_partition(&mut arrived)), [2, 1]);
        assert_eq!(sizes(first_of_each_partition(&mut arrived)), [2]);
        assert_eq!(sizes(first_of_each_partition(&mut arrived)), [1]);
        assert!(arrived.is_empty());
    }
}
