//! Commits of upkeep: fenced by the lease, on a version in which every file that they remove is active.

use std::collections::HashSet;

use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::DeltaOperation;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::maintain::{Lease, LeaseError, MaintainError};

/// The application id whose version is the epoch of the last owner that committed.
const APP_ID: &str = "gatebook-maintain";

/// The epoch of the last owner that committed to the book.
pub(crate) async fn fence_of(book: &mut Book) -> Result<u64, MaintainError> {
    let fence = book.transaction_version(APP_ID).await?;
    Ok(fence.and_then(|fence| u64::try_from(fence).ok()).unwrap_or(0))
}

/// Commits nothing but the fence: whoever maintained before cannot commit any more.
pub(crate) async fn fence(book: &mut Book, lease: &mut Lease) -> Result<(), MaintainError> {
    let operation = DeltaOperation::Optimize { predicate: None, target_size: 0 };
    replace(book, lease, &[], Vec::new(), operation).await
}

/// Takes files out and puts others in, in one commit. The rows stay the same, or are removed or
/// replaced with an entry that says so.
pub(crate) async fn replace(
    book: &mut Book,
    lease: &mut Lease,
    removed: &[ActiveFile],
    added: Vec<Action>,
    operation: DeltaOperation,
) -> Result<(), MaintainError> {
    lease.keep().await?;
    book.refresh().await?;
    let fence = book.transaction_version(APP_ID).await?;
    let epoch = i64::try_from(lease.epoch()).unwrap_or(i64::MAX);
    let active: HashSet<_> = book.files()?.into_iter().map(|file| file.path).collect();
    if fence.is_some_and(|fence| fence > epoch) || removed.iter().any(|file| !active.contains(&file.path)) {
        return Err(LeaseError::Lost.into());
    }
    let data_change = operation.changes_data();
    let removes = removed.iter().map(|file| file.remove_action(data_change));
    let actions = removes.chain(added).collect();
    book.commit(actions, vec![Transaction::new(APP_ID, epoch)], operation).await?;
    Ok(())
}
