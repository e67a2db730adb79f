//! Tables that are folded out of others as they are read: no row of them is stored.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, SchemaRef};
use arrow::error::ArrowError;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt as _, stream};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

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

/// Columns of texts, by their place in a list of names.
pub(crate) struct Texts(Vec<StringArray>);

impl Texts {
    pub(crate) fn of(rows: &RecordBatch, names: &[&str]) -> Result<Self, ArrowError> {
        let text = |name: &&str| Ok(cast(column(rows, name)?, &DataType::Utf8)?.as_string::<i32>().clone());
        Ok(Self(names.iter().map(text).collect::<Result<_, ArrowError>>()?))
    }

    /// The text, where there is one.
    pub(crate) fn get(&self, index: usize, row: usize) -> Option<&str> {
        let texts = &self.0[index];
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// The text of a column that no row lacks.
    pub(crate) fn needed(&self, index: usize, row: usize) -> &str {
        self.get(index, row).unwrap_or_default()
    }
}

/// A column.
pub(crate) fn column<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}

/// A column of numbers or moments.
pub(crate) fn numbers<'r, T: ArrowPrimitiveType>(
    rows: &'r RecordBatch,
    name: &str,
) -> Result<&'r arrow::array::PrimitiveArray<T>, ArrowError> {
    let other = || ArrowError::SchemaError(format!("{name} has another type"));
    column(rows, name)?.as_primitive_opt().ok_or_else(other)
}

/// A column of texts.
pub(crate) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A column of moments, from microseconds since 1970.
pub(crate) fn moments(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// A column of lists of texts.
pub(crate) fn lists<'a>(values: impl Iterator<Item = Vec<&'a str>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    values.for_each(|list| lists.append_value(list.into_iter().map(Some)));
    Arc::new(lists.finish())
}
