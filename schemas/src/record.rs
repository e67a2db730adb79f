//! A Kafka record as decoders see it.

/// A Kafka record as decoders see it: no key, no headers, no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Kafka's timestamp of the record, in microseconds since 1970 UTC, where the topic keeps one.
    pub timestamp_us: Option<i64>,
}
