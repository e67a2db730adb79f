//! Repeats: which events count, where the same one stands in the book several times.
//!
//! Every delivery of an event is a row of the book, and no row is ever edited: which of several rows counts is decided
//! when they are read, here and nowhere else. Of the rows of a day that have tenant, source and event id in common
//!
//! - one counts where the source sends a sign-in again with a later state ([`schemas::SameId::Supersedes`]): the one that
//!   Kafka got last, by `received_at`, then by offset;
//! - else each counts whose content is another: copies, in whichever partition and however late, count once.
//!
//! Rows of the same event have the same `occurred_at`, so that all lie in one day. What was found out about a day is kept, and when files are added to it, only their ids are read, and of
//! the older files those that hold a row of an id that came again.

mod candidates;
mod day;
mod exceptions;
mod stored;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ahash::RandomState;
use chrono::NaiveDate;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lake::{ActiveFile, Book, ReadError};
use schemas::Kind;

use self::day::Day;
pub use self::exceptions::{Exceptions, Places, RowPlace};
use self::stored::Month;
pub use self::stored::TakenIn;
use crate::limits::Limits;

/// Repeats of one day: 48 MiB of places. Each is a row that a connector sent again or a source sent anew.
const REPEATS_A_DAY_MAX: usize = 1 << 21;

/// Repeats that one question may meet: 192 MiB of places.
const REPEATS_MAX: usize = 1 << 23;

/// Bytes that are kept of all days together; what is oldest goes first, and is read anew when it is asked for.
const KEPT_BYTES_MAX: usize = 192 << 20;

/// Days that are looked at at a time.
const DAYS_AT_A_TIME: usize = 2;

/// Why it cannot be told which events count.
#[derive(Debug, thiserror::Error)]
pub enum RepeatsError {
    /// The book cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More repeats than are kept in memory.
    #[error(
        "ask for a shorter range, or count every delivery (`duplicates=include`, SQL over `events`): it has more than \
         {REPEATS_A_DAY_MAX} copies and superseded states in a day, or {REPEATS_MAX} in all"
    )]
    TooMany,
}

/// What is known of the repeats of each day, for all questions of a process to one book.
#[derive(Debug)]
pub struct Repeats {
    days: Mutex<BTreeMap<NaiveDate, Arc<tokio::sync::Mutex<Day>>>>,
    /// What was stored, by the first day of the month.
    months: Mutex<BTreeMap<NaiveDate, Month>>,
    /// Drawn anew in each process, so that nobody can make ids that collide.
    hasher: RandomState,
    limits: Limits,
}

impl Repeats {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { days: Mutex::default(), months: Mutex::default(), hasher: RandomState::new(), limits }
    }

    /// How much whoever folds what counts holds at a time.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// The events of these days, as they stand in this version of the book, that count although they are flagged as
    /// duplicates, or do not although they are not.
    ///
    /// # Errors
    ///
    /// The book cannot be read, or there are more repeats than are kept in memory.
    pub async fn exceptions(
        &self,
        book: &Book,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Exceptions, RepeatsError> {
        let exceptions = Exceptions::of(self.places(book, files).await?);
        if exceptions.len() > REPEATS_MAX { Err(RepeatsError::TooMany) } else { Ok(exceptions) }
    }

    async fn places(
        &self,
        book: &Book,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Vec<(NaiveDate, Arc<Places>)>, RepeatsError> {
        let days = stream::iter(files).map(async |(date, files)| {
            let places = self.of_day(book, date, files).await?;
            Ok::<_, RepeatsError>((date, places))
        });
        days.buffer_unordered(DAYS_AT_A_TIME).try_collect().await
    }

    async fn of_day(
        &self,
        book: &Book,
        date: NaiveDate,
        files: Vec<ActiveFile>,
    ) -> Result<Arc<Places>, RepeatsError> {
        let day =
            Arc::clone(self.days.lock().unwrap_or_else(PoisonError::into_inner).entry(date).or_default());
        let mut day = day.lock().await;
        let kept_before = day.kept_bytes();
        let places = day.places_at(book, files, &self.hasher, self.limits.ids).await?;
        if day.kept_bytes() != kept_before {
            drop(day);
            self.make_room();
        }
        Ok(places)
    }

    /// Lets go of what is known of days, the oldest first, until no more than [`KEPT_BYTES_MAX`] are kept.
    fn make_room(&self) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        // A day that is looked at now makes room itself.
        let kept = |day: &Arc<tokio::sync::Mutex<Day>>| day.try_lock().map_or(0, |day| day.kept_bytes());
        let mut all: usize = days.values().map(kept).sum();
        days.retain(|_, day| {
            let bytes = if all > KEPT_BYTES_MAX { kept(day) } else { 0 };
            all -= bytes;
            bytes == 0
        });
    }
}

/// The events' files of a version, by day.
///
/// # Errors
///
/// The book's log cannot be read.
pub fn files_by_day(book: &Book) -> Result<BTreeMap<NaiveDate, Vec<ActiveFile>>, ReadError> {
    let mut files: BTreeMap<NaiveDate, Vec<ActiveFile>> = BTreeMap::new();
    for file in book.files()?.into_iter().filter(|file| file.kind == Some(Kind::Event)) {
        if let Some(day) = file.day {
            files.entry(day).or_default().push(file);
        }
    }
    Ok(files)
}
