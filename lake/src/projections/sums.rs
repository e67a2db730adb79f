//! Rows that add up: which of their files are merged, and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use schemas::arrays::numbers;

use super::merge::SMALL_FILES_MIN;
use super::{Part, Projections, ProjectionsError, encode, store_all};
use crate::data_file::{DataFile, Origin};

/// The columns that are added up. Rows are equal where all others are.
pub const COUNTS: [&str; 3] = ["events", "attempts", "prompts"];

/// Groups that are merged in one commit: each refresh adds a file of every kind, so that all are due at once.
const GROUPS_MAX: usize = 16;

/// Files that are due, those of one kind and month together: the smallest, and those that are no larger than all that go with
/// them. So a row is written anew about as often as its month doubles.
pub(super) fn due(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let mut groups: BTreeMap<_, Vec<Part>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.day, part.kind)).or_default().push(part);
    }
    let due = groups.into_values().filter(|group| group.len() >= SMALL_FILES_MIN);
    due.take(GROUPS_MAX).map(smallest).collect()
}

fn smallest(mut group: Vec<Part>) -> Vec<Part> {
    group.sort_by(|one, other| one.rows.cmp(&other.rows).then_with(|| one.path.cmp(&other.path)));
    let (mut rows, mut count) = (0, 0);
    for part in &group {
        if count >= SMALL_FILES_MIN && part.rows > rows {
            break;
        }
        rows += part.rows;
        count += 1;
    }
    group.truncate(count);
    group
}

impl Projections {
    /// Puts one file in the place of each group.
    pub(super) async fn add_up(&mut self, groups: Vec<Vec<Part>>) -> Result<(), ProjectionsError> {
        let mut files = Vec::new();
        for group in &groups {
            files.extend(self.added_up(group).await?);
        }
        store_all(&self.object_store(), &files).await?;
        let removed: Vec<Part> = groups.into_iter().flatten().collect();
        self.commit_merged(&removed, files).await
    }

    /// What files of one kind and month add up to; none where that is nothing.
    async fn added_up(&self, parts: &[Part]) -> Result<Option<DataFile>, ProjectionsError> {
        let Some(Part { kind, day, .. }) = parts.first() else { return Ok(None) };
        let columns = self.columns()?;
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        for part in parts {
            self.read(part, &columns, |batch| rows.push(batch.clone())).await?;
        }
        let sums = added_up(&rows).map_err(|error| ProjectionsError::Encode(error.into()))?;
        let file = sums.map(|sums| encode(*kind, *day, sums.schema(), Origin::Compacted, [&sums]));
        file.transpose().map_err(ProjectionsError::Encode)
    }
}

/// One row for each key, sorted, and none for those that add up to nothing.
fn added_up(rows: &[RecordBatch]) -> Result<Option<RecordBatch>, ArrowError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let schema = first.schema();
    let all = concat_batches(&schema, rows)?;
    let is_count = |index: &usize| COUNTS.contains(&schema.field(*index).name().as_str());
    let (counts, keys): (Vec<usize>, Vec<usize>) = (0..schema.fields().len()).partition(is_count);
    let fields = keys.iter().map(|index| SortField::new(schema.field(*index).data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let columns: Vec<ArrayRef> = keys.iter().map(|index| Arc::clone(all.column(*index))).collect();
    let encoded = converter.convert_columns(&columns)?;
    let counts = counts.into_iter().map(|index| {
        let name = schema.field(index).name();
        Ok((index, numbers::<Int64Type>(&all, name)?))
    });
    let counts = counts.collect::<Result<Vec<_>, ArrowError>>()?;
    let mut order: Vec<u32> = (0..all.num_rows() as u32).collect();
    order.sort_unstable_by(|one, other| encoded.row(*one as usize).cmp(&encoded.row(*other as usize)));
    let mut kept: Vec<u32> = Vec::new();
    let mut sums: Vec<Vec<i64>> = vec![Vec::new(); counts.len()];
    for run in order.chunk_by(|one, next| encoded.row(*one as usize) == encoded.row(*next as usize)) {
        let sum = |values: &Int64Array| run.iter().map(|row| values.value(*row as usize)).sum::<i64>();
        let all: Vec<i64> = counts.iter().map(|(_, values)| sum(values)).collect();
        if all.iter().any(|sum| *sum != 0) {
            kept.push(run[0]);
            sums.iter_mut().zip(all).for_each(|(sums, sum)| sums.push(sum));
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let kept = UInt32Array::from(kept);
    let mut added: Vec<(usize, ArrayRef)> = Vec::new();
    for (index, column) in keys.iter().zip(&columns) {
        added.push((*index, take(column, &kept, None)?));
    }
    for ((index, _), sums) in counts.iter().zip(sums) {
        added.push((*index, Arc::new(Int64Array::from(sums))));
    }
    added.sort_by_key(|(index, _)| *index);
    let columns = added.into_iter().map(|(_, column)| column).collect();
    Ok(Some(RecordBatch::try_new(schema, columns)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn batch(rows: &[(Option<&str>, i64)]) -> RecordBatch {
        let keys: StringArray = rows.iter().map(|(key, _)| *key).collect();
        let counts: Int64Array = rows.iter().map(|(_, count)| Some(*count)).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("method", Arc::new(keys) as ArrayRef, true),
            ("events", Arc::new(counts) as ArrayRef, true),
        ])
        .expect("a batch")
    }

    #[test]
    fn equal_keys_are_one_row_and_nothing_is_none() {
        let one = batch(&[(Some("b"), 3), (None, 1), (Some("a"), 2)]);
        let other = batch(&[(Some("a"), -2), (None, 4), (Some("b"), -1)]);
        let added = added_up(&[one, other.clone()]).expect("adds up").expect("rows");
        assert_eq!(added, batch(&[(None, 5), (Some("b"), 2)]));
        let away = batch(&[(Some("a"), 2), (None, -4), (Some("b"), 1)]);
        assert_eq!(added_up(&[other, away]).expect("adds up"), None);
    }
}
