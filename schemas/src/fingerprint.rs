//! Whether two events are the same: equal ids and equal content.
//!
//! Content is every column but where an event came from, which decoder read it, its bytes, and what is said of its
//! copies ([`NOT_CONTENT`]). Both are compared by keyed 64-bit hashes; the keys are drawn anew in each process, so that
//! nobody can craft an event that passes for another.

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};

use crate::column::NOT_CONTENT;

/// An event, as far as telling repeats needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Stands for the event's id.
    pub id: u64,
    /// Stands for its content.
    pub content: u64,
}

/// Computes fingerprints with the keys of this process.
#[derive(Debug, Clone)]
pub struct Fingerprinter {
    ids: RandomState,
    contents: RandomState,
}

impl Fingerprinter {
    /// With keys of its own: fingerprints of different ones cannot be compared.
    #[must_use]
    pub fn new() -> Self {
        Self { ids: RandomState::new(), contents: RandomState::new() }
    }

    /// One fingerprint a row. Columns are hashed one after the other, and what is null adds nothing, so that
    /// it makes no difference whether a batch has a column at all.
    pub fn of(&self, events: &RecordBatch) -> Vec<Fingerprint> {
        let mut contents = vec![0; events.num_rows()];
        let mut ids = vec![0; events.num_rows()];
        for (field, column) in events.schema_ref().fields().iter().zip(events.columns()) {
            let name = field.name().as_str();
            if name == "event_id" {
                self.ids.add(column, 0, &mut ids);
            } else if !NOT_CONTENT.contains(&name) && column.null_count() < column.len() {
                self.contents.add(column, self.contents.hash_one(name), &mut contents);
            }
        }
        ids.into_iter().zip(contents).map(|(id, content)| Fingerprint { id, content }).collect()
    }
}

/// Adds a hash of each value to the sum of its row.
trait AddHashes {
    fn add(&self, column: &ArrayRef, seed: u64, sums: &mut [u64]);
}

impl AddHashes for RandomState {
    fn add(&self, column: &ArrayRef, seed: u64, sums: &mut [u64]) {
        match column.data_type() {
            DataType::Utf8 => {
                let values = column.as_string::<i32>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row).as_bytes())));
            }
            DataType::Int32 => {
                let values = column.as_primitive::<Int32Type>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Timestamp(..) => {
                let values = column.as_primitive::<TimestampMicrosecondType>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Struct(_) => {
                for (index, child) in column.as_struct().columns().iter().enumerate() {
                    self.add(child, self.hash_one((seed, index)), sums);
                }
            }
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let mut elements = vec![0; lists.values().len()];
                self.add(lists.values(), seed, &mut elements);
                let offsets = lists.value_offsets();
                // An empty list adds nothing, as an absent one.
                add_each(column, sums, |row| {
                    let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                    if from == to { 0 } else { self.hash_one((seed, &elements[from..to])) }
                });
            }
            other => unreachable!("an event has no column of type {other}"),
        }
    }
}

/// Adds `value` of each row that is not null.
#[inline]
fn add_each(column: &ArrayRef, sums: &mut [u64], value: impl Fn(usize) -> u64) {
    let mut add = |row: usize| sums[row] = sums[row].wrapping_add(value(row));
    match column.nulls() {
        Some(nulls) => nulls.valid_indices().for_each(add),
        None => (0..column.len()).for_each(&mut add),
    }
}

impl Default for Fingerprinter {
    fn default() -> Self {
        Self::new()
    }
}
