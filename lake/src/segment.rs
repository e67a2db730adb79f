//! Segments: which offsets a commit took in, and what became of each element.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, Int64Builder, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use schemas::UnknownCounts;

use crate::partition::PartitionId;

/// The offsets `[from_offset, next_offset)` of one partition, and the counts of what they held.
///
/// `next_offset` is the consumer's position, not the last record's offset plus one: transaction
/// markers, aborted records and compacted ones lie between records. So
/// `records ≤ next_offset − from_offset`, and `elements = events + changes + rejections + skipped`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub id: PartitionId,
    /// What the book must hold as the partition's next offset when this lands; none for a partition
    /// that the book has never heard of.
    pub expected: Option<i64>,
    /// The first offset.
    pub from_offset: i64,
    /// The offset after the last.
    pub next_offset: i64,
    /// Kafka's timestamp of the newest record, in microseconds.
    pub received_at_us: Option<i64>,
    /// Records that Kafka delivered.
    pub records: i64,
    /// Records that held no element.
    pub empty_records: i64,
    /// Elements read.
    pub elements: i64,
    /// Elements that became events.
    pub events: i64,
    /// Events flagged as duplicates.
    pub duplicates: i64,
    /// Events whose id stands in the window with other content.
    pub conflicting_ids: i64,
    /// Elements that became changes.
    pub changes: i64,
    /// Elements that became rejections.
    pub rejections: i64,
    /// Elements that were skipped, by kind.
    pub skipped_by_kind: BTreeMap<String, i64>,
    /// Values that an open vocabulary did not know, and keys that the contract does not know.
    pub unknown: UnknownCounts,
    /// Why the range holds no records although it may have held some: an operator accepted the gap.
    pub gap: Option<String>,
}

impl Segment {
    /// A segment that begins at `from_offset` and holds nothing yet.
    #[must_use]
    pub fn starting_at(topic: String, id: PartitionId, expected: Option<i64>, from_offset: i64) -> Self {
        Self {
            topic,
            id,
            expected,
            from_offset,
            next_offset: from_offset,
            received_at_us: None,
            records: 0,
            empty_records: 0,
            elements: 0,
            events: 0,
            duplicates: 0,
            conflicting_ids: 0,
            changes: 0,
            rejections: 0,
            skipped_by_kind: BTreeMap::new(),
            unknown: UnknownCounts::default(),
            gap: None,
        }
    }

    /// Skipped elements of every kind.
    #[must_use]
    pub fn skipped(&self) -> i64 {
        self.skipped_by_kind.values().sum()
    }

    /// Whether there is anything to say: an offset passed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next_offset == self.from_offset
    }
}

/// The segments as entries of the book, in the order of the segment schema.
pub(crate) fn entries(segments: &[Segment], committed_at_us: i64) -> Result<RecordBatch, ArrowError> {
    let schema = schemas::segment_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type(), segments, committed_at_us));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns)
}

fn column(
    name: &str,
    data_type: &DataType,
    segments: &[Segment],
    committed_at_us: i64,
) -> Result<ArrayRef, ArrowError> {
    let count = |of: fn(&Segment) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(segments.iter().map(of)))
    };
    let text = |of: fn(&Segment) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(segments.iter().map(of)))
    };
    Ok(match name {
        "kafka_topic" => text(|segment| Some(&segment.topic)),
        "kafka_topic_id" => text(|segment| Some(&segment.id.topic_id)),
        "kafka_partition" => {
            Arc::new(Int32Array::from_iter_values(segments.iter().map(|segment| segment.id.partition)))
        }
        "from_offset" => count(|segment| segment.from_offset),
        "next_offset" => count(|segment| segment.next_offset),
        "committed_at" => Arc::new(
            TimestampMicrosecondArray::from_value(committed_at_us, segments.len()).with_timezone("UTC"),
        ),
        "received_at" => Arc::new(
            TimestampMicrosecondArray::from_iter(segments.iter().map(|segment| segment.received_at_us))
                .with_timezone("UTC"),
        ),
        "records" => count(|segment| segment.records),
        "empty_records" => count(|segment| segment.empty_records),
        "elements" => count(|segment| segment.elements),
        "events" => count(|segment| segment.events),
        "duplicates" => count(|segment| segment.duplicates),
        "conflicting_ids" => count(|segment| segment.conflicting_ids),
        "changes" => count(|segment| segment.changes),
        "rejections" => count(|segment| segment.rejections),
        "skipped_by_kind" => counts(segments.iter().map(|segment| &segment.skipped_by_kind))?,
        "unknown_value_counts" => counts(segments.iter().map(|segment| segment.unknown.values.iter()))?,
        "unknown_key_counts" => counts(segments.iter().map(|segment| segment.unknown.keys.iter()))?,
        "gap" => text(|segment| segment.gap.as_deref()),
        _ => new_null_array(data_type, segments.len()),
    })
}

/// A column of counts by name, a map a row.
pub(crate) fn counts<Row, Key, Count>(rows: impl Iterator<Item = Row>) -> Result<ArrayRef, ArrowError>
where
    Row: IntoIterator<Item = (Key, Count)>,
    Key: AsRef<str>,
    Count: Borrow<i64>,
{
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), Int64Builder::new());
    for row in rows {
        for (key, count) in row {
            builder.keys().append_value(key);
            builder.values().append_value(*count.borrow());
        }
        builder.append(true)?;
    }
    Ok(Arc::new(builder.finish()))
}
