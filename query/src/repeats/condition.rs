//! The condition by which events count.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::col;
use projections::repeats::{Exceptions, RowPlace};

/// Whether a row counts, as a condition.
pub(super) fn counts(exceptions: Exceptions) -> Expr {
    let unflagged = col("duplicate").is_not_true();
    if exceptions.is_empty() {
        return unflagged;
    }
    let place = ["day", "kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
    let is_exception = ScalarUDF::new_from_impl(IsException::of(exceptions));
    unflagged.not_eq(is_exception.call(place.map(col).to_vec()))
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
                let places = self.exceptions.of_day(here.0);
                known = places.and_then(|places| Some((places, places.topic(here.1)?)));
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
