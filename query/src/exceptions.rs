//! Which rows of a version of the book are exceptions to their flag: what is stored of it, and what is found out.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use lake::ActiveFile;
use projections::ProjectError;
use projections::repeats::{Exceptions, TakenIn};
use tokio::sync::OnceCell;

use crate::basis::Basis;

/// The exceptions of one version of the book.
pub(crate) struct KnownExceptions {
    basis: Arc<Basis>,
    taken_in: OnceCell<Option<TakenIn>>,
}

impl KnownExceptions {
    pub(crate) fn new(basis: Arc<Basis>) -> Self {
        Self { basis, taken_in: OnceCell::new() }
    }

    /// Those of these days.
    pub(crate) async fn of(
        &self,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Exceptions, ProjectError> {
        match self.beside_stored(files.clone()).await {
            Ok(Some(exceptions)) => return Ok(exceptions),
            Ok(None) => {}
            // All of it can be found out anew.
            Err(error) => tracing::warn!(%error, "the projections were not used for a question"),
        }
        Ok(self.basis.repeats.exceptions(self.basis.book(), files).await?)
    }

    /// None where nothing is stored that is of use for this version.
    async fn beside_stored(
        &self,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Option<Exceptions>, ProjectError> {
        let Some(taken_in) = self.taken_in.get_or_try_init(|| self.find()).await? else { return Ok(None) };
        self.basis.repeats.exceptions_beside(taken_in, self.basis.book(), files).await.map(Some)
    }

    async fn find(&self) -> Result<Option<TakenIn>, ProjectError> {
        let Basis { sums, rules, .. } = &*self.basis;
        let Some(table) = self.basis.table().await? else { return Ok(None) };
        TakenIn::at(self.basis.book(), sums.get().await?, rules, table).await
    }
}
