//! The book: opening it, and seeing it at one version.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit};
use deltalake_core::kernel::{Action, StructType};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::ObjectStore;
use url::Url;

use crate::active_file::ActiveFile;
use crate::location::Location;
use crate::partition::{PartitionId, Transactions};
use crate::store::DurableStore;

/// How often a commit that lost against another commit is checked again and tried again. Each round
/// that loses means that someone else landed something, so this bounds unfairness, not progress.
const COMMIT_ATTEMPTS_MAX: usize = 50;

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
    table: DeltaTable,
    transactions: Transactions,
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

    /// Opens the book, and makes an empty one where there is none.
    pub async fn open_or_create(location: &Location) -> Result<Self, OpenError> {
        match Self::open(location).await {
            Err(OpenError::Missing { .. }) => {}
            other => return other,
        }
        let table = unloaded(location)?;
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
        book.table = book.table.add_columns().with_fields(added).with_commit_properties(quiet()).await?;
        book.compare_columns()?;
        Ok(names)
    }

    async fn open_any(location: &Location) -> Result<Self, OpenError> {
        let mut table = unloaded(location)?;
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
            Ok(()) => {
                let mut transactions = Transactions::default();
                transactions.followed = table.version().unwrap_or(0);
                Ok(Self { location: location.clone(), table, transactions })
            }
        }
    }

    fn column_names(&self) -> BTreeSet<String> {
        self.table.snapshot().map_or_else(
            |_| BTreeSet::new(),
            |state| state.schema().fields().map(|field| field.name().clone()).collect(),
        )
    }

    fn compare_columns(&self) -> Result<(), OpenError> {
        let wanted = columns()?;
        let held = self.table.snapshot()?.schema();
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
        self.table.update_state().await?;
        self.follow().await?;
        Ok(self.version())
    }

    /// Takes in the application transactions of the versions that were not followed yet. An error, or a
    /// caller that does not wait for the end, leaves off where the next call goes on: to miss one entry would
    /// be to believe an offset that the book has left behind.
    async fn follow(&mut self) -> Result<(), DeltaTableError> {
        while self.transactions.followed < self.version() {
            let version = self.transactions.followed + 1;
            match self.table.log_store().read_commit_entry(version).await? {
                Some(entry) => self.transactions.follow(&entry)?,
                // The entry was cleaned away while this book slept; ask the table again for each id.
                None => self.transactions.clear(),
            }
            self.transactions.followed = version;
        }
        Ok(())
    }

    /// The version that this book stands at.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.table.version().unwrap_or(0)
    }

    /// Where the lake lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The Delta table at this version, for a query engine.
    #[must_use]
    pub fn table(&self) -> &DeltaTable {
        &self.table
    }

    /// The store whose root is the book's folder.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.table.log_store().object_store(None)
    }

    /// The columns of the book.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        schemas::book_schema()
    }

    /// The files of this version.
    pub fn files(&self) -> Result<Vec<ActiveFile>, DeltaTableError> {
        let state = self.table.snapshot()?;
        Ok(state.log_data().iter().map(|view| ActiveFile::of(&view)).collect())
    }

    /// The offset at which this partition goes on; none if the book has never heard of it.
    pub async fn next_offset(&mut self, partition: &PartitionId) -> Result<Option<i64>, DeltaTableError> {
        self.transaction_version(&partition.app_id()).await
    }

    /// The version of an application transaction at this version of the book.
    pub(crate) async fn transaction_version(&mut self, app_id: &str) -> Result<Option<i64>, DeltaTableError> {
        if let Some(known) = self.transactions.get(app_id) {
            return Ok(known);
        }
        let log_store = self.table.log_store();
        let version =
            self.table.snapshot()?.transaction_version(log_store.as_ref(), app_id.to_owned()).await?;
        self.transactions.insert(app_id.to_owned(), version);
        Ok(version)
    }

    /// Commits on this very version; a commit that another one overtakes is checked by Delta against
    /// each of those in between, shared application ids among the reasons to refuse.
    pub(crate) async fn commit(
        &mut self,
        actions: Vec<Action>,
        transactions: Vec<deltalake_core::kernel::Transaction>,
        operation: DeltaOperation,
    ) -> Result<u64, DeltaTableError> {
        let properties =
            quiet().with_max_retries(COMMIT_ATTEMPTS_MAX).with_application_transactions(transactions);
        let committed: FinalizedCommit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(self.table.snapshot()?), self.table.log_store(), operation)
            .await?;
        self.table.state = Some(committed.snapshot());
        self.follow().await?;
        Ok(committed.version())
    }
}

/// Neither a checkpoint nor a clean-up of the log after a commit: they fail after the version is
/// durable, and are the maintainer's work.
pub(crate) fn quiet() -> CommitProperties {
    CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false))
}

fn unloaded(location: &Location) -> Result<DeltaTable, DeltaTableError> {
    table_at(&location.book())
}

/// The table in a folder, over the store that makes it durable. Nothing is read yet.
pub(crate) fn table_at(folder: &Path) -> Result<DeltaTable, DeltaTableError> {
    let url = Url::from_directory_path(folder)
        .map_err(|()| DeltaTableError::InvalidTableLocation(folder.display().to_string()))?;
    DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(Arc::new(DurableStore::new()), url).build()
}

fn columns() -> Result<StructType, DeltaTableError> {
    schemas::book_schema().as_ref().try_into_kernel().map_err(DeltaTableError::from)
}
