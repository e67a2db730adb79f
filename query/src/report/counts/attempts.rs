//! Counts of attempts, in the same shape as those of events.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, when};
use datafusion::prelude::{DataFrame, col, lit};
use lake::projections::PartKind;
use projections::sums::ATTEMPT_WORDS;
use schemas::vocabulary::{Assurance, DenialReason};

use super::{
    Counting, Kept, QUARTER, add_up_kept, bounded, is_within, moment, period_start_of, place, take_all,
    word_filters,
};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::QUARTER_HOUR_US;
use crate::session::Session;

/// The column of the number of attempts.
pub(in crate::report) const ATTEMPTS: &str = "attempts";

/// The column of the number of messages, calls and notifications that went out for them.
const PROMPTS: &str = "prompts";

/// The column of the number of attempts that nobody answered in time, though no record says so.
pub(in crate::report) const INFERRED: &str = "inferred";

/// Counts attempts by when they began, as [`super::count_events`] counts events; copies never count. An attempt's result is
/// that of the table `attempts` at this moment: also `open`, and `denied` for `no-response` where a challenge outlived its
/// life.
///
/// # Errors
///
/// [`QueryError::Refused`] where stages are asked for: an attempt has none.
pub(in crate::report) async fn count_attempts(
    session: &Session,
    counting: &Counting<'_>,
    now: DateTime<Utc>,
    take_in: impl FnMut(&RecordBatch) -> Result<usize, ArrowError>,
) -> Result<(), QueryError> {
    let filtered = counting.filters.by_column().map(|(column, _)| column);
    let unknown = counting.names().into_iter().chain(filtered).find(|name| !ATTEMPT_WORDS.contains(name));
    if let Some(name) = unknown {
        return Err(QueryError::Refused(format!("leave out `{name}`: attempts have none")));
    }
    let limits = session.limits();
    let mut take = bounded(take_in, limits);
    let rest = match session.stored_sums().attempts(&limits).await? {
        None => vec![counting.range],
        Some(sums) => {
            let mut filters = word_filters(counting, &ATTEMPT_WORDS);
            if let Some(assurance) =
                place(&ATTEMPT_WORDS, "assurance").filter(|_| !counting.with_first_factor)
            {
                filters.push((assurance, Box::new(|text| text != Assurance::FirstFactorOnly.as_str())));
            }
            let kept = Kept {
                sums: &sums,
                kinds: [PartKind::AttemptsByQuarter, PartKind::AttemptsByDay],
                words: &ATTEMPT_WORDS,
                filters,
                counts: &[ATTEMPTS, PROMPTS, INFERRED],
                now_us: now.timestamp_micros(),
            };
            add_up_kept(session, counting, kept, &mut take).await?
        }
    };
    for range in rest {
        let frame = frame(session.stored_attempts()?, counting, range, now);
        take_all(frame, limits, &mut take).await?;
    }
    Ok(())
}

fn frame(
    attempts: DataFrame,
    counting: &Counting<'_>,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<DataFrame, DataFusionError> {
    let is_inferred = when(is_expired(now), lit(1_i64)).otherwise(lit(0_i64))?;
    let mut columns: Vec<Expr> = vec![col("first_at"), col(PROMPTS), is_inferred.alias(INFERRED)];
    for word in ATTEMPT_WORDS {
        columns.push(at_moment(word, now)?.alias(word));
    }
    let mut attempts = attempts.filter(is_within(range, "first_at"))?.select(columns)?;
    if !counting.with_first_factor {
        attempts = attempts.filter(col("assurance").not_eq(lit(Assurance::FirstFactorOnly.as_str())))?;
    }
    let mut keys: Vec<Expr> = Vec::new();
    if counting.has_time() {
        keys.push(period_start_of("first_at", QUARTER_HOUR_US, DateTime::UNIX_EPOCH).alias(QUARTER));
    }
    keys.extend(counting.names().into_iter().map(col));
    let counts = vec![
        count(lit(1)).alias(ATTEMPTS),
        sum(col(PROMPTS)).alias(PROMPTS),
        sum(col(INFERRED)).alias(INFERRED),
    ];
    counting.filters.choose(attempts)?.aggregate(keys, counts)
}

/// Whether nobody answered in time.
fn is_expired(now: DateTime<Utc>) -> Expr {
    col("answerable_until").lt(moment(now))
}

/// A word as it is at a moment.
fn at_moment(word: &str, now: DateTime<Utc>) -> Result<Expr, DataFusionError> {
    match word {
        "result" => when(is_expired(now), lit("denied"))
            .when(col("answerable_until").is_not_null(), lit("open"))
            .otherwise(col("result")),
        "denial_reason" => {
            let no_response = ScalarValue::Utf8(Some(DenialReason::NoResponse.as_str().to_owned()));
            when(is_expired(now), lit(no_response)).otherwise(col("denial_reason"))
        }
        _ => Ok(col(word)),
    }
}
