//! What questions in SQL of our own have in common: a range, tenants, and rows as they come.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::prelude::DataFrame;
use futures::StreamExt as _;

use super::filter::Filters;
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::session::{Session, day_literal, moment_literal};

/// The condition that an event lies in the range.
pub(super) const EVENT_IN_RANGE: &str =
    "day >= $from_day AND day <= $to_day AND occurred_at >= $from AND occurred_at < $to";

/// The condition that an attempt began in the range.
pub(super) const ATTEMPT_IN_RANGE: &str =
    "day >= $from_day AND day <= $to_day AND first_at >= $from AND first_at < $to";

pub(super) fn moment(at: DateTime<Utc>) -> ScalarValue {
    moment_literal(at.timestamp_micros())
}

/// The values of a question about a range.
pub(super) fn range_values(range: TimeRange) -> Vec<(String, ScalarValue)> {
    vec![
        ("from_day".to_owned(), day_literal(range.from.date_naive())),
        ("to_day".to_owned(), day_literal(range.to.date_naive())),
        ("from".to_owned(), moment(range.from)),
        ("to".to_owned(), moment(range.to)),
    ]
}

/// The condition that rows are of a tenant that was asked for, to be written after others, with its values.
pub(super) fn of_tenants(filters: &Filters) -> (String, Vec<(String, ScalarValue)>) {
    let tenants = filters.by_column().find(|(column, _)| *column == "tenant_id").map(|(_, values)| values);
    let Some(tenants) = tenants else { return (String::new(), Vec::new()) };
    let names: Vec<String> = (0..tenants.len()).map(|index| format!("tenant_{index}")).collect();
    let places: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
    let values = names.into_iter().zip(tenants.into_iter().map(ScalarValue::from)).collect();
    (format!(" AND tenant_id IN ({})", places.join(", ")), values)
}

/// The rows of a question in SQL.
pub(super) async fn asked(
    session: &Session,
    sql: &str,
    values: &[(String, ScalarValue)],
) -> Result<DataFrame, QueryError> {
    // The engine refuses a value that the text does not name.
    let named = values.iter().filter(|(name, _)| sql.contains(&format!("${name}")));
    session.plan(sql, named.map(|(name, value)| (name.as_str(), value.clone())).collect()).await
}

/// Takes in what comes, as many rows as a report may hold; `take_in` says how many it holds.
pub(super) async fn read(
    session: &Session,
    frame: DataFrame,
    take_in: &mut (dyn FnMut(&RecordBatch) -> Result<usize, ArrowError> + Send),
) -> Result<(), QueryError> {
    let too_much = "ask for a shorter range, or name a tenant: the report looks at more than {} rows";
    read_bounded(session, frame, too_much, take_in).await
}

/// Takes in what comes; `take_in` says how much the report holds of it, and `too_much` what is said where that is more than
/// it may, with `{}` for how much that is.
pub(super) async fn read_bounded(
    session: &Session,
    frame: DataFrame,
    too_much: &str,
    take_in: &mut (dyn FnMut(&RecordBatch) -> Result<usize, ArrowError> + Send),
) -> Result<(), QueryError> {
    let limits = session.limits();
    let failed = |error| QueryError::while_running(error, &limits);
    let mut batches = frame.execute_stream().await.map_err(failed)?;
    while let Some(batch) = batches.next().await {
        let held = take_in(&batch.map_err(failed)?).map_err(|error| failed(error.into()))?;
        if held > limits.groups {
            let too_much = too_much.replace("{}", &limits.groups.to_string());
            return Err(QueryError::TooLarge(format!("{too_much} (query.groups_max)")));
        }
    }
    Ok(())
}
