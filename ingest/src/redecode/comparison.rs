//! What the decoders of today read differently.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;
use lake::Address;
use lake::maintain::Anew;
use schemas::NOT_CONTENT;

use super::column;
use super::readers::Readers;

/// Examples that are kept of each column.
const EXAMPLES_MAX: usize = 3;

/// What the decoders of today read differently.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Events in the range.
    pub events: u64,
    /// Of them, those whose bytes were not kept, or of a topic that the configuration does not name.
    pub unreadable: u64,
    /// Of them, those that read the same.
    pub same: u64,
    /// Of them, those that read differently and stay as they are, by why.
    pub kept: BTreeMap<String, u64>,
    /// By column: how many of the others have another value there, and some of them.
    pub columns: BTreeMap<String, (u64, Vec<Example>)>,
    /// The decoders that read the events, and those that read them anew.
    pub decoders: BTreeSet<(String, String)>,
}

/// An event that reads differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// `TOPIC:PARTITION:OFFSET:ELEMENT`
    pub place: String,
    /// What the book holds, or held.
    pub old: String,
    /// What it would hold, or holds.
    pub new: String,
}

impl Comparison {
    /// Events that read as other events.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.events - self.unreadable - self.same - self.kept.values().sum::<u64>()
    }

    /// Compares the events of a batch, and says which read differently.
    pub(super) fn take_in(
        &mut self,
        rows: &RecordBatch,
        readers: &mut Readers<'_>,
    ) -> Result<Anew, ArrowError> {
        let (readings, new) = readers.read(rows)?;
        self.events += readings.events;
        self.unreadable += readings.unreadable;
        self.decoders.extend(readings.decoders);
        for (why, count) in readings.others {
            *self.kept.entry(why).or_default() += count;
        }
        let old = take_record_batch(rows, &UInt32Array::from(readings.rows.clone()))?;
        let mut is_other = vec![false; new.num_rows()];
        let mut by_column = BTreeMap::new();
        for (field, new_column) in new.schema_ref().fields().iter().zip(new.columns()) {
            let name = field.name();
            if NOT_CONTENT.contains(&name.as_str()) {
                continue;
            }
            let absent = || arrow::array::new_null_array(field.data_type(), new.num_rows());
            let old_column = old.column_by_name(name).cloned().unwrap_or_else(absent);
            let mut differing = differing(&old_column, new_column)?;
            differing.retain(|&row| readings.kept[row].is_none());
            for &row in &differing {
                is_other[row] = true;
            }
            if !differing.is_empty() {
                self.count(name, &differing, (&old_column, new_column), &new)?;
                by_column.insert(name.clone(), differing);
            }
        }
        for (row, kept) in readings.kept.iter().enumerate() {
            match kept {
                Some(why) => *self.kept.entry((*why).to_owned()).or_default() += 1,
                None => self.same += u64::from(!is_other[row]),
            }
        }
        anew(&readings.rows, &new, is_other, by_column)
    }

    fn count(
        &mut self,
        name: &str,
        rows: &[usize],
        (old_column, new_column): (&ArrayRef, &ArrayRef),
        new: &RecordBatch,
    ) -> Result<(), ArrowError> {
        let (count, examples) = self.columns.entry(name.to_owned()).or_default();
        *count += rows.len() as u64;
        let room = EXAMPLES_MAX.saturating_sub(examples.len());
        for &row in rows.iter().take(room) {
            let told = |column: &ArrayRef| array_value_to_string(column, row);
            let place = place(new, row)?.to_string();
            examples.push(Example { place, old: told(old_column)?, new: told(new_column)? });
        }
        Ok(())
    }
}

/// The rows that read differently, with their readings.
fn anew(
    rows: &[u32],
    new: &RecordBatch,
    is_other: Vec<bool>,
    by_column: BTreeMap<String, Vec<usize>>,
) -> Result<Anew, ArrowError> {
    let mut numbers = Vec::with_capacity(is_other.len());
    let mut next = 0;
    for is_other in &is_other {
        numbers.push(next);
        next += u32::from(*is_other);
    }
    let numbered = |rows: Vec<usize>| rows.into_iter().map(|row| numbers[row]).collect();
    Ok(Anew {
        rows: rows.iter().zip(&is_other).filter(|(_, is_other)| **is_other).map(|(row, _)| *row).collect(),
        changed: by_column.into_iter().map(|(name, rows)| (name, numbered(rows))).collect(),
        readings: filter_record_batch(new, &BooleanArray::from(is_other))?,
    })
}

/// The rows in which two columns differ. An empty list is none: a file that is older than the column has no lists.
fn differing(old: &ArrayRef, new: &ArrayRef) -> Result<Vec<usize>, ArrowError> {
    let converter = RowConverter::new(vec![SortField::new(new.data_type().clone())])?;
    let old = arrow::compute::cast(old, new.data_type())?;
    let old_keys = converter.convert_columns(std::slice::from_ref(&old))?;
    let new_keys = converter.convert_columns(std::slice::from_ref(new))?;
    let is_nothing = |column: &ArrayRef, row: usize| match column.data_type() {
        DataType::List(_) => column.is_null(row) || column.as_list::<i32>().value_length(row) == 0,
        _ => column.is_null(row),
    };
    let differs = |row: &usize| {
        old_keys.row(*row) != new_keys.row(*row) && !(is_nothing(&old, *row) && is_nothing(new, *row))
    };
    Ok((0..new.len()).filter(differs).collect())
}

/// Where a row came from.
fn place(rows: &RecordBatch, row: usize) -> Result<Address, ArrowError> {
    Ok(Address {
        topic: column(rows, "kafka_topic")?.as_string::<i32>().value(row).to_owned(),
        partition: column(rows, "kafka_partition")?.as_primitive::<Int32Type>().value(row),
        offset: column(rows, "kafka_offset")?.as_primitive::<Int64Type>().value(row),
        element_index: Some(column(rows, "element_index")?.as_primitive::<Int32Type>().value(row)),
    })
}
