//! The check: proves the book's invariants from the book alone.
//!
//! It reads every file of one version to its end. Segments and removals come first, since the rows are held
//! against them; then each row is looked at once, superseded ones last, since they are held against the events.
//! Memory grows with the segments (about 100 bytes each) and with the runs of offsets, never with the rows: one
//! file is held at a time.
//!
//! What it cannot see: a value that was changed into another one that is as possible. That takes signatures.

mod account;
mod columns;
mod content;
mod data_file;
mod finding;
mod invariant;
mod removed;
mod report;
mod segment_row;
mod superseded;
#[cfg(test)]
mod test_book;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::BTreeMap;

use deltalake_core::DeltaTableError;
use schemas::Kind;

use self::account::Accounts;
use self::removed::Removed;
use self::superseded::Superseded;
use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::partition::PartitionId;
use crate::totals::{self, PartitionTotals};

pub use finding::{FINDINGS_SHOWN_MAX, Finding, Findings};
pub use invariant::Invariant;
pub use report::{CheckReport, CheckedPartition};

/// Why the book could not be checked. What a file is guilty of is a [`Finding`] instead.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The log cannot be read, so nothing says what the book should hold.
    #[error("restore the book's _delta_log from a backup: it cannot be read, so nothing was checked")]
    Log(#[from] DeltaTableError),
    /// A checkpoint of the log cannot be read.
    #[error("restore the book's _delta_log from a backup: {path} cannot be read, so nothing was checked")]
    Checkpoint {
        /// The checkpoint.
        path: String,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Book {
    /// Checks this version of the book; `progress` is told how many files were read.
    ///
    /// It writes nothing, and works on a disk that cannot be written.
    ///
    /// # Errors
    ///
    /// Only where the log cannot be read. Everything else is in the report.
    pub async fn check(&mut self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<CheckReport, CheckError> {
        let mut check = Check::default();
        let (statements, mut rows): (Vec<ActiveFile>, Vec<ActiveFile>) = self
            .files()?
            .into_iter()
            .partition(|file| matches!(file.kind, Some(Kind::Segment | Kind::Removal)));
        rows.sort_by_key(|file| file.kind == Some(Kind::Superseded));
        let mut files = 0;
        for file in &statements {
            self.check_file(file, &mut check).await;
            files += 1;
            progress(files);
        }
        check.accounts.join(&mut check.findings);
        for file in &rows {
            self.check_file(file, &mut check).await;
            files += 1;
            progress(files);
        }
        check.accounts.settle(&check.removed, &mut check.findings);
        check.superseded.settle(&check.removed, &mut check.findings);
        self.check_transactions(&check.accounts, &mut check.findings).await?;
        Ok(check.report(self.version(), files))
    }
}

/// What is known so far.
#[derive(Default)]
struct Check {
    findings: Findings,
    accounts: Accounts,
    removed: Removed,
    superseded: Superseded,
    totals: BTreeMap<PartitionId, PartitionTotals>,
    rows: u64,
}

impl Check {
    fn report(self, version: u64, files: u64) -> CheckReport {
        let partitions = self.totals.into_iter().map(|(id, totals)| {
            let (removed, superseded) = (self.removed.rows(&id), self.superseded.rows(&id));
            (id, CheckedPartition { totals, removed, superseded })
        });
        CheckReport {
            version,
            files,
            rows: self.rows,
            partitions: partitions.collect(),
            findings: self.findings,
        }
    }

    /// Takes in some rows of a file.
    fn take_in(&mut self, rows: &data_file::Rows<'_>) {
        self.rows += rows.batch.num_rows() as u64;
        content::check(rows, &mut self.findings);
        match rows.kind {
            Kind::Segment => {
                segment_row::take_in(rows, &mut self.accounts, &mut self.findings);
                totals::add(rows.batch, &mut self.totals);
            }
            Kind::Removal => {
                self.removed.take_in(rows.batch);
                self.superseded.take_in_removals(rows.batch);
            }
            Kind::Event | Kind::Change | Kind::Rejection => {
                self.removed.check(rows, &mut self.findings);
                self.accounts.take_in(rows, &mut self.findings);
            }
            Kind::Superseded => {
                self.removed.check(rows, &mut self.findings);
                self.superseded.take_in(rows, &self.accounts, &self.removed, &mut self.findings);
            }
        }
    }
}
