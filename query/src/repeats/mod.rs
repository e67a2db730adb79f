//! Repeats: which events count, where the same one stands in the book several times.
//!
//! Every delivery of an event is a row of the book, and no row is ever edited: which of several rows counts is decided
//! when they are read, here and nowhere else. Of the rows of a day that have tenant, source and event id in common
//!
//! - one counts where the source sends a sign-in again with a later state ([`schemas::SameId::Supersedes`]): the one that
//!   Kafka got last, by `received_at`, then by offset;
//! - else each counts whose content is another: copies, in whichever partition and however late, count once.
//!
//! Rows of the same event have the same `occurred_at`, so that all lie in one day. [`CountedEvents`] is the view that every
//! report reads. What was found out about a day is kept, and when files are added to it, only these are read.

mod candidates;
mod day;
mod exceptions;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ahash::RandomState;
use chrono::NaiveDate;
use lake::{ActiveFile, Book, ReadError};
use schemas::Kind;

use self::day::Day;
use self::exceptions::Exceptions;
pub(crate) use self::view::{ABOUT, CountedEvents, VIEW};

/// Repeats that one question may meet: 64 MiB of places.
const REPEATS_MAX: usize = 1 << 21;

/// Ids that are kept of days whose files may grow, all days together: 128 MiB. A day beyond it is read anew when it grows.
const IDS_KEPT_MAX: usize = 1 << 24;

/// Why it cannot be told which events count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepeatsError {
    /// The book cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More repeats than are kept in memory.
    #[error("ask for a shorter range: it has more than {REPEATS_MAX} copies and superseded states")]
    TooMany,
}

/// What is known of the repeats of each day, for all questions of a process to one book.
#[derive(Debug)]
pub(crate) struct Repeats {
    days: Mutex<BTreeMap<NaiveDate, Arc<tokio::sync::Mutex<Day>>>>,
    /// Drawn anew in each process, so that nobody can make ids that collide.
    hasher: RandomState,
}

impl Repeats {
    pub(crate) fn new() -> Self {
        Self { days: Mutex::default(), hasher: RandomState::new() }
    }

    /// The events of these days, as they stand in this version of the book, that count although they are flagged as
    /// duplicates, or do not although they are not.
    async fn exceptions(
        &self,
        book: &Book,
        files: BTreeMap<NaiveDate, Vec<ActiveFile>>,
    ) -> Result<Exceptions, RepeatsError> {
        let mut all = Exceptions::default();
        for (date, files) in files {
            let day =
                Arc::clone(self.days.lock().unwrap_or_else(PoisonError::into_inner).entry(date).or_default());
            let mut day = day.lock().await;
            let kept_before = day.ids_kept();
            match day.at(book, files, &self.hasher).await? {
                Some(older) => all.add(&older)?,
                None => all.add(&day.exceptions)?,
            }
            if day.ids_kept() != kept_before {
                drop(day);
                self.make_room(date);
            }
        }
        Ok(all)
    }

    /// Lets go of ids, the oldest days' first, until no more than [`IDS_KEPT_MAX`] are kept.
    fn make_room(&self, newest: NaiveDate) {
        let days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = |day: &Arc<tokio::sync::Mutex<Day>>| day.try_lock().map_or(0, |day| day.ids_kept());
        let mut all: usize = days.values().map(kept).sum();
        for (_, day) in days.iter().filter(|(date, _)| **date != newest) {
            if all <= IDS_KEPT_MAX {
                break;
            }
            if let Ok(mut day) = day.try_lock() {
                all -= day.ids_kept();
                day.forget_ids();
            }
        }
    }
}

/// The events' files of a version, by day.
fn files_by_day(book: &Book) -> Result<BTreeMap<NaiveDate, Vec<ActiveFile>>, ReadError> {
    let mut files: BTreeMap<NaiveDate, Vec<ActiveFile>> = BTreeMap::new();
    for file in book.files()?.into_iter().filter(|file| file.kind == Some(Kind::Event)) {
        if let Some(day) = file.day {
            files.entry(day).or_default().push(file);
        }
    }
    Ok(files)
}
