//! The book and the directory at their latest versions, opened once for all who ask.

use std::sync::Arc;

use lake::{Book, Directory, Location, ReadError};
use query::{QueryError, Resources, Session};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The latest version, kept until there is a later one.
pub struct Snapshots {
    location: Location,
    resources: Resources,
    latest: Mutex<Option<Latest>>,
}

struct Latest {
    session: Arc<Session>,
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
    /// The directory cannot be read.
    #[error(transparent)]
    Directory(#[from] lake::DirectoryError),
    /// It cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Snapshots {
    /// The versions of the book at a location, to be asked with these limits for all together; attempts are made
    /// by these rules, and reports expect this.
    ///
    /// # Errors
    ///
    /// The system gives no folder for temporary files.
    pub fn new(
        location: Location,
        limits: query::Limits,
        rules: Arc<query::Rules>,
        expectations: Arc<query::Expectations>,
    ) -> Result<Self, SnapshotError> {
        let resources = Resources::new(limits, rules)?.expecting(expectations);
        Ok(Self { location, resources, latest: Mutex::new(None) })
    }

    /// The version that is the latest when this is called, or a later one.
    pub(crate) async fn latest(&self) -> Result<Arc<Session>, SnapshotError> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        // Whoever waited here while another looked need not look again.
        if let Some(Latest { session, looked }) = &*latest
            && *looked >= asked
        {
            return Ok(Arc::clone(session));
        }
        let looked = Instant::now();
        let (mut book, mut directory) = match &*latest {
            Some(Latest { session, .. }) => (session.book().clone(), session.directory().clone()),
            None => (Book::open(&self.location).await?, Directory::open(&self.location).await?),
        };
        book.refresh().await.map_err(ReadError::from)?;
        directory.refresh().await?;
        let versions = (book.version(), directory.version());
        let session = match &*latest {
            Some(Latest { session, .. })
                if (session.book_version(), session.directory_version()) == versions =>
            {
                Arc::clone(session)
            }
            earlier => {
                let known = earlier.as_ref().map(|latest| latest.session.known_totals().clone());
                let known = known.unwrap_or_default();
                Arc::new(Session::open_after(&book, &directory, &self.resources, known)?)
            }
        };
        *latest = Some(Latest { session: Arc::clone(&session), looked });
        Ok(session)
    }
}
