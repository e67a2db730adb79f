//! The workers: processes of this program that answer free SQL, and are killed when a question goes too far.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream;
use lake::Location;
use projections::Rules;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use super::check;
use super::ipc::IpcReader;
use super::limits::{PROCESS_FACTOR, SqlLimits};
use super::protocol::{Ask, Begun, Ended, Start, Tag, read_frame};
use super::turns::{NoTurn, Turn, Turns};
use crate::answer::Answer;
use crate::error::QueryError;

/// How long a new worker may take to open the book.
const START_MAX: Duration = Duration::from_secs(30);

/// The exit code of a process that panicked.
const PANICKED: i32 = 101;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// Arenas of the C library's allocator: each takes address space of its own.
const ARENAS_MAX: &str = "2";

/// Free SQL, worked on in processes of its own.
#[derive(Clone)]
pub struct SqlPool(Arc<Shared>);

struct Shared {
    program: PathBuf,
    argument: &'static str,
    location: Location,
    limits: SqlLimits,
    rules: Rules,
    turns: Turns,
    workers: Mutex<Workers>,
    /// A worker is ready, did not start, or ended.
    changed: Notify,
}

#[derive(Default)]
struct Workers {
    idle: Vec<Worker>,
    /// Processes that start, work, wait, or are being killed: never more than the limit.
    living: usize,
    /// Why the last one did not start.
    failure: Option<io::Error>,
}

impl SqlPool {
    /// Workers over the lake at `location`: this program, started again with `argument`, which calls
    /// [`work`](super::work). Each is started when it is needed first. Attempts are made by `rules`.
    ///
    /// # Errors
    ///
    /// The system does not say where this program is.
    pub fn new(
        location: Location,
        argument: &'static str,
        limits: SqlLimits,
        rules: Rules,
    ) -> io::Result<Self> {
        // On Linux it stays this very program, also when its file is replaced by a newer one.
        let program =
            if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        let turns = Turns::new(limits.workers, limits.waiting);
        let (workers, changed) = (Mutex::default(), Notify::new());
        Ok(Self(Arc::new(Shared { program, argument, location, limits, rules, turns, workers, changed })))
    }

    /// Starts all workers in the background, so that the first questions need not wait for it.
    pub fn warm_up(&self) {
        for _ in 0..self.0.limits.workers {
            self.add_worker();
        }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &SqlLimits {
        &self.0.limits
    }

    /// Answers one read-only question from the latest version of the book, in the turn of `asker`. Dropping the answer
    /// ends the work.
    ///
    /// # Errors
    ///
    /// [`QueryError::Refused`] and [`QueryError::TooLarge`] name the limit, [`QueryError::Busy`] says how to come
    /// again.
    pub async fn ask(&self, asker: &str, sql: String) -> Result<Answer, QueryError> {
        let limits = self.0.limits;
        check::check(&sql, &limits)?;
        let turn = self.0.turns.turn(asker, limits.wait).await.map_err(|no_turn| busy(no_turn, &limits))?;
        let ask = serde_json::to_string(&Ask { sql: sql.clone() }).unwrap_or_default();
        let worker = self.begin(&ask).await?;
        let mut reading = Reading {
            pool: self.clone(),
            worker: Some(worker),
            rows: IpcReader::new(),
            left: limits.deadline,
            fetch_until: Instant::now() + limits.fetch,
            _turn: turn,
        };
        let begun = match reading.frame().await? {
            (Tag::Begun, bytes) => serde_json::from_slice::<Begun>(&bytes).map_err(io::Error::other)?,
            (Tag::Failed, bytes) => return Err(reading.failed(&bytes)),
            _ => return Err(unexpected()),
        };
        let (schema, first) = reading.schema().await?;
        let coverage = begun.coverage(sql);
        let rows = stream::try_unfold((reading, first), |(mut reading, first)| async {
            let next = match first {
                Some(rows) => Some(rows),
                None => reading.next().await?,
            };
            Ok(next.map(|rows| (rows, (reading, None))))
        });
        Ok(Answer::of_stream(coverage, schema, Box::pin(rows)))
    }

    /// Gives a question to a worker, once there is one. One that died while it had nothing to do is passed over.
    async fn begin(&self, ask: &str) -> Result<Worker, QueryError> {
        let mut has_waited = false;
        loop {
            // Made before the look, so that nothing that happens in between is missed.
            let changed = self.0.changed.notified();
            let (idle, failure) = {
                let mut workers = self.workers();
                (workers.idle.pop(), workers.failure.take())
            };
            match (idle, failure) {
                (Some(mut worker), _) => match worker.write(ask).await {
                    Ok(()) => return Ok(worker),
                    Err(error) => {
                        tracing::warn!(%error, "a worker for SQL had ended; another one takes its place");
                        self.replace(worker);
                    }
                },
                // What failed before this question was asked is no answer to it.
                (None, Some(error)) if has_waited => return Err(error.into()),
                (None, _) => {
                    self.add_worker();
                    changed.await;
                    has_waited = true;
                }
            }
        }
    }

    /// Starts a worker in the background, if there is room for one: whoever waits for it may go away.
    fn add_worker(&self) {
        // Without a runtime nothing is asked any more.
        let Ok(runtime) = Handle::try_current() else { return };
        let living = {
            let mut workers = self.workers();
            if workers.living >= self.0.limits.workers {
                return;
            }
            workers.living += 1;
            Living(Arc::downgrade(&self.0))
        };
        let pool = self.clone();
        runtime.spawn(async move {
            match Worker::start(&pool.0, living).await {
                Ok(worker) => pool.take_back(worker),
                Err(error) => {
                    tracing::warn!(%error, "a worker for SQL did not start");
                    pool.workers().failure = Some(error);
                }
            }
            pool.0.changed.notify_waiters();
        });
    }

    /// Keeps a worker for the next question.
    fn take_back(&self, worker: Worker) {
        if worker.questions >= self.0.limits.questions_per_worker {
            return self.replace(worker);
        }
        self.workers().idle.push(worker);
        self.0.changed.notify_waiters();
    }

    /// Kills a worker, removes its spill files once it can write no more, and starts another one.
    fn replace(&self, mut worker: Worker) {
        // Without a runtime this process ends, and what it started with it.
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = self.clone();
        runtime.spawn(async move {
            let _ = worker.child.kill().await;
            drop(worker);
            pool.add_worker();
        });
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a process among those that there may be.
struct Living(Weak<Shared>);

impl Drop for Living {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else { return };
        shared.workers.lock().unwrap_or_else(PoisonError::into_inner).living -= 1;
        shared.changed.notify_waiters();
    }
}

/// A process that answers questions. Dropping it kills it.
struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    questions: u64,
    /// Removed with it.
    _spill: TempDir,
    _living: Living,
}

impl Worker {
    /// Starts one, and waits until it is ready.
    async fn start(shared: &Shared, living: Living) -> io::Result<Self> {
        let Shared { program, argument, location, limits, rules, .. } = shared;
        let spill = TempDir::with_prefix("gatebook-sql-")?;
        let mut child = Command::new(program)
            .arg(argument)
            .env("MALLOC_ARENA_MAX", ARENAS_MAX)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What an engine says when it dies may repeat what it read.
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for the server, which lets open answers end.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a worker for SQL has no pipes"));
        };
        let stdout = BufReader::new(stdout);
        let mut worker = Self { child, stdin, stdout, questions: 0, _spill: spill, _living: living };
        let start = Start {
            location: location.folder().display().to_string(),
            spill: worker._spill.path().to_owned(),
            limits: *limits,
            rules: rules.clone(),
        };
        worker.write(&serde_json::to_string(&start)?).await?;
        match timeout(START_MAX, read_frame(&mut worker.stdout, limits)).await {
            Ok(Ok(Some((Tag::Ready, _)))) => {
                worker.questions = 0;
                Ok(worker)
            }
            Ok(Ok(_)) => {
                let status = worker.child.wait().await?;
                Err(io::Error::other(format!("a worker for SQL ended before it was ready: {status}")))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("a worker for SQL did not open the book in time")),
        }
    }

    async fn write(&mut self, line: &str) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(io::Error::other(status.to_string()));
        }
        self.questions += 1;
        let line = format!("{line}\n");
        // A closed pipe here is no closed standard output.
        self.stdin.write_all(line.as_bytes()).await.map_err(|error| io::Error::other(error.to_string()))
    }
}

/// An answer on its way from a worker. Dropped before its end, the worker is killed, and replaced.
struct Reading {
    pool: SqlPool,
    /// None once it was given back.
    worker: Option<Worker>,
    rows: IpcReader,
    /// How long the worker may still work.
    left: Duration,
    /// When the client must have fetched it all.
    fetch_until: Instant,
    _turn: Turn,
}

impl Reading {
    /// The next frame. Only the time in which it is waited for counts as work.
    async fn frame(&mut self) -> Result<(Tag, Vec<u8>), QueryError> {
        let limits = self.pool.0.limits;
        let Some(worker) = &mut self.worker else { return Err(unexpected()) };
        let began = Instant::now();
        // Rows that are always there would never let a timer fire.
        if began >= self.fetch_until {
            return Err(QueryError::TooLarge(limits.fetch_told().refuse("it was not fetched by then")));
        }
        let until = (began + self.left).min(self.fetch_until);
        let read = timeout_at(until, read_frame(&mut worker.stdout, &limits)).await;
        self.left = self.left.saturating_sub(began.elapsed());
        match read {
            Ok(Ok(Some(frame))) => Ok(frame),
            Ok(Ok(None)) => {
                let status = worker.child.wait().await?;
                Err(died(status, &limits))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) if self.left.is_zero() => {
                Err(QueryError::TooLarge(limits.deadline_told().refuse("it was not answered by then")))
            }
            Err(_) => Err(QueryError::TooLarge(limits.fetch_told().refuse("it was not fetched by then"))),
        }
    }

    /// The columns, and the rows that came with them.
    async fn schema(&mut self) -> Result<(SchemaRef, Option<RecordBatch>), QueryError> {
        let rows = self.next().await?;
        let schema = self.rows.schema().ok_or_else(unexpected)?;
        Ok((schema, rows))
    }

    /// The next rows; none at the end.
    async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        loop {
            if self.worker.is_none() {
                return Ok(None);
            }
            if let Some(rows) = self.rows.next()? {
                return Ok(Some(rows));
            }
            match self.frame().await? {
                (Tag::Data, bytes) => self.rows.push(bytes),
                (Tag::End, still_works) => {
                    self.rows.finish()?;
                    if let Some(worker) = self.worker.take() {
                        if still_works.is_empty() {
                            self.pool.take_back(worker)
                        } else {
                            self.pool.replace(worker)
                        }
                    }
                    return Ok(None);
                }
                (Tag::Failed, bytes) => return Err(self.failed(&bytes)),
                _ => return Err(unexpected()),
            }
        }
    }

    /// What the worker could not do. Where it has ended its work on it, it can do the next.
    fn failed(&mut self, bytes: &[u8]) -> QueryError {
        let Ok(failed) = serde_json::from_slice::<Ended>(bytes) else { return unexpected() };
        if !failed.still_works
            && let Some(worker) = self.worker.take()
        {
            self.pool.take_back(worker);
        }
        failed.why.into()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.pool.replace(worker);
        }
    }
}

fn busy(no_turn: NoTurn, limits: &SqlLimits) -> QueryError {
    QueryError::Busy(match no_turn {
        NoTurn::QueueFull => limits.waiting_told().refuse("more wait already"),
        NoTurn::TooLong => limits.wait_told().refuse("no process was free by then"),
    })
}

/// Why a worker died: an allocation that failed aborts it.
fn died(status: ExitStatus, limits: &SqlLimits) -> QueryError {
    tracing::warn!(%status, "a worker for SQL died with its question");
    match (status.code(), status.signal()) {
        (Some(PANICKED), _) => return QueryError::Engine,
        // An allocation that failed, a stack that was full, a machine without memory.
        (_, Some(SIGABRT | SIGSEGV | SIGKILL)) => {}
        _ => return io::Error::other(format!("a worker for SQL ended: {status}")).into(),
    }
    let told = limits.memory_told();
    let bytes = told.value * PROCESS_FACTOR;
    let found = format!("its process needed more than {bytes} bytes, {PROCESS_FACTOR} x {}", told.value);
    QueryError::TooLarge(format!("{}: {found} ({})", told.advice, told.name))
}

fn unexpected() -> QueryError {
    io::Error::other("a worker for SQL answered out of turn").into()
}
