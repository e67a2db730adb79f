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

/// Rows of a piece: what is written down, and held for a client, at a time.
const PIECE_ROWS: usize = 8_192;

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

    /// Rows that are there already, given in pieces.
    pub(crate) fn of_rows(coverage: Coverage, rows: RecordBatch, limits: Limits) -> Self {
        let schema = rows.schema();
        let starts = (0..rows.num_rows().max(1)).step_by(PIECE_ROWS);
        let pieces = starts.map(move |start| Ok(rows.slice(start, PIECE_ROWS.min(rows.num_rows() - start))));
        let stream = RecordBatchStreamAdapter::new(schema, stream::iter(pieces));
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
