//! The rows for which the flag `duplicate` does not say whether they count.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::col;

use super::{REPEATS_MAX, RepeatsError};

/// Where a row came from, which is unique among events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowPlace {
    pub(super) offset: i64,
    pub(super) partition: i32,
    pub(super) element_index: i32,
    /// The topic's number in [`Exceptions::topics`].
    pub(super) topic: u32,
}

/// Rows that count although they are flagged as duplicates, or do not although they are not.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    /// Numbers of topic ids.
    topics: HashMap<String, u32>,
    places: HashSet<RowPlace>,
}

impl Exceptions {
    /// The number of a topic id.
    pub(super) fn topic(&mut self, id: &str) -> u32 {
        if let Some(number) = self.topics.get(id) {
            return *number;
        }
        let number = self.topics.len() as u32;
        self.topics.insert(id.to_owned(), number);
        number
    }

    /// Says of a row whether it is an exception.
    pub(super) fn set(&mut self, place: RowPlace, is_exception: bool) -> Result<(), RepeatsError> {
        if is_exception {
            self.places.insert(place);
        } else {
            self.places.remove(&place);
        }
        if self.places.len() > REPEATS_MAX { Err(RepeatsError::TooMany) } else { Ok(()) }
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<(), RepeatsError> {
        let numbers: HashMap<u32, u32> =
            other.topics.iter().map(|(id, number)| (*number, self.topic(id))).collect();
        for place in &other.places {
            self.set(RowPlace { topic: numbers[&place.topic], ..*place }, true)?;
        }
        Ok(())
    }

    /// Whether a row counts, as a condition.
    pub(super) fn condition(self) -> Expr {
        let unflagged = col("duplicate").is_not_true();
        if self.places.is_empty() {
            return unflagged;
        }
        let place = ["kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
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
        let types = vec![DataType::Utf8, DataType::Int32, DataType::Int64, DataType::Int32];
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
        let topics = columns[0].as_string::<i32>();
        let partitions = columns[1].as_primitive::<Int32Type>();
        let offsets = columns[2].as_primitive::<Int64Type>();
        let elements = columns[3].as_primitive::<Int32Type>();
        // Rows come in runs of one topic.
        let (mut last_id, mut last_number) = ("", None);
        let row = |row: usize| {
            let id = topics.value(row);
            if id != last_id {
                (last_id, last_number) = (id, self.exceptions.topics.get(id).copied());
            }
            let place = RowPlace {
                offset: offsets.value(row),
                partition: partitions.value(row),
                element_index: elements.value(row),
                topic: last_number?,
            };
            Some(self.exceptions.places.contains(&place))
        };
        let found = (0..topics.len()).map(row).map(|found| Some(found.unwrap_or(false)));
        Ok(ColumnarValue::Array(Arc::new(found.collect::<BooleanArray>())))
    }
}
