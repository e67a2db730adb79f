//! Exceptions that are stored with the projections: the ids of a day are read by whoever keeps these, and by nobody else as
//! long as nothing new comes to the day.
//!
//! They are rows that add up, as all sums: one more where a row of the book became an exception, one less where it ceased to be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::{Part, PartKind, Projections};
use lake::{ActiveFile, Book, ReadError, Totals};
use object_store::path::Path;
use schemas::arrays::{file_texts, numbers};

use super::exceptions::{Exceptions, Places, RowPlace, topic_number};
use super::{KEPT_BYTES_MAX, REPEATS_MAX, Repeats, RepeatsError};
use crate::ProjectError;
use crate::changes::new_files;
use crate::held::day_of;
use crate::projector::taken_in;
use crate::rules::Rules;
use crate::sums::{AT, PLACE};
use crate::unstored::standing_for;

/// A table, and what of a version of the book it has not taken in.
#[derive(Debug)]
pub struct TakenIn {
    table: Projections,
    /// The days to which something came since.
    changed: BTreeSet<NaiveDate>,
}

/// The exceptions of a month.
#[derive(Debug, Clone)]
pub(super) struct Month {
    paths: BTreeSet<Path>,
    days: Arc<BTreeMap<NaiveDate, Arc<Places>>>,
    bytes: usize,
}

impl TakenIn {
    /// What a table has taken in of a version of the book, with the totals of that version. None where it is of no use for it.
    ///
    /// # Errors
    ///
    /// Something cannot be read.
    pub async fn at(
        book: &Book,
        totals: &Totals,
        rules: &Rules,
        mut table: Projections,
    ) -> Result<Option<Self>, ProjectError> {
        let Some(standing) = standing_for(book, rules, &mut table).await? else { return Ok(None) };
        if standing.book_version == book.version() {
            return Ok(Some(Self { table, changed: BTreeSet::new() }));
        }
        let since = taken_in(&mut table, totals).await?;
        let changed = book.changed_since(standing.book_version).await.map_err(ReadError::from)?;
        let Some(changed) = changed else { return Ok(None) };
        let files = new_files(book, &changed, &since)?;
        let changed = files.into_iter().filter_map(|file| file.day).chain(changed.replaced_days).collect();
        Ok(Some(Self { table, changed }))
    }
}

impl Repeats {
    /// As [`Self::exceptions`], of what a table has taken in as it is stored there.
    ///
    /// # Errors
    ///
    /// As [`Self::exceptions`].
    pub async fn exceptions_beside(
        &self,
        taken_in: &TakenIn,
        book: &Book,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Exceptions, ProjectError> {
        let (changed, same): (BTreeMap<_, _>, BTreeMap<_, _>) =
            files.into_iter().partition(|(day, _)| taken_in.changed.contains(day));
        let mut days = self.stored(&taken_in.table, &same.into_keys().collect()).await?;
        days.extend(self.places(book, changed).await?);
        let exceptions = Exceptions::of(days.into_iter().collect());
        if exceptions.len() > REPEATS_MAX { Err(RepeatsError::TooMany.into()) } else { Ok(exceptions) }
    }

    /// What is stored of these days, as far as there is anything.
    pub(crate) async fn stored(
        &self,
        table: &Projections,
        days: &BTreeSet<NaiveDate>,
    ) -> Result<BTreeMap<NaiveDate, Arc<Places>>, ProjectError> {
        let mut parts: BTreeMap<NaiveDate, Vec<Part>> = BTreeMap::new();
        for part in table.parts()?.into_iter().filter(|part| part.kind == PartKind::ExceptionsByDay) {
            parts.entry(part.day).or_default().push(part);
        }
        let mut found = BTreeMap::new();
        for (month, parts) in parts {
            if days.range(month..).next().is_none_or(|day| *day >= month + chrono::Months::new(1)) {
                continue;
            }
            let of_month = self.of_month(table, month, &parts).await?;
            found.extend(
                of_month
                    .iter()
                    .filter(|(day, _)| days.contains(day))
                    .map(|(day, places)| (*day, Arc::clone(places))),
            );
        }
        Ok(found)
    }

    async fn of_month(
        &self,
        table: &Projections,
        month: NaiveDate,
        parts: &[Part],
    ) -> Result<Arc<BTreeMap<NaiveDate, Arc<Places>>>, ProjectError> {
        let paths: BTreeSet<Path> = parts.iter().map(|part| part.path.clone()).collect();
        let known = self.months.lock().unwrap_or_else(PoisonError::into_inner).get(&month).cloned();
        if let Some(known) = known.filter(|known| known.paths == paths) {
            return Ok(known.days);
        }
        let mut adding = Adding::default();
        let columns: Vec<&str> = [AT, "events"].into_iter().chain(PLACE).collect();
        for part in parts {
            let mut taken = Ok(());
            let take = |rows: &RecordBatch| {
                if taken.is_ok() {
                    taken = adding.take_in(rows);
                }
            };
            table.read(part, &columns, take).await?;
            taken?;
        }
        let days = Arc::new(adding.finish());
        let bytes = days.values().map(|places| places.bytes()).sum();
        let mut months = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        months.insert(month, Month { paths, days: Arc::clone(&days), bytes });
        while months.len() > 1 && months.values().map(|month| month.bytes).sum::<usize>() > KEPT_BYTES_MAX {
            months.pop_first();
        }
        Ok(days)
    }
}

/// Adds up what rows say.
#[derive(Default)]
struct Adding {
    topics: Vec<String>,
    days: BTreeMap<i64, HashMap<RowPlace, i64>>,
}

impl Adding {
    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let at = numbers::<TimestampMicrosecondType>(rows, AT)?;
        let [topic, partition, offset, element] = PLACE;
        let topics = file_texts(rows, topic)?;
        let [partitions, offsets, elements, counts] =
            [partition, offset, element, "events"].map(|name| numbers::<Int64Type>(rows, name));
        let (partitions, offsets, elements, counts) = (partitions?, offsets?, elements?, counts?);
        let narrow =
            |value: i64| i32::try_from(value).map_err(|error| ArrowError::CastError(error.to_string()));
        for row in 0..rows.num_rows() {
            let place = RowPlace {
                offset: offsets.value(row),
                partition: narrow(partitions.value(row))?,
                element_index: narrow(elements.value(row))?,
                topic: topic_number(&mut self.topics, topics.value(row)),
            };
            *self.days.entry(at.value(row)).or_default().entry(place).or_default() += counts.value(row);
        }
        Ok(())
    }

    fn finish(self) -> BTreeMap<NaiveDate, Arc<Places>> {
        let Self { topics, days } = self;
        let day = |(at_us, places): (i64, HashMap<RowPlace, i64>)| {
            let places = places.into_iter().filter(|(_, count)| *count > 0).map(|(place, _)| place);
            (day_of(at_us), Arc::new(Places::new(topics.clone(), places.collect())))
        };
        days.into_iter().map(day).collect()
    }
}
