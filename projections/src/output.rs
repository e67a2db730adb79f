//! What a refresh gives: new rows, and the numbers of those that are not true any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use lake::projections::{Part, PartKind, Projections};
use roaring::RoaringTreemap;
use schemas::DAY_US;

use crate::ProjectError;
use crate::attempter::Attempt;
use crate::held::{ByPerson, day_of, update};
use crate::rows::Rows;
use crate::sums::{Counted, SumRows, Sums};

/// Rows of a day that are gathered before they are stored: about 50 MiB.
const STORED_ROWS_MAX: usize = 1 << 17;

/// Rows of all days together.
const GATHERED_ROWS_MAX: usize = 1 << 18;

/// Keys of sums that are gathered before they are stored: about 100 MiB.
const SUMS_MAX: usize = 1 << 20;

/// Files of sums that are stored at the same time.
const STORES_AT_ONCE: usize = 4;

/// Bits of a row's number below those of the commit that added it.
const LAYER_SHIFT: u32 = 32;

/// A row that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowNumber {
    pub(crate) day: i64,
    pub(crate) row: i64,
}

/// A row that stands for something, with what is counted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) number: RowNumber,
    pub(crate) counted: Counted,
}

/// An attempt that is stored or was given out.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
    pub(crate) shown: Shown,
}

/// Gathers rows by the UTC day on which their attempts began.
pub(crate) struct Output {
    first_row: i64,
    next_row: i64,
    /// Days whose earlier rows are over as a whole.
    gone: BTreeSet<NaiveDate>,
    /// What there is more, and less, to count.
    pub(crate) sums: Sums,
    names: HashSet<Arc<str>, RandomState>,
    rows: BTreeMap<i64, Rows>,
    gathered: usize,
    /// By day: the rows that are not true any more, of earlier commits and of this one.
    voids: BTreeMap<i64, RoaringTreemap>,
    /// Files that were stored.
    pub(crate) parts: Vec<Part>,
    /// Attempts that were given out.
    pub(crate) attempts: u64,
    /// Where nothing is stored: when each attempt that was given out began and ended, by person.
    given: Option<ByPerson<Vec<Given>>>,
}

impl Output {
    /// For the commit of this number.
    pub(crate) fn new(layer: i64) -> Self {
        Self {
            first_row: layer << LAYER_SHIFT,
            next_row: layer << LAYER_SHIFT,
            gone: BTreeSet::new(),
            sums: Sums::default(),
            names: HashSet::default(),
            rows: BTreeMap::new(),
            gathered: 0,
            voids: BTreeMap::new(),
            parts: Vec::new(),
            attempts: 0,
            given: None,
        }
    }

    /// As [`Self::new`], where the rows of these days are over.
    pub(crate) fn over(layer: i64, gone: BTreeSet<NaiveDate>) -> Self {
        Self { gone, ..Self::new(layer) }
    }

    /// For what is answered from memory, over the table as it stands at this commit.
    pub(crate) fn in_memory(layer: i64) -> Self {
        Self { given: Some(ByPerson::default()), ..Self::new(layer + 1) }
    }

    /// What was given out of this person and lies in memory.
    pub(crate) fn given(&self, key: &str) -> &[Given] {
        self.given.as_ref().and_then(|given| given.get(key)).map_or(&[], Vec::as_slice)
    }

    /// Gives out a row, and says which.
    pub(crate) fn add(&mut self, key: &str, attempt: &Attempt) -> Shown {
        let number = RowNumber { day: attempt.first_at_us.div_euclid(DAY_US), row: self.next_row };
        self.next_row += 1;
        self.gathered += 1;
        self.attempts += 1;
        self.rows.entry(number.day).or_insert_with(Rows::new).append(key, attempt, number.row);
        let counted = Counted::of(attempt, |name| shared(&mut self.names, name));
        self.sums.attempt(key, &counted, 1);
        let shown = Shown { number, counted };
        if let Some(given) = &mut self.given {
            let (first_us, last_us) = (attempt.first_at_us, attempt.last_at_us);
            let row = Given { first_us, last_us, shown: shown.clone() };
            update(given, key, |rows: &mut Vec<_>| rows.push(row));
        }
        shown
    }

    /// The same text, shared by all that hold it.
    pub(crate) fn share(&mut self, name: &str) -> Arc<str> {
        shared(&mut self.names, name)
    }

    /// Gives out a row that stays.
    pub(crate) fn give(&mut self, key: &str, attempt: &Attempt) {
        self.add(key, attempt);
    }

    /// A row is not true any more.
    pub(crate) fn void(&mut self, key: &str, Shown { number, counted }: &Shown) {
        let is_new = self.voids.entry(number.day).or_default().insert(number.row as u64);
        // What is over with its day was taken away with it.
        let is_over = number.row < self.first_row && self.gone.contains(&day_of(number.day * DAY_US));
        if is_new && !is_over {
            self.sums.attempt(key, counted, -1);
        }
    }

    pub(crate) fn is_void(&self, number: RowNumber) -> bool {
        self.voids.get(&number.day).is_some_and(|voids| voids.contains(number.row as u64))
    }

    /// Stores what is gathered where it is much.
    pub(crate) async fn store_much(&mut self, table: &Projections) -> Result<(), ProjectError> {
        if self.sums.len() >= SUMS_MAX {
            self.store_sums(table).await?;
        }
        if self.gathered >= GATHERED_ROWS_MAX {
            return self.store_all(table).await;
        }
        if self.rows.values().any(|rows| rows.len() >= STORED_ROWS_MAX) {
            self.store_from(table, STORED_ROWS_MAX).await?;
        }
        Ok(())
    }

    /// Stores all rows that are gathered.
    pub(crate) async fn store_all(&mut self, table: &Projections) -> Result<(), ProjectError> {
        if self.given.is_some() { Ok(()) } else { self.store_from(table, 1).await }
    }

    async fn store_from(&mut self, table: &Projections, rows_min: usize) -> Result<(), ProjectError> {
        for (day, rows) in &mut self.rows {
            if rows.len() < rows_min {
                continue;
            }
            self.gathered -= rows.len();
            let batch = rows.finish()?;
            let day = day_of(day * DAY_US);
            // A builder that was large stays large: a new one for the next rows.
            *rows = Rows::new();
            self.parts.push(table.store(PartKind::Attempt, day, &batch).await?);
        }
        self.rows.retain(|_, rows| rows.len() > 0);
        Ok(())
    }

    async fn store_sums(&mut self, table: &Projections) -> Result<(), ProjectError> {
        let all = self.sums.take_rows()?;
        let mut stores = Vec::new();
        for SumRows { kind, month, rows } in &all {
            stores.push(table.store(*kind, *month, rows).boxed());
        }
        let stored: Vec<Part> = stream::iter(stores).buffer_unordered(STORES_AT_ONCE).try_collect().await?;
        self.parts.extend(stored);
        Ok(())
    }

    /// Stores everything. The parts are all that is new.
    pub(crate) async fn finish(mut self, table: &Projections) -> Result<Vec<Part>, ProjectError> {
        self.store_all(table).await?;
        self.store_sums(table).await?;
        for (day, voids) in std::mem::take(&mut self.voids) {
            let rows = voids.iter().map(|row| row as i64).collect();
            self.parts.push(table.store_void(day_of(day * DAY_US), rows).await?);
        }
        Ok(self.parts)
    }

    /// All that was gathered, where nothing is stored: rows, the numbers of those that are not true any more, and sums.
    pub(crate) fn into_memory(mut self) -> Result<InMemory, arrow::error::ArrowError> {
        let sums = self.sums.take_rows()?;
        let voids = self.voids.into_values().fold(RoaringTreemap::new(), |all, voids| all | voids);
        let rows = self.rows.into_values().map(|mut rows| rows.finish()).collect::<Result<_, _>>()?;
        Ok(InMemory { rows, voids, sums })
    }
}

/// What was gathered where nothing is stored.
pub(crate) struct InMemory {
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) voids: RoaringTreemap,
    pub(crate) sums: Vec<SumRows>,
}

fn shared(names: &mut HashSet<Arc<str>, RandomState>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return Arc::clone(known);
    }
    let name: Arc<str> = name.into();
    names.insert(Arc::clone(&name));
    name
}
