//! Upkeep of the projections: many small files of a day become few sorted ones, without the rows that are void.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{AsArray as _, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use deltalake_core::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::DeltaOperation;
use roaring::RoaringTreemap;

use super::{
    Part, PartKind, Projections, ProjectionsError, ROW, encode, replace, store_all, sums, void_batch,
};
use crate::data_file::{DataFile, Origin};
use crate::failpoint::failpoint;
use crate::table::{last_checkpoint, quiet};

/// Rows that are sorted in memory at a time: about 100 MiB.
const MERGE_ROWS_MAX: u64 = 1 << 18;

/// From here on a file is left alone.
const LARGE_ROWS_MIN: u64 = MERGE_ROWS_MAX / 2;

/// Small files of a day from which on they are merged: each question opens all of them.
pub(super) const SMALL_FILES_MIN: usize = 8;

/// A day's large files are written anew when more than one row in this many is void.
const VOID_SHARE_MAX: u64 = 8;

/// Commits after which a checkpoint is due.
const CHECKPOINT_COMMITS: u64 = 100;

/// By what merged rows are sorted.
const ORDER: [&str; 4] = ["tenant_id", "user_key", "source", "first_at"];

/// What is merged at a time: files of one day, which of their rows are true, and all that is void on that day.
struct Group {
    day: NaiveDate,
    attempts: Vec<Part>,
    voids: Vec<Part>,
}

impl Projections {
    /// Merges one group of files, or what adds up, if any is due; whether any was.
    pub async fn merge_once(&mut self) -> Result<bool, ProjectionsError> {
        self.refresh().await?;
        let (sums, others) = self.parts()?.into_iter().partition(|part| part.kind.adds_up());
        if let Some(group) = due(others) {
            self.merge_attempts(group).await?;
            return Ok(true);
        }
        let due = sums::due(sums);
        if due.is_empty() {
            return Ok(false);
        }
        self.add_up(due).await?;
        Ok(true)
    }

    async fn merge_attempts(&mut self, group: Group) -> Result<(), ProjectionsError> {
        let mut voided = self.voided(group.voids.iter()).await?;
        let mut rows = Vec::new();
        for part in &group.attempts {
            let all: Vec<String> = self.columns()?;
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            self.read(part, &all, |batch| rows.push(batch.clone())).await?;
        }
        let merged = merged(&rows, &mut voided).map_err(|error| ProjectionsError::Encode(error.into()))?;
        let mut files = Vec::new();
        if let Some(merged) = merged {
            files.push(encode(PartKind::Attempt, group.day, merged.schema(), Origin::Compacted, [&merged]));
        }
        if !voided.is_empty() {
            let rows = voided.iter().map(|row| row as i64).collect();
            let voids = void_batch(rows).map_err(|error| ProjectionsError::Encode(error.into()))?;
            files.push(encode(PartKind::Void, group.day, voids.schema(), Origin::Compacted, [&voids]));
        }
        let files = files.into_iter().collect::<Result<Vec<_>, _>>().map_err(ProjectionsError::Encode)?;
        store_all(&self.object_store(), &files).await?;
        let removed: Vec<Part> = group.attempts.into_iter().chain(group.voids).collect();
        self.commit_merged(&removed, files).await
    }

    /// Puts files in the place of others that tell the same.
    pub(super) async fn commit_merged(
        &mut self,
        removed: &[Part],
        files: Vec<DataFile>,
    ) -> Result<(), ProjectionsError> {
        let operation = DeltaOperation::Optimize { predicate: None, target_size: 0 };
        failpoint("projections-merge-before-commit");
        self.table.commit(replace(removed, files), Vec::new(), operation).await?;
        Ok(())
    }

    pub(super) fn columns(&self) -> Result<Vec<String>, ProjectionsError> {
        let schema = self.table.delta().snapshot()?.schema();
        let names = schema.fields().map(|field| field.name().clone());
        Ok(names.filter(|name| name != "kind" && name != "day").collect())
    }

    /// Keeps the log short, and deletes files that no version has named for `vacuum_after`.
    pub async fn tidy(&mut self, vacuum_after: Duration) -> Result<(), ProjectionsError> {
        self.refresh().await?;
        let last = last_checkpoint(&self.object_store()).await?.unwrap_or(0);
        if self.version().saturating_sub(last) >= CHECKPOINT_COMMITS {
            create_checkpoint(self.table(), None).await?;
            cleanup_metadata(self.table(), None).await?;
        }
        let period = chrono::Duration::from_std(vacuum_after).unwrap_or(chrono::Duration::MAX);
        let vacuum = self.table().clone().vacuum().with_mode(VacuumMode::Full).with_retention_period(period);
        vacuum.with_enforce_retention_duration(false).with_commit_properties(quiet()).await?;
        self.refresh().await?;
        Ok(())
    }
}

/// A day's small files, or one of its large ones where too much of it is void.
fn due(parts: Vec<Part>) -> Option<Group> {
    let mut days: BTreeMap<NaiveDate, (Vec<Part>, Vec<Part>)> = BTreeMap::new();
    for part in parts {
        let (attempts, voids) = days.entry(part.day).or_default();
        if part.kind == PartKind::Void { voids.push(part) } else { attempts.push(part) }
    }
    days.into_iter().find_map(|(day, (mut attempts, voids))| {
        attempts.sort_by(|one, other| one.rows.cmp(&other.rows).then_with(|| one.path.cmp(&other.path)));
        let all: u64 = attempts.iter().map(|part| part.rows).sum();
        let void: u64 = voids.iter().map(|part| part.rows).sum();
        let small = attempts.iter().take_while(|part| part.rows < LARGE_ROWS_MIN).count();
        if small >= SMALL_FILES_MIN || voids.len() >= SMALL_FILES_MIN && small > 0 {
            let mut rows = 0;
            let fits = |part: &&Part| {
                rows += part.rows;
                rows <= MERGE_ROWS_MAX
            };
            let attempts = attempts[..small].iter().take_while(fits).cloned().collect();
            return Some(Group { day, attempts, voids });
        }
        if void > MERGE_ROWS_MAX / VOID_SHARE_MAX && void > all / VOID_SHARE_MAX {
            // All of them in turn: the oldest name sorts first, and each new one sorts as it comes.
            attempts.sort_by_key(|part| part.modified_ms());
            return Some(Group { day, attempts: attempts.into_iter().take(1).collect(), voids });
        }
        None
    })
}

/// The rows that are true, sorted; what was void among them is void no more, since it is gone.
fn merged(rows: &[RecordBatch], voided: &mut RoaringTreemap) -> Result<Option<RecordBatch>, ArrowError> {
    let mut gone = RoaringTreemap::new();
    let mut kept = Vec::with_capacity(rows.len());
    for rows in rows {
        let numbers = rows.column_by_name(ROW).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let numbers = numbers.ok_or_else(|| ArrowError::SchemaError("rows have no numbers".to_owned()))?;
        let mut is_true = |number: Option<i64>| {
            let number = number.unwrap_or_default() as u64;
            let is_void = voided.contains(number);
            if is_void {
                gone.insert(number);
            }
            Some(!is_void)
        };
        let is_true: BooleanArray = numbers.iter().map(&mut is_true).collect();
        kept.push(filter_record_batch(rows, &is_true)?);
    }
    *voided -= gone;
    let Some(first) = kept.first() else { return Ok(None) };
    let all = concat_batches(&first.schema(), &kept)?;
    if all.num_rows() == 0 {
        return Ok(None);
    }
    let column = |name: &&str| {
        let values = all.column_by_name(name).cloned();
        let values = values.ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?;
        Ok(SortColumn { values, options: None })
    };
    let order = ORDER.iter().map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    let order: UInt32Array = lexsort_to_indices(&order, None)?;
    Ok(Some(take_record_batch(&all, &order)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::super::{Over, Refreshed, STATISTICS_COLUMNS, Standing};
    use super::*;
    use crate::location::Location;

    #[tokio::test]
    async fn the_log_gets_a_checkpoint_whoever_tidies_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::parse(folder.path().to_str().expect("text")).expect("a location");
        let fields = STATISTICS_COLUMNS.iter().map(|name| Arc::new(Field::new(*name, DataType::Int64, true)));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let mut table = Projections::open_or_create(&location, &schema).await.expect("opens");
        let mut before = None;
        for book_version in 0..=CHECKPOINT_COMMITS {
            let standing = Standing { book_version, rules: 1, layer: 1 };
            let refreshed = Refreshed {
                over: Over::Days(BTreeSet::new()),
                added: Vec::new(),
                standing,
                offsets: BTreeMap::new(),
            };
            table.commit(before, refreshed).await.expect("commits");
            before = Some(standing);
        }
        // Beside the one that keeps up, with a table of its own.
        let mut other = Projections::open(&location).await.expect("opens").expect("is there");
        other.tidy(Duration::from_secs(3_600)).await.expect("tidies up");
        assert!(location.projections().join("_delta_log/_last_checkpoint").is_file());
    }
}
