//! Rows of sums, as they are stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::PartKind;
use schemas::DAY_US;

use super::names::Names;
use super::{
    ATTEMPT_WORDS, AttemptKey, ByKey, EVENT_WORDS, EventKey, PERSON_WORDS, QUARTER_US, Sums, add, month_of,
};
use crate::held::day_of;

/// Rows of one kind and month.
#[derive(Debug, Clone)]
pub struct SumRows {
    /// What they are.
    pub kind: PartKind,
    /// The first day of the month.
    pub month: NaiveDate,
    /// The rows.
    pub rows: RecordBatch,
}

/// When the quarter hour, day or month begins that a row is about.
pub(crate) const AT: &str = "at";

/// Where a row of the book came from: its topic's id, and three numbers.
pub(crate) const PLACE: [&str; 4] = ["kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];

/// The columns of sums that attempts do not have.
pub(crate) fn sum_fields() -> [Field; 9] {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let [topic, numbers @ ..] = PLACE;
    let [partition, offset, element] = numbers.map(|name| Field::new(name, DataType::Int64, true));
    [
        Field::new(topic, DataType::Utf8, true),
        partition,
        offset,
        element,
        Field::new(AT, moment, true),
        Field::new("stage", DataType::Utf8, true),
        Field::new("email", DataType::Utf8, true),
        Field::new("attempts", DataType::Int64, true),
        Field::new("span", DataType::Utf8, true),
    ]
}

impl Sums {
    /// Takes all rows out, but for those that came to nothing.
    pub(crate) fn take_rows(&mut self) -> Result<Vec<SumRows>, ArrowError> {
        let Self { names, events, attempts, persons, exceptions, month: _ } = std::mem::take(self);
        let mut all = Vec::new();
        let days = by_day(&events, |key| EventKey { at: key.at.div_euclid(96), ..*key });
        for (kind, sums, unit_us) in
            [(PartKind::EventsByQuarter, events, QUARTER_US), (PartKind::EventsByDay, days, DAY_US)]
        {
            for (month, rows) in by_month(sums, |key| key.at.saturating_mul(unit_us)) {
                let mut table = Table::new(&names, &EVENT_WORDS, &["events"]);
                for (key, counts) in rows {
                    table.append(key.at.saturating_mul(unit_us), &key.words, &counts);
                }
                all.push(SumRows { kind, month, rows: table.finish([])? });
            }
        }
        let days = by_day(&attempts, |key| AttemptKey { at: key.at.div_euclid(96), ..*key });
        for (kind, sums, unit_us) in
            [(PartKind::AttemptsByQuarter, attempts, QUARTER_US), (PartKind::AttemptsByDay, days, DAY_US)]
        {
            for (month, rows) in by_month(sums, |key| key.at.saturating_mul(unit_us)) {
                let mut table = Table::new(&names, &ATTEMPT_WORDS, &["attempts", "prompts"]);
                let mut until = TimestampMicrosecondBuilder::new().with_timezone("UTC");
                for (key, counts) in rows {
                    table.append(key.at.saturating_mul(unit_us), &key.words, &counts);
                    until.append_option(key.until_us);
                }
                let until: ArrayRef = Arc::new(until.finish());
                all.push(SumRows { kind, month, rows: table.finish([("answerable_until", until)])? });
            }
        }
        for (month, rows) in by_month(persons, |key| key.month.saturating_mul(DAY_US)) {
            let mut table = Table::new(&names, &PERSON_WORDS, &["events"]);
            let mut spans = StringBuilder::new();
            for (key, counts) in rows {
                table.append(key.month.saturating_mul(DAY_US), &key.words, &counts);
                spans.append_value(key.span.as_str());
            }
            let spans: ArrayRef = Arc::new(spans.finish());
            all.push(SumRows {
                kind: PartKind::PersonsByMonth,
                month,
                rows: table.finish([("span", spans)])?,
            });
        }
        for (month, rows) in by_month(exceptions, |key| key.day.saturating_mul(DAY_US)) {
            let [topic, numbers @ ..] = PLACE;
            let mut table = Table::new(&names, &[topic], &["events"]);
            let mut places = numbers.map(|name| (name, Int64Builder::new()));
            for (key, counts) in rows {
                table.append(key.day.saturating_mul(DAY_US), &[key.topic], &counts);
                let values = [i64::from(key.partition), key.offset, i64::from(key.element)];
                places.iter_mut().zip(values).for_each(|((_, builder), value)| builder.append_value(value));
            }
            let places = places.map(|(name, mut builder)| (name, Arc::new(builder.finish()) as ArrayRef));
            let kind = PartKind::ExceptionsByDay;
            all.push(SumRows { kind, month, rows: table.finish(places)? });
        }
        Ok(all)
    }
}

/// What a day's quarter hours add up to.
fn by_day<K: Eq + std::hash::Hash, const COUNTS: usize>(
    quarters: &ByKey<K, COUNTS>,
    day: impl Fn(&K) -> K,
) -> ByKey<K, COUNTS> {
    let mut days = HashMap::with_hasher(quarters.hasher().clone());
    for (key, counts) in quarters {
        add(&mut days, day(key), *counts);
    }
    days
}

/// Rows that came to something, sorted, by the first day of their month.
fn by_month<K: Ord, const COUNTS: usize>(
    sums: ByKey<K, COUNTS>,
    at_us: impl Fn(&K) -> i64,
) -> BTreeMap<NaiveDate, Vec<(K, [i64; COUNTS])>> {
    let mut months: BTreeMap<i64, Vec<(K, [i64; COUNTS])>> = BTreeMap::new();
    for (key, counts) in sums.into_iter().filter(|(_, counts)| counts.iter().any(|count| *count != 0)) {
        let (month, _) = month_of(at_us(&key).div_euclid(DAY_US));
        months.entry(month).or_default().push((key, counts));
    }
    let sorted = |(month, mut rows): (i64, Vec<(K, [i64; COUNTS])>)| {
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        (day_of(month.saturating_mul(DAY_US)), rows)
    };
    months.into_iter().map(sorted).collect()
}

/// Rows that are being made: when, words, counts.
struct Table<'a> {
    names: &'a Names,
    at: TimestampMicrosecondBuilder,
    words: Vec<(&'static str, StringBuilder)>,
    counts: Vec<(&'static str, Int64Builder)>,
}

impl<'a> Table<'a> {
    fn new(names: &'a Names, words: &[&'static str], counts: &[&'static str]) -> Self {
        Self {
            names,
            at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            words: words.iter().map(|name| (*name, StringBuilder::new())).collect(),
            counts: counts.iter().map(|name| (*name, Int64Builder::new())).collect(),
        }
    }

    fn append(&mut self, at_us: i64, words: &[u32], counts: &[i64]) {
        self.at.append_value(at_us);
        for ((_, builder), word) in self.words.iter_mut().zip(words) {
            builder.append_option(self.names.text(*word));
        }
        for ((_, builder), count) in self.counts.iter_mut().zip(counts) {
            builder.append_value(*count);
        }
    }

    /// With more columns behind the words.
    fn finish<const MORE: usize>(
        mut self,
        more: [(&'static str, ArrayRef); MORE],
    ) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<(&str, ArrayRef)> = vec![(AT, Arc::new(self.at.finish()))];
        for (name, builder) in &mut self.words {
            columns.push((*name, Arc::new(builder.finish())));
        }
        columns.extend(more);
        for (name, builder) in &mut self.counts {
            columns.push((*name, Arc::new(builder.finish())));
        }
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
    }
}
