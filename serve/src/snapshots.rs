//! The book at its latest version, opened once for all who ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use lake::{Book, Location, PartitionId, PartitionTotals, ReadError};
use query::{QueryError, Resources, Session};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// One version of the book.
pub(crate) struct Snapshot {
    book: Book,
    pub(crate) session: Session,
}

/// The latest version, kept until there is a later one.
pub struct Snapshots {
    location: Location,
    resources: Resources,
    latest: Mutex<Option<Latest>>,
}

struct Latest {
    snapshot: Arc<Snapshot>,
    /// When it was last known to be the latest.
    looked: Instant,
}

/// Why the book cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] lake::OpenError),
    /// A later version cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Snapshots {
    /// The versions of the book at a location, to be asked with these limits for all together.
    ///
    /// # Errors
    ///
    /// The system gives no folder for temporary files.
    pub fn new(location: Location, limits: query::Limits) -> Result<Self, SnapshotError> {
        Ok(Self { location, resources: Resources::new(limits)?, latest: Mutex::new(None) })
    }

    /// The version that is the latest when this is called, or a later one.
    pub(crate) async fn latest(&self) -> Result<Arc<Snapshot>, SnapshotError> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        // Whoever waited here while another looked need not look again.
        if let Some(Latest { snapshot, looked }) = &*latest
            && *looked >= asked
        {
            return Ok(Arc::clone(snapshot));
        }
        let looked = Instant::now();
        let mut book = match &*latest {
            Some(Latest { snapshot, .. }) => snapshot.book.clone(),
            None => Book::open(&self.location).await?,
        };
        book.refresh().await.map_err(ReadError::from)?;
        let snapshot = match &*latest {
            Some(Latest { snapshot, .. }) if snapshot.book.version() == book.version() => {
                Arc::clone(snapshot)
            }
            earlier => {
                let known = earlier.as_ref().map(|latest| latest.snapshot.session.known_totals().clone());
                let session = Session::open_after(&book, &self.resources, known.unwrap_or_default())?;
                Arc::new(Snapshot { book, session })
            }
        };
        *latest = Some(Latest { snapshot: Arc::clone(&snapshot), looked });
        Ok(snapshot)
    }
}

impl Snapshot {
    /// What the segments add up to, by partition.
    pub(crate) async fn totals(&self) -> Result<&BTreeMap<PartitionId, PartitionTotals>, QueryError> {
        Ok(&self.session.totals().await?.by_partition)
    }

    /// Files of this version.
    pub(crate) fn files(&self) -> usize {
        self.book.files().map_or(0, |files| files.len())
    }
}
