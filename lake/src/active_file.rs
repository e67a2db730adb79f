//! A data file of one version of the book.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::{Action, LogicalFileView, Remove};
use object_store::path::Path;
use schemas::Kind;
use serde_json::{Map, Value};

use crate::data_file::LANDED_PREFIX;

/// A file, with what the log says of it.
#[derive(Debug, Clone)]
pub struct ActiveFile {
    /// Relative to the book's folder.
    pub path: Path,
    /// The kind of its entries; none where the log names a kind that this version does not know.
    pub kind: Option<Kind>,
    /// The day of its entries.
    pub day: Option<NaiveDate>,
    /// Its length.
    pub size_bytes: u64,
    /// Its entries.
    pub rows: u64,
    /// The newest `occurred_at` in it, in microseconds since 1970 UTC.
    pub newest_us: Option<i64>,
    /// The smallest and the largest topic id in it, as far as the log has them: long ones may be cut.
    pub topic_ids: Option<Arc<(String, String)>>,
    /// The smallest and the largest Kafka partition in it.
    pub partitions: Option<(i64, i64)>,
    /// The smallest and the largest Kafka offset in it.
    pub offsets: Option<(i64, i64)>,
    remove: Arc<Remove>,
}

impl ActiveFile {
    pub(crate) fn of(view: &LogicalFileView) -> Self {
        let values = view.partition_values_map();
        let value = |name: &str| values.get(name).and_then(Option::as_deref);
        // Statistics that cannot be read prune nothing.
        let statistics: Statistics =
            view.stats().and_then(|stats| serde_json::from_str(&stats).ok()).unwrap_or_default();
        Self {
            path: view.object_store_path(),
            kind: value("kind").and_then(Kind::parse),
            day: value("day").and_then(|day| day.parse().ok()),
            size_bytes: u64::try_from(view.size()).unwrap_or(0),
            rows: view.num_records().unwrap_or(0) as u64,
            newest_us: statistics
                .max_values
                .get("occurred_at")
                .and_then(Value::as_str)
                .and_then(|text| text.parse::<DateTime<Utc>>().ok())
                .map(|newest| newest.timestamp_micros()),
            topic_ids: text_bounds(&statistics, "kafka_topic_id").map(Arc::new),
            partitions: bounds(&statistics, "kafka_partition"),
            offsets: bounds(&statistics, "kafka_offset"),
            remove: Arc::new(view.remove_action(false)),
        }
    }

    /// What takes it out of the table, from now on.
    pub(crate) fn remove_action(&self, data_change: bool) -> Action {
        removing(&self.remove, data_change)
    }

    /// Whether ingest wrote it, in the order of arrival; otherwise it is sorted.
    pub(crate) fn is_landed(&self) -> bool {
        self.path.filename().is_some_and(|name| name.starts_with(LANDED_PREFIX))
    }
}

/// What takes a file out of a table from now on. The log's reader says when it was asked.
pub(crate) fn removing(remove: &Remove, data_change: bool) -> Action {
    let now_ms = Utc::now().timestamp_millis();
    Action::Remove(Remove { data_change, deletion_timestamp: Some(now_ms), ..remove.clone() })
}

/// The smallest and the largest value of an integer column, where the log has them.
fn bounds(statistics: &Statistics, column: &str) -> Option<(i64, i64)> {
    let value = |values: &Map<String, Value>| values.get(column).and_then(Value::as_i64);
    Some((value(&statistics.min_values)?, value(&statistics.max_values)?))
}

/// The smallest and the largest value of a text column, where the log has them.
fn text_bounds(statistics: &Statistics, column: &str) -> Option<(String, String)> {
    let value = |values: &Map<String, Value>| values.get(column).and_then(Value::as_str).map(str::to_owned);
    Some((value(&statistics.min_values)?, value(&statistics.max_values)?))
}

/// The part of a file's statistics that is used here.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Statistics {
    min_values: Map<String, Value>,
    max_values: Map<String, Value>,
}
