//! What a refresh gives: new rows, and the numbers of those that are not true any more.

use std::collections::BTreeMap;

use lake::projections::{Part, PartKind, Projections};
use roaring::RoaringTreemap;
use schemas::DAY_US;

use crate::ProjectError;
use crate::attempter::Attempt;
use crate::held::{ByPerson, day_of, update};
use crate::rows::Rows;

/// Rows of a day that are gathered before they are stored: about 50 MiB.
const STORED_ROWS_MAX: usize = 1 << 17;

/// Rows of all days together.
const GATHERED_ROWS_MAX: usize = 1 << 18;

/// Bits of a row's number below those of the commit that added it.
const LAYER_SHIFT: u32 = 32;

/// A row that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowNumber {
    pub(crate) day: i64,
    pub(crate) row: i64,
}

/// Gathers rows by the UTC day on which their attempts began.
pub(crate) struct Output {
    next_row: i64,
    rows: BTreeMap<i64, Rows>,
    gathered: usize,
    /// By day: the rows that are not true any more, of earlier commits and of this one.
    voids: BTreeMap<i64, RoaringTreemap>,
    /// Files that were stored.
    pub(crate) parts: Vec<Part>,
    /// Attempts that were given out.
    pub(crate) attempts: u64,
    /// Where nothing is stored: when each attempt that was given out began and ended, by person.
    given: Option<ByPerson<Vec<(i64, i64, RowNumber)>>>,
}

impl Output {
    /// For the commit of this number.
    pub(crate) fn new(layer: i64) -> Self {
        Self {
            next_row: layer << LAYER_SHIFT,
            rows: BTreeMap::new(),
            gathered: 0,
            voids: BTreeMap::new(),
            parts: Vec::new(),
            attempts: 0,
            given: None,
        }
    }

    /// For what is answered from memory, over the table as it stands at this commit.
    pub(crate) fn in_memory(layer: i64) -> Self {
        Self { given: Some(ByPerson::default()), ..Self::new(layer + 1) }
    }

    /// What was given out of this person and lies in memory.
    pub(crate) fn given(&self, key: &str) -> &[(i64, i64, RowNumber)] {
        self.given.as_ref().and_then(|given| given.get(key)).map_or(&[], Vec::as_slice)
    }

    /// Gives out a row, and says which.
    pub(crate) fn add(&mut self, key: &str, attempt: &Attempt) -> RowNumber {
        let number = RowNumber { day: attempt.first_at_us.div_euclid(DAY_US), row: self.next_row };
        self.next_row += 1;
        self.gathered += 1;
        self.attempts += 1;
        self.rows.entry(number.day).or_insert_with(Rows::new).append(key, attempt, number.row);
        if let Some(given) = &mut self.given {
            let row = (attempt.first_at_us, attempt.last_at_us, number);
            update(given, key, |rows: &mut Vec<_>| rows.push(row));
        }
        number
    }

    /// Gives out a row that stays.
    pub(crate) fn give(&mut self, key: &str, attempt: &Attempt) {
        self.add(key, attempt);
    }

    /// A row is not true any more.
    pub(crate) fn void(&mut self, number: RowNumber) {
        self.voids.entry(number.day).or_default().insert(number.row as u64);
    }

    pub(crate) fn is_void(&self, number: RowNumber) -> bool {
        self.voids.get(&number.day).is_some_and(|voids| voids.contains(number.row as u64))
    }

    /// Stores what is gathered where it is much.
    pub(crate) async fn store_much(&mut self, table: &Projections) -> Result<(), ProjectError> {
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

    /// Stores everything. The parts are all that is new.
    pub(crate) async fn finish(mut self, table: &Projections) -> Result<Vec<Part>, ProjectError> {
        self.store_all(table).await?;
        for (day, voids) in std::mem::take(&mut self.voids) {
            let rows = voids.iter().map(|row| row as i64).collect();
            self.parts.push(table.store_void(day_of(day * DAY_US), rows).await?);
        }
        Ok(self.parts)
    }

    /// All that was gathered, where nothing is stored: rows, and the numbers of those that are not true any more.
    pub(crate) fn into_memory(
        self,
    ) -> Result<(Vec<arrow::array::RecordBatch>, RoaringTreemap), arrow::error::ArrowError> {
        let voids = self.voids.into_values().fold(RoaringTreemap::new(), |all, voids| all | voids);
        let rows = self.rows.into_values().map(|mut rows| rows.finish()).collect::<Result<_, _>>()?;
        Ok((rows, voids))
    }
}
