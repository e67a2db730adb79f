//! A session: questions to one version of the book.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext, col, lit};
use lake::Book;
use schemas::Kind;
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::coverage::{Coverage, NextOffset, Question};
use crate::error::QueryError;
use crate::limits::Limits;
use crate::views::{self, view_name};

/// What the questions of a process share: memory, and room for spill files.
#[derive(Clone)]
pub struct Resources {
    runtime: Arc<RuntimeEnv>,
    limits: Limits,
}

impl Resources {
    /// As much as the limits allow, for all sessions together.
    ///
    /// # Errors
    ///
    /// The system gives no folder for temporary files.
    pub fn new(limits: Limits) -> Result<Self, QueryError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
            .with_max_temp_directory_size(limits.spill_bytes)
            .build_arc();
        let runtime = runtime.map_err(|error| QueryError::while_running(error, &limits))?;
        Ok(Self { runtime, limits })
    }
}

/// Answers questions from the version at which the book stood when the session was opened.
pub struct Session {
    context: SessionContext,
    limits: Limits,
    book_version: u64,
    newest_event_day: Option<NaiveDate>,
    stand: OnceCell<Stand>,
}

/// How far the book stands in the session's version.
#[derive(Debug, Clone)]
struct Stand {
    offsets: Vec<NextOffset>,
    newest_occurred_at: Option<DateTime<Utc>>,
}

impl Session {
    /// A session over this version of the book, with the views and nothing else.
    ///
    /// # Errors
    ///
    /// The book's log cannot be read.
    pub fn open(book: &Book, resources: &Resources) -> Result<Self, QueryError> {
        let limits = resources.limits;
        let failed = |error| QueryError::while_running(error, &limits);
        let newest_event_day = book
            .files()?
            .iter()
            .filter(|file| file.kind == Some(Kind::Event))
            .filter_map(|file| file.day)
            .max();
        // One partition for each core is the default; no information_schema, no table from a file or a URL.
        let config = SessionConfig::new().with_information_schema(false);
        let context = SessionContext::new_with_config_rt(config, Arc::clone(&resources.runtime));
        views::register(&context, book).map_err(failed)?;
        let (book_version, stand) = (book.version(), OnceCell::new());
        Ok(Self { context, limits, book_version, newest_event_day, stand })
    }

    /// Answers one read-only statement over the views. Times without an offset are UTC.
    ///
    /// # Errors
    ///
    /// [`QueryError::Refused`] for what is not one read-only statement, does not parse, names what is not
    /// there, or is longer than [`Limits::sql_bytes`].
    pub async fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        if sql.len() > self.limits.sql_bytes {
            return Err(QueryError::Refused(format!(
                "shorten the query: it has {} bytes, and {} are allowed",
                sql.len(),
                self.limits.sql_bytes
            )));
        }
        let read_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let refused = |error| QueryError::while_planning(error, &self.limits);
        let frame = self.context.sql_with_options(sql, read_only).await.map_err(refused)?;
        let batches = frame.execute_stream().await.map_err(refused)?;
        let coverage = self.coverage("UTC", Question::Sql { sql: sql.to_owned() }).await?;
        Ok(Answer::new(coverage, batches, self.limits))
    }

    /// What this session answers from.
    pub(crate) async fn coverage(&self, tz: &str, question: Question) -> Result<Coverage, QueryError> {
        let read = async || {
            let (offsets, newest_occurred_at) =
                (self.next_offsets().await?, self.newest_occurred_at().await?);
            Ok::<_, QueryError>(Stand { offsets, newest_occurred_at })
        };
        let Stand { offsets, newest_occurred_at } = self.stand.get_or_try_init(read).await?.clone();
        let (book_version, tz) = (self.book_version, tz.to_owned());
        Ok(Coverage { book_version, offsets, newest_occurred_at, tz, question })
    }

    /// The version of the book that is answered from.
    #[must_use]
    pub fn book_version(&self) -> u64 {
        self.book_version
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// The view of a kind, to build a question on.
    pub(crate) async fn view(&self, kind: Kind) -> Result<DataFrame, QueryError> {
        self.context
            .table(view_name(kind))
            .await
            .map_err(|error| QueryError::while_running(error, &self.limits))
    }

    async fn next_offsets(&self) -> Result<Vec<NextOffset>, QueryError> {
        let keys = vec![col("kafka_topic"), col("kafka_topic_id"), col("kafka_partition")];
        let failed = |error| QueryError::while_running(error, &self.limits);
        let segments = self.view(Kind::Segment).await?;
        let frame = segments.aggregate(keys, vec![max(col("next_offset"))]).map_err(failed)?;
        let mut offsets = Vec::new();
        for batch in frame.collect().await.map_err(failed)? {
            let text = |index: usize| {
                cast(batch.column(index), &DataType::Utf8).map_err(|error| failed(error.into()))
            };
            let (topics, topic_ids) = (text(0)?, text(1)?);
            let (topics, topic_ids) = (topics.as_string::<i32>(), topic_ids.as_string::<i32>());
            let partitions = batch.column(2).as_primitive::<Int32Type>();
            let next = batch.column(3).as_primitive::<Int64Type>();
            offsets.extend((0..batch.num_rows()).map(|row| NextOffset {
                topic: topics.value(row).to_owned(),
                topic_id: topic_ids.value(row).to_owned(),
                partition: partitions.value(row),
                next_offset: next.value(row),
            }));
        }
        offsets.sort();
        Ok(offsets)
    }

    /// Only the newest day's files are read: no event of an earlier day is newer.
    async fn newest_occurred_at(&self) -> Result<Option<DateTime<Utc>>, QueryError> {
        let Some(day) = self.newest_event_day else { return Ok(None) };
        let failed = |error| QueryError::while_running(error, &self.limits);
        let newest: Vec<RecordBatch> = self
            .view(Kind::Event)
            .await?
            .filter(col("day").eq(lit(day_literal(day))))
            .and_then(|events| events.aggregate(Vec::new(), vec![max(col("occurred_at"))]))
            .map_err(failed)?
            .collect()
            .await
            .map_err(failed)?;
        let newest_us = newest
            .iter()
            .filter_map(|batch| {
                arrow::compute::max(batch.column(0).as_primitive::<TimestampMicrosecondType>())
            })
            .max();
        Ok(newest_us.and_then(DateTime::from_timestamp_micros))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("book_version", &self.book_version).finish_non_exhaustive()
    }
}

/// A day as the type of the partition column.
pub(crate) fn day_literal(day: NaiveDate) -> ScalarValue {
    ScalarValue::Date32(Some(day.signed_duration_since(NaiveDate::default()).num_days() as i32))
}
