//! The report `denials`: what was denied, how that compares with those who were challenged, and with before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason};

use super::counts::{ATTEMPTS, COUNT, Counting, INFERRED, count_attempts, count_events};
use super::filter::Filters;
use super::group::Group;
use super::keys::{Cell, Key, Keys, overlap, rows};
use super::parameters::{BY, DUPLICATES, FILTERS, RANGE, ReportParameters};
use super::{About, Answering, Report, answer};
use crate::arrays::{column, text_column};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::Shift;
use crate::session::Session;

/// What was denied, how that compares with those who were challenged, and with before.
///
/// The columns are the groups and, with a time group, `start` and `end`, as in [`super::usage`].
///
/// What lies after `now` is not yet: a range that reaches beyond it ends there. Without a time group, the time before is
/// the range's own length away in local months, days, or, where it is neither, hours. At clock changes and between months
/// the lengths differ, and the values by the hour are what can be compared.
pub(super) const REPORT: Report = Report {
    name: "denials",
    asks: "What was denied and why, by events and attempts, how many of those who were challenged came in, and how that was before",
    definition: "Events that judge the first factor alone are left out unless `stage` asks for them, and so are attempts that \
                 got no further. An attempt is the events by which one person tried to pass one gate once: it counts by when \
                 it began and as it stands when it is asked, so that a code that nobody used within its life is denied for \
                 `no-response`, which no record says. Where `stage` is asked for, counts of attempts are empty. Reasons, as groups or \
                 as filters, choose among the denied events: `challenged` and `rate` then are those of the other groups and \
                 filters, and grouped by reason only groups with denied events or attempts have a row. `…_before` is the same part of \
                 the calendar period before: of the row's shortest time group, else of the range's own length in local \
                 months, days or hours, and empty where the book begins later than the UTC day \
                 on which that period does. Events whose assurance is unknown count as challenged; the coverage says how many \
                 (`assurance_unknown`).",
    parameters: &[RANGE, &[BY], FILTERS, &[DUPLICATES]],
    columns: &[
        ("start", "string", "with a time group: its first moment, with the zone's offset"),
        ("end", "string", "with a time group: the moment after its last"),
        ("meaning", "string", "with the group `reason`: what it means"),
        ("denied", "integer", "events whose result is denied"),
        ("denied_per_hour", "number", "the same by the hours of the row's time"),
        (
            "challenged",
            "integer",
            "decided events for which a second factor was used now, or that do not say",
        ),
        (
            "rate",
            "number",
            "those of the challenged that succeeded, by all of them, from 0 to 1; null where there are none",
        ),
        ("denied_before", "integer", "as `denied`, of the period before"),
        ("denied_per_hour_before", "number", "as `denied_per_hour`, of the period before"),
        ("rate_before", "number", "as `rate`, of the period before"),
        (
            "attempts_denied",
            "integer",
            "attempts that were denied, or whose challenge nobody answered in time, though no record says so",
        ),
        (
            "attempts_inferred",
            "integer",
            "of `attempts_denied`, those of which no record says so: nobody answered in time",
        ),
        ("attempts_denied_before", "integer", "as `attempts_denied`, of the period before"),
    ],
    answer: denials,
};

fn denials<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let (tz, range) = (parameters.tz, parameters.so_far());
        let grain = parameters.by.iter().filter_map(|group| group.grain()).min();
        let shift = grain
            .map_or_else(|| Shift::by_length(parameters.range.from, parameters.range.to, tz), Shift::by_one);
        let keys = || Keys::new(&parameters.by, tz);
        let before = TimeRange { from: shift.back(range.from, tz), to: shift.back_end(range.to, tz) };
        let (reasons, others) = parameters.filters.split_reasons();
        // What is told of before is covered too.
        let covered = TimeRange { from: before.from.min(range.from), to: range.to };
        let now = fold(session, parameters, (&reasons, &others), range, keys()).await?;
        let before = fold(session, parameters, (&reasons, &others), before, keys().shifted(shift)).await?;
        let first_day = session.first_day()?;
        let times = |key: &Key| {
            let (start, end) = overlap(key).unwrap_or((range.from, range.to));
            let (start, end) = (start.max(range.from), end.min(range.to));
            let (earlier, earlier_end) = (shift.back(start, tz), shift.back_end(end, tz));
            Times {
                hours: hours_between(start, end),
                hours_before: hours_between(earlier, earlier_end),
                has_before: first_day.is_some_and(|first| first <= earlier.date_naive()),
            }
        };
        let compared = compare(&parameters.by, &now, &before, times);
        let about = About {
            covered: Some(covered),
            assurance_unknown: Some(now.assurance_unknown),
            ..About::default()
        };
        answer(session, &REPORT, parameters, about, compared).await
    })
}

/// How long a row's time is.
struct Times {
    hours: f64,
    hours_before: f64,
    /// Whether the book reaches back to the beginning of the time before.
    has_before: bool,
}

/// Counts of the groups, sorted.
struct Fold {
    keys: Keys,
    by: Vec<Group>,
    /// What is said of reasons: they choose among the denied events alone.
    reasons: Vec<(&'static str, Vec<String>)>,
    denied: BTreeMap<Key, i64>,
    /// Attempts; none where they have not what is asked for.
    attempts: Option<BTreeMap<Key, Attempts>>,
    /// By the groups without reasons.
    others: BTreeMap<Key, Challenged>,
    assurance_unknown: i64,
}

/// Attempts that were denied.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    denied: i64,
    /// Those of which no record says so.
    inferred: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Challenged {
    events: i64,
    succeeded: i64,
}

async fn fold(
    session: &Session,
    parameters: &ReportParameters,
    (reasons, others): (&Filters, &Filters),
    range: TimeRange,
    keys: Keys,
) -> Result<Fold, QueryError> {
    let shift = keys.shift();
    let has_attempts = !parameters.by.contains(&Group::Stage) && !others.has(Group::Stage);
    let mut fold = Fold {
        keys,
        by: parameters.by.clone(),
        reasons: reasons.by_column().collect(),
        denied: BTreeMap::new(),
        attempts: has_attempts.then(BTreeMap::new),
        others: BTreeMap::new(),
        assurance_unknown: 0,
    };
    if parameters.by.is_empty() {
        // The one row of a report without groups says zero of an empty range.
        fold.others.insert(Vec::new(), Challenged::default());
    }
    let counting = Counting {
        tz: parameters.tz,
        shift,
        range,
        by: &parameters.by,
        filters: others,
        with_duplicates: parameters.with_duplicates(),
        with_first_factor: others.has(Group::Stage),
        columns: &["result", "assurance", "denial_reason"],
    };
    if range.from < range.to {
        count_events(session, &counting, |batch| fold.take_in(batch)).await?;
        if has_attempts {
            count_attempts(session, &counting, parameters.now, |batch| fold.take_attempts(batch)).await?;
        }
    }
    Ok(fold)
}

impl Fold {
    fn take_in(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        let (results, assurances) = (text_column(batch, "result")?, text_column(batch, "assurance")?);
        let reasons = text_column(batch, "denial_reason")?;
        let events = column(batch, COUNT)?.as_primitive::<Int64Type>();
        for (row, key) in self.keys.of(batch)?.into_iter().enumerate() {
            let events = events.value(row);
            let result = AuthResult::parse(results.value(row));
            let assurance = Assurance::parse(assurances.value(row));
            let other = self.others.entry(without_reasons(&self.by, &key)).or_default();
            // Where a code was sent, its check comes as another event, which decides.
            let is_decided = result != Some(AuthResult::Pending);
            if is_decided && matches!(assurance, Some(Assurance::Challenged | Assurance::Unknown)) {
                other.events += events;
                other.succeeded += if result == Some(AuthResult::Success) { events } else { 0 };
            }
            if is_decided && assurance == Some(Assurance::Unknown) {
                self.assurance_unknown += events;
            }
            let reason = reasons.is_valid(row).then(|| reasons.value(row));
            if result == Some(AuthResult::Denied) && is_asked(&self.reasons, reason) {
                *self.denied.entry(key).or_default() += events;
            }
        }
        Ok(self.others.len().max(self.denied.len()))
    }

    fn take_attempts(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        let Some(denied) = &mut self.attempts else { return Ok(0) };
        let (results, reasons) = (text_column(batch, "result")?, text_column(batch, "denial_reason")?);
        let [attempts, inferred] = [ATTEMPTS, INFERRED]
            .map(|name| Ok::<_, ArrowError>(column(batch, name)?.as_primitive::<Int64Type>()));
        let (attempts, inferred) = (attempts?, inferred?);
        for (row, key) in self.keys.of(batch)?.into_iter().enumerate() {
            let reason = reasons.is_valid(row).then(|| reasons.value(row));
            let is_denied = AuthResult::parse(results.value(row)) == Some(AuthResult::Denied);
            if is_denied && is_asked(&self.reasons, reason) {
                let counts = denied.entry(key).or_default();
                counts.denied += attempts.value(row);
                counts.inferred += inferred.value(row);
            }
        }
        Ok(denied.len())
    }

    fn attempts(&self, key: &Key) -> Option<Attempts> {
        Some(self.attempts.as_ref()?.get(key).copied().unwrap_or_default())
    }

    fn denied(&self, key: &Key) -> i64 {
        self.denied.get(key).copied().unwrap_or_default()
    }

    fn challenged(&self, key: &Key) -> Challenged {
        self.others.get(&without_reasons(&self.by, key)).copied().unwrap_or_default()
    }
}

/// Whether a reason is one of those that are asked for.
fn is_asked(asked: &[(&'static str, Vec<String>)], reason: Option<&str>) -> bool {
    asked.iter().all(|(_, values)| reason.is_some_and(|reason| values.iter().any(|value| value == reason)))
}

fn without_reasons(by: &[Group], key: &Key) -> Key {
    let cell = |(group, cell): (&Group, &Cell)| if group.is_reason() { Cell::Absent } else { cell.clone() };
    by.iter().zip(key).map(cell).collect()
}

/// The rows, each with its own and its earlier counts.
fn compare(
    by: &[Group],
    now: &Fold,
    before: &Fold,
    times: impl Fn(&Key) -> Times,
) -> Result<RecordBatch, ArrowError> {
    let attempts = now.attempts.iter().flat_map(BTreeMap::keys);
    let has_reasons = by.iter().any(|group| group.is_reason());
    let events = if has_reasons { now.denied.keys().collect() } else { Vec::from_iter(now.others.keys()) };
    let keys: BTreeSet<&Key> = events.into_iter().chain(attempts).collect();
    let count = |of: &dyn Fn(&Key) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(keys.iter().map(|key| of(key))))
    };
    let ratio = |of: &dyn Fn(&Key) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(keys.iter().map(|key| of(key))))
    };
    let has_before = |key: &Key| times(key).has_before;
    let denied = |fold: &Fold, key: &Key| Some(fold.attempts(key)?.denied);
    let mut counted = Vec::new();
    if let Some(index) = by.iter().position(|group| *group == Group::Reason) {
        let meanings =
            keys.iter().map(|key| key[index].text().and_then(DenialReason::parse).map(DenialReason::meaning));
        counted.push(("meaning", Arc::new(StringArray::from_iter(meanings)) as ArrayRef));
    }
    counted.extend([
        ("denied", count(&|key| Some(now.denied(key)))),
        ("denied_per_hour", ratio(&|key| per_hour(now.denied(key), times(key).hours))),
        ("challenged", count(&|key| Some(now.challenged(key).events))),
        ("rate", ratio(&|key| now.challenged(key).rate())),
        ("denied_before", count(&|key| has_before(key).then(|| before.denied(key)))),
        (
            "denied_per_hour_before",
            ratio(&|key| per_hour(before.denied(key), times(key).hours_before).filter(|_| has_before(key))),
        ),
        ("rate_before", ratio(&|key| before.challenged(key).rate().filter(|_| has_before(key)))),
        ("attempts_denied", count(&|key| denied(now, key))),
        ("attempts_inferred", count(&|key| Some(now.attempts(key)?.inferred))),
        ("attempts_denied_before", count(&|key| denied(before, key).filter(|_| has_before(key)))),
    ]);
    rows(by, keys.iter().copied(), counted)
}

impl Challenged {
    fn rate(self) -> Option<f64> {
        (self.events > 0).then(|| self.succeeded as f64 / self.events as f64)
    }
}

fn hours_between(start: DateTime<Utc>, end: DateTime<Utc>) -> f64 {
    (end - start).as_seconds_f64() / 3_600.0
}

fn per_hour(events: i64, hours: f64) -> Option<f64> {
    (hours > 0.0).then(|| events as f64 / hours)
}
