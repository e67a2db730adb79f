//! Compaction: many small files of one kind and day become few sorted ones.
//!
//! Rows move between files and none changes. Files that ingest wrote lie in the order of arrival; merged
//! ones are sorted by tenant, user and time, where everything that depends on the user nearly vanishes and
//! one person's year is a look-up.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use deltalake_core::kernel::Action;
use deltalake_core::protocol::DeltaOperation;
use object_store::path::Path;
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::failpoint::failpoint;
use crate::maintain::{Done, Lease, MaintainError, Upkeep, commit, merge};

/// Files that one merge reads at most: each is open at the same time.
const FILES_A_MERGE_MAX: usize = 256;

/// Rows in the order of arrival that are sorted however few their files are: to find one person's, all of them are read.
const UNSORTED_ROWS_MAX: u64 = 16 << 10;

/// Merges every group of files that is due. What lands meanwhile is left to the next run: an ingest that
/// lands as fast as this merges would otherwise keep it for ever.
pub(crate) async fn merge_all(
    book: &mut Book,
    upkeep: &Upkeep,
    lease: &mut Lease,
    done: &mut Done,
    progress: &mut (dyn FnMut(&Done) + Send),
) -> Result<(), MaintainError> {
    let landed: BTreeSet<Path> =
        book.files()?.into_iter().filter(ActiveFile::is_landed).map(|file| file.path).collect();
    let mut failed: BTreeSet<Path> = BTreeSet::new();
    let mut first_error = None;
    loop {
        book.refresh().await?;
        let is_open = |file: &ActiveFile| !file.is_landed() || landed.contains(&file.path);
        let files = book.files()?.into_iter().filter(|file| is_open(file) && !failed.contains(&file.path));
        let Some((kind, day, group)) = due(files, upkeep) else { break };
        match merge_group(book, (kind, day), &group, upkeep, lease, done).await {
            Ok(()) => progress(done),
            // A damaged file keeps its own group from being merged, not those of all later days.
            Err(error @ (MaintainError::Read(_) | MaintainError::Encode(_))) => {
                failed.extend(group.into_iter().map(|file| file.path));
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    first_error.map_or(Ok(()), Err)
}

async fn merge_group(
    book: &mut Book,
    (kind, day): (Kind, NaiveDate),
    group: &[ActiveFile],
    upkeep: &Upkeep,
    lease: &mut Lease,
    done: &mut Done,
) -> Result<(), MaintainError> {
    lease.keep().await?;
    let (count, has_long_rows) = merge::affordable(book, group).await?;
    let group = &group[..count];
    let files =
        merge::merge(book, kind, day, (group, has_long_rows), upkeep.compact_file_bytes_max, lease).await?;
    let rows = group.iter().map(|file| file.rows).sum::<u64>();
    let store = book.store();
    let mut added = Vec::with_capacity(files.len());
    for file in files {
        file.store(&store).await?;
        lease.keep().await?;
        added.push(Action::Add(file.add));
    }
    done.files_merged += group.len() as u64;
    done.files_written += added.len() as u64;
    done.rows_merged += rows;
    let target_size = i64::try_from(upkeep.compact_file_bytes_max).unwrap_or(i64::MAX);
    let operation = DeltaOperation::Optimize { predicate: None, target_size };
    failpoint("compact-before-commit");
    commit::replace(book, lease, group, added, operation).await?;
    failpoint("compact-after-commit");
    Ok(())
}

/// A group of files that is worth merging: of one kind and day, of one tier, oldest days first.
///
/// The tiers keep the work in proportion: a row is sorted once when its file is merged from those that
/// ingest wrote, and moved again only when enough merged files have come together.
fn due(
    files: impl Iterator<Item = ActiveFile>,
    upkeep: &Upkeep,
) -> Option<(Kind, NaiveDate, Vec<ActiveFile>)> {
    let mut groups: BTreeMap<(NaiveDate, &'static str, bool), (Kind, Vec<ActiveFile>)> = BTreeMap::new();
    for file in files {
        let (Some(kind), Some(day)) = (file.kind, file.day) else { continue };
        if file.is_landed() || file.size_bytes < upkeep.compact_file_bytes_max / 2 {
            let tier = (day, kind.as_str(), file.is_landed());
            groups.entry(tier).or_insert_with(|| (kind, Vec::new())).1.push(file);
        }
    }
    for ((day, _, landed), (kind, mut files)) in groups {
        let is_unsorted = landed && files.iter().map(|file| file.rows).sum::<u64>() > UNSORTED_ROWS_MAX;
        if files.len() < upkeep.compact_files_min && !is_unsorted {
            continue;
        }
        files.sort_by(|one, other| one.rows.cmp(&other.rows).then_with(|| one.path.cmp(&other.path)));
        let (mut rows, mut bytes) = (0, 0);
        let mut group: Vec<ActiveFile> = Vec::new();
        for file in files {
            // Files in the order of arrival are sorted in memory; sorted ones are only read through.
            let is_enough = if landed {
                rows + file.rows > upkeep.compact_rows_max
            } else {
                bytes + file.size_bytes > upkeep.compact_file_bytes_max
            };
            if group.len() >= FILES_A_MERGE_MAX || (is_enough && !group.is_empty()) {
                break;
            }
            rows += file.rows;
            bytes += file.size_bytes;
            group.push(file);
        }
        if group.len() > 1 || landed {
            return Some((kind, day, group));
        }
    }
    None
}
