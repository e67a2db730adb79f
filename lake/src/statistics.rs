//! What the log says of a file, so that readers can skip it: rows, nulls, smallest and largest values.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike as _};
use serde_json::{Map, Value, json};

/// Characters of a text bound that are kept. A longer smallest value is cut, which is still not
/// larger; a longer largest value gets the largest character behind the cut.
const TEXT_CHARACTERS_MAX: usize = 64;

/// Gathers the statistics of one file over its batches.
pub(crate) struct Statistics {
    columns: Vec<Column>,
}

struct Column {
    name: &'static str,
    index: usize,
    nulls: usize,
    bounds: Option<Bounds>,
}

enum Bounds {
    Number(i64, i64),
    Moment(i64, i64),
    Text(String, String),
}

impl Statistics {
    /// Of these columns, as far as the file has them.
    pub(crate) fn new(schema: &Schema, columns: &'static [&'static str]) -> Self {
        let column = |name: &&'static str| {
            let index = schema.index_of(name).ok()?;
            Some(Column { name, index, nulls: 0, bounds: None })
        };
        Self { columns: columns.iter().filter_map(column).collect() }
    }

    pub(crate) fn take_in(&mut self, batch: &RecordBatch) {
        for column in &mut self.columns {
            let values = batch.column(column.index);
            column.nulls += values.null_count();
            column.bounds = match (column.bounds.take(), bounds(values)) {
                (Some(one), Some(other)) => Some(one.join(other)),
                (one, other) => one.or(other),
            };
        }
    }

    /// The `stats` of a Delta `add` action.
    pub(crate) fn to_json(&self, rows: usize) -> String {
        let (mut low, mut high, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            nulls.insert(column.name.to_owned(), column.nulls.into());
            if let Some(bounds) = &column.bounds {
                let (least, greatest) = bounds.to_json();
                low.extend(least.map(|least| (column.name.to_owned(), least)));
                high.extend(greatest.map(|greatest| (column.name.to_owned(), greatest)));
            }
        }
        json!({"numRecords": rows, "minValues": low, "maxValues": high, "nullCount": nulls}).to_string()
    }
}

fn bounds(values: &dyn Array) -> Option<Bounds> {
    match values.data_type() {
        DataType::Int32 => {
            let values = values.as_primitive::<Int32Type>();
            Some(Bounds::Number(min(values)?.into(), max(values)?.into()))
        }
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>();
            Some(Bounds::Number(min(values)?, max(values)?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = values.as_primitive::<TimestampMicrosecondType>();
            Some(Bounds::Moment(min(values)?, max(values)?))
        }
        DataType::Utf8 => {
            let values = values.as_string::<i32>();
            Some(Bounds::Text(min_string(values)?.to_owned(), max_string(values)?.to_owned()))
        }
        _ => None,
    }
}

impl Bounds {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(low, high), Self::Number(lower, higher)) => {
                Self::Number(low.min(lower), high.max(higher))
            }
            (Self::Moment(low, high), Self::Moment(lower, higher)) => {
                Self::Moment(low.min(lower), high.max(higher))
            }
            (Self::Text(low, high), Self::Text(lower, higher)) => {
                Self::Text(low.min(lower), high.max(higher))
            }
            (one, _) => one,
        }
    }

    /// A bound that cannot be written is left out, which prunes nothing.
    fn to_json(&self) -> (Option<Value>, Option<Value>) {
        match self {
            Self::Number(low, high) => (Some((*low).into()), Some((*high).into())),
            Self::Moment(low, high) => (moment(*low), moment(*high)),
            Self::Text(low, high) => (Some(cut(low).0.into()), upper(high).map(Value::from)),
        }
    }
}

/// Delta's form has years of four digits; Kafka's timestamps can be absurd.
fn moment(us: i64) -> Option<Value> {
    let moment = DateTime::from_timestamp_micros(us)?;
    (0..=9999).contains(&moment.year()).then(|| moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into())
}

/// The text up to the bound, and what was cut off.
fn cut(text: &str) -> (&str, &str) {
    let end = text.char_indices().nth(TEXT_CHARACTERS_MAX).map_or(text.len(), |(end, _)| end);
    text.split_at(end)
}

/// A text that is not smaller; none where no short one can be made by a largest character behind the cut.
fn upper(text: &str) -> Option<String> {
    const LARGEST: char = '\u{10ffff}';
    match cut(text) {
        (all, "") => Some(all.to_owned()),
        (_, rest) if rest.starts_with(LARGEST) => None,
        (kept, _) => Some(format!("{kept}{LARGEST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_stay_between_their_bounds() {
        let long = "x".repeat(64);
        for tail in ["", "a", "\u{10fffe}zz"] {
            let text = format!("{long}{tail}");
            assert!(cut(&text).0 <= text.as_str());
            assert!(upper(&text).is_some_and(|upper| upper >= text), "{tail:?}");
        }
        assert_eq!(upper(&format!("{long}\u{10ffff}\u{10ffff}")), None);
    }

    #[test]
    fn moments_that_delta_cannot_write_are_left_out() {
        assert_eq!(moment(0), Some("1970-01-01T00:00:00.000000Z".into()));
        assert_eq!(moment(i64::MAX / 10), None);
    }
}
