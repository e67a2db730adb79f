//! The groups of a report's rows: read from counts by quarter hour, and written down as columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::DenialReason;

use super::counts::QUARTER;
use super::group::Group;
use crate::arrays::{column, text_column};
use crate::period::{Grain, Period, Shift};

/// The groups of a row, in the order asked for.
pub(super) type Key = Vec<Cell>;

/// A group's value in one row. Periods sort by time, texts by bytes, absent ones last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Period(Arc<Period>),
    Text(String),
    Absent,
}

/// Reads the groups of counts.
pub(super) struct Keys {
    by: Vec<Group>,
    tz: Tz,
    /// How far later than its moment a count is to be read: nothing, or one period.
    shift: Option<Shift>,
    periods: HashMap<(Grain, i64), Arc<Period>>,
}

impl Keys {
    pub(super) fn new(by: &[Group], tz: Tz) -> Self {
        Self { by: by.to_vec(), tz, shift: None, periods: HashMap::new() }
    }

    /// Reads counts of the time before as if they were of the time that they are compared with.
    pub(super) fn shifted(self, shift: Shift) -> Self {
        Self { shift: Some(shift), ..self }
    }

    /// The key of each row of counts.
    pub(super) fn of(&mut self, counts: &RecordBatch) -> Result<Vec<Key>, ArrowError> {
        let by = self.by.clone();
        let texts = by.iter().map(|group| group.column().map(|name| text_column(counts, name)).transpose());
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let has_time = by.iter().any(|group| group.grain().is_some());
        let quarters = has_time.then(|| column(counts, QUARTER)).transpose()?;
        let quarters = quarters.map(|quarters| quarters.as_primitive::<TimestampMicrosecondType>());
        let keys = (0..counts.num_rows()).map(|row| {
            let quarter_us = quarters.map_or(0, |quarters| quarters.value(row));
            let cells = by.iter().zip(&texts).map(|(group, texts)| match (group.grain(), texts) {
                (Some(grain), _) => Cell::Period(self.period(grain, quarter_us)),
                (None, Some(texts)) => text_cell(*group, texts, row),
                (None, None) => Cell::Absent,
            });
            cells.collect()
        });
        Ok(keys.collect())
    }

    fn period(&mut self, grain: Grain, quarter_us: i64) -> Arc<Period> {
        let (tz, shift) = (self.tz, self.shift);
        let period = self.periods.entry((grain, quarter_us)).or_insert_with(|| {
            let quarter = DateTime::from_timestamp_micros(quarter_us).unwrap_or_default();
            let quarter = shift.map_or(quarter, |shift| shift.forward(quarter, tz));
            Arc::new(grain.period(quarter, tz))
        });
        Arc::clone(period)
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

/// The rows of a report: the groups under their own names, with a time group also `start` and `end` of the
/// periods' overlap, and what was counted.
pub(super) fn rows<'a>(
    by: &[Group],
    keys: impl Iterator<Item = &'a Key> + Clone,
    counted: Vec<(&str, ArrayRef)>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for (index, group) in by.iter().enumerate() {
        let labels = keys.clone().map(|key| key[index].label());
        columns.push((group.as_str(), Arc::new(StringArray::from_iter(labels))));
    }
    if by.iter().any(|group| group.grain().is_some()) {
        let edge = |of: fn(&Key) -> Option<DateTime<FixedOffset>>| -> ArrayRef {
            Arc::new(StringArray::from_iter(keys.clone().map(|key| Some(of(key)?.to_rfc3339()))))
        };
        columns.push(("start", edge(start)));
        columns.push(("end", edge(end)));
    }
    columns.extend(counted);
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

/// The time that a row's periods have in common; none without a time group.
pub(super) fn overlap(key: &Key) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    Some((start(key)?.to_utc(), end(key)?.to_utc()))
}

fn start(key: &Key) -> Option<DateTime<FixedOffset>> {
    key.iter().filter_map(Cell::period).map(|period| period.start).max()
}

fn end(key: &Key) -> Option<DateTime<FixedOffset>> {
    key.iter().filter_map(Cell::period).map(|period| period.end).min()
}

impl Cell {
    /// The text, of a group that is no time.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Period(_) | Self::Absent => None,
        }
    }

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
