//! Reading again what is known of some persons: their events in the book, and the rows that stand for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::{Part, PartKind, Projections, ROW};
use lake::{Book, any_between};
use roaring::RoaringTreemap;
use schemas::DAY_US;
use schemas::arrays::numbers;

use crate::ProjectError;
use crate::held::{ByPerson, EVENT_COLUMNS, Events, Held, Keys, WHO, day_of, names, update};
use crate::output::{Given, Output, RowNumber, Shown};
use crate::repeats::{Repeats, files_by_day};
use crate::sums::{COUNTED_COLUMNS, CountedRows};

/// Days before that of a moment on which an attempt that goes on then may have begun: an attempt ends with the second day
/// at the latest on which its person never pauses.
pub(crate) const ATTEMPT_DAYS_MAX: u64 = 2;

/// Whose events are read, and from when to when each, in microseconds since 1970.
pub(crate) type Windows = ByPerson<(i64, i64)>;

/// What was read of somebody.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The events that count, in no order.
    pub(crate) events: Vec<Held>,
    /// The attempts that stand for some of them.
    pub(crate) rows: Vec<Given>,
}

/// What is read from: one version of the book, and the table of projections with what was stored since.
pub(crate) struct Reading<'a> {
    pub(crate) book: &'a Book,
    pub(crate) repeats: &'a Repeats,
    /// The table that holds rows; none where nothing was ever kept.
    pub(crate) table: Option<&'a Projections>,
    /// Days whose rows are over as a whole.
    pub(crate) gone: &'a BTreeSet<NaiveDate>,
}

impl Reading<'_> {
    /// Everything of these persons in their windows; none where there are more events than `events_max`.
    pub(crate) async fn of(
        &self,
        windows: &Arc<Windows>,
        output: &mut Output,
        events_max: usize,
    ) -> Result<Option<ByPerson<Found>>, ProjectError> {
        let mut found = ByPerson::default();
        if !self.read_events(windows, events_max, &mut found).await? {
            return Ok(None);
        }
        self.read_rows(windows, output, &mut found).await?;
        Ok(Some(found))
    }

    /// False where there are too many.
    async fn read_events(
        &self,
        windows: &Arc<Windows>,
        events_max: usize,
        found: &mut ByPerson<Found>,
    ) -> Result<bool, ProjectError> {
        let (first, last) = days(windows);
        let mut files = files_by_day(self.book)?;
        files.retain(|day, _| (first..=last).contains(day));
        let exceptions = self.repeats.exceptions(self.book, files.clone()).await?;
        let users = users(windows);
        let mut count = 0;
        for file in files.into_values().flatten() {
            let wanted = Arc::clone(windows);
            let by = ["tenant_id", "source", "user_key", "occurred_at"];
            let mut taken = Ok(());
            let is_wanted = move |rows: &RecordBatch| {
                let at = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
                of_persons(rows, |row, key| {
                    wanted.get(key).is_some_and(|(from, to)| (*from..=*to).contains(&at.value(row)))
                })
            };
            let take = |rows: &RecordBatch| {
                if taken.is_ok() && count <= events_max {
                    taken = Events::of(rows).map(|events| {
                        events.each_that_counts(&exceptions, |row, key| {
                            update(found, key, |found: &mut Found| found.events.push(events.held(row)));
                            count += 1;
                        });
                    });
                }
            };
            self.book
                .read_of_users(
                    &file,
                    &by,
                    |least, greatest| any_between(&users, least, greatest),
                    is_wanted,
                    EVENT_COLUMNS,
                    take,
                )
                .await?;
            taken?;
            if count > events_max {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read_rows(
        &self,
        windows: &Arc<Windows>,
        output: &mut Output,
        found: &mut ByPerson<Found>,
    ) -> Result<(), ProjectError> {
        for key in windows.keys() {
            let given = output.given(key).iter().filter(|given| !output.is_void(given.shown.number));
            update(found, key, |found: &mut Found| found.rows.extend(given.cloned()));
        }
        let Some(table) = self.table else { return Ok(()) };
        let (first, last) = days(windows);
        let first = first.checked_sub_days(chrono::Days::new(ATTEMPT_DAYS_MAX)).unwrap_or(first);
        let from_us = windows.values().map(|(from, _)| *from).min().unwrap_or(i64::MAX);
        let mut parts = table.parts()?;
        parts.extend(output.parts.iter().cloned());
        parts.retain(|part| (first..=last).contains(&part.day) && !self.gone.contains(&part.day));
        let voided = table.voided(parts.iter()).await?;
        let users = users(windows);
        let reaches = |part: &&Part| {
            part.kind == PartKind::Attempt && part.last_us.is_none_or(|last_us| last_us >= from_us)
        };
        for part in parts.iter().filter(reaches) {
            let wanted = Arc::clone(windows);
            let mut taken = Ok(());
            let is_wanted = move |rows: &RecordBatch| of_persons(rows, |_, key| wanted.contains_key(key));
            let take = |rows: &RecordBatch| {
                if taken.is_ok() {
                    taken = take_rows(rows, windows, &voided, output, found);
                }
            };
            let columns: Vec<&str> = WHO.into_iter().chain(COUNTED_COLUMNS).chain(["last_at", ROW]).collect();
            table
                .read_of_users(
                    part,
                    &WHO,
                    |least, greatest| any_between(&users, least, greatest),
                    is_wanted,
                    &columns,
                    take,
                )
                .await?;
            taken?;
        }
        Ok(())
    }
}

fn take_rows(
    rows: &RecordBatch,
    windows: &Windows,
    voided: &RoaringTreemap,
    output: &mut Output,
    found: &mut ByPerson<Found>,
) -> Result<(), ArrowError> {
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    let numbers = numbers::<Int64Type>(rows, ROW)?;
    let counted = CountedRows::of(rows)?;
    Keys::of(rows)?.each(|row, key| {
        let number = RowNumber { day: first.value(row).div_euclid(DAY_US), row: numbers.value(row) };
        let is_near =
            windows.get(key).is_some_and(|(from, to)| last.value(row) >= *from && first.value(row) <= *to);
        if is_near && !voided.contains(number.row as u64) && !output.is_void(number) {
            let counted = counted.get(row, |name| output.share(name));
            let (first_us, last_us) = (first.value(row), last.value(row));
            let given = Given { first_us, last_us, shown: Shown { number, counted } };
            update(found, key, |found: &mut Found| found.rows.push(given));
        }
    });
    Ok(())
}

/// The first and the last day of all windows.
fn days(windows: &Windows) -> (NaiveDate, NaiveDate) {
    let from = windows.values().map(|(from, _)| *from).min().unwrap_or_default();
    let to = windows.values().map(|(_, to)| *to).max().unwrap_or_default();
    (day_of(from), day_of(to))
}

fn users(windows: &Windows) -> BTreeSet<&str> {
    windows.keys().map(|key| names(key)[2]).collect()
}

/// Which rows are of wanted persons.
pub(crate) fn of_persons(
    rows: &RecordBatch,
    mut is_wanted: impl FnMut(usize, &str) -> bool,
) -> Result<BooleanArray, ArrowError> {
    let mut wanted = BooleanBufferBuilder::new(rows.num_rows());
    Keys::of(rows)?.each(|row, key| wanted.append(is_wanted(row, key)));
    Ok(BooleanArray::new(wanted.finish(), None))
}
