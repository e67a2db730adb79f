//! A worker: a process that answers one question after the other, and that can be killed at any time.

use std::fs;
use std::io::{self, StdoutLock};
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use lake::{Book, Directory, Location, Totals};
use projections::Rules;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::limits::{PROCESS_FACTOR, SqlLimits};
use super::protocol::{Ask, Begun, Ended, Failed, Start, Tag, write_frame};
use super::weight;
use crate::answer::Answer;
use crate::error::QueryError;
use crate::large_stack::BLOCKING_THREADS;
use crate::session::{Resources, Session};

/// How often a worker without a question goes on to the latest version of the book, so that the next question need
/// not read many versions.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// How often, and after which pauses, is looked whether all work has ended.
const REST_LOOKS: usize = 25;
const REST_PAUSE: Duration = Duration::from_millis(2);

/// Bytes of a piece of an answer: what is sent at a time, and held by the server.
const PIECE_BYTES: usize = 1 << 20;

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It was not started by a server.
    #[error("this command is started by `gatebook serve`, `run` and `sql`, and speaks with them alone")]
    Start(#[source] serde_json::Error),
    /// Standard input or output failed.
    #[error("the server that this process works for is gone")]
    Pipe(#[from] io::Error),
    /// The book cannot be opened.
    #[error(transparent)]
    Open(#[from] lake::OpenError),
    /// The directory cannot be read.
    #[error(transparent)]
    Directory(#[from] lake::DirectoryError),
    /// The lake's folder is none.
    #[error(transparent)]
    Location(#[from] lake::LocationError),
    /// The book cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Answers questions that come on standard input until it ends. What it writes to standard output is for the server
/// alone.
///
/// # Errors
///
/// See [`WorkerError`].
pub async fn work() -> Result<(), WorkerError> {
    let mut first = String::new();
    io::stdin().read_line(&mut first)?;
    let Start { location, spill, limits, rules } =
        serde_json::from_str(&first).map_err(WorkerError::Start)?;
    let mut lines = lines(spill.clone());
    // A stop of the service is told to all of its processes: open answers then have a while to end, and the end of
    // standard input ends this one.
    let _ignored = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    start_blocking_threads().await;
    let mut desk = Desk::open(&Location::parse(&location)?, spill, limits, rules).await?;
    limit_process(limits.memory_bytes as u64 * PROCESS_FACTOR);
    let mut out = io::stdout().lock();
    write_frame(&mut out, Tag::Ready, &[])?;
    loop {
        let line = match timeout(REFRESH_INTERVAL, lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(_) => {
                // Where it fails, the next question says so.
                let _ = desk.refresh().await;
                continue;
            }
        };
        let ask: Ask = serde_json::from_str(&line).map_err(WorkerError::Start)?;
        if let Err(error) = desk.answer(&ask.sql, &mut out).await {
            match error {
                AnswerError::Query(error) => {
                    let ended = Ended { why: Failed::from(error), still_works: !is_at_rest().await };
                    write_frame(&mut out, Tag::Failed, &serde_json::to_vec(&ended).unwrap_or_default())?;
                }
                AnswerError::Pipe(error) => return Err(error.into()),
            }
        }
    }
}

/// The lines of standard input. When it ends, the server is gone, and whatever is worked on is of no use.
fn lines(spill: PathBuf) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
        // The server does this where it lives.
        let _ = fs::remove_dir_all(spill);
        process::exit(0);
    });
    receiver
}

/// Starts all threads that may block, so that none is started once the address space is limited.
async fn start_blocking_threads() {
    let all = Arc::new(Barrier::new(BLOCKING_THREADS));
    let threads = (0..BLOCKING_THREADS).map(|_| {
        let all = Arc::clone(&all);
        tokio::task::spawn_blocking(move || {
            all.wait();
        })
    });
    futures::future::join_all(threads).await;
}

/// Allows this process so many bytes beyond those that it has: an allocation past that ends it, without an image on
/// disk of what it read. Where the machine itself runs out of memory, it goes before others.
fn limit_process(more: u64) {
    // Lowering a limit, and going first, is always allowed; elsewhere than on Linux nothing of it may exist.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else { return };
    let limit = (size << 10) + more;
    let maximum = getrlimit(Resource::As).maximum;
    let limit = maximum.map_or(limit, |maximum| limit.min(maximum));
    let _ = setrlimit(Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) });
}

/// The book and the directory, open at their latest versions.
struct Desk {
    book: Book,
    directory: Directory,
    resources: Resources,
    limits: SqlLimits,
    session: Session,
}

/// Why an answer was not given.
enum AnswerError {
    Query(QueryError),
    Pipe(io::Error),
}

impl<E: Into<QueryError>> From<E> for AnswerError {
    fn from(error: E) -> Self {
        Self::Query(error.into())
    }
}

impl Desk {
    async fn open(
        location: &Location,
        spill: PathBuf,
        limits: SqlLimits,
        rules: Rules,
    ) -> Result<Self, WorkerError> {
        let resources = Resources::spilling_to(spill, limits.engine(), Arc::new(rules))?;
        let book = Book::open(location).await?;
        let directory = Directory::open(location).await?;
        let session = Session::open(&book, &directory, &resources)?;
        Ok(Self { book, directory, resources, limits, session })
    }

    /// Goes on to the latest versions.
    async fn refresh(&mut self) -> Result<(), QueryError> {
        self.book.refresh().await?;
        self.directory.refresh().await?;
        let asked = (self.session.book_version(), self.session.directory_version());
        if (self.book.version(), self.directory.version()) != asked {
            let known: Totals = self.session.known_totals().clone();
            self.session = Session::open_after(&self.book, &self.directory, &self.resources, known)?;
        }
        self.session.totals().await.map(|_| ())
    }

    /// Writes an answer, as fast as it is read.
    async fn answer(&mut self, sql: &str, out: &mut StdoutLock<'_>) -> Result<(), AnswerError> {
        self.refresh().await?;
        let mut answer: Answer = self.session.sql(sql).await?;
        let plain = plain(&answer.schema());
        weight::check_schema(&plain)?;
        let mut stream = StreamWriter::try_new(Vec::new(), &plain).map_err(unsendable)?;
        // With the first rows: an error until then is an error, and no answer that breaks off.
        let mut batch = answer.next().await?;
        let begun = Begun {
            book_version: answer.coverage.book_version,
            directory_version: answer.coverage.directory_version,
            offsets: answer.coverage.offsets.clone(),
            newest_occurred_at: answer.coverage.newest_occurred_at,
            redecoded_days: answer.coverage.redecoded_days.clone(),
        };
        write_frame(out, Tag::Begun, &serde_json::to_vec(&begun).unwrap_or_default())
            .map_err(AnswerError::Pipe)?;
        while let Some(rows) = batch {
            self.send(&flatten(&rows, &plain).map_err(unsendable)?, &mut stream, out)?;
            batch = answer.next().await?;
        }
        stream.finish().map_err(unsendable)?;
        write_frame(out, Tag::Data, stream.get_ref()).map_err(AnswerError::Pipe)?;
        drop(answer);
        let still_works: &[u8] = if is_at_rest().await { &[] } else { &[1] };
        write_frame(out, Tag::End, still_works).map_err(AnswerError::Pipe)
    }

    /// Sends rows in pieces, each of which has at most about [`PIECE_BYTES`] where it has more than one row.
    fn send(
        &self,
        rows: &RecordBatch,
        stream: &mut StreamWriter<Vec<u8>>,
        out: &mut StdoutLock<'_>,
    ) -> Result<(), AnswerError> {
        let mut bytes = weight::of(rows);
        if bytes <= PIECE_BYTES || rows.num_rows() <= 1 {
            let begins = stream.get_ref().len();
            stream.write(rows).map_err(unsendable)?;
            bytes = bytes.max(stream.get_ref().len() - begins);
            if bytes <= PIECE_BYTES || (rows.num_rows() <= 1 && bytes <= self.limits.row_bytes) {
                write_frame(out, Tag::Data, stream.get_ref()).map_err(AnswerError::Pipe)?;
                stream.get_mut().clear();
                return Ok(());
            }
            stream.get_mut().truncate(begins);
        }
        if rows.num_rows() <= 1 {
            let told = self.limits.row_bytes_told();
            return Err(QueryError::TooLarge(told.refuse(&format!("a row has {bytes} bytes"))).into());
        }
        let half = rows.num_rows() / 2;
        self.send(&rows.slice(0, half), stream, out)?;
        self.send(&rows.slice(half, rows.num_rows() - half), stream, out)
    }
}

/// Whether all work ends soon after its rows are not wanted any more.
async fn is_at_rest() -> bool {
    for _ in 0..REST_LOOKS {
        if Handle::current().metrics().num_alive_tasks() == 0 {
            return true;
        }
        sleep(REST_PAUSE).await;
    }
    false
}

/// A type that has no place in Arrow's stream: none is known.
fn unsendable(error: ArrowError) -> QueryError {
    QueryError::Refused(format!("cast the columns to text: {error}"))
}

/// The columns with plain texts in place of views, which would carry with each row all that was read beside it.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), plain_type(field.data_type()), field.is_nullable()));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain_type(data_type: &DataType) -> DataType {
    let plain_field = |field: &Arc<Field>| {
        let data_type = plain_type(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(plain_field(entries), *is_sorted),
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}

fn flatten(rows: &RecordBatch, plain: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns =
        rows.columns().iter().zip(plain.fields()).map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(plain), columns, &options)
}
