//! What came to the book since the projections were last made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::{Part, PartKind, Projections};
use lake::{ActiveFile, Book, Changed, PartitionId, ReadError};
use schemas::arrays::{file_texts, numbers};
use schemas::{DAY_US, day_number, day_start_us};

use crate::ProjectError;
use crate::held::{EVENT_COLUMNS, Events, Keys, day_of};
use crate::reading::ATTEMPT_DAYS_MAX;
use crate::refold::Touched;
use crate::repeats::{Exceptions, Places, Repeats, files_by_day};
use crate::sums::Sums;

/// The next offset of each partition.
pub(crate) type Offsets = HashMap<PartitionId, i64>;

/// A row of the book: topic id, partition, offset and element.
type RowAddress = (String, i32, i64, i32);

/// What is new in a version of the book.
pub(crate) struct Changes {
    /// The files that hold new events, among others.
    pub(crate) files: Vec<ActiveFile>,
    /// From which offsets on events are new.
    pub(crate) since: Offsets,
    /// What counted before, by the days of these events and those that were replaced.
    before: BTreeMap<NaiveDate, Arc<Places>>,
    /// What counts, of the same days.
    pub(crate) exceptions: Exceptions,
    /// Days of which events were replaced or removed.
    pub(crate) replaced: BTreeSet<NaiveDate>,
    /// The book as it was, where any day was replaced.
    earlier: Option<Book>,
}

impl Changes {
    /// How many events are new, at the most.
    pub(crate) fn events_max(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// What came since the version that a table stands at, and these offsets. `known` is what counted then of some days; of others
    /// the table tells it. None where the log does not reach back so far.
    pub(crate) async fn since(
        book: &Book,
        repeats: &Repeats,
        table: &Projections,
        version: u64,
        since: Offsets,
        known: &BTreeMap<NaiveDate, Arc<Places>>,
    ) -> Result<Option<Self>, ProjectError> {
        let Some(changed) = book.changed_since(version).await.map_err(ReadError::from)? else {
            return Ok(None);
        };
        let files = new_files(book, &changed, &since)?;
        let replaced = changed.replaced_days;
        let of_files = files.iter().filter_map(|file| file.day);
        let days: BTreeSet<NaiveDate> = of_files.chain(replaced.iter().copied()).collect();
        let mut wanted = files_by_day(book)?;
        wanted.retain(|day, _| days.contains(day));
        let (known_days, unknown): (BTreeSet<_>, BTreeSet<_>) =
            days.into_iter().partition(|day| known.contains_key(day));
        let known = known.iter().filter(|(day, _)| known_days.contains(day));
        let mut before: BTreeMap<_, _> = known.map(|(day, places)| (*day, Arc::clone(places))).collect();
        let mut stored = repeats.stored(table, &unknown).await?;
        before.extend(unknown.into_iter().map(|day| (day, stored.remove(&day).unwrap_or_default())));
        let mut earlier = None;
        if !replaced.is_empty() {
            let Some(then) = book.at(version).await.map_err(ReadError::from)? else { return Ok(None) };
            earlier = Some(then);
        }
        let exceptions = repeats.exceptions(book, wanted).await?;
        Ok(Some(Self { files, since, before, exceptions, replaced, earlier }))
    }

    /// Replaced days that have no event left.
    pub(crate) fn gone(&self, book: &Book) -> Result<BTreeSet<NaiveDate>, ProjectError> {
        let days = files_by_day(book)?;
        Ok(self.replaced.iter().filter(|day| !days.contains_key(day)).copied().collect())
    }

    /// What counts now, by the days of the new events.
    pub(crate) fn places(&self) -> impl Iterator<Item = (NaiveDate, Arc<Places>)> {
        let of_day = |day: &NaiveDate| self.exceptions.of_day(day_number(*day)).cloned().unwrap_or_default();
        self.before.keys().map(move |day| (*day, of_day(day)))
    }

    /// Tells which rows became exceptions, and which ceased to be.
    pub(crate) fn count_exceptions(&self, sums: &mut Sums) {
        for ((day, now), before) in self.places().zip(self.before.values()) {
            now.without(before).for_each(|(topic, place)| sums.exception(day, topic, place, 1));
            before.without(&now).for_each(|(topic, place)| sums.exception(day, topic, place, -1));
        }
    }

    /// Reads the new events that count.
    pub(crate) async fn read(
        &self,
        book: &Book,
        file: &ActiveFile,
        mut take: impl FnMut(&str, &Events<'_>, usize),
    ) -> Result<(), ProjectError> {
        let mut taken = Ok(());
        let rows = |rows: &RecordBatch| {
            if taken.is_ok() {
                taken = Events::of(rows).map(|events| {
                    events.each_that_counts(&self.exceptions, |row, key| take(key, &events, row));
                });
            }
        };
        book.read_since(file, &self.since, EVENT_COLUMNS, rows).await?;
        Ok(taken?)
    }

    /// Touches whoever has an event that was known and counts no more, or does only now: a later state has come, or a copy
    /// that Kafka got earlier. Such events are taken away from the sums, or added. Replaced days are looked at as a whole.
    pub(crate) async fn touch_recounted(
        &self,
        book: &Book,
        touched: &mut Touched,
        sums: &mut Sums,
    ) -> Result<(), ProjectError> {
        let mut files = files_by_day(book)?;
        for ((day, now), before) in self.places().zip(self.before.values()) {
            if self.replaced.contains(&day) {
                continue;
            }
            let files = files.remove(&day).unwrap_or_default();
            let is_known = |topic: &str, partition: i32, offset: i64| {
                let id = PartitionId { topic_id: topic.to_owned(), partition };
                self.since.get(&id).is_none_or(|since| offset < *since)
            };
            let differs = now.without(before).chain(before.without(&now));
            let known = differs.filter(|(topic, place)| is_known(topic, place.partition, place.offset));
            let known: HashSet<RowAddress> = known
                .map(|(topic, place)| (topic.to_owned(), place.partition, place.offset, place.element_index))
                .collect();
            if !known.is_empty() {
                let take = |events: &Events<'_>| {
                    events.each(|row, key| {
                        touched.touch(key, events.at_us(row));
                        let sign = if events.counts(row, &self.exceptions) { 1 } else { -1 };
                        sums.event(events, row, sign);
                    });
                };
                take_rows(book, &files, Arc::new(known), take).await?;
            }
        }
        Ok(())
    }

    /// Whether the day of a moment is counted as a whole, by [`Self::recount_replaced`].
    pub(crate) fn is_replaced(&self, at_us: i64) -> bool {
        !self.replaced.is_empty() && self.replaced.contains(&day_of(at_us))
    }

    /// Takes away from the sums what counted on the days that were replaced, and adds what does.
    pub(crate) async fn recount_replaced(&self, book: &Book, sums: &mut Sums) -> Result<(), ProjectError> {
        let Some(earlier) = &self.earlier else { return Ok(()) };
        let of_day = |(day, places): (&NaiveDate, &Arc<Places>)| (*day, Arc::clone(places));
        let before = Exceptions::of(self.before.iter().map(of_day).collect());
        self.count_replaced(earlier, &before, -1, sums).await?;
        self.count_replaced(book, &self.exceptions, 1, sums).await
    }

    async fn count_replaced(
        &self,
        book: &Book,
        exceptions: &Exceptions,
        sign: i64,
        sums: &mut Sums,
    ) -> Result<(), ProjectError> {
        let mut files = files_by_day(book)?;
        files.retain(|day, _| self.replaced.contains(day));
        for file in files.into_values().flatten() {
            let take = |events: &Events<'_>| {
                events.each_that_counts(exceptions, |row, _| sums.event(events, row, sign));
            };
            read_events(book, &file, take).await?;
        }
        Ok(())
    }

    /// Touches whoever has events or attempts on a day of which events were replaced or removed.
    pub(crate) async fn touch_replaced(
        &self,
        book: &Book,
        table: &Projections,
        gone: &BTreeSet<NaiveDate>,
        silence_us: i64,
        touched: &mut Touched,
    ) -> Result<(), ProjectError> {
        let mut files = files_by_day(book)?;
        for day in &self.replaced {
            for file in files.remove(day).unwrap_or_default() {
                let take =
                    |events: &Events<'_>| events.each(|row, key| touched.touch(key, events.at_us(row)));
                read_events(book, &file, take).await?;
            }
            let day_us = day_start_us(*day);
            // An attempt with an event of this day may have begun before.
            let first = day.checked_sub_days(chrono::Days::new(ATTEMPT_DAYS_MAX)).unwrap_or(*day);
            let is_near = |part: &Part| {
                part.kind == PartKind::Attempt
                    && (part.day == *day || (first..*day).contains(&part.day) && !gone.contains(&part.day))
                    && part.last_us.is_none_or(|last_us| last_us >= day_us)
            };
            for part in table.parts()?.into_iter().filter(is_near) {
                // Of a day that is gone as a whole, only who went on after midnight matters.
                let is_gone = gone.contains(&part.day);
                let from_us = if is_gone { day_us + DAY_US - silence_us } else { day_us };
                let mut taken = Ok(());
                let take = |rows: &RecordBatch| {
                    if taken.is_ok() {
                        taken = touch_attempts(rows, from_us, touched);
                    }
                };
                table.read(&part, &["tenant_id", "source", "user_key", "first_at", "last_at"], take).await?;
                taken?;
            }
        }
        Ok(())
    }
}

/// Reads all events of a file.
async fn read_events(
    book: &Book,
    file: &ActiveFile,
    mut take: impl FnMut(&Events<'_>),
) -> Result<(), ProjectError> {
    let mut taken = Ok(());
    let rows = |rows: &RecordBatch| {
        if taken.is_ok() {
            taken = Events::of(rows).map(|events| take(&events));
        }
    };
    book.read(file, Some(EVENT_COLUMNS), rows).await?;
    Ok(taken?)
}

fn touch_attempts(rows: &RecordBatch, from_us: i64, touched: &mut Touched) -> Result<(), ArrowError> {
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    Keys::of(rows)?.each(|row, key| {
        // None begins after it ends.
        for at_us in [first.value(row), last.value(row)].into_iter().filter(|at_us| *at_us >= from_us) {
            touched.touch(key, at_us);
        }
    });
    Ok(())
}

/// Reads events by their addresses.
async fn take_rows(
    book: &Book,
    files: &[ActiveFile],
    rows: Arc<HashSet<RowAddress>>,
    mut take: impl FnMut(&Events<'_>),
) -> Result<(), ProjectError> {
    let least = rows.iter().map(|(_, _, offset, _)| *offset).min().unwrap_or_default();
    let greatest = rows.iter().map(|(_, _, offset, _)| *offset).max().unwrap_or_default();
    let reaches =
        |file: &&ActiveFile| file.offsets.is_none_or(|(low, high)| low <= greatest && high >= least);
    for file in files.iter().filter(reaches) {
        let wanted = Arc::clone(&rows);
        let is_wanted = move |rows: &RecordBatch| {
            let topics = file_texts(rows, "kafka_topic_id")?;
            let partitions = numbers::<Int32Type>(rows, "kafka_partition")?;
            let offsets = numbers::<Int64Type>(rows, "kafka_offset")?;
            let elements = numbers::<Int32Type>(rows, "element_index")?;
            let is_wanted = |row: usize| {
                let (partition, offset) = (partitions.value(row), offsets.value(row));
                let is_between = (least..=greatest).contains(&offset);
                Some(
                    is_between
                        && wanted.contains(&(
                            topics.value(row).to_owned(),
                            partition,
                            offset,
                            elements.value(row),
                        )),
                )
            };
            Ok((0..rows.num_rows()).map(is_wanted).collect::<BooleanArray>())
        };
        let mut taken = Ok(());
        let by = ["kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
        let rows = |rows: &RecordBatch| {
            if taken.is_ok() {
                taken = Events::of(rows).map(|events| take(&events));
            }
        };
        book.read_where(file, &by, is_wanted, rows).await?;
        taken?;
    }
    Ok(())
}

/// The files that may hold events from these offsets on. By offsets alone a merged file does for ever, of a partition that is
/// ahead of another one.
pub(crate) fn new_files(
    book: &Book,
    changed: &Changed,
    since: &Offsets,
) -> Result<Vec<ActiveFile>, ProjectError> {
    let files = book.event_files_since(since)?.into_iter();
    Ok(files.filter(|file| changed.added.contains(&file.path)).collect())
}
