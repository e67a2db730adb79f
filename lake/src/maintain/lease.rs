//! Who maintains the book: a numbered file that its owner renews.
//!
//! A lease is the file `maintain/lease-N.json`, created and never overwritten, so that of two who want the
//! same number one loses; this works on any store that can refuse to create what exists. The highest number
//! counts, until it is older than it says it lasts. Renewing means taking the next number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use uuid::Uuid;

use crate::location::Location;
use crate::store::DurableStore;

/// How often a foreign lease is looked at while waiting for its end.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How many old lease files stay, for whoever wants to see who maintained the book.
const OLD_LEASES_KEPT: u64 = 4;

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process maintains the book.
    #[error("another process maintains this book (lease {epoch}, until {until}); let it, or stop it first")]
    Held {
        /// The number of its lease.
        epoch: u64,
        /// When it ends.
        until: DateTime<Utc>,
    },
    /// Another process took the lease over: this one slept too long.
    #[error("another process took over the upkeep of this book; nothing of what was under way was committed")]
    Lost,
    /// A lease file cannot be read or written.
    #[error("check that the lake's folder can be written: the lease of upkeep cannot be kept")]
    Store(#[from] Error),
    /// A lease file is not what it should be.
    #[error("remove the damaged lease file {path}")]
    Damaged {
        /// The file.
        path: String,
        /// What was wrong.
        source: serde_json::Error,
    },
}

/// The right to maintain a book, for as long as it is renewed.
#[derive(Debug)]
pub struct Lease {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    owner: Uuid,
    epoch: u64,
    lasts: Duration,
    renewed: Instant,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Entry {
    owner: Uuid,
    until: DateTime<Utc>,
}

impl Lease {
    /// Takes the lease, waiting for a foreign one to end for at most `wait_max`.
    pub async fn take(location: &Location, lasts: Duration, wait_max: Duration) -> Result<Self, LeaseError> {
        let folder = Path::from_absolute_path(location.maintain()).map_err(Error::from)?;
        let mut lease = Self {
            store: Arc::new(DurableStore::new()),
            folder,
            owner: Uuid::new_v4(),
            epoch: 0,
            lasts,
            renewed: Instant::now(),
        };
        let began = Instant::now();
        loop {
            let held = match lease.latest().await? {
                Some((epoch, entry)) if entry.until > Utc::now() => {
                    LeaseError::Held { epoch, until: entry.until }
                }
                latest => {
                    let epoch = latest.map_or(0, |(epoch, _)| epoch);
                    if lease.create(epoch + 1).await? {
                        return Ok(lease);
                    }
                    continue;
                }
            };
            if began.elapsed() >= wait_max {
                return Err(held);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The number that fences each commit: a later owner has a higher one.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Renews the lease when a third of it is over; fails when another process took it over.
    pub async fn keep(&mut self) -> Result<(), LeaseError> {
        if self.renewed.elapsed() < self.lasts / 3 {
            return Ok(());
        }
        match self.latest().await? {
            Some((epoch, entry)) if epoch == self.epoch && entry.owner == self.owner => {}
            _ => return Err(LeaseError::Lost),
        }
        if self.create(self.epoch + 1).await? { Ok(()) } else { Err(LeaseError::Lost) }
    }

    /// Makes sure that the number is above `fence`, the highest that the book knows: a lake that was restored without
    /// its lease files begins to count anew.
    pub(crate) async fn rise_above(&mut self, fence: u64) -> Result<(), LeaseError> {
        if self.epoch > fence {
            return Ok(());
        }
        match self.latest().await? {
            Some((epoch, entry)) if epoch == self.epoch && entry.owner == self.owner => {}
            _ => return Err(LeaseError::Lost),
        }
        if self.create(fence + 1).await? { Ok(()) } else { Err(LeaseError::Lost) }
    }

    /// Gives the lease back, so that the next owner need not wait. The number stays taken, since it fences.
    pub async fn release(mut self) -> Result<(), LeaseError> {
        self.lasts = Duration::ZERO;
        let epoch = self.epoch + 1;
        self.create(epoch).await.map(drop)
    }

    fn path(&self, epoch: u64) -> Path {
        self.folder.clone().join(format!("lease-{epoch}.json"))
    }

    async fn create(&mut self, epoch: u64) -> Result<bool, LeaseError> {
        let entry = Entry { owner: self.owner, until: Utc::now() + self.lasts };
        let path = self.path(epoch);
        let text = serde_json::to_vec(&entry)
            .map_err(|source| LeaseError::Damaged { path: path.to_string(), source })?;
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&path, text.into(), create).await {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.epoch = epoch;
        self.renewed = Instant::now();
        if let Some(old) = epoch.checked_sub(OLD_LEASES_KEPT) {
            match self.store.delete(&self.path(old)).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    async fn latest(&self) -> Result<Option<(u64, Entry)>, LeaseError> {
        loop {
            if let Some(latest) = self.look().await? {
                return Ok(latest);
            }
        }
    }

    /// One look at the folder; none if the latest file was replaced and cleaned away during the look.
    async fn look(&self) -> Result<Option<Option<(u64, Entry)>>, LeaseError> {
        let listed: Vec<_> = self.store.list(Some(&self.folder)).try_collect().await?;
        let epochs = listed.iter().filter_map(|meta| {
            meta.location.filename()?.strip_prefix("lease-")?.strip_suffix(".json")?.parse::<u64>().ok()
        });
        let Some(epoch) = epochs.max() else { return Ok(Some(None)) };
        let path = self.path(epoch);
        let text = match self.store.get(&path).await {
            Ok(found) => found.bytes().await?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let entry = serde_json::from_slice(&text)
            .map_err(|source| LeaseError::Damaged { path: path.to_string(), source })?;
        Ok(Some(Some((epoch, entry))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn one_owner_at_a_time() {
        let folder = tempfile::tempdir().expect("folder");
        let location = Location::parse(folder.path().to_str().expect("text")).expect("location");
        let first = Lease::take(&location, LONG, Duration::ZERO).await.expect("free");
        let second = Lease::take(&location, LONG, SHORT).await;
        assert!(matches!(second, Err(LeaseError::Held { epoch: 1, .. })), "{second:?}");
        first.release().await.expect("released");
        let third = Lease::take(&location, LONG, Duration::ZERO).await.expect("free again, at once");
        assert!(third.epoch() > 1, "a later owner has a higher number");
    }

    #[tokio::test]
    async fn an_owner_that_slept_too_long_notices() {
        let folder = tempfile::tempdir().expect("folder");
        let location = Location::parse(folder.path().to_str().expect("text")).expect("location");
        let mut sleeper = Lease::take(&location, SHORT, Duration::ZERO).await.expect("free");
        let next = Lease::take(&location, LONG, Duration::from_secs(5)).await.expect("after its end");
        assert!(next.epoch() > sleeper.epoch());
        assert!(matches!(sleeper.keep().await, Err(LeaseError::Lost)));
    }
}
