//! An answer: rows as they come, and what they stand on.

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::coverage::{Coverage, Question};
use crate::error::QueryError;
use crate::limits::Limits;
use crate::session::Session;

/// Rows of a piece: what is written down, and held for a client, at a time.
const PIECE_ROWS: usize = 8_192;

/// Rows as they come, and what they stand on. Dropping it ends the query.
pub struct Answer {
    /// What the answer stands on; known before the first row.
    pub coverage: Coverage,
    schema: SchemaRef,
    batches: Batches,
    /// All rows, where they were there already.
    whole: Option<RecordBatch>,
    /// Whether JSON leaves out what is null.
    pub(crate) omits_nulls: bool,
}

/// Rows as they come.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, QueryError>>;

impl Answer {
    /// What the engine gives.
    pub(crate) fn new(coverage: Coverage, batches: SendableRecordBatchStream, limits: Limits) -> Self {
        let schema = batches.schema();
        let failed = move |error| QueryError::while_running(error, &limits);
        Self::of_stream(coverage, schema, batches.map_err(failed).boxed())
    }

    /// Rows from elsewhere.
    pub(crate) fn of_stream(coverage: Coverage, schema: SchemaRef, batches: Batches) -> Self {
        // Asked again after the end, while the end is written in pieces.
        Self { coverage, schema, batches: batches.fuse().boxed(), whole: None, omits_nulls: false }
    }

    /// Rows that are there already, given in pieces.
    pub(crate) fn of_rows(coverage: Coverage, rows: RecordBatch) -> Self {
        let schema = rows.schema();
        let whole = Some(rows.clone());
        let starts = (0..rows.num_rows().max(1)).step_by(PIECE_ROWS);
        let pieces = starts.map(move |start| Ok(rows.slice(start, PIECE_ROWS.min(rows.num_rows() - start))));
        Self { whole, ..Self::of_stream(coverage, schema, stream::iter(pieces).boxed()) }
    }

    /// All rows, where they were there before the first was asked for.
    pub(crate) fn whole(&self) -> Option<&RecordBatch> {
        self.whole.as_ref()
    }

    /// In JSON, what is null is left out.
    pub(crate) fn without_nulls(self) -> Self {
        Self { omits_nulls: true, ..self }
    }

    /// The same rows with these columns alone, in this order.
    ///
    /// # Errors
    ///
    /// There is no such column, or one is named twice.
    pub fn with_columns(self, names: &[String]) -> Result<Self, QueryError> {
        let chosen = chosen(&self.schema, names)?;
        let failed = |error: ArrowError| QueryError::while_running(error.into(), &Limits::default());
        let schema = Arc::new(self.schema.project(&chosen).map_err(failed)?);
        let whole = self.whole.map(|rows| rows.project(&chosen)).transpose().map_err(failed)?;
        let batches = self.batches.map(move |rows| rows?.project(&chosen).map_err(failed)).boxed();
        Ok(Self { coverage: self.coverage, schema, batches, whole, omits_nulls: self.omits_nulls })
    }

    /// A list of which all rows are there: each column with its name.
    pub(crate) async fn list(
        session: &Session,
        list: &'static str,
        parameters: Value,
        columns: Vec<(&str, ArrayRef)>,
    ) -> Result<Self, QueryError> {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| QueryError::while_running(error.into(), &session.limits()))?;
        let coverage = session.coverage("UTC", None, Question::List { list, parameters }).await?;
        Ok(Self::of_rows(coverage, rows))
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The next rows; none at the end. After an error there are no more.
    ///
    /// # Errors
    ///
    /// A value does not fit, a limit is reached, a file cannot be read.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        self.batches.next().await.transpose()
    }
}

/// Where the columns of these names stand.
fn chosen(schema: &Schema, names: &[String]) -> Result<Vec<usize>, QueryError> {
    let mut chosen = Vec::new();
    for name in names {
        let index = schema.index_of(name).map_err(|_| {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            QueryError::Refused(format!("choose of {}: there is no column {name:?}", known.join(", ")))
        })?;
        if chosen.contains(&index) {
            return Err(QueryError::Refused(format!("name each column once: {name:?} comes twice")));
        }
        chosen.push(index);
    }
    Ok(chosen)
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("coverage", &self.coverage).finish_non_exhaustive()
    }
}
