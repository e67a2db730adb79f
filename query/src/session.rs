//! A session: questions to one version of the book.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
#[cfg(test)]
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext, col, lit};
use lake::{Book, Directory, PartitionId, PartitionTotals, ReadError, Totals};
use projections::Rules;
use projections::repeats::Repeats;
use schemas::Kind;
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::attempts::StoredAttempts;
use crate::basis::{Basis, KeptTable};
use crate::coverage::{Coverage, NextOffset, Question};
use crate::error::QueryError;
use crate::exceptions::KnownExceptions;
use crate::expectations::Expectations;
use crate::limits::Limits;
use crate::parameter::TimeRange;
use crate::people::{KeptOwners, Known, Owners, People};
use crate::period::day_number;
use crate::redecoded;
use crate::repeats;
use crate::sql;
use crate::sums::{Kept, Numbers, StoredSums, all_months};
use crate::told::Told;
use crate::views::{self, view_name};
use crate::voices::{Heard, Voices};

/// How much of the book is folded at a time: little in tests, so that it comes in parts.
pub(crate) fn folded() -> projections::Limits {
    if cfg!(test) {
        projections::Limits { ids: 40, rebuilt_events: 40, refolded_events: 50 }
    } else {
        projections::Limits::default()
    }
}

/// What the questions of a process to one book share: memory, room for spill files, what is known of repeats, and the sums that
/// were read.
#[derive(Clone)]
pub struct Resources {
    runtime: Arc<RuntimeEnv>,
    limits: Limits,
    repeats: Arc<Repeats>,
    rules: Arc<Rules>,
    voices: Arc<Voices>,
    kept: Arc<Kept>,
    table: Arc<KeptTable>,
    owners: Arc<KeptOwners>,
    expectations: Arc<Expectations>,
}

impl Resources {
    /// As much as the limits allow, for all sessions together, with the rules by which attempts are made.
    ///
    /// # Errors
    ///
    /// The system gives no folder for temporary files.
    pub fn new(limits: Limits, rules: Arc<Rules>) -> Result<Self, QueryError> {
        Self::build(RuntimeEnvBuilder::new(), limits, rules)
    }

    /// As [`Self::new`], with a folder for spill files.
    pub(crate) fn spilling_to(
        folder: PathBuf,
        limits: Limits,
        rules: Arc<Rules>,
    ) -> Result<Self, QueryError> {
        Self::build(RuntimeEnvBuilder::new().with_temp_file_path(folder), limits, rules)
    }

    fn build(builder: RuntimeEnvBuilder, limits: Limits, rules: Arc<Rules>) -> Result<Self, QueryError> {
        let runtime = builder
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
            .with_max_temp_directory_size(limits.spill_bytes)
            .build_arc();
        let runtime = runtime.map_err(|error| QueryError::while_running(error, &limits))?;
        let repeats = Arc::new(Repeats::new(folded()));
        Ok(Self {
            runtime,
            limits,
            repeats,
            rules,
            voices: Arc::default(),
            kept: Arc::default(),
            table: Arc::default(),
            owners: Arc::default(),
            expectations: Arc::default(),
        })
    }

    /// The same, where reports expect this.
    #[must_use]
    pub fn expecting(self, expectations: Arc<Expectations>) -> Self {
        Self { expectations, ..self }
    }
}

/// Answers questions from the version at which the book stood when the session was opened.
pub struct Session {
    context: SessionContext,
    limits: Limits,
    known: Arc<Known>,
    people: Arc<People>,
    kept_owners: Arc<KeptOwners>,
    owners: OnceCell<Option<Arc<Owners>>>,
    newest_occurred_at: Option<DateTime<Utc>>,
    sums: Arc<Sums>,
    voices: Arc<Voices>,
    rules: Arc<Rules>,
    told: Told,
    stored_sums: StoredSums,
    expectations: Arc<Expectations>,
}

/// What the segments of one version add up to, found out when it is first asked for.
pub(crate) struct Sums {
    book: Book,
    /// The sums of an earlier version.
    earlier: Totals,
    totals: OnceCell<Totals>,
}

impl Sums {
    fn new(book: &Book, earlier: Totals) -> Self {
        Self { book: book.clone(), earlier, totals: OnceCell::new() }
    }

    /// The version.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) async fn get(&self) -> Result<&Totals, ReadError> {
        self.totals.get_or_try_init(|| self.book.totals_since(self.earlier.clone())).await
    }
}

impl Session {
    /// A session over these versions of the book and of the directory, with the views and nothing else.
    ///
    /// # Errors
    ///
    /// The book's log cannot be read.
    pub fn open(book: &Book, directory: &Directory, resources: &Resources) -> Result<Self, QueryError> {
        Self::open_after(book, directory, resources, Totals::default())
    }

    /// As [`Self::open`], with the sums of an earlier version, so that only what came since is added up.
    ///
    /// # Errors
    ///
    /// The book's log cannot be read.
    pub fn open_after(
        book: &Book,
        directory: &Directory,
        resources: &Resources,
        earlier: Totals,
    ) -> Result<Self, QueryError> {
        let limits = resources.limits;
        let failed = |error| QueryError::while_running(error, &limits);
        // Each file's newest moment stands in the log: no file is opened for it.
        let events = book.files()?.into_iter().filter(|file| file.kind == Some(Kind::Event));
        let newest_us = events.filter_map(|file| file.newest_us).max();
        // One partition for each core is the default; no information_schema, no table from a file or a URL.
        let mut config = SessionConfig::new().with_information_schema(false);
        // What is written with a zone, and `now()`, has one.
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        let state = sql::session_state().with_config(config).with_runtime_env(Arc::clone(&resources.runtime));
        let context = SessionContext::new_with_state(state.build());
        let sums = Arc::new(Sums::new(book, earlier));
        let basis = Arc::new(Basis {
            sums: Arc::clone(&sums),
            repeats: Arc::clone(&resources.repeats),
            rules: Arc::clone(&resources.rules),
            table: Arc::clone(&resources.table),
        });
        let attempts = Arc::new(StoredAttempts::new(Arc::clone(&basis)));
        let stored_sums =
            StoredSums::new(Arc::clone(&basis), Arc::clone(&resources.kept), Arc::clone(&attempts));
        let exceptions = Arc::new(KnownExceptions::new(basis));
        let known = Arc::new(Known::new(directory.clone()));
        let people = views::register(&context, book, &known, &exceptions, attempts).map_err(failed)?;
        Ok(Self {
            context,
            limits,
            known,
            people,
            kept_owners: Arc::clone(&resources.owners),
            owners: OnceCell::new(),
            newest_occurred_at: newest_us.and_then(DateTime::from_timestamp_micros),
            sums,
            voices: Arc::clone(&resources.voices),
            rules: Arc::clone(&resources.rules),
            told: Told::default(),
            stored_sums,
            expectations: Arc::clone(&resources.expectations),
        })
    }

    /// Answers one read-only question over the views. Times without an offset are UTC.
    ///
    /// Nothing here bounds what a text does to this process: ask [`crate::SqlPool`].
    ///
    /// # Errors
    ///
    /// [`QueryError::Refused`] for what is not one read-only question, does not parse, or names what is not there.
    pub(crate) async fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        let refused = |error| QueryError::while_planning(error, &self.limits);
        let statement = sql::question(sql)?;
        let plan = self.context.state().statement_to_plan(statement).await.map_err(refused)?;
        let read_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(refused)?;
        let directory_version =
            if asks_directory(&plan).map_err(refused)? { self.directory_version() } else { None };
        let frame = self.context.execute_logical_plan(plan).await.map_err(refused)?;
        let batches = frame.execute_stream().await.map_err(refused)?;
        let coverage = self.coverage("UTC", None, Question::Sql { sql: sql.to_owned() }).await?;
        Ok(Answer::new(Coverage { directory_version, ..coverage }, batches, self.limits))
    }

    /// A question in SQL of our own over the tables, with the values that it names as `$name`.
    pub(crate) async fn plan(
        &self,
        sql: &str,
        values: Vec<(&str, ScalarValue)>,
    ) -> Result<DataFrame, QueryError> {
        let frame = self.context.sql(sql).await.and_then(|frame| frame.with_param_values(values));
        frame.map_err(|error| QueryError::while_running(error, &self.limits))
    }

    /// Whose each id is, of these tenants at the least, or of all where none is named.
    pub(crate) async fn owners(&self, tenants: &[String]) -> Result<Arc<Owners>, QueryError> {
        if let Some(owners) = self.owners.get_or_try_init(|| self.owners_by_sums()).await? {
            return Ok(Arc::clone(owners));
        }
        let tenants: Vec<_> = tenants.iter().map(|tenant| lit(tenant.as_str())).collect();
        let filters =
            if tenants.is_empty() { vec![] } else { vec![col("tenant_id").in_list(tenants, false)] };
        let owners = self.people.whose(&self.context.state(), &filters).await;
        owners.map(Arc::new).map_err(|error| QueryError::while_running(error, &self.limits))
    }

    /// Whose each id is as the directory alone says: for whoever asks no more of it than whom it lists.
    pub(crate) async fn listed(&self) -> Result<Arc<Owners>, QueryError> {
        let owners = self.known.owners().await;
        owners.map(Arc::new).map_err(|error| QueryError::while_running(error, &self.limits))
    }

    /// None where no sums are kept that are of use for this version.
    async fn owners_by_sums(&self) -> Result<Option<Arc<Owners>>, QueryError> {
        let Some(months) = all_months(self).await? else { return Ok(None) };
        let names = &self.stored_sums.persons_kept().names;
        let numbers = |tell: &mut dyn FnMut(&Numbers)| tell(&names.read());
        let state = self.context.state();
        let owners = self.people.whose_by_sums(&state, &self.kept_owners, &months, numbers).await;
        owners.map(Some).map_err(|error| QueryError::while_running(error, &self.limits))
    }

    /// What this session answers from, where the question is about events of this range, or of the whole book.
    pub(crate) async fn coverage(
        &self,
        tz: &str,
        range: Option<TimeRange>,
        question: Question,
    ) -> Result<Coverage, QueryError> {
        let offset = |(id, totals): (&PartitionId, &PartitionTotals)| NextOffset {
            topic: totals.topic.clone(),
            topic_id: id.topic_id.clone(),
            partition: id.partition,
            next_offset: totals.next_offset,
        };
        let totals = self.totals().await?;
        let mut offsets: Vec<_> = totals.by_partition.iter().map(offset).collect();
        offsets.sort();
        Ok(Coverage {
            book_version: self.book_version(),
            directory_version: None,
            offsets,
            newest_occurred_at: self.newest_occurred_at,
            redecoded_days: redecoded::ranges(&totals.redecoded_days, range),
            tz: tz.to_owned(),
            question,
        })
    }

    /// The first UTC day of which the book has events.
    pub(crate) fn first_day(&self) -> Result<Option<NaiveDate>, QueryError> {
        let files = self.book().files()?;
        Ok(files.iter().filter(|file| file.kind == Some(Kind::Event)).filter_map(|file| file.day).min())
    }

    /// Whether every event happened before a moment, in microseconds since 1970.
    pub(crate) fn ends_before(&self, at_us: i64) -> Result<bool, QueryError> {
        let files = self.book().files()?;
        let mut events = files.iter().filter(|file| file.kind == Some(Kind::Event));
        // The log does not say it where it is absurdly far away.
        Ok(events.all(|file| file.newest_us.is_some_and(|newest_us| newest_us < at_us)))
    }

    /// What the segments and removals add up to.
    ///
    /// # Errors
    ///
    /// The book cannot be read.
    pub async fn totals(&self) -> Result<&Totals, QueryError> {
        Ok(self.sums.get().await?)
    }

    /// The newest sums that are known, to begin with in a later version.
    #[must_use]
    pub fn known_totals(&self) -> &Totals {
        self.sums.totals.get().unwrap_or(&self.sums.earlier)
    }

    /// The book at the version that is answered from.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.sums.book
    }

    /// The version of the book that is answered from.
    #[must_use]
    pub fn book_version(&self) -> u64 {
        self.sums.book.version()
    }

    /// The directory at the version that is answered from.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        self.known.directory()
    }

    /// The version of the directory that is answered from; none where nothing was ever said in it.
    #[must_use]
    pub fn directory_version(&self) -> Option<u64> {
        self.known.version()
    }

    /// Who spoke when on these days.
    pub(crate) async fn voices(
        &self,
        days: RangeInclusive<NaiveDate>,
    ) -> Result<BTreeMap<NaiveDate, Arc<Heard>>, QueryError> {
        self.voices.of_days(self.book(), days, self.limits).await
    }

    /// Answers that were given from this version.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Whether what is said at `now` of the time before `end` depends on the clock no more: no challenge of then is alive.
    pub(crate) fn is_over(&self, end: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        end + TimeDelta::microseconds(self.rules.silence_us()) < now
    }

    /// The sums that are kept, as they stand at this version.
    pub(crate) fn stored_sums(&self) -> &StoredSums {
        &self.stored_sums
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// By which rules attempts are made.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What reports expect.
    pub(crate) fn expectations(&self) -> &Expectations {
        &self.expectations
    }

    /// The view of a kind, to build a question on.
    pub(crate) async fn view(&self, kind: Kind) -> Result<DataFrame, QueryError> {
        self.table(view_name(kind)).await
    }

    /// The view of the events that count, to build a question on.
    pub(crate) async fn counted_events(&self) -> Result<DataFrame, QueryError> {
        self.table(repeats::VIEW).await
    }

    /// The attempts as they are stored, before the clock has a say: result and reason are those of the events alone.
    pub(crate) fn stored_attempts(&self) -> Result<DataFrame, QueryError> {
        let attempts = self.stored_sums.each_attempt();
        self.context.read_table(attempts).map_err(|error| QueryError::while_running(error, &self.limits))
    }

    /// A table that SQL sees.
    pub(crate) async fn table(&self, name: &str) -> Result<DataFrame, QueryError> {
        self.context.table(name).await.map_err(|error| QueryError::while_running(error, &self.limits))
    }
}

#[cfg(test)]
impl Session {
    /// How many files of the book a question opens.
    pub(crate) async fn files_read(&self, sql: &str) -> usize {
        fn of(plan: &Arc<dyn ExecutionPlan>) -> usize {
            let metrics = plan.metrics().and_then(|metrics| metrics.sum_by_name("count_files_scanned"));
            metrics.map_or(0, |files| files.as_usize()) + plan.children().into_iter().map(of).sum::<usize>()
        }
        let frame = self.context.sql(sql).await.expect("a plan");
        let plan = frame.create_physical_plan().await.expect("a plan");
        let rows = datafusion::physical_plan::collect(Arc::clone(&plan), self.context.task_ctx()).await;
        rows.expect("rows");
        of(&plan)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("book_version", &self.book_version()).finish_non_exhaustive()
    }
}

/// Whether a question reads a table that depends on the directory.
fn asks_directory(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    let mut asks = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            asks |= views::is_of_directory(scan.table_name.table());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(asks)
}

/// A moment, in microseconds since 1970, as the type of the columns that hold one.
pub(crate) fn moment_literal(at_us: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(at_us), Some("UTC".into()))
}

/// A day as the type of the partition column.
pub(crate) fn day_literal(day: NaiveDate) -> ScalarValue {
    ScalarValue::Date32(Some(day_number(day)))
}
