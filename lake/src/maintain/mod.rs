//! Upkeep of the book: compaction, retention, checkpoints, clean-up of the log, vacuum; and the replacement of events
//! that a later decoder reads differently, for which somebody has to ask.
//!
//! One owner at a time, by a [`Lease`]; and, since a lease is only a courtesy, each commit carries the
//! lease's epoch as an application transaction, so that Delta refuses the commit of an owner that was
//! overtaken. Every step can be killed: what it wrote before its commit is named by nothing and vacuumed
//! later.

mod commit;
mod compact;
mod lease;
mod merge;
mod replacement;
mod retention;
mod tidy;
mod waiting;

use std::time::Duration;

use deltalake_core::DeltaTableError;
use parquet::errors::ParquetError;

use crate::book::Book;
use crate::failpoint::failpoint;
use crate::landing::LandError;
use crate::read::ReadError;

pub use lease::{Lease, LeaseError};
pub use replacement::{Anew, Replaced, Replacement};
pub use tidy::missed_for;

/// What is due, and when.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// Days that events, changes, rejections and superseded events are kept, by UTC day.
    pub retention_days: u32,
    /// Small files of one kind and day from which on they are merged.
    pub compact_files_min: usize,
    /// The length up to which a file is merged with others.
    pub compact_file_bytes_max: u64,
    /// Rows that are sorted in memory at a time.
    pub compact_rows_max: u64,
    /// Commits after which a checkpoint is due.
    pub checkpoint_commits: u64,
    /// How long files that no version names any more are kept for readers of older versions.
    pub vacuum_after: Duration,
    /// How long a lease lasts without a sign of its owner.
    pub lease: Duration,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Files that were merged.
    pub files_merged: u64,
    /// Files that took their place.
    pub files_written: u64,
    /// Rows in them.
    pub rows_merged: u64,
    /// Days that were removed, counted by kind.
    pub days_removed: u64,
    /// Rows in them.
    pub rows_removed: u64,
    /// Checkpoints that were written.
    pub checkpoints: u64,
    /// Log entries that were cleaned away.
    pub log_entries_removed: u64,
    /// Files that were vacuumed.
    pub files_vacuumed: u64,
}

/// Why upkeep stopped. What was committed stays; the rest is done next time.
#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    /// The lease could not be had or kept.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A merged file could not be encoded.
    #[error("cannot encode a merged file; nothing was changed")]
    Encode(#[from] ParquetError),
    /// A file could not be stored or deleted.
    #[error("check that the lake's folder can be written and has room; nothing was changed")]
    Store(#[from] object_store::Error),
    /// Removal entries could not be stored.
    #[error(transparent)]
    Land(#[from] LandError),
    /// A commit failed.
    #[error("a commit of upkeep failed; nothing was changed by it")]
    Commit(#[from] DeltaTableError),
}

impl Book {
    /// Goes on to the latest version, and makes sure that the lease counts in it: a lake that was restored without its
    /// lease files begins to count anew.
    pub async fn admit(&mut self, lease: &mut Lease) -> Result<(), MaintainError> {
        self.refresh().await?;
        Ok(lease.rise_above(commit::fence_of(self).await?).await?)
    }

    /// Does everything that is due, under a lease that the caller holds. `progress` is told of each step.
    pub async fn maintain(
        &mut self,
        upkeep: &Upkeep,
        lease: &mut Lease,
        progress: &mut (dyn FnMut(&Done) + Send),
    ) -> Result<Done, MaintainError> {
        let mut done = Done::default();
        failpoint("upkeep-begin");
        self.admit(lease).await?;
        // A step that fails must not keep the others from running for months: a damaged file stops its own
        // kind of work, not the checkpoints. The first failure is told in the end.
        let mut ended = retention::remove_expired(self, upkeep, lease, &mut done).await;
        progress(&done);
        ended = ended.and(compact::merge_all(self, upkeep, lease, &mut done, progress).await);
        ended = ended.and(tidy::checkpoint(self, upkeep, lease, &mut done).await);
        progress(&done);
        ended = ended.and(tidy::clean_log(self, lease, &mut done).await);
        ended = ended.and(tidy::vacuum(self, upkeep, lease, &mut done).await);
        progress(&done);
        ended.map(|()| done)
    }
}
