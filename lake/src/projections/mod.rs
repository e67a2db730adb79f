//! The table of what is derived from the book and kept: it can be dropped and made again.
//!
//! It is a Delta table of its own, partitioned by kind and day. Rows are added, and never edited: a row that is not true
//! any more is named by a row of kind `void`, which lies in the same day, until a merge leaves out both. Each row has a
//! number of its own, which it keeps when it is merged into another file.
//!
//! Rows of other kinds add up: counts by key, which may be below zero in one file, and of which equal keys are added up when
//! files are merged. What ceased to be so is taken away by a row of its own.
//!
//! As in the book, the Kafka offset is the clock: each commit carries the next offset of each partition that is taken in,
//! as an application transaction, and is refused where another process has taken in more.

mod commit;
mod merge;
mod part;
mod sums;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Action, StructType};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaTable, DeltaTableError, TableProperty};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStore;
use parquet::errors::ParquetError;

pub use self::commit::{Over, Refreshed, Standing};
pub use self::part::{Part, PartKind};
pub use self::sums::COUNTS;
use crate::data_file::{DataFile, Encoder, Origin};
use crate::listing::Listing;
use crate::location::Location;
use crate::reader::{FileRef, Wanted};
use crate::table::{Table, quiet, unloaded};

/// The column that numbers rows.
pub const ROW: &str = "row";

/// The columns whose smallest and largest value stand in the log.
const STATISTICS_COLUMNS: &[&str] = &["tenant_id", "user_key", "first_at", "last_at", ROW];

/// Files that are stored at the same time.
const STORES_AT_ONCE: usize = 4;

/// The table at the version that was last refreshed. A clone is cheap, and stays at its version.
#[derive(Clone)]
pub struct Projections {
    folder: PathBuf,
    table: Table,
    parts: Listing<Part>,
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
        Ok(Some(Self { folder, table: Table::new(delta), parts: Listing::default() }))
    }

    /// The table as it was when it had taken in no more than this version of the book: what has not taken it in as a whole,
    /// can be completed. None where its log does not reach back so far.
    pub async fn when(mut self, book_version: u64) -> Result<Option<Self>, ProjectionsError> {
        let mut back = 1;
        loop {
            match self.standing().await? {
                Some(standing) if standing.book_version > book_version => {}
                Some(_) => return Ok(Some(self)),
                None => return Ok(None),
            }
            let Some(version) = self.version().checked_sub(back) else { return Ok(None) };
            let Some(table) = self.table.at(&self.folder, version).await? else { return Ok(None) };
            self.table = table;
            // Whoever asks about the past seldom means the last moment.
            back *= 2;
        }
    }

    /// Opens the table, and makes an empty one for rows of this schema where there is none.
    pub async fn open_or_create(location: &Location, rows: &Schema) -> Result<Self, ProjectionsError> {
        if let Some(opened) = Self::open(location).await? {
            return opened.with_columns(location, rows).await;
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

    /// Adds the columns that an earlier program's table lacks. What is in it is made anew, since the rules are others.
    async fn with_columns(self, location: &Location, rows: &Schema) -> Result<Self, ProjectionsError> {
        let lacking = async |table: &Self| {
            let known = table.columns()?;
            let lacks = |field: &&Arc<Field>| !known.contains(field.name());
            Ok::<_, ProjectionsError>(rows.fields().iter().filter(lacks).cloned().collect::<Vec<_>>())
        };
        let fields = lacking(&self).await?;
        if fields.is_empty() {
            return Ok(self);
        }
        let columns: StructType = (&Schema::new(fields)).try_into_kernel().map_err(DeltaTableError::from)?;
        let columns: Vec<_> = columns.fields().cloned().collect();
        let delta = self.table.delta().clone();
        let added = delta.add_columns().with_fields(columns).with_commit_properties(quiet()).await;
        // Another process may have added them at the same moment.
        match (Self::open(location).await?, added) {
            (Some(opened), _) if lacking(&opened).await?.is_empty() => Ok(opened),
            (_, Err(error)) => Err(error.into()),
            (_, Ok(_)) => Err(DeltaTableError::generic("columns that were added are not there").into()),
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

    /// The files of this version.
    pub fn parts(&self) -> Result<Vec<Part>, ProjectionsError> {
        Ok(self.parts.of(&self.table, Part::of)?.to_vec())
    }

    /// Writes rows of one day, or of one month where they add up, as a file; nothing names it until a commit does.
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
        let read = self.table.reader().read(part.into(), Some(columns), take);
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
        let wanted = Wanted { by, may_hold, is_wanted };
        let read = self.table.reader().read_wanted(part.into(), wanted, Some(columns), take);
        read.await.map_err(|source| damaged(part, source))
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

impl<'a> From<&'a Part> for FileRef<'a> {
    fn from(part: &'a Part) -> Self {
        Self { path: &part.path, size_bytes: part.size_bytes, rows: part.rows }
    }
}

fn damaged(part: &Part, source: ParquetError) -> ProjectionsError {
    ProjectionsError::Damaged { path: part.path.to_string(), source }
}

/// Actions that put files in the place of others without changing what is told.
fn replace(removed: &[Part], added: Vec<DataFile>) -> Vec<Action> {
    let removes = removed.iter().filter_map(|part| part.remove_action(false));
    removes.chain(added.into_iter().map(|file| Action::Add(file.add))).collect()
}
