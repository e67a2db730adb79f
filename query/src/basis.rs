//! What derived rows of one version of the book are made of: the version, the table of projections, and what is known of repeats.

use std::sync::Arc;

use lake::projections::{Projections, ProjectionsError};
use lake::{Book, Location};
use projections::Rules;
use projections::repeats::Repeats;
use tokio::sync::Mutex;

use crate::session::Sums;

/// What derived rows of one version are made of.
pub(crate) struct Basis {
    pub(crate) sums: Arc<Sums>,
    pub(crate) repeats: Arc<Repeats>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) table: Arc<KeptTable>,
}

impl Basis {
    pub(crate) fn book(&self) -> &Book {
        self.sums.book()
    }

    /// The table of projections as it was when it had taken in no more than this version; none where there is none.
    pub(crate) async fn table(&self) -> Result<Option<Projections>, ProjectionsError> {
        self.table.at(self.book().location(), self.book().version()).await
    }
}

/// The table as it was opened last, for all questions of a process to one book; none before it was first asked for, or made.
#[derive(Debug, Default)]
pub(crate) struct KeptTable(Mutex<Option<Projections>>);

impl KeptTable {
    async fn at(
        &self,
        location: &Location,
        book_version: u64,
    ) -> Result<Option<Projections>, ProjectionsError> {
        let mut kept = self.0.lock().await;
        // Where it cannot go on (it was removed and made again), it is opened anew.
        let is_fresh = match kept.as_mut() {
            Some(table) => table.refresh().await.is_ok(),
            None => false,
        };
        if !is_fresh {
            *kept = Projections::open(location).await?;
        }
        let Some(table) = kept.as_mut() else { return Ok(None) };
        let standing = table.standing().await?;
        let table = table.clone();
        drop(kept);
        match standing {
            Some(standing) if standing.book_version > book_version => table.when(book_version).await,
            Some(_) => Ok(Some(table)),
            None => Ok(None),
        }
    }
}
