//! A Delta table at one version, with the application transactions that it holds there.

use std::sync::Arc;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use url::Url;

use crate::partition::Transactions;
use crate::reader::Reader;
use crate::store::DurableStore;

/// How often a commit that lost against another commit is checked again and tried again. Each round
/// that loses means that someone else landed something, so this bounds unfairness, not progress.
const COMMIT_ATTEMPTS_MAX: usize = 50;

/// A table at the version that was last refreshed. A clone is cheap, and stays at its version.
#[derive(Clone)]
pub(crate) struct Table {
    delta: DeltaTable,
    transactions: Transactions,
    reader: Reader,
}

impl Table {
    /// A table that was loaded.
    pub(crate) fn new(delta: DeltaTable) -> Self {
        let mut transactions = Transactions::default();
        transactions.followed = delta.version().unwrap_or(0);
        let reader = Reader::new(delta.log_store().object_store(None));
        Self { delta, transactions, reader }
    }

    /// The same table as it was at an earlier version; none where the log does not reach back so far.
    pub(crate) async fn at(
        &self,
        folder: &std::path::Path,
        version: u64,
    ) -> Result<Option<Self>, DeltaTableError> {
        let mut delta = unloaded(folder)?;
        if let Err(error) = delta.load_version(version).await {
            tracing::debug!(%error, version, "{} is not known any more as it was", folder.display());
            return Ok(None);
        }
        Ok(Some(Self { reader: self.reader.clone(), ..Self::new(delta) }))
    }

    /// Delta-rs's own table.
    pub(crate) fn delta(&self) -> &DeltaTable {
        &self.delta
    }

    /// Puts delta-rs's table in the place of the one that it was made from.
    pub(crate) fn set_delta(&mut self, delta: DeltaTable) {
        self.delta = delta;
    }

    pub(crate) fn version(&self) -> u64 {
        self.delta.version().unwrap_or(0)
    }

    /// The store whose root is the table's folder.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        self.delta.log_store().object_store(None)
    }

    /// What reads the table's files.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Goes on to the latest version.
    pub(crate) async fn refresh(&mut self) -> Result<u64, DeltaTableError> {
        self.delta.update_state().await?;
        self.follow().await?;
        Ok(self.version())
    }

    /// Takes in the application transactions of the versions that were not followed yet. An error, or a
    /// caller that does not wait for the end, leaves off where the next call goes on: to miss one entry would
    /// be to believe an offset that the table has left behind.
    async fn follow(&mut self) -> Result<(), DeltaTableError> {
        while self.transactions.followed < self.version() {
            let version = self.transactions.followed + 1;
            match self.delta.log_store().read_commit_entry(version).await? {
                Some(entry) => self.transactions.follow(&entry)?,
                // The entry was cleaned away while this table slept; ask it again for each id.
                None => self.transactions.clear(),
            }
            self.transactions.followed = version;
        }
        Ok(())
    }

    /// The version of an application transaction at this version of the table.
    pub(crate) async fn transaction_version(&mut self, app_id: &str) -> Result<Option<i64>, DeltaTableError> {
        if let Some(known) = self.transactions.get(app_id) {
            return Ok(known);
        }
        let log_store = self.delta.log_store();
        let version =
            self.delta.snapshot()?.transaction_version(log_store.as_ref(), app_id.to_owned()).await?;
        self.transactions.insert(app_id.to_owned(), version);
        Ok(version)
    }

    /// Commits on this very version; a commit that another one overtakes is checked by Delta against
    /// each of those in between, shared application ids among the reasons to refuse.
    pub(crate) async fn commit(
        &mut self,
        actions: Vec<Action>,
        transactions: Vec<Transaction>,
        operation: DeltaOperation,
    ) -> Result<u64, DeltaTableError> {
        let properties =
            quiet().with_max_retries(COMMIT_ATTEMPTS_MAX).with_application_transactions(transactions);
        let committed: FinalizedCommit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(self.delta.snapshot()?), self.delta.log_store(), operation)
            .await?;
        self.delta.state = Some(committed.snapshot());
        self.follow().await?;
        Ok(committed.version())
    }
}

/// Neither a checkpoint nor a clean-up of the log after a commit: they fail after the version is
/// durable, and are the maintainer's work.
pub(crate) fn quiet() -> CommitProperties {
    CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false))
}

/// The table in a folder, before anything of it is read.
pub(crate) fn unloaded(folder: &std::path::Path) -> Result<DeltaTable, DeltaTableError> {
    let url = Url::from_directory_path(folder)
        .map_err(|()| DeltaTableError::InvalidTableLocation(folder.display().to_string()))?;
    DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(Arc::new(DurableStore::new()), url).build()
}

/// The version of the table's last checkpoint, in the store whose root is its folder.
pub(crate) async fn last_checkpoint(store: &Arc<dyn ObjectStore>) -> object_store::Result<Option<u64>> {
    #[derive(serde::Deserialize)]
    struct Hint {
        version: u64,
    }
    let text = match store.get(&Path::from("_delta_log/_last_checkpoint")).await {
        Ok(found) => found.bytes().await?,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // A damaged hint only costs a checkpoint too many.
    Ok(serde_json::from_slice::<Hint>(&text).ok().map(|hint| hint.version))
}
