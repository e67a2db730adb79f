//! What the segments and removals add up to.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use chrono::NaiveDate;
use object_store::path::Path;
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::partition::PartitionId;
use crate::read::ReadError;
use crate::removal::{self, days_of};

/// The sums over all segments of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionTotals {
    /// The topic's name.
    pub topic: String,
    /// The first offset that the book took in.
    pub first_offset: i64,
    /// The offset after the last.
    pub next_offset: i64,
    /// Records read.
    pub records: i64,
    /// Elements read.
    pub elements: i64,
    /// Elements that became events.
    pub events: i64,
    /// Events flagged as duplicates.
    pub duplicates: i64,
    /// Events whose id was seen with other content.
    pub conflicting_ids: i64,
    /// Elements that became changes.
    pub changes: i64,
    /// Elements that became rejections.
    pub rejections: i64,
    /// Elements that were skipped.
    pub skipped: i64,
    /// Values that no vocabulary knew.
    pub unknown_values: i64,
    /// Keys that the contract does not have.
    pub unknown_keys: i64,
    /// When the last segment was committed, in microseconds since 1970 UTC.
    pub committed_at_us: Option<i64>,
    /// Kafka's timestamp of the newest record, in microseconds since 1970 UTC.
    pub received_at_us: Option<i64>,
}

/// The sums over all segments and removals of one version, from which those of a later one are made.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// By partition.
    pub by_partition: BTreeMap<PartitionId, PartitionTotals>,
    /// The days of which events were read anew, or into which a new reading moved some.
    pub redecoded_days: BTreeSet<NaiveDate>,
    /// The files that were added up.
    files: BTreeSet<Path>,
}

impl Book {
    /// The sums over all segments, by partition.
    pub async fn totals(&self) -> Result<BTreeMap<PartitionId, PartitionTotals>, ReadError> {
        Ok(self.totals_since(Totals::default()).await?.by_partition)
    }

    /// The sums over all segments and removals, made from those of an earlier version: only files that came since are
    /// read, unless some were merged meanwhile.
    pub async fn totals_since(&self, earlier: Totals) -> Result<Totals, ReadError> {
        let is_summed = |file: &ActiveFile| matches!(file.kind, Some(Kind::Segment | Kind::Removal));
        let files: Vec<ActiveFile> = self.files()?.into_iter().filter(is_summed).collect();
        let paths: BTreeSet<Path> = files.iter().map(|file| file.path.clone()).collect();
        let mut totals = if earlier.files.is_subset(&paths) { earlier } else { Totals::default() };
        for file in files.iter().filter(|file| !totals.files.contains(&file.path)) {
            if file.kind == Some(Kind::Removal) {
                let days = &mut totals.redecoded_days;
                let columns = ["why", "removed_day"];
                self.read(file, Some(&columns), |rows| days.extend(days_of(rows, removal::REDECODED)))
                    .await?;
            } else {
                self.read(file, None, |rows| add(rows, &mut totals.by_partition)).await?;
            }
        }
        totals.files = paths;
        Ok(totals)
    }

    /// The ids under which each topic stands in the book, without those that an operator retired.
    pub async fn topic_ids(&self) -> Result<BTreeMap<String, BTreeSet<String>>, ReadError> {
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut retired: BTreeSet<String> = BTreeSet::new();
        for file in self.files()? {
            let columns = ["kafka_topic", "kafka_topic_id", "why"];
            match file.kind {
                Some(Kind::Segment) => {
                    self.read(&file, Some(&columns), |rows| {
                        let (topics, topic_ids) = (text(rows, "kafka_topic"), text(rows, "kafka_topic_id"));
                        for row in 0..rows.num_rows() {
                            let (topic, id) = (topics.get(row), topic_ids.get(row));
                            if !ids.get(topic).is_some_and(|known| known.contains(id)) {
                                ids.entry(topic.to_owned()).or_default().insert(id.to_owned());
                            }
                        }
                    })
                    .await?;
                }
                Some(Kind::Removal) => {
                    self.read(&file, Some(&columns), |rows| {
                        let (why, topic_ids) = (text(rows, "why"), text(rows, "kafka_topic_id"));
                        for row in 0..rows.num_rows() {
                            if why.get(row) == removal::TOPIC_RECREATED {
                                retired.insert(topic_ids.get(row).to_owned());
                            }
                        }
                    })
                    .await?;
                }
                _ => {}
            }
        }
        for known in ids.values_mut() {
            known.retain(|id| !retired.contains(id));
        }
        Ok(ids)
    }
}

/// Adds some segments.
pub(crate) fn add(rows: &RecordBatch, totals: &mut BTreeMap<PartitionId, PartitionTotals>) {
    let (topics, ids) = (text(rows, "kafka_topic"), text(rows, "kafka_topic_id"));
    let number = |name: &str, row: usize| number(rows, name, row).unwrap_or(0);
    let moment = |name: &str, row: usize| {
        let values = rows.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        values.is_valid(row).then(|| values.value(row))
    };
    let partitions =
        rows.column_by_name("kafka_partition").and_then(|values| values.as_primitive_opt::<Int32Type>());
    for row in 0..rows.num_rows() {
        let partition = partitions.map_or(0, |values| values.value(row));
        let id = PartitionId { topic_id: ids.get(row).to_owned(), partition };
        let (from, next) = (number("from_offset", row), number("next_offset", row));
        let sum = totals.entry(id).or_insert_with(|| PartitionTotals {
            topic: topics.get(row).to_owned(),
            first_offset: from,
            ..PartitionTotals::default()
        });
        sum.first_offset = sum.first_offset.min(from);
        sum.next_offset = sum.next_offset.max(next);
        sum.records += number("records", row);
        sum.elements += number("elements", row);
        sum.events += number("events", row);
        sum.duplicates += number("duplicates", row);
        sum.conflicting_ids += number("conflicting_ids", row);
        sum.changes += number("changes", row);
        sum.rejections += number("rejections", row);
        sum.skipped += map_sum(rows, "skipped_by_kind", row);
        sum.unknown_values += map_sum(rows, "unknown_value_counts", row);
        sum.unknown_keys += map_sum(rows, "unknown_key_counts", row);
        sum.committed_at_us = sum.committed_at_us.max(moment("committed_at", row));
        sum.received_at_us = sum.received_at_us.max(moment("received_at", row));
    }
}

/// A text column; a column that is not there reads as empty.
pub(crate) struct Texts<'a>(Option<&'a arrow::array::StringArray>);

impl Texts<'_> {
    pub(crate) fn get(&self, row: usize) -> &str {
        self.0.filter(|values| values.is_valid(row)).map_or("", |values| values.value(row))
    }
}

pub(crate) fn text<'a>(rows: &'a RecordBatch, name: &str) -> Texts<'a> {
    Texts(rows.column_by_name(name).and_then(|values| values.as_string_opt::<i32>()))
}

/// A count or an offset; none where it is null or the column is not there.
pub(crate) fn number(rows: &RecordBatch, name: &str, row: usize) -> Option<i64> {
    let values = rows.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
    values.is_valid(row).then(|| values.value(row))
}

/// The sum of a map of counts.
pub(crate) fn map_sum(rows: &RecordBatch, name: &str, row: usize) -> i64 {
    let Some(maps) = rows.column_by_name(name).and_then(|values| values.as_map_opt()) else { return 0 };
    if maps.is_null(row) {
        return 0;
    }
    let entries = maps.value(row);
    entries.column(1).as_primitive_opt::<Int64Type>().map_or(0, |counts| counts.iter().flatten().sum())
}
