//! The rows for which the flag `duplicate` does not say whether they count.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use chrono::NaiveDate;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::col;

use crate::period::day_number;

/// Where a row came from, which is unique among events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowPlace {
    pub(super) offset: i64,
    pub(super) partition: i32,
    pub(super) element_index: i32,
    /// The topic's number in [`Places`].
    pub(super) topic: u32,
}

/// Rows of one day that count although they are flagged as duplicates, or do not although they are not.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Topic ids, by their number.
    pub(super) topics: Vec<String>,
    /// Sorted.
    places: Vec<RowPlace>,
}

/// The number of a topic id among those that are known, this one with them.
pub(super) fn topic_number(topics: &mut Vec<String>, id: &str) -> u32 {
    let number = topics.iter().position(|topic| topic == id).unwrap_or_else(|| {
        topics.push(id.to_owned());
        topics.len() - 1
    });
    number as u32
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.len() * size_of::<RowPlace>()
    }

    /// Says anew of these rows, each once, whether they are exceptions.
    pub(super) fn judge(&mut self, mut judged: Vec<(RowPlace, bool)>) {
        judged.sort_unstable();
        self.places.retain(|place| judged.binary_search_by_key(place, |(judged, _)| *judged).is_err());
        self.places
            .extend(judged.into_iter().filter(|(_, is_exception)| *is_exception).map(|(place, _)| place));
        self.places.sort_unstable();
        self.places.shrink_to_fit();
    }

    fn has(&self, place: &RowPlace) -> bool {
        self.places.binary_search(place).is_ok()
    }
}

/// The exceptions of several days.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    /// By the number of the day since 1970; none for a day without any.
    days: HashMap<i32, Arc<Places>>,
}

impl Exceptions {
    pub(super) fn of(days: Vec<(NaiveDate, Arc<Places>)>) -> Self {
        let days = days.into_iter().filter(|(_, places)| places.len() > 0);
        Self { days: days.map(|(day, places)| (day_number(day), places)).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.days.values().map(|places| places.len()).sum()
    }

    /// Whether a row counts, as a condition.
    pub(super) fn condition(self) -> Expr {
        let unflagged = col("duplicate").is_not_true();
        if self.days.is_empty() {
            return unflagged;
        }
        let place = ["day", "kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
        let is_exception = ScalarUDF::new_from_impl(IsException::of(self));
        unflagged.not_eq(is_exception.call(place.map(col).to_vec()))
    }
}

/// The function of SQL that tells exceptions by their place.
#[derive(Debug)]
struct IsException {
    exceptions: Arc<Exceptions>,
    signature: Signature,
}

impl IsException {
    fn of(exceptions: Exceptions) -> Self {
        let types = vec![DataType::Date32, DataType::Utf8, DataType::Int32, DataType::Int64, DataType::Int32];
        let signature = Signature::exact(types, Volatility::Immutable);
        Self { exceptions: Arc::new(exceptions), signature }
    }
}

impl PartialEq for IsException {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.exceptions, &other.exceptions)
    }
}

impl Eq for IsException {}

impl Hash for IsException {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.exceptions).hash(state);
    }
}

impl ScalarUDFImpl for IsException {
    fn name(&self) -> &str {
        "is_exception"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let days = columns[0].as_primitive::<Date32Type>();
        let topics = columns[1].as_string::<i32>();
        let partitions = columns[2].as_primitive::<Int32Type>();
        let offsets = columns[3].as_primitive::<Int64Type>();
        let elements = columns[4].as_primitive::<Int32Type>();
        // Rows come in runs of one day and one topic.
        let (mut last, mut known) = (None, None);
        let row = |row: usize| {
            let here = (days.value(row), topics.value(row));
            if last != Some(here) {
                last = Some(here);
                let places = self.exceptions.days.get(&here.0);
                known = places.and_then(|places| {
                    let topic = places.topics.iter().position(|topic| topic == here.1)?;
                    Some((places, topic as u32))
                });
            }
            let Some((places, topic)) = known else { return Some(false) };
            Some(places.has(&RowPlace {
                offset: offsets.value(row),
                partition: partitions.value(row),
                element_index: elements.value(row),
                topic,
            }))
        };
        Ok(ColumnarValue::Array(Arc::new((0..topics.len()).map(row).collect::<BooleanArray>())))
    }
}
