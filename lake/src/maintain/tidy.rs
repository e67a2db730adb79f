//! Checkpoints, clean-up of the log, and vacuum: what delta-rs does well, at the maintainer's pace.

use std::time::{Duration, SystemTime};

use deltalake_core::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake_core::operations::vacuum::VacuumMode;

use crate::book::Book;
use crate::failpoint::failpoint;
use crate::location::Location;
use crate::maintain::{Done, Lease, MaintainError, Upkeep, commit};
use crate::table::{last_checkpoint, quiet};

/// Writes a checkpoint when enough commits have come since the last, so that opening the book stays quick.
pub(crate) async fn checkpoint(
    book: &mut Book,
    upkeep: &Upkeep,
    lease: &mut Lease,
    done: &mut Done,
) -> Result<(), MaintainError> {
    lease.keep().await?;
    let version = book.refresh().await?;
    let last = last_checkpoint(&book.store()).await?.unwrap_or(0);
    if version.saturating_sub(last) < upkeep.checkpoint_commits {
        return Ok(());
    }
    failpoint("checkpoint-before");
    create_checkpoint(book.table(), None).await?;
    failpoint("checkpoint-after");
    done.checkpoints += 1;
    Ok(())
}

/// Removes log entries that are older than the table keeps them (30 days) and that a checkpoint covers.
pub(crate) async fn clean_log(
    book: &mut Book,
    lease: &mut Lease,
    done: &mut Done,
) -> Result<(), MaintainError> {
    lease.keep().await?;
    done.log_entries_removed += cleanup_metadata(book.table(), None).await? as u64;
    Ok(())
}

/// Deletes files that no version names any more, and those that no version ever named, once they are older
/// than any reader or writer that could still want them.
pub(crate) async fn vacuum(
    book: &mut Book,
    upkeep: &Upkeep,
    lease: &mut Lease,
    done: &mut Done,
) -> Result<(), MaintainError> {
    lease.keep().await?;
    book.refresh().await?;
    let period = chrono::Duration::from_std(upkeep.vacuum_after).unwrap_or(chrono::Duration::MAX);
    let vacuum = |book: &Book| {
        book.table()
            .clone()
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(period)
            .with_enforce_retention_duration(false)
            .with_commit_properties(quiet())
    };
    let (_, due) = vacuum(book).with_dry_run(true).await?;
    if due.files_deleted.is_empty() {
        return Ok(());
    }
    // A maintainer that slept between storing merged files and committing them must not wake up and name
    // files that go now.
    commit::fence(book, lease).await?;
    failpoint("vacuum-before");
    let (_, metrics) = vacuum(book).await?;
    failpoint("vacuum-after");
    done.files_vacuumed += metrics.files_deleted.len() as u64;
    book.refresh().await?;
    Ok(())
}

/// How long ago upkeep last ran, by the youngest lease file; for a book that it never saw, the age of the
/// log's first entry, which only upkeep cleans away. None where neither can be told.
#[must_use]
pub fn missed_for(location: &Location) -> Option<Duration> {
    let modified = |path: &std::path::Path| std::fs::metadata(path).ok()?.modified().ok();
    let leases = std::fs::read_dir(location.maintain()).into_iter().flatten().flatten();
    let newest = leases.filter_map(|lease| modified(&lease.path())).max();
    let first_entry = || modified(&location.book().join("_delta_log/00000000000000000000.json"));
    SystemTime::now().duration_since(newest.or_else(first_entry)?).ok()
}
