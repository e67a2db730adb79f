//! How many persons there are: keys of which anything counts, out of the sums by month.
//!
//! Sums know the days of a month as three spans: its first day, its last, and those between. Where a local month, or the
//! range, begins within a span, the shorter side is counted from the book, and the longer one is the sum without it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use chrono::{DateTime, Months, NaiveDate};
use chrono_tz::Tz;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::prelude::{col, lit};
use futures::StreamExt as _;
use projections::sums::{PERSON_WORDS, Span};

use super::coded::Coded;
use crate::arrays::{column, text_column};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::{DAY_US, Grain, day_start_us};
use crate::report::in_range;
use crate::session::Session;

/// The column of the local month, as its label.
pub(crate) const MONTH: &str = "month";

/// The column of the number of persons.
pub(crate) const PERSONS: &str = "persons";

/// Which persons are counted, and what is told apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonsAsked<'a> {
    /// When they had an event that counts.
    pub(crate) range: TimeRange,
    /// The zone whose months are told apart; none where the range is one.
    pub(crate) months_of: Option<Tz>,
    /// Of `tenant_id`, `source` and `method`.
    pub(crate) by: &'a [&'static str],
}

/// Counts persons, each as one source of one tenant names them, once in each group: by [`MONTH`] where months are told apart, by
/// the columns asked for, [`PERSONS`]. Sorted, without groups of nobody.
#[cfg_attr(not(test), expect(dead_code, reason = "the report of licences is being written"))]
pub(crate) async fn distinct_persons(
    session: &Session,
    asked: &PersonsAsked<'_>,
) -> Result<RecordBatch, QueryError> {
    let limits = session.limits();
    let periods = periods(asked);
    let mut plan = Plan::default();
    let mut tally = Tally::default();
    match session.stored_sums().events(&limits).await? {
        None => plan.scans.extend(periods.iter().enumerate().map(|(index, period)| Scan {
            from_us: period.from_us,
            to_us: period.to_us,
            adds_to: Some(index),
            takes_from: None,
        })),
        Some(sums) => {
            for month in sums.months() {
                plan.take_in(month, &periods);
            }
            for part in session.stored_sums().persons(&sums, &plan.months(), &limits).await? {
                tally.take_in(&part, &plan.whole);
            }
        }
    }
    let failed = |error| QueryError::while_running(error, &limits);
    for scan in &plan.scans {
        let at = |us: i64| DateTime::from_timestamp_micros(us).unwrap_or_default();
        let range = TimeRange { from: at(scan.from_us), to: at(scan.to_us) };
        let events = session.counted_events().await?.filter(in_range(range)).map_err(failed)?;
        let keys = PERSON_WORDS.iter().map(|word| col(*word)).collect();
        let counts = events.aggregate(keys, vec![count(lit(1)).alias("events")]).map_err(failed)?;
        let mut batches = counts.execute_stream().await.map_err(failed)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            tally.take_in_events(&batch, scan).map_err(|error| failed(error.into()))?;
        }
    }
    tally.persons(asked, &periods).map_err(|error| failed(DataFusionError::from(error)))
}

/// A local month, or the range, as far as the range reaches.
struct Period {
    from_us: i64,
    to_us: i64,
    label: String,
}

fn periods(asked: &PersonsAsked<'_>) -> Vec<Period> {
    let TimeRange { from, to } = asked.range;
    let Some(tz) = asked.months_of else {
        let (from_us, to_us) = (from.timestamp_micros(), to.timestamp_micros());
        return vec![Period { from_us, to_us, label: String::new() }];
    };
    let mut periods = Vec::new();
    let mut at = from;
    while at < to {
        let month = Grain::Month.period(at, tz);
        let end = month.end.to_utc().min(to);
        if end <= at {
            break;
        }
        let (from_us, to_us) = (at.timestamp_micros(), end.timestamp_micros());
        periods.push(Period { from_us, to_us, label: month.label });
        at = end;
    }
    periods
}

/// What is added up, and what is counted from the book.
#[derive(Default)]
struct Plan {
    /// The period of which each span of a month is part as a whole, but for what is taken from it.
    whole: HashMap<(NaiveDate, Span), usize>,
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
    fn months(&self) -> HashSet<NaiveDate> {
        self.whole.keys().map(|(month, _)| *month).collect()
    }

    fn take_in(&mut self, month: NaiveDate, periods: &[Period]) {
        for (span, from_us, to_us) in spans(month) {
            let pieces = pieces(from_us, to_us, periods);
            let length = |(from, to, _): &&(i64, i64, Option<usize>)| to - from;
            let Some(longest) = pieces.iter().max_by_key(length) else { continue };
            let inside: i64 =
                pieces.iter().filter(|(.., period)| period.is_some()).map(|(from, to, _)| to - from).sum();
            let others = to_us - from_us - (longest.1 - longest.0);
            let takes_from = longest.2.filter(|_| others < inside);
            if let Some(period) = takes_from {
                self.whole.insert((month, span), period);
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
fn pieces(from_us: i64, to_us: i64, periods: &[Period]) -> Vec<(i64, i64, Option<usize>)> {
    let mut pieces = Vec::new();
    let mut at = from_us;
    for (index, period) in periods.iter().enumerate() {
        let (low, high) = (period.from_us.max(at), period.to_us.min(to_us));
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

/// The spans of a month, in microseconds since 1970.
fn spans(month: NaiveDate) -> [(Span, i64, i64); 3] {
    let next = month.checked_add_months(Months::new(1)).unwrap_or(month);
    let (from, to) = (day_start_us(month), day_start_us(next));
    [
        (Span::First, from, from + DAY_US),
        (Span::Between, from + DAY_US, to - DAY_US),
        (Span::Last, to - DAY_US, to),
    ]
}

/// How many events each key has in each period.
#[derive(Default)]
struct Tally {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, RandomState>,
    events: HashMap<(usize, [u32; PERSON_WORDS.len()]), i64, RandomState>,
}

impl Tally {
    /// 0 stands for none.
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    fn take_in(&mut self, part: &Coded, whole: &HashMap<(NaiveDate, Span), usize>) {
        let periods = Span::ALL.map(|span| whole.get(&(part.month, span)).copied());
        let ours: Vec<Vec<u32>> = part
            .words
            .iter()
            .map(|words| [0].into_iter().chain(words.texts.iter().map(|text| self.number(text))).collect())
            .collect();
        for (row, span) in part.at.iter().enumerate() {
            let Some(period) = periods.get(usize::from(*span)).copied().flatten() else { continue };
            let mut key = [0; PERSON_WORDS.len()];
            for ((words, ours), key) in part.words.iter().zip(&ours).zip(&mut key) {
                *key = ours[words.codes.get(row)];
            }
            *self.events.entry((period, key)).or_default() += part.counts[0][row];
        }
    }

    fn take_in_events(&mut self, batch: &RecordBatch, scan: &Scan) -> Result<(), ArrowError> {
        let mut words = Vec::new();
        for word in PERSON_WORDS {
            words.push(text_column(batch, word)?);
        }
        let events = column(batch, "events")?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let mut key = [0; PERSON_WORDS.len()];
            for (words, key) in words.iter().zip(&mut key) {
                *key = if words.is_valid(row) { self.number(words.value(row)) } else { 0 };
            }
            for (period, sign) in [(scan.adds_to, 1), (scan.takes_from, -1)] {
                if let Some(period) = period {
                    *self.events.entry((period, key)).or_default() += sign * events.value(row);
                }
            }
        }
        Ok(())
    }

    fn persons(&self, asked: &PersonsAsked<'_>, periods: &[Period]) -> Result<RecordBatch, ArrowError> {
        let [tenant, source, user, method] = [0, 1, 2, 3];
        let by_method = asked.by.contains(&PERSON_WORDS[method]);
        let mut seen: HashSet<(usize, [u32; 4]), RandomState> = HashSet::default();
        for ((period, key), _) in self.events.iter().filter(|(_, events)| **events > 0) {
            let method = if by_method { key[method] } else { 0 };
            seen.insert((*period, [key[tenant], key[source], key[user], method]));
        }
        let places: Vec<usize> =
            asked.by.iter().filter_map(|name| PERSON_WORDS.iter().position(|word| word == name)).collect();
        let mut groups: BTreeMap<(usize, Vec<Option<&str>>), i64> = BTreeMap::new();
        for (period, key) in &seen {
            let text = |place: &usize| Some(self.texts.get((key[*place] as usize).checked_sub(1)?)?.as_ref());
            *groups.entry((*period, places.iter().map(text).collect())).or_default() += 1;
        }
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        if asked.months_of.is_some() {
            let label = |(period, _): &(usize, Vec<Option<&str>>)| Some(periods.get(*period)?.label.clone());
            columns.push((MONTH, Arc::new(groups.keys().map(label).collect::<StringArray>())));
        }
        for (index, name) in asked.by.iter().enumerate() {
            columns.push((name, Arc::new(groups.keys().map(|(_, by)| by[index]).collect::<StringArray>())));
        }
        columns.push((PERSONS, Arc::new(Int64Array::from_iter_values(groups.values().copied()))));
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
    }
}
