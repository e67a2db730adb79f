//! The numbers of a chart.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Datelike as _, NaiveDate};

use super::super::super::OutputError;
use super::super::super::cell::{Cells, nested_options};
use super::Plan;
use crate::period::Grain;

/// Series, or bars, that are drawn one by one; the smaller ones are added up.
pub(super) const SERIES_MAX: usize = 7;
pub(super) const BARS_MAX: usize = 20;

/// What the smaller ones are called together.
const OTHERS: &str = "all others";

/// What is drawn: each series is a name and its numbers by period. Without time all is of one period.
pub(super) struct Data {
    pub(super) series: Vec<(String, BTreeMap<i64, f64>)>,
    /// What each period is called.
    pub(super) labels: BTreeMap<i64, String>,
}

impl Data {
    pub(super) fn gather(plan: &Plan, batches: &[RecordBatch]) -> Result<Self, OutputError> {
        let mut all: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
        let mut labels = BTreeMap::new();
        let nested = nested_options();
        for batch in batches {
            let schema = batch.schema();
            let cells = |index: usize| Cells::new(&schema.fields()[index], batch.column(index), &nested);
            let mut words = plan
                .words
                .iter()
                .map(|index| cells(*index))
                .collect::<Result<Vec<_>, _>>()
                .map_err(OutputError::Type)?;
            let mut time = plan.time.map(|(index, _)| cells(index)).transpose().map_err(OutputError::Type)?;
            let numbers = batch.column(plan.measure).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let mut read = |cells: &mut Cells<'_>| {
                    let mut text = Vec::new();
                    cells.read(row, &mut text).map_err(OutputError::Type)?;
                    Ok::<_, OutputError>(String::from_utf8_lossy(&text).into_owned())
                };
                let period = match (&mut time, plan.time) {
                    (Some(cells), Some((_, grain))) => {
                        let label = read(cells)?;
                        let Some(period) = position(&label, grain) else { continue };
                        labels.insert(period, label);
                        period
                    }
                    _ => 0,
                };
                let names = words.iter_mut().map(&mut read).collect::<Result<Vec<_>, _>>()?;
                #[expect(clippy::cast_precision_loss, reason = "a chart shows three digits")]
                let number = if numbers.is_valid(row) { numbers.value(row) as f64 } else { 0.0 };
                *all.entry(names.join(" · ")).or_default().entry(period).or_default() += number;
            }
        }
        let max = if plan.time.is_some() { SERIES_MAX } else { BARS_MAX };
        Ok(Self { series: largest(all, max), labels })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.iter().all(|(_, numbers)| numbers.values().all(|number| *number == 0.0))
    }
}

/// The largest series first, and the rest as one.
fn largest(all: BTreeMap<String, BTreeMap<i64, f64>>, max: usize) -> Vec<(String, BTreeMap<i64, f64>)> {
    let mut all: Vec<_> = all.into_iter().collect();
    let sum = |numbers: &BTreeMap<i64, f64>| numbers.values().sum::<f64>();
    all.sort_by(|one, other| sum(&other.1).total_cmp(&sum(&one.1)));
    if all.len() > max + 1 {
        let mut others: BTreeMap<i64, f64> = BTreeMap::new();
        for (period, number) in all.drain(max..).flat_map(|(_, numbers)| numbers) {
            *others.entry(period).or_default() += number;
        }
        all.push((OTHERS.to_owned(), others));
    }
    all
}

/// Where a period stands: the next one stands one further.
fn position(label: &str, grain: Grain) -> Option<i64> {
    let quarter_hours = || {
        let at = DateTime::parse_from_str(label, "%Y-%m-%dT%H:%M%:z").ok()?;
        Some(at.timestamp().div_euclid(900))
    };
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    match grain {
        Grain::QuarterHour => quarter_hours(),
        Grain::Hour => Some(quarter_hours()?.div_euclid(4)),
        Grain::Day => Some(date(label)?.num_days_from_ce().into()),
        Grain::Week => Some(i64::from(date(label)?.num_days_from_ce()).div_euclid(7)),
        Grain::Month => {
            let first = date(&format!("{label}-01"))?;
            Some(i64::from(first.year()) * 12 + i64::from(first.month0()))
        }
    }
}
