//! Keeping the projections up with the book.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::{Over, Part, PartKind, Projections, ROW, Refreshed, Standing};
use lake::{Book, Location, PartitionId, ReadError, Totals};
use roaring::RoaringTreemap;
use schemas::arrays::numbers;
use schemas::{DAY_US, Kind, day_start_us};

use crate::ProjectError;
use crate::changes::{Changes, Offsets, new_files};
use crate::held::{Events, Keys, WHO};
use crate::limits::Limits;
use crate::output::Output;
use crate::persons::{Persons, Taken};
use crate::reading::Reading;
use crate::rebuild::Rebuild;
use crate::refold::{Refold, Touched};
use crate::repeats::{Places, Repeats, files_by_day};
use crate::rows::table_schema;
use crate::rules::Rules;
use crate::sums::{COUNTED_COLUMNS, CountedRows};

/// Bytes of persons in memory, about: beyond, those go who were touched longest ago.
const PERSONS_BYTES_MAX: usize = 256 << 20;

/// New events from which on all is made anew where they are most of the book.
const REBUILD_EVENTS_MIN: u64 = 4_000_000;

/// Days of which it is remembered what counted.
const REMEMBERED_DAYS_MAX: usize = 64;

/// Keeps the projections of a lake.
pub struct Projector {
    rules: Arc<Rules>,
    book: Book,
    table: Projections,
    repeats: Repeats,
    totals: Totals,
    /// What is in memory of where the table stands; none before it was looked at, and after a failure.
    known: Option<Known>,
}

/// What is in memory.
struct Known {
    standing: Standing,
    persons: Persons,
    /// What counted of a day when it was last taken in.
    places: BTreeMap<NaiveDate, Arc<Places>>,
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The version of the book that is taken in.
    pub book_version: u64,
    /// Rows of attempts that were written.
    pub attempts: u64,
    /// Whether everything was made anew.
    pub rebuilt: bool,
}

impl Projector {
    /// For the lake in this place, which has a book.
    ///
    /// # Errors
    ///
    /// The book or the table cannot be opened.
    pub async fn open(location: &Location, rules: Arc<Rules>, limits: Limits) -> Result<Self, ProjectError> {
        Ok(Self {
            rules,
            book: Book::open(location).await?,
            table: Projections::open_or_create(location, &table_schema()).await?,
            repeats: Repeats::new(limits),
            totals: Totals::default(),
            known: None,
        })
    }

    /// The table, for its upkeep.
    pub fn table(&mut self) -> &mut Projections {
        &mut self.table
    }

    /// Takes in what came to the book since; none where nothing did.
    ///
    /// # Errors
    ///
    /// The book cannot be read, or the table not be written. The table is as it was, and the next call begins anew.
    pub async fn refresh(&mut self) -> Result<Option<Done>, ProjectError> {
        if self.known.is_some() && !self.book.has_newer().await.map_err(ReadError::from)? {
            return Ok(None);
        }
        let known = self.known.take();
        self.book.refresh().await.map_err(ReadError::from)?;
        self.table.refresh().await?;
        let standing =
            self.table.standing().await?.filter(|standing| standing.rules == self.rules.fingerprint());
        let Some(standing) = standing else {
            return self.rebuild(&mut |_| {}).await.map(Some);
        };
        if standing.book_version > self.book.version() {
            // The book was restored from a backup.
            return self.rebuild(&mut |_| {}).await.map(Some);
        }
        let known = match known.filter(|known| known.standing == standing) {
            Some(known) => known,
            None => self.look(standing).await?,
        };
        if self.book.version() == standing.book_version {
            self.known = Some(known);
            return Ok(None);
        }
        let mut known = known;
        match self.take_in(&mut known).await? {
            Some(done) => {
                self.known = Some(known);
                Ok(Some(done))
            }
            None => self.rebuild(&mut |_| {}).await.map(Some),
        }
    }

    /// Makes everything anew, in one commit. `progress` is told how many events are done.
    ///
    /// # Errors
    ///
    /// As [`Self::refresh`].
    pub async fn rebuild(&mut self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Done, ProjectError> {
        self.known = None;
        self.book.refresh().await.map_err(ReadError::from)?;
        self.table.refresh().await?;
        let before = self.table.standing().await?;
        let layer = before.map_or(0, |before| before.layer) + 1;
        let mut output = Output::new(layer);
        let rebuild = Rebuild {
            book: &self.book,
            repeats: &self.repeats,
            rules: &self.rules,
            table: Some(&self.table),
        };
        rebuild.run(&mut output, progress).await?;
        let attempts = output.attempts;
        self.commit(before, Over::Everything, output, layer).await?;
        Ok(Done { book_version: self.book.version(), attempts, rebuilt: true })
    }

    /// Events of the book's version, for progress.
    ///
    /// # Errors
    ///
    /// The book's log cannot be read.
    pub fn events(&self) -> Result<u64, ProjectError> {
        Ok(files_by_day(&self.book)?.values().flatten().map(|file| file.rows).sum())
    }

    /// None where everything is to be made anew.
    async fn take_in(&mut self, known: &mut Known) -> Result<Option<Done>, ProjectError> {
        let before = known.standing;
        self.totals = self.book.totals_since(std::mem::take(&mut self.totals)).await?;
        let since = taken_in(&mut self.table, &self.totals).await?;
        let version = before.book_version;
        let changes =
            Changes::since(&self.book, &self.repeats, &self.table, version, since, &known.places).await?;
        let Some(changes) = changes else { return Ok(None) };
        let all = self.events()?;
        if changes.events_max() > REBUILD_EVENTS_MIN && changes.events_max() > all / 2 {
            return Ok(None);
        }
        let layer = before.layer + 1;
        let gone = changes.gone(&self.book)?;
        let mut output = Output::over(layer, gone.clone());
        let mut touched = Touched::default();
        changes.touch_recounted(&self.book, &mut touched, &mut output.sums).await?;
        changes.recount_replaced(&self.book, &mut output.sums).await?;
        changes.count_exceptions(&mut output.sums);
        self.take_away(&gone, &mut output).await?;
        known.persons.drop_persons_of(&gone);
        changes.touch_replaced(&self.book, &self.table, &gone, self.rules.silence_us(), &mut touched).await?;
        for file in &changes.files {
            let take = |key: &str, events: &Events<'_>, row: usize| {
                let at_us = events.at_us(row);
                if !changes.is_replaced(at_us) {
                    output.sums.event(events, row, 1);
                }
                if known.persons.take(key, events.held(row), &mut output) == Taken::Late {
                    touched.touch(key, at_us);
                }
            };
            changes.read(&self.book, file, take).await?;
            if known.persons.bytes() > PERSONS_BYTES_MAX {
                known.persons.show(&mut output);
                known.persons.make_room();
            }
            output.store_much(&self.table).await?;
        }
        known.persons.show(&mut output);
        if !touched.is_empty() {
            output.store_all(&self.table).await?;
            self.refold(&gone, touched, known, &mut output).await?;
            known.persons.show(&mut output);
        }
        let attempts = output.attempts;
        known.standing = self.commit(Some(before), Over::Days(gone), output, layer).await?;
        known.remember(&changes);
        if known.persons.bytes() > PERSONS_BYTES_MAX {
            known.persons.make_room();
        }
        Ok(Some(Done { book_version: self.book.version(), attempts, rebuilt: false }))
    }

    /// Takes the attempts away from the sums whose rows are over with their day.
    async fn take_away(&self, gone: &BTreeSet<NaiveDate>, output: &mut Output) -> Result<(), ProjectError> {
        if gone.is_empty() {
            return Ok(());
        }
        let mut parts = self.table.parts()?;
        parts.retain(|part| gone.contains(&part.day) && !part.kind.adds_up());
        let voided = self.table.voided(parts.iter()).await?;
        let columns: Vec<&str> = WHO.into_iter().chain(COUNTED_COLUMNS).chain([ROW]).collect();
        for part in parts.iter().filter(|part| part.kind == PartKind::Attempt) {
            let mut taken = Ok(());
            let take = |rows: &RecordBatch| {
                if taken.is_ok() {
                    taken = take_away(rows, &voided, output);
                }
            };
            self.table.read(part, &columns, take).await?;
            taken?;
        }
        Ok(())
    }

    async fn refold(
        &self,
        gone: &BTreeSet<NaiveDate>,
        touched: Touched,
        known: &mut Known,
        output: &mut Output,
    ) -> Result<(), ProjectError> {
        let newest_us = self
            .book
            .files()
            .map_err(ReadError::from)?
            .iter()
            .filter(|file| file.kind == Some(Kind::Event))
            // The log does not say it where it is absurdly far away.
            .map(|file| file.newest_us.unwrap_or(i64::MAX))
            .max()
            .unwrap_or(i64::MAX);
        let reading = Reading { book: &self.book, repeats: &self.repeats, table: Some(&self.table), gone };
        Refold { rules: &self.rules, reading, newest_us }.run(touched, &mut known.persons, output).await
    }

    async fn commit(
        &mut self,
        before: Option<Standing>,
        over: Over,
        output: Output,
        layer: i64,
    ) -> Result<Standing, ProjectError> {
        self.totals = self.book.totals_since(std::mem::take(&mut self.totals)).await?;
        let offsets = self.totals.by_partition.iter().map(|(id, totals)| (id.clone(), totals.next_offset));
        let offsets: BTreeMap<PartitionId, i64> = offsets.collect();
        let added = output.finish(&self.table).await?;
        let standing = Standing { book_version: self.book.version(), rules: self.rules.fingerprint(), layer };
        self.table.commit(before, Refreshed { over, added, standing, offsets }).await?;
        Ok(standing)
    }

    /// Finds out when everybody was last seen, as far back as matters.
    async fn look(&self, standing: Standing) -> Result<Known, ProjectError> {
        let parts: Vec<Part> =
            self.table.parts()?.into_iter().filter(|part| part.kind == PartKind::Attempt).collect();
        let newest = parts.iter().map(|part| part.day).max();
        // A day and what is left of another.
        let since_us = newest.map_or(i64::MIN, |day| day_start_us(day) - DAY_US);
        let mut persons = Persons::new(Arc::clone(&self.rules), since_us);
        for part in parts.iter().filter(|part| part.last_us.is_none_or(|last_us| last_us >= since_us)) {
            let mut taken = Ok(());
            let take = |rows: &RecordBatch| {
                if taken.is_ok() {
                    taken = saw(rows, &mut persons);
                }
            };
            self.table.read(part, &["tenant_id", "source", "user_key", "last_at"], take).await?;
            taken?;
        }
        Ok(Known { standing, persons, places: BTreeMap::new() })
    }
}

impl Known {
    fn remember(&mut self, changes: &Changes) {
        for day in &changes.replaced {
            self.places.remove(day);
        }
        self.places.extend(changes.places());
        while self.places.len() > REMEMBERED_DAYS_MAX {
            self.places.pop_first();
        }
    }
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projector").field("table", &self.table).finish_non_exhaustive()
    }
}

fn take_away(rows: &RecordBatch, voided: &RoaringTreemap, output: &mut Output) -> Result<(), ArrowError> {
    let numbers = numbers::<Int64Type>(rows, ROW)?;
    let counted = CountedRows::of(rows)?;
    Keys::of(rows)?.each(|row, key| {
        if !voided.contains(numbers.value(row).cast_unsigned()) {
            let counted = counted.get(row, |name| output.share(name));
            output.sums.attempt(key, &counted, -1);
        }
    });
    Ok(())
}

fn saw(rows: &RecordBatch, persons: &mut Persons) -> Result<(), ArrowError> {
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    Keys::of(rows)?.each(|row, key| persons.saw(key, last.value(row)));
    Ok(())
}

/// How many events of a book its projections lack, at the most.
///
/// # Errors
///
/// Something cannot be read.
pub async fn behind(book: &Book, table: &mut Projections) -> Result<u64, ProjectError> {
    let totals = book.totals_since(Totals::default()).await?;
    let since = taken_in(table, &totals).await?;
    let standing = table.standing().await?;
    let changed = match standing {
        Some(standing) => book.changed_since(standing.book_version).await.map_err(ReadError::from)?,
        None => None,
    };
    let files = match changed {
        Some(changed) => new_files(book, &changed, &since)?,
        None => book.event_files_since(&since)?,
    };
    Ok(files.iter().map(|file| file.rows).sum())
}

/// How far each partition is taken in.
pub(crate) async fn taken_in(table: &mut Projections, totals: &Totals) -> Result<Offsets, ProjectError> {
    let mut offsets = HashMap::new();
    for id in totals.by_partition.keys() {
        offsets.insert(id.clone(), table.next_offset(id).await?.unwrap_or(i64::MIN));
    }
    Ok(offsets)
}
