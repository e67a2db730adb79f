//! The condition by which events count.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use datafusion::logical_expr::Expr;
use datafusion::prelude::col;
use projections::repeats::{Exceptions, RowPlace};

use crate::function::telling;

/// Whether a row counts, as a condition.
pub(super) fn counts(exceptions: Exceptions) -> Expr {
    let unflagged = col("duplicate").is_not_true();
    if exceptions.is_empty() {
        return unflagged;
    }
    let place = ["day", "kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
    let types = vec![DataType::Date32, DataType::Utf8, DataType::Int32, DataType::Int64, DataType::Int32];
    let is_exception = telling("is_exception", types, move |columns| {
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
                let places = exceptions.of_day(here.0);
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
        (0..topics.len()).map(row).collect()
    });
    unflagged.not_eq(is_exception.call(place.map(col).to_vec()))
}
