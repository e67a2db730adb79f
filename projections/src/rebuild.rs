//! Folding all events of a book, day by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lake::projections::Projections;
use lake::{ActiveFile, Book, ReadError};
use schemas::{DAY_US, day_start_us};

use crate::ProjectError;
use crate::attempter::Attempter;
use crate::held::{ByPerson, EVENT_COLUMNS, Events, Held, WHO, names, update};
use crate::output::Output;
use crate::reading::of_persons;
use crate::repeats::{Exceptions, Repeats, files_by_day};
use crate::rules::Rules;
use crate::sums::Sums;

/// Files that are read at a time, each by a task of its own.
const READS_MAX: usize = 2;

/// Events by person, and how many they are.
type Read = (ByPerson<Vec<Held>>, Sums);

/// Folds everything, and tells after each part of a day how many events are done.
pub(crate) struct Rebuild<'a> {
    pub(crate) book: &'a Book,
    pub(crate) repeats: &'a Repeats,
    pub(crate) rules: &'a Rules,
    /// Where rows are stored; none where they stay in memory.
    pub(crate) table: Option<&'a Projections>,
}

impl Rebuild<'_> {
    pub(crate) async fn run(
        &self,
        output: &mut Output,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ProjectError> {
        // The attempts that may go on after midnight.
        let mut open: ByPerson<Attempter> = ByPerson::default();
        let hasher = RandomState::new();
        let mut done = 0;
        for (day, files) in files_by_day(self.book)? {
            let wanted = BTreeMap::from([(day, files.clone())]);
            let exceptions = Arc::new(self.repeats.exceptions(self.book, wanted).await?);
            exceptions.each(day, |topic, place| output.sums.exception(day, topic, place, 1));
            let rows = files.iter().map(|file| file.rows).sum::<u64>();
            // Of a long day a part of the persons comes after the other.
            let slices = rows.div_ceil(self.repeats.limits().rebuilt_events).max(1);
            let mut still_open: ByPerson<Attempter> = ByPerson::default();
            for slice in 0..slices {
                let (events, sums) = self.read(&files, &exceptions, &hasher, (slice, slices)).await?;
                output.sums.extend(sums);
                for (key, events) in events {
                    let before = open.remove(&key);
                    self.fold(day, key, events, before, &mut still_open, output);
                    if let Some(table) = self.table {
                        output.store_much(table).await?;
                    }
                }
                done += rows / slices;
                progress(done);
            }
            // Whoever has no event on this day has paused.
            end_all(&mut open, output);
            open = still_open;
        }
        end_all(&mut open, output);
        Ok(())
    }

    /// Folds one person's events of a day.
    fn fold(
        &self,
        day: NaiveDate,
        key: Box<str>,
        mut events: Vec<Held>,
        before: Option<Attempter>,
        still_open: &mut ByPerson<Attempter>,
        output: &mut Output,
    ) {
        events.sort_unstable();
        let source = names(&key)[1];
        let mut attempter = before.unwrap_or_default();
        for event in &events {
            attempter.take(self.rules, &event.step(source), &mut |attempt| output.give(&key, &attempt));
        }
        let midnight_us = day_start_us(day) + DAY_US;
        let last_us = events.last().map_or(i64::MIN, |last| last.at_us);
        if midnight_us.saturating_sub(last_us) <= self.rules.silence_us() {
            still_open.insert(key, attempter);
        } else {
            attempter.end(&mut |attempt| output.give(&key, &attempt));
        }
    }

    /// The events of some of the persons on one day.
    async fn read(
        &self,
        files: &[ActiveFile],
        exceptions: &Arc<Exceptions>,
        hasher: &RandomState,
        slice: (u64, u64),
    ) -> Result<Read, ProjectError> {
        let reads = files.iter().cloned().map(|file| {
            let (book, exceptions, hasher) = (self.book.clone(), Arc::clone(exceptions), hasher.clone());
            // A task of its own: reading is work for a core.
            let path = file.path.to_string();
            let task = tokio::spawn(async move { read_file(&book, &file, &exceptions, hasher, slice).await });
            async move {
                match task.await {
                    Ok(read) => read,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    // The runtime is being shut down.
                    Err(source) => Err(ReadError::Store { path, source: source.into() }.into()),
                }
            }
        });
        let all = stream::iter(reads).buffer_unordered(READS_MAX);
        all.try_fold(Read::default(), async |(mut all, mut sums): Read, (read, more)| {
            sums.extend(more);
            if all.is_empty() {
                return Ok((read, sums));
            }
            for (key, events) in read {
                all.entry(key).or_default().extend(events);
            }
            Ok((all, sums))
        })
        .await
    }
}

fn end_all(open: &mut ByPerson<Attempter>, output: &mut Output) {
    for (key, mut attempter) in open.drain() {
        attempter.end(&mut |attempt| output.give(&key, &attempt));
    }
}

async fn read_file(
    book: &Book,
    file: &ActiveFile,
    exceptions: &Exceptions,
    hasher: RandomState,
    (slice, slices): (u64, u64),
) -> Result<Read, ProjectError> {
    let (mut found, mut sums) = Read::default();
    let mut taken = Ok(());
    let take = |rows: &RecordBatch| {
        if taken.is_ok() {
            taken = Events::of(rows).map(|events| {
                events.each_that_counts(exceptions, |row, key| {
                    update(&mut found, key, |all: &mut Vec<_>| all.push(events.held(row)));
                    sums.event(&events, row, 1);
                });
            });
        }
    };
    if slices == 1 {
        book.read(file, Some(EVENT_COLUMNS), take).await?;
    } else {
        let is_wanted =
            move |rows: &RecordBatch| of_persons(rows, |_, key| hasher.hash_one(key) % slices == slice);
        book.read_of_users(file, &WHO, |_, _| true, is_wanted, EVENT_COLUMNS, take).await?;
    }
    taken?;
    Ok((found, sums))
}
