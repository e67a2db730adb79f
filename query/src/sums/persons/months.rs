//! The sums of persons of whole months, as they are kept for all questions of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use lake::projections::{Part, Projections};
use object_store::path::Path;
use projections::ProjectError;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::names::Names;
use super::rows::{Row, added_up, columns, decode, merged};

/// Rows that are kept together, of 24 bytes each: a year of fifty thousand persons has about four million.
const KEPT_ROWS_MAX: u64 = 10_000_000;

/// How many parts that is, about.
const KEPT_PARTS_ABOUT: usize = 256;

/// Months of several parts that are kept as they add up, the latest ones: it is these that change.
const ADDED_MONTHS_MAX: usize = 3;

/// What was read, and the numbers of all names in it.
#[derive(Debug)]
pub(crate) struct Months {
    pub(crate) names: Names,
    /// By path: a file never changes.
    parts: Mutex<Cache<Path, Arc<[Row]>, Rows>>,
    added: Mutex<BTreeMap<NaiveDate, Added>>,
}

/// What several parts add up to.
#[derive(Debug, Clone)]
struct Added {
    paths: BTreeSet<Path>,
    rows: Arc<[Row]>,
}

#[derive(Debug, Clone)]
struct Rows;

impl Weighter<Path, Arc<[Row]>> for Rows {
    fn weight(&self, _: &Path, rows: &Arc<[Row]>) -> u64 {
        rows.len() as u64 + 1
    }
}

impl Default for Months {
    fn default() -> Self {
        let parts = Cache::with_weighter(KEPT_PARTS_ABOUT, KEPT_ROWS_MAX, Rows);
        Self { names: Names::default(), parts: Mutex::new(parts), added: Mutex::default() }
    }
}

impl Months {
    /// The rows of a month: what these files of the table hold, and what it lacks.
    pub(in crate::sums) async fn month(
        &self,
        month: NaiveDate,
        table: &Projections,
        parts: &[&Part],
        unstored: &[&RecordBatch],
    ) -> Result<Arc<[Row]>, ProjectError> {
        let stored = self.stored(month, table, parts).await?;
        if unstored.is_empty() {
            return Ok(stored);
        }
        let mut rows = Vec::new();
        for batch in unstored {
            decode(batch, &mut self.names.write(), &mut rows)?;
        }
        Ok(merged(&stored, &added_up(rows)).into())
    }

    async fn stored(
        &self,
        month: NaiveDate,
        table: &Projections,
        parts: &[&Part],
    ) -> Result<Arc<[Row]>, ProjectError> {
        if let [part] = parts {
            return self.part(table, part).await;
        }
        let paths: BTreeSet<Path> = parts.iter().map(|part| part.path.clone()).collect();
        let known = lock(&self.added).get(&month).filter(|known| known.paths == paths).cloned();
        if let Some(known) = known {
            return Ok(known.rows);
        }
        // The large one last: what small ones add up to is small.
        let mut parts = parts.to_vec();
        parts.sort_by_key(|part| part.rows);
        let mut rows: Arc<[Row]> = Arc::default();
        for part in parts {
            rows = merged(&rows, &self.part(table, part).await?).into();
        }
        let mut added = lock(&self.added);
        added.insert(month, Added { paths, rows: Arc::clone(&rows) });
        while added.len() > ADDED_MONTHS_MAX {
            added.pop_first();
        }
        Ok(rows)
    }

    async fn part(&self, table: &Projections, part: &Part) -> Result<Arc<[Row]>, ProjectError> {
        if let Some(known) = lock(&self.parts).get(&part.path) {
            return Ok(Arc::clone(known));
        }
        let mut rows = Vec::new();
        let mut taken = Ok(());
        let take = |batch: &RecordBatch| {
            if taken.is_ok() {
                taken = decode(batch, &mut self.names.write(), &mut rows);
            }
        };
        table.read(part, &columns(), take).await?;
        taken?;
        let rows: Arc<[Row]> = added_up(rows).into();
        lock(&self.parts).insert(part.path.clone(), Arc::clone(&rows));
        Ok(rows)
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
