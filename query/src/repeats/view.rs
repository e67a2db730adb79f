//! The view of the events that count.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;
use lake::{ActiveFile, Book};
use projections::repeats::{RepeatsError, files_by_day};

use super::condition::counts;
use crate::days::kept;
use crate::exceptions::KnownExceptions;
use crate::folded::filtered;
use crate::look_up::{self, EventsOf};

/// The view's name.
pub(crate) const VIEW: &str = "counted_events";

/// What a row of it is.
pub(crate) const ABOUT: &str =
    "the events that every report counts: of copies one, and of a sign-in that was sent again the last state";

/// The events that count: of copies one, and of a sign-in that its source sent again the last state.
pub(crate) struct CountedEvents {
    book: Book,
    /// All events.
    events: Arc<dyn TableProvider>,
    exceptions: Arc<KnownExceptions>,
}

impl CountedEvents {
    pub(crate) fn new(book: &Book, events: Arc<dyn TableProvider>, exceptions: Arc<KnownExceptions>) -> Self {
        Self { book: book.clone(), events, exceptions }
    }

    /// The files of the days that the filters leave.
    fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<BTreeMap<NaiveDate, Vec<ActiveFile>>> {
        let failed = |error| DataFusionError::External(Box::new(RepeatsError::Read(error)));
        let files = files_by_day(&self.book).map_err(failed)?;
        let days: Vec<NaiveDate> = files.keys().copied().collect();
        let kept = kept(state, self.schema(), filters, &days, "occurred_at")?;
        Ok(files.into_iter().zip(kept).filter_map(|(day, is_kept)| is_kept.then_some(day)).collect())
    }
}

impl fmt::Debug for CountedEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedEvents").field("book_version", &self.book.version()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for CountedEvents {
    fn schema(&self) -> SchemaRef {
        self.events.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files(state, filters)?;
        let events = match look_up::users(filters) {
            Some(users) => {
                let files = files.values().flatten().cloned().collect();
                Arc::new(EventsOf::new(&self.book, files, users, self.schema()))
            }
            None => Arc::clone(&self.events),
        };
        let exceptions = self.exceptions.of(files).await;
        let exceptions = exceptions.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut plan = filtered("events", &events, filters)?.filter(counts(exceptions))?;
        if let Some(projection) = projection {
            let schema = self.schema();
            plan = plan.project(projection.iter().map(|index| col(schema.field(*index).name())))?;
        }
        state.create_physical_plan(&plan.build()?).await
    }
}
