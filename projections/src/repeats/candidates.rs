//! Rows that may be the same event, and which of them count.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use lake::{ActiveFile, Book, ReadError};
use schemas::{Fingerprint, Fingerprinter};

use super::day::{Ids, supersedes};
use super::exceptions::{Places, RowPlace, topic_number};
use super::{REPEATS_A_DAY_MAX, RepeatsError};
use schemas::arrays::{column, file_texts, numbers};

/// Rows that may be the same event, gathered in no order.
pub(super) struct Candidates {
    hasher: RandomState,
    fingerprinter: Fingerprinter,
    /// By tenant, source and event id.
    by_id: HashMap<(u64, u64), Vec<Row>, RandomState>,
    /// Topic ids, by the number in the rows' places.
    topics: Vec<String>,
    row_count: usize,
}

/// What is to be known of a row.
struct Row {
    received_at_us: i64,
    place: RowPlace,
    content: u64,
    is_flagged: bool,
    supersedes: bool,
}

impl Candidates {
    pub(super) fn new(hasher: &RandomState) -> Self {
        Self {
            hasher: hasher.clone(),
            fingerprinter: Fingerprinter::new(),
            by_id: HashMap::with_hasher(hasher.clone()),
            topics: Vec::new(),
            row_count: 0,
        }
    }

    /// Reads the rows of a file whose ids are among these.
    pub(super) async fn read(
        &mut self,
        book: &Book,
        file: &ActiveFile,
        hashes: &Arc<HashSet<u64>>,
    ) -> Result<(), RepeatsError> {
        let (hasher, hashes) = (self.hasher.clone(), Arc::clone(hashes));
        let is_wanted = move |rows: &RecordBatch| {
            let ids = Ids::of(rows)?;
            let is_wanted = |row: usize| Some(hashes.contains(&ids.hash(row, &hasher)));
            Ok((0..rows.num_rows()).map(is_wanted).collect::<BooleanArray>())
        };
        let mut columns = Ok(());
        book.read_where(file, &["tenant_id", "source", "event_id"], is_wanted, |rows| {
            if columns.is_ok() {
                columns = self.take_in(rows);
            }
        })
        .await?;
        columns.map_err(|source| ReadError::Columns { path: file.path.to_string(), source })?;
        if self.row_count > 2 * REPEATS_A_DAY_MAX { Err(RepeatsError::TooMany) } else { Ok(()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let [tenants, sources, topics] =
            ["tenant_id", "source", "kafka_topic_id"].map(|name| file_texts(rows, name));
        let (tenants, sources, topics) = (tenants?, sources?, topics?);
        let received = numbers::<TimestampMicrosecondType>(rows, "received_at")?;
        let offsets = numbers::<Int64Type>(rows, "kafka_offset")?;
        let partitions = numbers::<Int32Type>(rows, "kafka_partition")?;
        let elements = numbers::<Int32Type>(rows, "element_index")?;
        let flags = column(rows, "duplicate")?.as_boolean();
        for (row, Fingerprint { id, content }) in self.fingerprinter.of(rows).into_iter().enumerate() {
            let place = RowPlace {
                offset: offsets.value(row),
                partition: partitions.value(row),
                element_index: elements.value(row),
                topic: topic_number(&mut self.topics, topics.value(row)),
            };
            let whose = self.hasher.hash_one((tenants.value(row), sources.value(row)));
            self.by_id.entry((whose, id)).or_default().push(Row {
                received_at_us: received.value(row),
                place,
                content,
                is_flagged: flags.is_valid(row) && flags.value(row),
                supersedes: supersedes(sources.value(row)),
            });
        }
        self.row_count += rows.num_rows();
        Ok(())
    }

    /// Says of each row whether it is an exception.
    pub(super) fn judge(mut self, places: &mut Places) -> Result<(), RepeatsError> {
        let topics: Vec<u32> = self.topics.iter().map(|id| topic_number(&mut places.topics, id)).collect();
        let mut judged = Vec::with_capacity(self.row_count);
        for rows in self.by_id.values_mut() {
            // By the topic's id, not by its number: that depends on the order in which files are read.
            let order = |row: &Row| {
                let RowPlace { offset, partition, element_index, topic } = row.place;
                (row.received_at_us, offset, partition, element_index, self.topics[topic as usize].as_str())
            };
            rows.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
            let last = rows.last().map(|row| row.place);
            let mut contents = HashSet::new();
            for row in rows.iter() {
                let counts = if rows.len() == 1 {
                    // No row of the same event beside it: the flag stands.
                    !row.is_flagged
                } else if row.supersedes {
                    Some(row.place) == last
                } else {
                    // A copy that ingest flagged has its original among the others.
                    !row.is_flagged && contents.insert(row.content)
                };
                let place = RowPlace { topic: topics[row.place.topic as usize], ..row.place };
                judged.push((place, counts == row.is_flagged));
            }
        }
        places.judge(judged);
        if places.len() > REPEATS_A_DAY_MAX { Err(RepeatsError::TooMany) } else { Ok(()) }
    }
}
