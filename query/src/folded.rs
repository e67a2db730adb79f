//! Tables that are folded out of others as they are read: no row of them is stored.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt as _, stream};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// Which filters choose the rows that are folded: those on columns that all rows of a folded one have in common.
pub(crate) fn push_down(filters: &[&Expr], common: &[&str]) -> Vec<TableProviderFilterPushDown> {
    let is_common =
        |filter: &&Expr| filter.column_refs().iter().all(|column| common.contains(&column.name.as_str()));
    let pushed = |filter: &&Expr| {
        if is_common(filter) {
            TableProviderFilterPushDown::Exact
        } else {
            TableProviderFilterPushDown::Unsupported
        }
    };
    filters.iter().map(pushed).collect()
}

/// The rows of a table that pass all of these filters.
pub(crate) fn filtered(
    name: &str,
    table: &Arc<dyn TableProvider>,
    filters: &[Expr],
) -> Result<LogicalPlanBuilder> {
    let rows = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(table)), None)?;
    filters.iter().try_fold(rows, |rows, filter| rows.filter(filter.clone()))
}

/// Takes in rows and gives others.
pub(crate) trait Fold: Send + 'static {
    /// Takes in the next rows.
    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError>;

    /// There are no more.
    fn end(&mut self);

    /// Rows that are ready.
    fn ready(&self) -> usize;

    /// Takes out the rows that are ready.
    fn take_out(&mut self) -> Result<RecordBatch, ArrowError>;
}

/// Makes a fold for each time that the plan is executed.
type Make = Arc<dyn Fn() -> Box<dyn Fold> + Send + Sync>;

/// A plan that folds the rows of others, one after the other, each in the order in which they come.
pub(crate) fn plan(
    slices: Vec<Arc<dyn ExecutionPlan>>,
    schema: SchemaRef,
    make: Make,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let partition = Partition { slices, make, schema: Arc::clone(&schema) };
    let exec =
        StreamingTableExec::try_new(schema, vec![Arc::new(partition)], projection, Vec::new(), false, None)?;
    Ok(Arc::new(exec))
}

struct Partition {
    slices: Vec<Arc<dyn ExecutionPlan>>,
    make: Make,
    schema: SchemaRef,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").finish_non_exhaustive()
    }
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let make = Arc::clone(&self.make);
        // A slice is begun when the one before it has ended: only one is in memory.
        let slices = stream::iter(self.slices.clone()).flat_map(move |rows| {
            match execute_stream(rows, Arc::clone(&context)) {
                Ok(rows) => folded(rows, make()).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), slices))
    }
}

fn folded(rows: SendableRecordBatchStream, fold: Box<dyn Fold>) -> impl Stream<Item = Result<RecordBatch>> {
    stream::try_unfold((rows, fold, false), |(mut rows, mut fold, mut has_ended)| async move {
        if has_ended {
            return Ok(None);
        }
        while !has_ended && fold.ready() < BATCH_ROWS {
            match rows.next().await.transpose()? {
                Some(batch) => fold.take_in(&batch)?,
                None => {
                    fold.end();
                    has_ended = true;
                }
            }
        }
        Ok(Some((fold.take_out()?, (rows, fold, has_ended))))
    })
}
