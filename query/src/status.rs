//! Where each partition stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use lake::{PartitionId, PartitionTotals};
use serde_json::json;

use crate::answer::Answer;
use crate::error::QueryError;
use crate::session::Session;

/// What waits in Kafka for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The topic's name.
    pub topic: String,
    /// Offsets that were not taken in yet.
    pub lag: i64,
    /// Milliseconds until the oldest of them may expire; none when nothing waits or nothing expires by time.
    pub expires_in_ms: Option<i64>,
}

/// Lists the partitions that the book or Kafka knows, with their counts from all segments, and what waits in Kafka where that
/// is known: `topic`, `topic_id`, `partition`, `next_offset`, `records`, `elements`, `events`, `duplicates`,
/// `conflicting_ids`, `changes`, `rejections`, `skipped`, `unknown_values`, `unknown_keys`, `newest_record_at`,
/// `last_commit_at`, `lag`, `unread_expires_in_ms`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn status(
    session: &Session,
    totals: &BTreeMap<PartitionId, PartitionTotals>,
    waiting: &BTreeMap<PartitionId, Waiting>,
) -> Result<Answer, QueryError> {
    let ids: BTreeSet<&PartitionId> = totals.keys().chain(waiting.keys()).collect();
    let ids = || ids.iter().copied();
    // A partition of which the book has nothing has counts of zero.
    let count = |of: fn(&PartitionTotals) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(ids().map(|id| totals.get(id).map_or(0, of))))
    };
    let moment = |of: fn(&PartitionTotals) -> Option<i64>| -> ArrayRef {
        let moments = ids().map(|id| totals.get(id).and_then(of));
        Arc::new(TimestampMicrosecondArray::from_iter(moments).with_timezone("UTC"))
    };
    let kafka = |of: fn(&Waiting) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(ids().map(|id| waiting.get(id).and_then(of))))
    };
    let topic = |id: &PartitionId| {
        let known = totals.get(id).map(|totals| totals.topic.clone());
        known.or_else(|| waiting.get(id).map(|waiting| waiting.topic.clone())).unwrap_or_default()
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("topic", Arc::new(StringArray::from_iter_values(ids().map(topic)))),
        ("topic_id", Arc::new(StringArray::from_iter_values(ids().map(|id| &id.topic_id)))),
        ("partition", Arc::new(Int32Array::from_iter_values(ids().map(|id| id.partition)))),
        ("next_offset", count(|totals| totals.next_offset)),
        ("records", count(|totals| totals.records)),
        ("elements", count(|totals| totals.elements)),
        ("events", count(|totals| totals.events)),
        ("duplicates", count(|totals| totals.duplicates)),
        ("conflicting_ids", count(|totals| totals.conflicting_ids)),
        ("changes", count(|totals| totals.changes)),
        ("rejections", count(|totals| totals.rejections)),
        ("skipped", count(|totals| totals.skipped)),
        ("unknown_values", count(|totals| totals.unknown_values)),
        ("unknown_keys", count(|totals| totals.unknown_keys)),
        ("newest_record_at", moment(|totals| totals.received_at_us)),
        ("last_commit_at", moment(|totals| totals.committed_at_us)),
        ("lag", kafka(|waiting| Some(waiting.lag))),
        ("unread_expires_in_ms", kafka(|waiting| waiting.expires_in_ms)),
    ];
    Answer::list(session, "status", json!({}), columns).await
}
