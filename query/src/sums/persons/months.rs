//! The sums of persons of whole months, as they are kept for all questions of a process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use lake::projections::{Part, Projections};
use object_store::path::Path;
use projections::ProjectError;

use super::names::Names;
use super::rows::{Row, added_up, columns, decode, merged};

/// Rows that are kept together, of 24 bytes each: a year of fifty thousand persons has about four million. Of more, those
/// months go that were asked for longest ago.
const KEPT_ROWS_MAX: usize = 10_000_000;

/// What was read of each month, and the numbers of all names in it.
#[derive(Debug, Default)]
pub(crate) struct Months {
    pub(crate) names: Names,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    months: HashMap<NaiveDate, Month>,
    clock: u64,
}

#[derive(Debug, Clone)]
struct Month {
    /// The files that were read: they never change, and what they hold only adds up.
    paths: Arc<HashSet<Path>>,
    rows: Arc<[Row]>,
    asked: u64,
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
        let paths: HashSet<&Path> = parts.iter().map(|part| &part.path).collect();
        // Merged files add up to those that they replaced; which ones these were is not known here.
        let known =
            self.lock().get(month).filter(|known| known.paths.iter().all(|path| paths.contains(path)));
        let is_new = |part: &&&Part| known.as_ref().is_none_or(|known| !known.paths.contains(&part.path));
        let mut new = Vec::new();
        for part in parts.iter().filter(is_new) {
            let mut taken = Ok(());
            let take = |batch: &RecordBatch| {
                if taken.is_ok() {
                    taken = decode(batch, &mut self.names.write(), &mut new);
                }
            };
            table.read(part, &columns(), take).await?;
            taken?;
        }
        let rows = match known {
            Some(known) if new.is_empty() => return Ok(known.rows),
            Some(known) => merged(&known.rows, &added_up(new)).into(),
            None => added_up(new).into(),
        };
        let paths = Arc::new(paths.into_iter().cloned().collect());
        self.lock().keep(month, paths, Arc::clone(&rows));
        Ok(rows)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, month: NaiveDate) -> Option<Month> {
        self.clock += 1;
        let known = self.months.get_mut(&month)?;
        known.asked = self.clock;
        Some(known.clone())
    }

    fn keep(&mut self, month: NaiveDate, paths: Arc<HashSet<Path>>, rows: Arc<[Row]>) {
        self.clock += 1;
        self.months.insert(month, Month { paths, rows, asked: self.clock });
        while self.months.values().map(|month| month.rows.len()).sum::<usize>() > KEPT_ROWS_MAX {
            let oldest = self.months.iter().min_by_key(|(_, month)| month.asked).map(|(month, _)| *month);
            let Some(oldest) = oldest else { return };
            self.months.remove(&oldest);
        }
    }
}
