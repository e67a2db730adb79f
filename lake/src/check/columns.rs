//! Columns of a batch by name. Their types were compared with the book's before.

use arrow::array::{
    Array, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

pub(super) fn texts<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    rows.column_by_name(name)?.as_string_opt::<i32>()
}

pub(super) fn flags<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a BooleanArray> {
    rows.column_by_name(name)?.as_boolean_opt()
}

pub(super) fn moments<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a TimestampMicrosecondArray> {
    rows.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()
}

/// Where each row came from.
pub(super) struct Places<'a> {
    topic_ids: &'a StringArray,
    partitions: &'a Int32Array,
    offsets: &'a Int64Array,
    element_indexes: &'a Int32Array,
}

/// Where one row came from.
#[derive(Clone, Copy)]
pub(super) struct RowPlace<'a> {
    pub(super) topic_id: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) element_index: i32,
}

impl<'a> Places<'a> {
    /// None where the batch lacks a column of place.
    pub(super) fn of(rows: &'a RecordBatch) -> Option<Self> {
        let int32 = |name| rows.column_by_name(name)?.as_primitive_opt::<Int32Type>();
        Some(Self {
            topic_ids: texts(rows, "kafka_topic_id")?,
            partitions: int32("kafka_partition")?,
            offsets: rows.column_by_name("kafka_offset")?.as_primitive_opt::<Int64Type>()?,
            element_indexes: int32("element_index")?,
        })
    }

    /// None where the row does not say.
    pub(super) fn get(&self, row: usize) -> Option<RowPlace<'a>> {
        let is_whole = self.topic_ids.is_valid(row)
            && self.partitions.is_valid(row)
            && self.offsets.is_valid(row)
            && self.element_indexes.is_valid(row);
        is_whole.then(|| RowPlace {
            topic_id: self.topic_ids.value(row),
            partition: self.partitions.value(row),
            offset: self.offsets.value(row),
            element_index: self.element_indexes.value(row),
        })
    }
}

impl std::fmt::Display for RowPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.topic_id, self.partition, self.offset)?;
        if self.element_index == 0 { Ok(()) } else { write!(f, ":{}", self.element_index) }
    }
}
