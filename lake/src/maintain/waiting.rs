//! Rows that wait for their file, by kind and day. Files are cut so that the memory of all together stays bounded.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::NaiveDate;
use parquet::errors::ParquetError;
use schemas::Kind;

use crate::data_file::{DataFile, Encoder, Origin};
use crate::maintain::merge::Order;

/// Rows of a file: a row group.
const ROWS_MAX: usize = 256 << 10;

/// Bytes in memory of all rows that wait; sorting and encoding the fullest file takes as much again.
const BYTES_MAX: usize = 64 << 20;

/// Rows that wait for their file.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    piles: BTreeMap<(NaiveDate, &'static str), Pile>,
    bytes: usize,
}

/// The rows of one kind and day.
#[derive(Debug)]
struct Pile {
    kind: Kind,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Waiting {
    /// Adds rows, in the columns of their kind.
    pub(super) fn add(&mut self, kind: Kind, day: NaiveDate, rows: RecordBatch) {
        if rows.num_rows() == 0 {
            return;
        }
        let pile = self.piles.entry((day, kind.as_str())).or_insert_with(|| Pile {
            kind,
            batches: Vec::new(),
            rows: 0,
            bytes: 0,
        });
        let bytes = rows.get_array_memory_size();
        self.bytes += bytes;
        pile.bytes += bytes;
        pile.rows += rows.num_rows();
        pile.batches.push(rows);
    }

    /// The fullest file, if it is full or too much waits; none while there is room.
    pub(super) fn due(&mut self) -> Result<Option<DataFile>, ParquetError> {
        let is_full = self.piles.values().any(|pile| pile.rows >= ROWS_MAX);
        if is_full || self.bytes > BYTES_MAX { self.rest() } else { Ok(None) }
    }

    /// The fullest file; none when nothing waits any more.
    pub(super) fn rest(&mut self) -> Result<Option<DataFile>, ParquetError> {
        let fullest = self.piles.iter().max_by_key(|(_, pile)| (pile.rows >= ROWS_MAX, pile.bytes));
        let Some(key) = fullest.map(|(key, _)| *key) else { return Ok(None) };
        let Some(pile) = self.piles.remove(&key) else { return Ok(None) };
        self.bytes -= pile.bytes;
        pile.encode(key.0).map(Some)
    }
}

impl Pile {
    /// As a sorted file, which upkeep merges with others as they are.
    fn encode(self, day: NaiveDate) -> Result<DataFile, ParquetError> {
        let schema = self.kind.schema();
        let rows = concat_batches(&schema, &self.batches)?;
        drop(self.batches);
        let rows = Order::new(self.kind, &schema)?.sort(&rows)?;
        let mut encoder = Encoder::new(self.kind, day, schema, Origin::Compacted)?;
        encoder.write(&rows)?;
        encoder.finish()
    }
}
