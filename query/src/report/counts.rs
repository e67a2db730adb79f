//! The counts that the reports fold: events by quarter hour of UTC, result, and the groups' columns.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, cast};
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use schemas::Kind;
use schemas::vocabulary::Stage;

use super::filter::Filters;
use super::group::Group;
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::QUARTER_HOUR_US;
use crate::session::{Session, day_literal};

/// The column of the quarter hour's start, in UTC.
pub(super) const QUARTER: &str = "quarter";

/// The column of the number of events.
pub(super) const COUNT: &str = "events";

/// What is counted.
pub(super) struct Counting<'a> {
    pub(super) range: TimeRange,
    pub(super) by: &'a [Group],
    pub(super) filters: &'a Filters,
    /// Whether copies and superseded states are counted too.
    pub(super) with_duplicates: bool,
    /// Whether events that judge the first factor alone are counted.
    pub(super) with_first_factor: bool,
    /// Columns by which counts are told apart beside those of the groups.
    pub(super) columns: &'a [&'static str],
}

/// Counts events: by quarter hour of UTC where a time group is asked for, by the other groups' columns, and by
/// those named. What is local or derived is folded from these; `take_in` folds a batch of counts and returns how
/// many groups there are so far.
pub(super) async fn count_events(
    session: &Session,
    counting: &Counting<'_>,
    mut take_in: impl FnMut(&RecordBatch) -> Result<usize, ArrowError>,
) -> Result<(), QueryError> {
    let limits = session.limits();
    let failed = |error| QueryError::while_running(error, &limits);
    let events = if counting.with_duplicates {
        session.view(Kind::Event).await?
    } else {
        session.counted_events().await?
    };
    let frame = frame(events, counting).map_err(failed)?;
    let mut batches = frame.execute_stream().await.map_err(failed)?;
    while let Some(batch) = batches.next().await {
        let groups = take_in(&batch.map_err(failed)?).map_err(|error| failed(error.into()))?;
        if groups > limits.groups {
            return Err(QueryError::TooLarge(format!(
                "ask for a shorter range or fewer groups: the report has more than {} groups (query.groups_max)",
                limits.groups
            )));
        }
    }
    Ok(())
}

/// A moment as the type of the columns that hold one.
pub(super) fn moment(at: DateTime<Utc>) -> Expr {
    moment_us(at.timestamp_micros())
}

/// As [`moment`], from microseconds since 1970.
pub(super) fn moment_us(at_us: i64) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at_us), Some("UTC".into())))
}

/// Whether an event lies in the range.
pub(crate) fn in_range(range: TimeRange) -> Expr {
    is_within(range, "occurred_at")
}

/// Whether this moment of a row lies in the range, where `day` is its day.
pub(super) fn is_within(TimeRange { from, to }: TimeRange, column: &str) -> Expr {
    col(column)
        .gt_eq(moment(from))
        .and(col(column).lt(moment(to)))
        // Said of the partition column too, so that whole days are skipped without their statistics.
        .and(col("day").gt_eq(lit(day_literal(from.date_naive()))))
        .and(col("day").lt_eq(lit(day_literal(to.date_naive()))))
}

/// The beginning of the period in which an event lies, of periods of this length before and after a moment.
pub(super) fn period_start(length_us: i64, origin: DateTime<Utc>) -> Expr {
    let length = ScalarValue::new_interval_mdn(0, 0, length_us * 1_000);
    let start = date_bin(lit(length), col("occurred_at"), moment(origin));
    cast(start, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
}

fn frame(events: DataFrame, counting: &Counting<'_>) -> Result<DataFrame, DataFusionError> {
    let mut keys: Vec<Expr> = Vec::new();
    if counting.by.iter().any(|group| group.grain().is_some()) {
        keys.push(period_start(QUARTER_HOUR_US, DateTime::UNIX_EPOCH).alias(QUARTER));
    }
    let mut names = counting.columns.to_vec();
    for column in counting.by.iter().filter_map(|group| group.column()) {
        if !names.contains(&column) {
            names.push(column);
        }
    }
    keys.extend(names.into_iter().map(col));
    let mut events = events.filter(in_range(counting.range))?;
    if !counting.with_first_factor {
        events = events.filter(col("stage").not_eq(lit(Stage::FirstFactor.as_str())))?;
    }
    counting.filters.choose(events)?.aggregate(keys, vec![count(lit(1)).alias(COUNT)])
}
