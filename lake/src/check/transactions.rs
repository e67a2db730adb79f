//! The offsets in the log, held against the segments.

use std::error::Error;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use futures::StreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::book::Book;
use crate::check::account::Accounts;
use crate::check::{CheckError, Findings, Invariant};
use crate::partition::{PartitionId, Transactions};

impl Book {
    /// Each partition goes on where its last segment ends, and none goes on that has no segment.
    pub(super) async fn check_transactions(
        &mut self,
        accounts: &Accounts,
        findings: &mut Findings,
    ) -> Result<(), CheckError> {
        for id in accounts.partitions() {
            // What ingest would be told, not what is read below.
            let (stored, ends) = (self.next_offset(&id).await?, accounts.next_offset(&id));
            if stored != ends {
                findings.add(Invariant::NextOffset, || (&id, shown(stored), shown(ends)));
            }
        }
        let transactions = self.all_transactions().await?;
        let stored = transactions
            .iter()
            .filter_map(|(app_id, version)| Some((PartitionId::from_app_id(app_id)?, version)));
        for (id, version) in stored.filter(|(id, _)| accounts.next_offset(id).is_none()) {
            findings.add(Invariant::NextOffset, || {
                (id, shown(Some(version)), "segments up to there; there are none")
            });
        }
        Ok(())
    }

    /// Every application transaction: Delta itself only tells one whose id is known. From the newest
    /// checkpoint, and the log entries after it.
    async fn all_transactions(&self) -> Result<Transactions, CheckError> {
        let mut transactions = Transactions::default();
        let mut following = 0;
        if let Some((version, path)) = self.newest_checkpoint().await? {
            let unreadable = |source| CheckError::Checkpoint { path: path.to_string(), source };
            self.read_checkpoint(&path, &mut transactions).await.map_err(unreadable)?;
            following = version + 1;
        }
        for version in following..=self.version() {
            if let Some(entry) = self.table().log_store().read_commit_entry(version).await? {
                transactions.follow(&entry).map_err(deltalake_core::DeltaTableError::from)?;
            }
        }
        Ok(transactions)
    }

    async fn newest_checkpoint(&self) -> Result<Option<(u64, Path)>, CheckError> {
        let store = self.store();
        let mut listed = store.list(Some(&Path::from("_delta_log")));
        let mut newest = None;
        while let Some(meta) = listed.next().await {
            let path = meta.map_err(deltalake_core::DeltaTableError::from)?.location;
            let version = path.filename().and_then(|name| name.strip_suffix(".checkpoint.parquet"));
            if let Some(version) = version.and_then(|digits| digits.parse::<u64>().ok())
                && version <= self.version()
                && newest.as_ref().is_none_or(|(known, _)| version > *known)
            {
                newest = Some((version, path));
            }
        }
        Ok(newest)
    }

    async fn read_checkpoint(
        &self,
        path: &Path,
        transactions: &mut Transactions,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let bytes = self.store().get(path).await?.bytes().await?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn.appId", "txn.version"]);
        for batch in builder.with_projection(mask).build()? {
            let batch = batch?;
            let Some(actions) = batch.column_by_name("txn").and_then(|column| column.as_struct_opt()) else {
                continue;
            };
            let app_ids = actions.column_by_name("appId").and_then(|column| column.as_string_opt::<i32>());
            let versions =
                actions.column_by_name("version").and_then(|column| column.as_primitive_opt::<Int64Type>());
            let (Some(app_ids), Some(versions)) = (app_ids, versions) else { continue };
            for row in (0..actions.len()).filter(|&row| actions.is_valid(row) && app_ids.is_valid(row)) {
                transactions.insert(
                    app_ids.value(row).to_owned(),
                    versions.is_valid(row).then(|| versions.value(row)),
                );
            }
        }
        Ok(())
    }
}

fn shown(offset: Option<i64>) -> String {
    offset.map_or_else(|| "no offset".to_owned(), |offset| format!("offset {offset}"))
}
