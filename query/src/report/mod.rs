//! The report `usage`: how many events, and how they ended, by time and by what was used.

mod fold;
mod group;
mod parameters;
#[cfg(test)]
mod tests;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, cast};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{DataFrame, col, lit};
use futures::{StreamExt as _, stream};
use schemas::Kind;

pub use group::Group;
pub use parameters::{UsageParameters, UsageText};

use crate::answer::Answer;
use crate::coverage::Question;
use crate::error::QueryError;
use crate::period::QUARTER_HOUR_US;
use crate::session::{Session, day_literal};
use fold::Fold;

/// The report's name.
const NAME: &str = "usage";

/// Answers how many events there were in the range, by the groups asked for.
///
/// The columns are the groups under their own names, as text, null where an event has no such value; with
/// a time group also `start` and `end`, RFC 3339 with the offset of the zone; then the counts `events`,
/// `succeeded`, `denied` and `pending`. Only groups with events have a row; without any group there is one
/// row. `start` and `end` are those of the local period, of which the range may cover a part; with several
/// time groups, of their overlap. Rows are sorted by the groups, in the order asked for, nulls last.
///
/// Counted are rows of `events` whose flag `duplicate` is not set. That flag is best effort, so a copy that
/// came later than the deduplication window reaches is counted again.
///
/// # Errors
///
/// [`QueryError::TooLarge`] past [`crate::Limits::groups`] groups.
pub async fn usage(session: &Session, parameters: &UsageParameters) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let failed = |error| QueryError::while_running(error, &limits);
    let frame = counts(session.view(Kind::Event).await?, parameters).map_err(failed)?;
    let mut batches = frame.execute_stream().await.map_err(failed)?;
    let mut fold = Fold::new(parameters);
    while let Some(batch) = batches.next().await {
        fold.take_in(&batch.map_err(failed)?).map_err(|error| failed(error.into()))?;
        if fold.len() > limits.groups {
            return Err(QueryError::TooLarge(format!("the report has more than {} groups", limits.groups)));
        }
    }
    let rows = fold.finish().map_err(|error| failed(error.into()))?;
    let question = Question::Report { report: NAME, parameters: parameters.clone() };
    let coverage = session.coverage(parameters.tz.name(), question).await?;
    let schema = rows.schema();
    let stream = RecordBatchStreamAdapter::new(schema, stream::iter([Ok(rows)]));
    Ok(Answer::new(coverage, Box::pin(stream), limits))
}

/// Counts by quarter hour of UTC where a time group is asked for, by the other groups' columns, and by
/// result. What is local or derived is folded from these.
fn counts(events: DataFrame, parameters: &UsageParameters) -> Result<DataFrame, DataFusionError> {
    let moment = |us| lit(ScalarValue::TimestampMicrosecond(Some(us), Some("UTC".into())));
    let (from, to) = (parameters.range.from, parameters.range.to);
    let in_range = col("occurred_at")
        .gt_eq(moment(from.timestamp_micros()))
        .and(col("occurred_at").lt(moment(to.timestamp_micros())))
        // Said of the partition column too, so that whole days are skipped without their statistics.
        .and(col("day").gt_eq(lit(day_literal(from.date_naive()))))
        .and(col("day").lt_eq(lit(day_literal(to.date_naive()))));
    let mut keys: Vec<Expr> = Vec::new();
    if parameters.has_time() {
        let quarter_hour = ScalarValue::new_interval_mdn(0, 0, QUARTER_HOUR_US * 1_000);
        let quarter = date_bin(lit(quarter_hour), col("occurred_at"), moment(0));
        let quarter = cast(quarter, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        keys.push(quarter.alias(fold::QUARTER));
    }
    keys.extend(parameters.columns().into_iter().map(col));
    events
        .filter(in_range)?
        .filter(col("duplicate").is_not_true())?
        .aggregate(keys, vec![count(lit(1)).alias(fold::COUNT)])
}
