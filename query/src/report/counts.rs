//! The counts that the reports fold: events by quarter hour of UTC, result, and the groups' columns.
//!
//! They are added up from the sums that are kept ([`crate::sums`]). What is left of a range before its first whole quarter
//! hour and after its last is counted from the book; so is all where nothing is kept, and where copies are asked for.

mod attempts;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, cast};
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use lake::projections::PartKind;
use projections::sums::EVENT_WORDS;
use schemas::Kind;
use schemas::vocabulary::Stage;

pub(super) use self::attempts::{ATTEMPTS, INFERRED, count_attempts};
use super::filter::Filters;
use super::group::Group;
use crate::error::QueryError;
use crate::limits::Limits;
use crate::parameter::TimeRange;
use crate::period::{QUARTER_HOUR_US, Shift};
use crate::session::{Session, day_literal, moment_literal};
use crate::sums::{Adding, AtVersion, Periods, Slots, WordFilter, add_up};

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
    /// The zone of the local periods.
    pub(super) tz: Tz,
    /// How far later than its moment a count is read.
    pub(super) shift: Option<Shift>,
}

impl Counting<'_> {
    /// Whether time is told apart.
    fn has_time(&self) -> bool {
        self.by.iter().any(|group| group.grain().is_some())
    }

    /// The columns by which counts are told apart, each once.
    fn names(&self) -> Vec<&'static str> {
        let mut names = self.columns.to_vec();
        for column in self.by.iter().filter_map(|group| group.column()) {
            if !names.contains(&column) {
                names.push(column);
            }
        }
        names
    }
}

/// Counts events: by quarter hour of UTC where a time group is asked for, by the other groups' columns, and by
/// those named. What is local or derived is folded from these; `take_in` folds a batch of counts and returns how
/// many groups there are so far. One quarter hour may stand for all that lie in the same periods.
pub(super) async fn count_events(
    session: &Session,
    counting: &Counting<'_>,
    take_in: impl FnMut(&RecordBatch) -> Result<usize, ArrowError>,
) -> Result<(), QueryError> {
    let limits = session.limits();
    let mut take = bounded(take_in, limits);
    let kept = if counting.with_duplicates { None } else { session.stored_sums().events(&limits).await? };
    let rest = match kept {
        None => vec![counting.range],
        Some(sums) => {
            let mut filters = word_filters(counting, &EVENT_WORDS);
            if let Some(stage) = place(&EVENT_WORDS, "stage").filter(|_| !counting.with_first_factor) {
                filters.push((stage, Box::new(|text| text != Stage::FirstFactor.as_str())));
            }
            let kinds = [PartKind::EventsByQuarter, PartKind::EventsByDay];
            let kept = Kept { sums: &sums, kinds, words: &EVENT_WORDS, filters, counts: &[COUNT], now_us: 0 };
            add_up_kept(session, counting, kept, &mut take).await?
        }
    };
    for range in rest {
        scan(session, counting, range, &mut take).await?;
    }
    Ok(())
}

/// Folds batches as long as there are not too many groups.
fn bounded(
    mut take_in: impl FnMut(&RecordBatch) -> Result<usize, ArrowError>,
    limits: Limits,
) -> impl FnMut(&RecordBatch) -> Result<(), QueryError> {
    move |batch| {
        let groups = take_in(batch).map_err(|error| QueryError::while_running(error.into(), &limits))?;
        if groups > limits.groups {
            return Err(QueryError::TooLarge(format!(
                "ask for a shorter range or fewer groups: the report has more than {} groups (query.groups_max)",
                limits.groups
            )));
        }
        Ok(())
    }
}

/// Counts the events of a range one by one.
async fn scan(
    session: &Session,
    counting: &Counting<'_>,
    range: TimeRange,
    take: &mut impl FnMut(&RecordBatch) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let events = if counting.with_duplicates {
        session.view(Kind::Event).await?
    } else {
        session.counted_events().await?
    };
    take_all(frame(events, counting, range), session.limits(), take).await
}

/// Takes in counts as they come.
async fn take_all(
    frame: Result<DataFrame, DataFusionError>,
    limits: Limits,
    take: &mut impl FnMut(&RecordBatch) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let failed = |error| QueryError::while_running(error, &limits);
    let mut batches = frame.map_err(failed)?.execute_stream().await.map_err(failed)?;
    while let Some(batch) = batches.next().await {
        take(&batch.map_err(failed)?)?;
    }
    Ok(())
}

/// What is kept, and what of it is counted.
struct Kept<'a> {
    sums: &'a AtVersion,
    /// By quarter hour, and by day.
    kinds: [PartKind; 2],
    words: &'a [&'static str],
    filters: Vec<WordFilter<'a>>,
    counts: &'a [&'static str],
    /// When it is asked, in microseconds since 1970.
    now_us: i64,
}

fn place(words: &[&str], column: &str) -> Option<usize> {
    words.iter().position(|word| *word == column)
}

fn word_filters(counting: &Counting<'_>, words: &[&str]) -> Vec<WordFilter<'static>> {
    let filter = |(column, values): (&str, Vec<String>)| {
        let passes: Box<dyn Fn(&str) -> bool + Send + Sync> =
            Box::new(move |text| values.iter().any(|value| value == text));
        Some((place(words, column)?, passes))
    };
    counting.filters.by_column().filter_map(filter).collect()
}

/// Adds up what is kept of the whole quarter hours of the range, and gives back the parts of the range that are left.
async fn add_up_kept(
    session: &Session,
    counting: &Counting<'_>,
    kept: Kept<'_>,
    take: &mut impl FnMut(&RecordBatch) -> Result<(), QueryError>,
) -> Result<Vec<TimeRange>, QueryError> {
    let whole = Whole::of(session, counting.range)?;
    if whole.from >= whole.to {
        return Ok(vec![counting.range]);
    }
    let limits = session.limits();
    let Kept { sums, kinds, words, filters, counts, now_us } = kept;
    let grains: Vec<_> = counting.by.iter().filter_map(|group| group.grain()).collect();
    let periods = Periods { grains: &grains, tz: counting.tz, shift: counting.shift };
    let slots = Slots::new((whole.from, whole.to), sums.months(), periods);
    let parts = session.stored_sums().parts(sums, kinds, &slots, now_us, &limits).await?;
    let by =
        counting.names().into_iter().filter_map(|column| Some((place(words, column)?, column))).collect();
    let quarter = counting.has_time().then_some(QUARTER);
    let adding = Adding { slots: &slots, quarter, by, filters, counts };
    let mut refused = None;
    let added = add_up(&parts, &adding, |batch| {
        take(batch).map_err(|error| {
            refused = Some(error);
            ArrowError::ComputeError("the counts were not taken".to_owned())
        })
    });
    match (added, refused) {
        (_, Some(error)) => Err(error),
        (Ok(true), None) => Ok(whole.rest(counting.range)),
        (Ok(false), None) => Ok(vec![counting.range]),
        (Err(error), None) => Err(QueryError::while_running(error.into(), &limits)),
    }
}

/// The whole quarter hours of a range, in quarter hours since 1970.
struct Whole {
    from: i64,
    to: i64,
}

impl Whole {
    /// With the quarter hour in which the range ends, where no event lies behind its end.
    fn of(session: &Session, range: TimeRange) -> Result<Self, QueryError> {
        let (from_us, to_us) = (range.from.timestamp_micros(), range.to.timestamp_micros());
        let up = |us: i64| us.div_euclid(QUARTER_HOUR_US) + i64::from(us.rem_euclid(QUARTER_HOUR_US) > 0);
        let is_last = to_us.rem_euclid(QUARTER_HOUR_US) > 0 && session.ends_before(to_us)?;
        let to = if is_last { up(to_us) } else { to_us.div_euclid(QUARTER_HOUR_US) };
        Ok(Self { from: up(from_us), to })
    }

    /// What of the range lies outside.
    fn rest(&self, range: TimeRange) -> Vec<TimeRange> {
        let at =
            |quarter: i64| DateTime::from_timestamp_micros(quarter * QUARTER_HOUR_US).unwrap_or_default();
        let before = TimeRange { from: range.from, to: at(self.from) };
        let after = TimeRange { from: at(self.to), to: range.to };
        [before, after].into_iter().filter(|rest| rest.from < rest.to).collect()
    }
}

/// A moment as the type of the columns that hold one.
pub(super) fn moment(at: DateTime<Utc>) -> Expr {
    moment_us(at.timestamp_micros())
}

/// As [`moment`], from microseconds since 1970.
pub(super) fn moment_us(at_us: i64) -> Expr {
    lit(moment_literal(at_us))
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
    period_start_of("occurred_at", length_us, origin)
}

/// As [`period_start`], of the moment in a column.
fn period_start_of(column: &str, length_us: i64, origin: DateTime<Utc>) -> Expr {
    let length = ScalarValue::new_interval_mdn(0, 0, length_us * 1_000);
    let start = date_bin(lit(length), col(column), moment(origin));
    cast(start, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
}

fn frame(events: DataFrame, counting: &Counting<'_>, range: TimeRange) -> Result<DataFrame, DataFusionError> {
    let mut keys: Vec<Expr> = Vec::new();
    if counting.has_time() {
        keys.push(period_start(QUARTER_HOUR_US, DateTime::UNIX_EPOCH).alias(QUARTER));
    }
    keys.extend(counting.names().into_iter().map(col));
    let mut events = events.filter(in_range(range))?;
    if !counting.with_first_factor {
        events = events.filter(col("stage").not_eq(lit(Stage::FirstFactor.as_str())))?;
    }
    counting.filters.choose(events)?.aggregate(keys, vec![count(lit(1)).alias(COUNT)])
}
