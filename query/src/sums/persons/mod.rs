//! Who was seen when: the ids that had events in some periods, out of the sums by month.
//!
//! Sums know the days of a month as three spans: its first day, its last, and those between. Where a period begins or ends
//! within a span, the shorter side is counted from the book, and the longer one is the sum without it.

mod months;
mod names;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use chrono::{DateTime, Months as Later, NaiveDate};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use projections::sums::Span;

pub(crate) use self::months::Months;
pub(crate) use self::names::Numbers;
pub(crate) use self::rows::Row;
use crate::arrays::{column, text_column};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::{DAY_US, day_start_us};
use crate::report::in_range;
use crate::session::Session;

/// How many events an id had by a method, by the numbers of [`Numbers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdEvents {
    pub(crate) id: u32,
    /// 0 for none.
    pub(crate) method: u32,
    pub(crate) events: i64,
}

/// Which events are asked for.
pub(crate) struct IdsAsked<'a> {
    /// Periods that do not overlap, in order.
    pub(crate) periods: &'a [TimeRange],
    /// Which of the events in them: what is left of those that count.
    pub(crate) choose: &'a (dyn Fn(DataFrame) -> Result<DataFrame, DataFusionError> + Sync),
    /// Whether only tenant, source and method decide that; then ids of others can be among those that are told.
    pub(crate) is_summed: bool,
}

/// The ids that had events in each of some periods, sorted by id and method, each pair once.
pub(crate) async fn ids_in(
    session: &Session,
    asked: &IdsAsked<'_>,
) -> Result<Vec<Vec<IdEvents>>, QueryError> {
    let limits = session.limits();
    let stored = session.stored_sums();
    let periods: Vec<(i64, i64)> = asked
        .periods
        .iter()
        .map(|period| (period.from.timestamp_micros(), period.to.timestamp_micros()))
        .collect();
    let mut plan = Plan::default();
    let mut found: Vec<Vec<IdEvents>> = vec![Vec::new(); periods.len()];
    match stored.events(&limits).await?.filter(|_| asked.is_summed) {
        None => plan.scans.extend(periods.iter().enumerate().map(|(index, (from_us, to_us))| Scan {
            from_us: *from_us,
            to_us: *to_us,
            adds_to: Some(index),
            takes_from: None,
        })),
        Some(sums) => {
            // Where nothing comes after it, the last one may as well go on.
            let mut periods = periods;
            if let Some((_, to_us)) = periods.last_mut()
                && session.ends_before(*to_us)?
            {
                *to_us = i64::MAX;
            }
            for month in sums.months() {
                plan.take_in(month, &periods);
            }
            for (month, spans) in &plan.whole {
                let rows = stored.persons(&sums, *month, &limits).await?;
                for (index, found) in found.iter_mut().enumerate() {
                    let is_asked = spans.map(|period| period == Some(index));
                    if is_asked.contains(&true) {
                        let of_month = rows.iter().filter(|row| is_asked[usize::from(row.span)]).map(of_row);
                        *found = added(std::mem::take(found), of_month);
                    }
                }
            }
        }
    }
    let failed = |error| QueryError::while_running(error, &limits);
    for scan in &plan.scans {
        let at = |us: i64| DateTime::from_timestamp_micros(us).unwrap_or_default();
        let range = TimeRange { from: at(scan.from_us), to: at(scan.to_us) };
        let events = session.counted_events().await?.filter(in_range(range)).and_then(asked.choose);
        let keys = ["tenant_id", "source", "user_key", "method"].map(col).to_vec();
        let counted = vec![count(lit(1)).alias("events")];
        let frame = events.and_then(|events| events.aggregate(keys, counted)).map_err(failed)?;
        let mut batches = frame.execute_stream().await.map_err(failed)?;
        let mut scanned = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            read_ids(&batch, stored.persons_kept(), &mut scanned).map_err(|error| failed(error.into()))?;
        }
        scanned.sort_unstable_by_key(|it| (it.id, it.method));
        for (period, sign) in [(scan.adds_to, 1), (scan.takes_from, -1)] {
            if let Some(found) = period.and_then(|period| found.get_mut(period)) {
                let signed = scanned.iter().map(|it| IdEvents { events: sign * it.events, ..*it });
                *found = added(std::mem::take(found), signed);
            }
        }
    }
    found.iter_mut().for_each(|found| found.retain(|it| it.events > 0));
    Ok(found)
}

/// All that is known of which ids came in which spelling and with which address: rows of each month, or none where nothing is
/// kept.
pub(crate) async fn all_months(
    session: &Session,
) -> Result<Option<BTreeMap<NaiveDate, Arc<[Row]>>>, QueryError> {
    let limits = session.limits();
    let stored = session.stored_sums();
    let Some(sums) = stored.events(&limits).await? else { return Ok(None) };
    let mut months = BTreeMap::new();
    for month in sums.months() {
        months.insert(month, stored.persons(&sums, month, &limits).await?);
    }
    Ok(Some(months))
}

fn of_row(row: &Row) -> IdEvents {
    IdEvents { id: row.id, method: row.method, events: row.events }
}

/// What two sorted lists add up to.
fn added(one: Vec<IdEvents>, other: impl Iterator<Item = IdEvents>) -> Vec<IdEvents> {
    let mut all: Vec<IdEvents> = Vec::with_capacity(one.len());
    let mut add = |next: IdEvents| match all.last_mut() {
        Some(last) if (last.id, last.method) == (next.id, next.method) => last.events += next.events,
        _ => all.push(next),
    };
    let mut ones = one.into_iter().peekable();
    for other in other {
        while let Some(one) = ones.next_if(|one| (one.id, one.method) <= (other.id, other.method)) {
            add(one);
        }
        add(other);
    }
    ones.for_each(add);
    all
}

fn read_ids(batch: &RecordBatch, months: &Months, ids: &mut Vec<IdEvents>) -> Result<(), ArrowError> {
    let [tenants, sources, users, methods] =
        ["tenant_id", "source", "user_key", "method"].map(|name| text_column(batch, name));
    let (tenants, sources, users, methods) = (tenants?, sources?, users?, methods?);
    let events = column(batch, "events")?.as_primitive::<Int64Type>();
    let mut names = months.names.write();
    for row in 0..batch.num_rows() {
        let id = [&tenants, &sources, &users].map(|texts| names.text(Some(texts.value(row))));
        let method = methods.is_valid(row).then(|| methods.value(row));
        ids.push(IdEvents { id: names.id(id), method: names.text(method), events: events.value(row) });
    }
    Ok(())
}

/// What is added up, and what is counted from the book.
#[derive(Default)]
struct Plan {
    /// The period of which each span of a month is part as a whole, but for what is taken from it.
    whole: BTreeMap<NaiveDate, [Option<usize>; Span::ALL.len()]>,
    scans: Vec<Scan>,
}

/// Events that are counted one by one.
struct Scan {
    from_us: i64,
    to_us: i64,
    /// A period.
    adds_to: Option<usize>,
    takes_from: Option<usize>,
}

impl Plan {
    fn take_in(&mut self, month: NaiveDate, periods: &[(i64, i64)]) {
        for (span, (from_us, to_us)) in spans(month).into_iter().enumerate() {
            let pieces = pieces(from_us, to_us, periods);
            let length = |(from, to, _): &&(i64, i64, Option<usize>)| to - from;
            let Some(longest) = pieces.iter().max_by_key(length) else { continue };
            let inside: i64 =
                pieces.iter().filter(|(.., period)| period.is_some()).map(|(from, to, _)| to - from).sum();
            let others = to_us - from_us - (longest.1 - longest.0);
            let takes_from = longest.2.filter(|_| others < inside);
            if takes_from.is_some() {
                self.whole.entry(month).or_default()[span] = takes_from;
            }
            for piece in &pieces {
                let (from_us, to_us, adds_to) = *piece;
                let is_counted =
                    takes_from.is_some() && piece != longest || takes_from.is_none() && adds_to.is_some();
                if is_counted {
                    self.scans.push(Scan { from_us, to_us, adds_to, takes_from });
                }
            }
        }
    }
}

/// A span of time, cut where periods begin and end, each piece with the period in which it lies.
fn pieces(from_us: i64, to_us: i64, periods: &[(i64, i64)]) -> Vec<(i64, i64, Option<usize>)> {
    let mut pieces = Vec::new();
    let mut at = from_us;
    for (index, period) in periods.iter().enumerate() {
        let (low, high) = (period.0.max(at), period.1.min(to_us));
        if low >= high {
            continue;
        }
        if low > at {
            pieces.push((at, low, None));
        }
        pieces.push((low, high, Some(index)));
        at = high;
    }
    if at < to_us {
        pieces.push((at, to_us, None));
    }
    pieces
}

/// From when until when each span of a month is, in microseconds since 1970.
fn spans(month: NaiveDate) -> [(i64, i64); Span::ALL.len()] {
    let next = month.checked_add_months(Later::new(1)).unwrap_or(month);
    let (from, to) = (day_start_us(month), day_start_us(next));
    [(from, from + DAY_US), (from + DAY_US, to - DAY_US), (to - DAY_US, to)]
}
