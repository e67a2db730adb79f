//! An answer: rows as they come, and what they stand on.

use std::fmt;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, stream};

use crate::coverage::Coverage;
use crate::error::QueryError;
use crate::limits::Limits;

/// Rows as they come, and what they stand on. Dropping it ends the query.
pub struct Answer {
    /// What the answer stands on; known before the first row.
    pub coverage: Coverage,
    batches: SendableRecordBatchStream,
    limits: Limits,
}

impl Answer {
    pub(crate) fn new(coverage: Coverage, batches: SendableRecordBatchStream, limits: Limits) -> Self {
        Self { coverage, batches, limits }
    }

    /// Rows that are there already.
    pub(crate) fn of_rows(coverage: Coverage, rows: RecordBatch, limits: Limits) -> Self {
        let stream = RecordBatchStreamAdapter::new(rows.schema(), stream::iter([Ok(rows)]));
        Self::new(coverage, Box::pin(stream), limits)
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }

    /// The next rows; none at the end. After an error there are no more.
    ///
    /// # Errors
    ///
    /// A value does not fit, a limit is reached, a file cannot be read.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        self.batches.next().await.transpose().map_err(|error| QueryError::while_running(error, &self.limits))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("coverage", &self.coverage).finish_non_exhaustive()
    }
}
