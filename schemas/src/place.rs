//! Where an element came from.

/// Where an element came from: Kafka's own place and timestamp, and the position in the record.
///
/// (`topic_id`, `partition`, `offset`, `element_index`) is unique among the events, changes and rejections
/// of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The topic's UUID: a topic that was deleted and created again has another one.
    pub topic_id: &'a str,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset in the partition.
    pub offset: i64,
    /// The element's position in the record, from 0.
    pub element_index: i32,
    /// Kafka's timestamp of the record, in microseconds since 1970 UTC.
    pub received_at_us: i64,
}
