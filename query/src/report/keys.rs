//! Folding counts by quarter hour into the local periods and the groups that were asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset};
use chrono_tz::Tz;
use schemas::vocabulary::{AuthResult, DenialReason};

use super::group::Group;
use super::parameters::UsageParameters;
use crate::period::{Grain, Period};

/// The column of the quarter hour's start, in UTC.
pub(super) const QUARTER: &str = "quarter";

/// The column of the number of events.
pub(super) const COUNT: &str = "events";

/// Counts of the groups, sorted.
pub(super) struct Fold {
    by: Vec<Group>,
    tz: Tz,
    periods: HashMap<(Grain, i64), Arc<Period>>,
    counts: BTreeMap<Vec<Cell>, Counts>,
}

/// A group's value in one row. Periods sort by time, texts by bytes, absent ones last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Period(Arc<Period>),
    Text(String),
    Absent,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: i64,
    succeeded: i64,
    denied: i64,
    pending: i64,
}

impl Fold {
    pub(super) fn new(parameters: &UsageParameters) -> Self {
        let mut counts = BTreeMap::new();
        if parameters.by.is_empty() {
            // The one row of a report without groups says zero of an empty range.
            counts.insert(Vec::new(), Counts::default());
        }
        Self { by: parameters.by.clone(), tz: parameters.tz, periods: HashMap::new(), counts }
    }

    /// Groups so far.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Takes in counts: the columns [`QUARTER`] (where a time group is asked for), those of the groups,
    /// `result`, and [`COUNT`].
    pub(super) fn take_in(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        let text = |name: &str| {
            Ok::<_, ArrowError>(cast(column(name)?, &DataType::Utf8)?.as_string::<i32>().clone())
        };
        let by = self.by.clone();
        let texts =
            by.iter().map(|group| group.column().map(text).transpose()).collect::<Result<Vec<_>, _>>()?;
        let has_time = by.iter().any(|group| group.grain().is_some());
        let quarters = has_time.then(|| column(QUARTER)).transpose()?;
        let quarters = quarters.map(|quarters| quarters.as_primitive::<TimestampMicrosecondType>());
        let results = text("result")?;
        let events = column(COUNT)?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let quarter_us = quarters.map_or(0, |quarters| quarters.value(row));
            let cells = by.iter().zip(&texts).map(|(group, texts)| match (group.grain(), texts) {
                (Some(grain), _) => Cell::Period(self.period(grain, quarter_us)),
                (None, Some(texts)) => text_cell(*group, texts, row),
                (None, None) => Cell::Absent,
            });
            let key = cells.collect();
            self.counts
                .entry(key)
                .or_default()
                .add(results.is_valid(row).then(|| results.value(row)), events.value(row));
        }
        Ok(())
    }

    fn period(&mut self, grain: Grain, quarter_us: i64) -> Arc<Period> {
        let tz = self.tz;
        let period = self.periods.entry((grain, quarter_us)).or_insert_with(|| {
            Arc::new(grain.period(DateTime::from_timestamp_micros(quarter_us).unwrap_or_default(), tz))
        });
        Arc::clone(period)
    }

    /// The report's rows.
    pub(super) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (index, group) in self.by.iter().enumerate() {
            let labels = self.counts.keys().map(|key| key[index].label());
            columns.push((group.as_str(), Arc::new(StringArray::from_iter(labels))));
        }
        if self.by.iter().any(|group| group.grain().is_some()) {
            let edge = |of: fn(&[Cell]) -> Option<DateTime<FixedOffset>>| -> ArrayRef {
                Arc::new(StringArray::from_iter(self.counts.keys().map(|key| Some(of(key)?.to_rfc3339()))))
            };
            columns.push((
                "start",
                edge(|key| key.iter().filter_map(Cell::period).map(|period| period.start).max()),
            ));
            columns.push((
                "end",
                edge(|key| key.iter().filter_map(Cell::period).map(|period| period.end).min()),
            ));
        }
        let count = |of: fn(&Counts) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(self.counts.values().map(of)))
        };
        columns.push(("events", count(|counts| counts.events)));
        columns.push(("succeeded", count(|counts| counts.succeeded)));
        columns.push(("denied", count(|counts| counts.denied)));
        columns.push(("pending", count(|counts| counts.pending)));
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            columns.into_iter().map(|(_, column)| column).collect(),
        )
    }
}

fn text_cell(group: Group, texts: &StringArray, row: usize) -> Cell {
    if texts.is_null(row) {
        return Cell::Absent;
    }
    let text = texts.value(row);
    match group {
        Group::ReasonGroup => {
            DenialReason::parse(text).map_or(Cell::Absent, |reason| Cell::Text(reason.group().to_string()))
        }
        _ => Cell::Text(text.to_owned()),
    }
}

impl Cell {
    fn label(&self) -> Option<&str> {
        match self {
            Self::Period(period) => Some(&period.label),
            Self::Text(text) => Some(text),
            Self::Absent => None,
        }
    }

    fn period(&self) -> Option<&Period> {
        match self {
            Self::Period(period) => Some(period),
            Self::Text(_) | Self::Absent => None,
        }
    }
}

impl Counts {
    fn add(&mut self, result: Option<&str>, events: i64) {
        self.events += events;
        match result.and_then(AuthResult::parse) {
            Some(AuthResult::Success) => self.succeeded += events,
            Some(AuthResult::Denied) => self.denied += events,
            Some(AuthResult::Pending) => self.pending += events,
            None => {}
        }
    }
}
