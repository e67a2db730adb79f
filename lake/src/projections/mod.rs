//! The table of what is derived from the book and kept: it can be dropped and made again.
//!
//! It is a Delta table of its own, partitioned by kind and day. Rows are added, and never edited: a row that is not true
//! any more is named by a row of kind `void`, which lies in the same day, until a merge leaves out both. Each row has a
//! number of its own, which it keeps when it is merged into another file.
//!
//! As in the book, the Kafka offset is the clock: each commit carries the next offset of each partition that is taken in,
//! as an application transaction, and is refused where another process has taken in more.

mod merge;
mod part;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Action, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError, TableProperty};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

pub use self::part::{Part, PartKind};
use crate::data_file::{DataFile, Encoder, Origin};
use crate::failpoint::failpoint;
use crate::location::Location;
use crate::partition::PartitionId;
use crate::read;
use crate::table::{Table, quiet, unloaded};

/// The column that numbers rows.
pub const ROW: &str = "row";

/// The columns whose smallest and largest value stand in the log.
const STATISTICS_COLUMNS: &[&str] = &["tenant_id", "user_key", "first_at", "last_at", ROW];

/// Files that are stored at the same time.
const STORES_AT_ONCE: usize = 4;

/// Marks that go with a commit: how far, by which rules, and the last number that was given to rows.
const BOOK_VERSION: &str = "gatebook-projections:book-version";
const RULES: &str = "gatebook-projections:rules";
const LAYER: &str = "gatebook-projections:layer";

/// The table at the version that was last refreshed. A clone is cheap, and stays at its version.
#[derive(Clone)]
pub struct Projections {
    folder: PathBuf,
    table: Table,
}

/// What the table has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The version of the book.
    pub book_version: u64,
    /// What stands for the rules by which rows were made.
    pub rules: i64,
    /// The number of the last commit that added rows.
    pub layer: i64,
}

/// What one commit changes.
#[derive(Debug)]
pub struct Refreshed {
    /// Whose parts are over, those with them that were merged meanwhile.
    pub over: Over,
    /// Parts that were stored.
    pub added: Vec<Part>,
    /// Where the table stands then.
    pub standing: Standing,
    /// The next offset of each partition that is taken in then.
    pub offsets: BTreeMap<PartitionId, i64>,
}

/// Rows that are over as a whole.
#[derive(Debug)]
pub enum Over {
    /// Those of attempts that began on these UTC days.
    Days(BTreeSet<NaiveDate>),
    /// All.
    Everything,
}

impl Over {
    fn has(&self, part: &Part) -> bool {
        match self {
            Self::Days(days) => days.contains(&part.day),
            Self::Everything => true,
        }
    }
}

/// Why the table of projections cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionsError {
    /// The log cannot be read or written.
    #[error("check that the lake's folder can be read and written: the projections cannot be kept")]
    Table(#[from] DeltaTableError),
    /// A file cannot be stored.
    #[error("check that the lake's folder can be written and has room: the projections cannot be kept")]
    Store(#[from] object_store::Error),
    /// A file cannot be encoded.
    #[error("cannot encode a file of the projections; nothing was changed")]
    Encode(#[source] ParquetError),
    /// A file is damaged or gone.
    #[error("run `gatebook projections rebuild`: {path} of the projections cannot be read")]
    Damaged {
        /// The file.
        path: String,
        /// What was wrong.
        source: ParquetError,
    },
    /// Another process keeps the projections.
    #[error("another process keeps the projections of this lake; let it, or stop it first")]
    Overtaken,
}

impl Projections {
    /// Opens the table at its latest version; none where it was never made.
    pub async fn open(location: &Location) -> Result<Option<Self>, ProjectionsError> {
        let folder = location.projections();
        if !folder.join("_delta_log").is_dir() {
            return Ok(None);
        }
        let mut delta = unloaded(&folder)?;
        delta.load().await?;
        let table = Table::new(delta);
        Ok(Some(Self { folder, table }))
    }

    /// The table as it was when it had taken in no more than this version of the book: what has not taken it in as a whole,
    /// can be completed. None where it was never made, or its log does not reach back so far.
    pub async fn open_at(location: &Location, book_version: u64) -> Result<Option<Self>, ProjectionsError> {
        let Some(mut latest) = Self::open(location).await? else { return Ok(None) };
        let mut back = 1;
        loop {
            match latest.standing().await? {
                Some(standing) if standing.book_version > book_version => {}
                Some(_) => return Ok(Some(latest)),
                None => return Ok(None),
            }
            let Some(version) = latest.version().checked_sub(back) else { return Ok(None) };
            let mut delta = unloaded(&latest.folder)?;
            if let Err(error) = delta.load_version(version).await {
                tracing::debug!(%error, version, "the projections are not known any more as they were");
                return Ok(None);
            }
            latest.table = Table::new(delta);
            // Whoever asks about the past seldom means the last moment.
            back *= 2;
        }
    }

    /// Opens the table, and makes an empty one for rows of this schema where there is none.
    pub async fn open_or_create(location: &Location, rows: &Schema) -> Result<Self, ProjectionsError> {
        if let Some(opened) = Self::open(location).await? {
            return Ok(opened);
        }
        let partitions = [("kind", DataType::Utf8), ("day", DataType::Date32)];
        let partitions = partitions.map(|(name, of)| Arc::new(Field::new(name, of, true)));
        let fields: Vec<_> = rows.fields().iter().cloned().chain(partitions).collect();
        let columns: StructType = (&Schema::new(fields)).try_into_kernel().map_err(DeltaTableError::from)?;
        let created = CreateBuilder::new()
            .with_log_store(unloaded(&location.projections())?.log_store())
            .with_table_name("projections")
            .with_columns(columns.fields().cloned())
            .with_partition_columns(["kind", "day"])
            // It can be made again: nobody goes back to its past.
            .with_configuration_property(TableProperty::LogRetentionDuration, Some("interval 1 days"))
            .with_configuration_property(
                TableProperty::DataSkippingStatsColumns,
                Some(STATISTICS_COLUMNS.join(",")),
            )
            .with_save_mode(SaveMode::ErrorIfExists)
            .with_commit_properties(quiet().with_max_retries(0))
            .await;
        match (Self::open(location).await?, created) {
            (Some(opened), _) => Ok(opened),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(DeltaTableError::generic("a table that was made is not there").into()),
        }
    }

    /// Goes on to the latest version.
    pub async fn refresh(&mut self) -> Result<u64, ProjectionsError> {
        Ok(self.table.refresh().await?)
    }

    /// The version of this table.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.table.version()
    }

    /// The Delta table at this version, for a query engine.
    #[must_use]
    pub fn table(&self) -> &DeltaTable {
        self.table.delta()
    }

    /// What is taken in; none before anything was.
    pub async fn standing(&mut self) -> Result<Option<Standing>, ProjectionsError> {
        let book_version = self.table.transaction_version(BOOK_VERSION).await?;
        let rules = self.table.transaction_version(RULES).await?;
        let layer = self.table.transaction_version(LAYER).await?;
        let (Some(book_version), Some(rules), Some(layer)) = (book_version, rules, layer) else {
            return Ok(None);
        };
        Ok(Some(Standing { book_version: u64::try_from(book_version).unwrap_or(0), rules, layer }))
    }

    /// The next offset of a partition that is not taken in yet; none if it was never heard of.
    pub async fn next_offset(&mut self, partition: &PartitionId) -> Result<Option<i64>, ProjectionsError> {
        Ok(self.table.transaction_version(&partition.app_id()).await?)
    }

    /// The files of this version.
    pub fn parts(&self) -> Result<Vec<Part>, ProjectionsError> {
        let state = self.table.delta().snapshot()?;
        Ok(state.log_data().iter().filter_map(|view| Part::of(&view)).collect())
    }

    /// Writes rows of one day as a file; nothing names it until a commit does.
    pub async fn store(
        &self,
        kind: PartKind,
        day: NaiveDate,
        rows: &RecordBatch,
    ) -> Result<Part, ProjectionsError> {
        let file =
            encode(kind, day, rows.schema(), Origin::Landed, [rows]).map_err(ProjectionsError::Encode)?;
        file.store(&self.table.store()).await?;
        Ok(Part::stored(&file, kind, day, rows.num_rows()))
    }

    /// Writes the numbers of rows of one day that are not true any more.
    pub async fn store_void(&self, day: NaiveDate, rows: Vec<i64>) -> Result<Part, ProjectionsError> {
        self.store(
            PartKind::Void,
            day,
            &void_batch(rows).map_err(|error| ProjectionsError::Encode(error.into()))?,
        )
        .await
    }

    /// The rows of a part: these columns of it.
    pub async fn read(
        &self,
        part: &Part,
        columns: &[&str],
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ProjectionsError> {
        let read = async {
            let builder = self.stream(part).await?;
            let schema = builder.parquet_schema();
            let roots = schema.root_schema().get_fields().iter().enumerate();
            let roots = roots.filter(|(_, field)| columns.contains(&field.name())).map(|(index, _)| index);
            let mask = ProjectionMask::roots(schema, roots);
            read::rows_of(builder.with_projection(mask), take).await
        };
        read.await.map_err(|source| damaged(part, source))
    }

    /// As [`Self::read`], the rows that are wanted by what the columns `by` hold, without the row groups that have no user
    /// key within bounds that may be wanted.
    pub async fn read_of_users(
        &self,
        part: &Part,
        by: &[&str],
        may_hold: impl Fn(&str, &str) -> bool,
        is_wanted: impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
        columns: &[&str],
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ProjectionsError> {
        let read = async {
            let builder = read::only_groups_of_users(self.stream(part).await?, may_hold);
            read::filtered(builder, by, is_wanted, columns, take).await
        };
        read.await.map_err(|source| damaged(part, source))
    }

    async fn stream(
        &self,
        part: &Part,
    ) -> Result<
        parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder<crate::ranges::Ranges>,
        ParquetError,
    > {
        read::open(self.table.store(), part.path.clone(), part.size_bytes).await
    }

    /// The numbers of all rows of these days that are not true any more.
    pub async fn voided(
        &self,
        parts: impl Iterator<Item = &Part>,
    ) -> Result<roaring::RoaringTreemap, ProjectionsError> {
        let mut voided = roaring::RoaringTreemap::new();
        for part in parts.filter(|part| part.kind == PartKind::Void) {
            self.read(part, &[ROW], |rows| voided.extend(row_numbers(rows))).await?;
        }
        Ok(voided)
    }

    /// Takes this in, in one commit, if the table still stands where `before` says.
    pub async fn commit(
        &mut self,
        before: Option<Standing>,
        refreshed: Refreshed,
    ) -> Result<(), ProjectionsError> {
        self.refresh().await?;
        if self.standing().await? != before {
            return Err(ProjectionsError::Overtaken);
        }
        let Refreshed { over, added, standing, offsets } = refreshed;
        let removed = self.parts()?.into_iter().filter(|part| over.has(part));
        let removes = removed.filter_map(|part| part.remove_action(true));
        let actions = removes.chain(added.iter().filter_map(Part::add_action)).collect();
        let book_version = i64::try_from(standing.book_version).unwrap_or(i64::MAX);
        let marks = [(BOOK_VERSION, book_version), (RULES, standing.rules), (LAYER, standing.layer)];
        let marks = marks.map(|(mark, version)| Transaction::new(mark, version));
        let offsets = offsets.iter().map(|(id, next)| Transaction::new(id.app_id(), *next));
        let transactions = marks.into_iter().chain(offsets).collect();
        failpoint("projections-before-commit");
        let committed = self.table.commit(actions, transactions, append()).await;
        failpoint("projections-after-commit");
        if let Err(error) = committed {
            // A commit can stand although it reported an error.
            self.refresh().await?;
            let active: HashSet<_> = self.parts()?.into_iter().map(|part| part.path).collect();
            // Another process may have come to the same standing, with rows that have other numbers.
            let is_ours = added.iter().all(|part| active.contains(&part.path));
            return match self.standing().await? {
                found if found == Some(standing) && is_ours => Ok(()),
                found if found == before => Err(error.into()),
                _ => Err(ProjectionsError::Overtaken),
            };
        }
        Ok(())
    }

    /// The store whose root is the table's folder.
    pub(crate) fn object_store(&self) -> Arc<dyn ObjectStore> {
        self.table.store()
    }
}

impl std::fmt::Debug for Projections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projections")
            .field("folder", &self.folder)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// Stores files, several at a time.
async fn store_all(store: &Arc<dyn ObjectStore>, files: &[DataFile]) -> Result<(), ProjectionsError> {
    let mut stored = stream::iter(files).map(|file| file.store(store)).buffer_unordered(STORES_AT_ONCE);
    while stored.try_next().await?.is_some() {}
    Ok(())
}

fn append() -> DeltaOperation {
    DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(vec!["kind".to_owned(), "day".to_owned()]),
        predicate: None,
    }
}

fn encode<'r>(
    kind: PartKind,
    day: NaiveDate,
    schema: SchemaRef,
    origin: Origin,
    rows: impl IntoIterator<Item = &'r RecordBatch>,
) -> Result<DataFile, ParquetError> {
    let mut encoder = Encoder::of(kind.as_str(), day, schema, origin, STATISTICS_COLUMNS)?;
    for rows in rows {
        encoder.write(rows)?;
    }
    encoder.finish()
}

fn void_batch(rows: Vec<i64>) -> Result<RecordBatch, ArrowError> {
    let schema = Schema::new(vec![Field::new(ROW, DataType::Int64, false)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(rows))])
}

/// The numbers of rows, which are never negative.
fn row_numbers(rows: &RecordBatch) -> Vec<u64> {
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;

    let numbers = rows.column_by_name(ROW).and_then(|column| column.as_primitive_opt::<Int64Type>());
    numbers.map_or_else(Vec::new, |numbers| numbers.values().iter().map(|number| *number as u64).collect())
}

fn damaged(part: &Part, source: ParquetError) -> ProjectionsError {
    ProjectionsError::Damaged { path: part.path.to_string(), source }
}

/// Actions that put files in the place of others without changing what is told.
fn replace(removed: &[Part], added: Vec<DataFile>) -> Vec<Action> {
    let removes = removed.iter().filter_map(|part| part.remove_action(false));
    removes.chain(added.into_iter().map(|file| Action::Add(file.add))).collect()
}
