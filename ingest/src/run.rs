//! Ingest from end to end: the brokers, the book, the pipelines and the committer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use lake::{Book, OpenError};
use schemas::Fingerprinter;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::cluster::{Cluster, ClusterError, TopicIdentity};
use crate::committer::Committer;
use crate::identity::{self, IdentityError};
use crate::pipeline::{Partitions, Pipeline, PipelineError, Shared};
use crate::settings::{Settings, Until};

/// How long a commit is tried again once the process was told to stop.
const STOP_RETRY_MAX: Duration = Duration::from_secs(5);

/// Why ingest ended before it was done.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The book cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The brokers gave no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A topic is not the one that the book knows.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A pipeline stopped.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The system gives no thread.
    #[error("raise the limit of threads of this user or container; nothing was read")]
    Threads(#[from] std::io::Error),
    /// A pipeline or the committer panicked.
    #[error("report this as a bug: a thread of ingest panicked. What was not landed will be read again")]
    Panicked,
}

/// What ingest did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records that this process landed.
    pub records: i64,
}

/// Tells ingest to stop, and how far it is.
#[derive(Debug, Clone, Default)]
pub struct Control {
    stopping: Arc<AtomicBool>,
    landed_records: Arc<AtomicI64>,
}

impl Control {
    /// Stop reading, land what was read, leave the group.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Records that this process has landed so far.
    #[must_use]
    pub fn landed_records(&self) -> i64 {
        self.landed_records.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Runs ingest on threads of its own until it is caught up, stopped, or cannot go on. Blocks; the runtime
/// that `runtime` belongs to does the lake's I/O.
pub fn run(settings: Settings, control: &Control, runtime: &Handle) -> Result<Summary, IngestError> {
    let mut book = runtime.block_on(Book::open_or_create(&settings.location))?;
    let cluster = Cluster::new(&settings.kafka)?;
    let names: Vec<&str> = settings.topics.iter().map(|topic| topic.name.as_str()).collect();
    let wait_max = (settings.until == Until::CaughtUp).then_some(settings.limits.connect_max);
    let topics = match cluster.wait_for_topics(&names, wait_max, &|| control.is_stopping()) {
        Err(ClusterError::Unreachable { .. }) if control.is_stopping() => return Ok(Summary { records: 0 }),
        topics => topics?,
    };
    runtime.block_on(identity::check(&mut book, &topics, &settings.accept_new_topics))?;

    let shares = shares(&settings, &topics);
    let shared = Arc::new(Shared {
        fingerprinter: Fingerprinter::new(),
        cluster,
        topics,
        book: Arc::new(Mutex::new(book)),
        runtime: runtime.clone(),
        stopping: Arc::clone(&control.stopping),
        landed_records: Arc::clone(&control.landed_records),
        settings,
    });
    let (submissions, submitted) = bounded(shares.len());
    let committer = Committer {
        book: Arc::clone(&shared.book),
        submissions: submitted,
        retry_max: shared.settings.limits.commit_retry_max,
        stopping: Arc::clone(&control.stopping),
        stop_retry_max: STOP_RETRY_MAX,
    };
    let ended = thread::scope(|scope| {
        // Without it, those that were started would run on although the others cannot.
        let starting = StopOthers(control);
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let committing = named("committer").spawn_scoped(scope, || committer.run(runtime))?;
        let running: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let (shared, submissions) = (Arc::clone(&shared), submissions.clone());
                named("pipeline").spawn_scoped(scope, move || {
                    let others = StopOthers(control);
                    Pipeline::new(shared, submissions)?.run(share)?;
                    std::mem::forget(others);
                    Ok::<_, PipelineError>(())
                })
            })
            .collect::<Result<_, _>>()?;
        std::mem::forget(starting);
        // The committer ends when the last pipeline is gone.
        drop(submissions);
        let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        committing.join().map_err(|_| IngestError::Panicked)?;
        Ok::<_, IngestError>(ended)
    })?;
    for ended in ended {
        ended.map_err(|_| IngestError::Panicked)??;
    }
    Ok(Summary { records: control.landed_records() })
}

/// Stops all pipelines when one cannot go on, by an error or a panic: half a process would look healthy.
struct StopOthers<'a>(&'a Control);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What each pipeline reads: what the group gives it, or, when catching up, its share of all partitions.
fn shares(settings: &Settings, topics: &[TopicIdentity]) -> Vec<Partitions> {
    let pipelines = settings.limits.pipelines.max(1);
    match settings.until {
        Until::Stopped => (0..pipelines).map(|_| Partitions::Group).collect(),
        Until::CaughtUp => {
            let all: Vec<(String, i32)> = topics
                .iter()
                .flat_map(|topic| {
                    (0..topic.partitions).map(|partition| (topic.name.clone(), partition as i32))
                })
                .collect();
            let mut shares = vec![Vec::new(); pipelines.min(all.len().max(1))];
            let count = shares.len();
            for (index, partition) in all.into_iter().enumerate() {
                shares[index % count].push(partition);
            }
            shares.into_iter().map(Partitions::Fixed).collect()
        }
    }
}
