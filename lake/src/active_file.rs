//! A data file of one version of the book.

use chrono::NaiveDate;
use deltalake_core::kernel::expressions::Scalar;
use deltalake_core::kernel::{LogicalFileView, Remove, StructDataExt as _};
use object_store::path::Path;
use schemas::Kind;

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
    /// The smallest and the largest Kafka partition in it.
    pub partitions: Option<(i64, i64)>,
    /// The smallest and the largest Kafka offset in it.
    pub offsets: Option<(i64, i64)>,
    /// The action that takes it out of the table without changing data.
    pub(crate) remove: Remove,
}

impl ActiveFile {
    pub(crate) fn of(view: &LogicalFileView) -> Self {
        let values = view.partition_values_map();
        let value = |name: &str| values.get(name).and_then(Option::as_deref);
        Self {
            path: view.object_store_path(),
            kind: value("kind").and_then(Kind::parse),
            day: value("day").and_then(|day| day.parse().ok()),
            size_bytes: u64::try_from(view.size()).unwrap_or(0),
            rows: view.num_records().unwrap_or(0) as u64,
            partitions: bounds(view, "kafka_partition"),
            offsets: bounds(view, "kafka_offset"),
            remove: view.remove_action(false),
        }
    }
}

/// The smallest and the largest value of an integer column, where the log has them.
fn bounds(view: &LogicalFileView, column: &str) -> Option<(i64, i64)> {
    let value = |values: Option<Scalar>| match values? {
        Scalar::Struct(values) => match values.value(values.index_of(column)?)? {
            Scalar::Integer(value) => Some(i64::from(*value)),
            Scalar::Long(value) => Some(*value),
            _ => None,
        },
        _ => None,
    };
    Some((value(view.min_values())?, value(view.max_values())?))
}
