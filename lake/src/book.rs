//! The book: opening it, and seeing it at one version.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Action, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::listing::Listing;
use crate::location::Location;
use crate::partition::PartitionId;
use crate::reader::Reader;
use crate::table::{Table, quiet, unloaded};

/// The columns whose smallest and largest value stand in the log, so that readers can skip files.
/// Readers look at the first 32 leaf columns unless told; lists and maps are left out.
pub const STATISTICS_COLUMNS: &[&str] = &[
    "occurred_at",
    "tenant_id",
    "user_key",
    "received_at",
    "committed_at",
    "kafka_topic_id",
    "kafka_partition",
    "kafka_offset",
    "from_offset",
    "next_offset",
];

/// The book at the version that was last refreshed. A clone is cheap, and stays at its version.
#[derive(Clone)]
pub struct Book {
    location: Location,
    table: Table,
    files: Listing<ActiveFile>,
}

/// What happened to the files of events.
#[derive(Debug, Default)]
pub struct Changed {
    /// Files that were added, those that others were merged into with them. No other file holds what is new.
    pub added: HashSet<Path>,
    /// The days of the files that were taken out with a change of data, and of those that were then put in: a new reading may
    /// lie in another day.
    pub replaced_days: BTreeSet<NaiveDate>,
}

/// Why a book cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("run `gatebook ingest` once, which makes the book; there is none in {folder}")]
    Missing {
        /// Where it was looked for.
        folder: String,
    },
    /// A later version of Gatebook added columns.
    #[error(
        "use the newer version of gatebook that made or upgraded this book; nothing was written. \
         The book has columns that this version does not know: {columns}"
    )]
    Newer {
        /// The columns, comma-separated.
        columns: String,
    },
    /// An earlier version of Gatebook made the book.
    #[error(
        "run `gatebook lake upgrade`, which adds columns and rewrites nothing. The book lacks the columns: {columns}"
    )]
    Older {
        /// The columns, comma-separated.
        columns: String,
    },
    /// A column of the book has another type.
    #[error("this is not a book of gatebook: its column {column} has another type")]
    Foreign {
        /// The column's name.
        column: String,
    },
    /// The table cannot be read or made.
    #[error("check that the lake's folder can be read and written")]
    Table(#[from] DeltaTableError),
}

impl Book {
    /// Opens the book at its latest version.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        let book = Self::open_any(location).await?;
        book.compare_columns()?;
        Ok(book)
    }

    fn of(location: &Location, table: Table) -> Self {
        Self { location: location.clone(), table, files: Listing::default() }
    }

    /// The book as it was at an earlier version; none where the log does not reach back so far.
    pub async fn at(&self, version: u64) -> Result<Option<Self>, DeltaTableError> {
        let table = self.table.at(&self.location.book(), version).await?;
        Ok(table.map(|table| Self { table, ..self.clone() }))
    }

    /// What happened to the files of events after an earlier version; none where the log does not reach back so far.
    pub async fn changed_since(&self, version: u64) -> Result<Option<Changed>, DeltaTableError> {
        let mut changed = Changed::default();
        for version in version + 1..=self.version() {
            let Some(entry) = self.table().log_store().read_commit_entry(version).await? else {
                return Ok(None);
            };
            changed.follow(&entry)?;
        }
        Ok(Some(changed))
    }

    /// Opens the book, and makes an empty one where there is none.
    pub async fn open_or_create(location: &Location) -> Result<Self, OpenError> {
        match Self::open(location).await {
            Err(OpenError::Missing { .. }) => {}
            other => return other,
        }
        let table = unloaded(&location.book())?;
        let created = CreateBuilder::new()
            .with_log_store(table.log_store())
            .with_table_name("book")
            .with_columns(columns()?.fields().cloned())
            .with_partition_columns(["kind", "day"])
            .with_raise_if_key_not_exists(true)
            .with_configuration_property(
                deltalake_core::TableProperty::DataSkippingStatsColumns,
                Some(STATISTICS_COLUMNS.join(",")),
            )
            .with_save_mode(SaveMode::ErrorIfExists)
            // One attempt: another process that makes the same book at this moment wins, and its book is opened.
            .with_commit_properties(quiet().with_max_retries(0))
            .await;
        match Self::open(location).await {
            Err(OpenError::Missing { folder }) => match created {
                Err(error) => Err(OpenError::Table(error)),
                Ok(_) => Err(OpenError::Missing { folder }),
            },
            opened => opened,
        }
    }

    /// Adds the columns that this version knows and the book lacks; rewrites nothing. Returns their names.
    pub async fn upgrade(location: &Location) -> Result<Vec<String>, OpenError> {
        let mut book = Self::open_any(location).await?;
        match book.compare_columns() {
            Ok(()) => return Ok(Vec::new()),
            Err(OpenError::Older { .. }) => {}
            Err(other) => return Err(other),
        }
        let held = book.column_names();
        let wanted = columns()?;
        let added: Vec<_> = wanted.fields().filter(|field| !held.contains(field.name())).cloned().collect();
        let names = added.iter().map(|field| field.name().clone()).collect();
        let upgraded = book.table().clone().add_columns().with_fields(added);
        book.table.set_delta(upgraded.with_commit_properties(quiet()).await?);
        book.compare_columns()?;
        Ok(names)
    }

    async fn open_any(location: &Location) -> Result<Self, OpenError> {
        let mut table = unloaded(&location.book())?;
        match table.load().await {
            Err(DeltaTableError::NotATable(_)) => {
                Err(OpenError::Missing { folder: location.book().display().to_string() })
            }
            // The kernel's own words for "nothing there" have no type of their own.
            Err(error) if !location.book().join("_delta_log").is_dir() => {
                tracing::debug!(%error, "no delta log");
                Err(OpenError::Missing { folder: location.book().display().to_string() })
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Self::of(location, Table::new(table))),
        }
    }

    fn column_names(&self) -> BTreeSet<String> {
        self.table.delta().snapshot().map_or_else(
            |_| BTreeSet::new(),
            |state| state.schema().fields().map(|field| field.name().clone()).collect(),
        )
    }

    fn compare_columns(&self) -> Result<(), OpenError> {
        let wanted = columns()?;
        let held = self.table.delta().snapshot()?.schema();
        let missing: Vec<_> = wanted
            .fields()
            .filter(|field| held.field(field.name()).is_none())
            .map(|field| field.name().as_str())
            .collect();
        let unknown: Vec<_> = held
            .fields()
            .filter(|field| wanted.field(field.name()).is_none())
            .map(|field| field.name().as_str())
            .collect();
        if !unknown.is_empty() {
            return Err(OpenError::Newer { columns: unknown.join(", ") });
        }
        for field in wanted.fields() {
            if held.field(field.name()).is_some_and(|held| held.data_type() != field.data_type()) {
                return Err(OpenError::Foreign { column: field.name().clone() });
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(OpenError::Older { columns: missing.join(", ") }) }
    }

    /// Goes on to the latest version.
    pub async fn refresh(&mut self) -> Result<u64, DeltaTableError> {
        self.table.refresh().await
    }

    /// Whether there is a later version; cheaper than to go on to it.
    pub async fn has_newer(&self) -> Result<bool, DeltaTableError> {
        let next = Path::from(format!("_delta_log/{:020}.json", self.version() + 1));
        match self.store().head(&next).await {
            Ok(_) => Ok(true),
            // Where the log was cleaned meanwhile, a later entry may be there although this one is not.
            Err(object_store::Error::NotFound { .. }) => {
                Ok(self.table.delta().log_store().read_commit_entry(self.version()).await?.is_none())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The version that this book stands at.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.table.version()
    }

    /// Where the lake lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The Delta table at this version, for a query engine.
    #[must_use]
    pub fn table(&self) -> &DeltaTable {
        self.table.delta()
    }

    /// The store whose root is the book's folder.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.table.store()
    }

    /// The columns of the book.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        schemas::book_schema()
    }

    /// The files of this version.
    pub fn files(&self) -> Result<Vec<ActiveFile>, DeltaTableError> {
        Ok(self.files.of(&self.table, |view| Some(ActiveFile::of(view)))?.to_vec())
    }

    /// What reads the book's files.
    pub(crate) fn reader(&self) -> &Reader {
        self.table.reader()
    }

    /// The offset at which this partition goes on; none if the book has never heard of it.
    pub async fn next_offset(&mut self, partition: &PartitionId) -> Result<Option<i64>, DeltaTableError> {
        self.transaction_version(&partition.app_id()).await
    }

    /// The version of an application transaction at this version of the book.
    pub(crate) async fn transaction_version(&mut self, app_id: &str) -> Result<Option<i64>, DeltaTableError> {
        self.table.transaction_version(app_id).await
    }

    /// Commits on this very version; a commit that another one overtakes is checked by Delta against
    /// each of those in between, shared application ids among the reasons to refuse.
    pub(crate) async fn commit(
        &mut self,
        actions: Vec<Action>,
        transactions: Vec<Transaction>,
        operation: DeltaOperation,
    ) -> Result<u64, DeltaTableError> {
        self.table.commit(actions, transactions, operation).await
    }
}

impl Changed {
    /// Takes in a log entry.
    fn follow(&mut self, entry: &[u8]) -> Result<(), DeltaTableError> {
        #[derive(serde::Deserialize)]
        struct Action {
            #[serde(alias = "add")]
            remove: Option<File>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct File {
            path: String,
            data_change: bool,
        }
        let prefix = format!("kind={}/day=", Kind::Event.as_str());
        let files = |first: &[u8]| -> serde_json::Result<Vec<File>> {
            let lines = entry.split(|&byte| byte == b'\n').filter(|line| line.starts_with(first));
            let files = lines.map(|line| Ok(serde_json::from_slice::<Action>(line)?.remove));
            let files: Vec<Option<File>> = files.collect::<serde_json::Result<_>>()?;
            Ok(files.into_iter().flatten().filter(|file| file.path.starts_with(&prefix)).collect())
        };
        let day = |file: &File| file.path.strip_prefix(&prefix)?.get(..10)?.parse::<NaiveDate>().ok();
        let (removed, added) = (files(br#"{"remove""#)?, files(br#"{"add""#)?);
        let replaced: Vec<&File> = removed.iter().filter(|file| file.data_change).collect();
        if !replaced.is_empty() {
            // Of what is put in, the log says no change of data: it is sorted, as if it had been merged.
            self.replaced_days.extend(replaced.into_iter().chain(&added).filter_map(day));
        }
        for file in added {
            let path = Path::from_url_path(&file.path);
            self.added.insert(path.map_err(|error| DeltaTableError::generic(error.to_string()))?);
        }
        Ok(())
    }
}

fn columns() -> Result<StructType, DeltaTableError> {
    schemas::book_schema().as_ref().try_into_kernel().map_err(DeltaTableError::from)
}
