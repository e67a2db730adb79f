//! Replacement: a later decoder reads some events of a day differently, and their files are written anew.
//!
//! One commit takes the old files out and puts in files with the new readings and all rows that stay as they are, the
//! old rows as kind superseded, and the removal entries that say who did it and what differs. Events stay events, each
//! at its place: a reading that would be anything else is no reading here, so that what segments count stays true.
//! Nobody ever sees a part of it, and what a killed process leaves behind is named by nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::Action;
use deltalake_core::protocol::DeltaOperation;
use object_store::path::Path;
use parquet::errors::ParquetError;
use schemas::{Kind, NOT_CONTENT};

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::data_file::DataFile;
use crate::failpoint::failpoint;
use crate::maintain::merge::conform;
use crate::maintain::waiting::Waiting;
use crate::maintain::{Lease, MaintainError, commit};
use crate::partition::PartitionId;
use crate::read::ReadError;
use crate::removal::{self, Redecoded, Removal};
use crate::totals::text;

const US_PER_DAY: i64 = 86_400_000_000;

/// The events of one day's files, some of which are read anew. Memory: what waits for its file (64 MiB, and as much
/// again while a file is encoded), whatever the day holds.
#[derive(Debug)]
pub struct Replacement {
    day: NaiveDate,
    files: Vec<ActiveFile>,
    actor: String,
    now: DateTime<Utc>,
    waiting: Waiting,
    added: Vec<Action>,
    /// Of the new files, one by which the commit can be told in the book.
    witness: Option<Path>,
    removals: BTreeMap<(NaiveDate, PartitionId, String, String), Removal>,
    rows: u64,
    done: Replaced,
}

/// Rows of a batch that are read anew.
#[derive(Debug, Clone)]
pub struct Anew {
    /// Their numbers in the batch, ascending.
    pub rows: Vec<u32>,
    /// What each reads as: an event with other content.
    pub readings: RecordBatch,
    /// By column, which of the readings differ there.
    pub changed: BTreeMap<String, Vec<u32>>,
}

/// What was replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Events that read differently.
    pub events: u64,
    /// Of them, those that stand under another day now.
    pub moved: u64,
}

impl Replacement {
    /// Begins with these files of one day, each of which is then to be taken in to its end.
    #[must_use]
    pub fn new(day: NaiveDate, files: Vec<ActiveFile>, actor: &str) -> Self {
        Self {
            day,
            files,
            actor: actor.to_owned(),
            now: Utc::now(),
            waiting: Waiting::default(),
            added: Vec::new(),
            witness: None,
            removals: BTreeMap::new(),
            rows: 0,
            done: Replaced::default(),
        }
    }

    /// Takes in rows of one of the files. Where and how a row came, its bytes and its flag stay the old row's.
    pub async fn take_in(
        &mut self,
        book: &Book,
        lease: &mut Lease,
        rows: &RecordBatch,
        anew: &Anew,
    ) -> Result<(), MaintainError> {
        self.sort_out(rows, anew).map_err(ParquetError::from)?;
        while let Some(file) = self.waiting.due()? {
            self.store(book, lease, file).await?;
        }
        lease.keep().await?;
        // Reading is long, and other tasks of this runtime are not to wait for all of it.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Commits: from this version on the new readings stand.
    pub async fn commit(mut self, book: &mut Book, lease: &mut Lease) -> Result<Replaced, MaintainError> {
        while let Some(file) = self.waiting.rest()? {
            self.store(book, lease, file).await?;
        }
        self.check_rows()?;
        if self.done.events == 0 {
            return Ok(self.done);
        }
        let removals: Vec<Removal> = self.removals.into_values().collect();
        self.added.push(book.store_removals(&removals, self.now).await?);
        failpoint("redecode-before-commit");
        // Without a predicate, since what lands in the day meanwhile is not touched by this.
        let operation = DeltaOperation::Update { predicate: None };
        let committed = commit::replace(book, lease, &self.files, self.added, operation).await;
        failpoint("redecode-after-commit");
        match committed {
            Ok(()) => Ok(self.done),
            // An error from a commit does not mean that it did not happen.
            Err(MaintainError::Commit(error)) => {
                book.refresh().await?;
                if book.files()?.iter().any(|file| Some(&file.path) == self.witness.as_ref()) {
                    tracing::info!(%error, "a commit that reported an error is in the book");
                    return Ok(self.done);
                }
                Err(MaintainError::Commit(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn store(&mut self, book: &Book, lease: &mut Lease, file: DataFile) -> Result<(), MaintainError> {
        file.store(&book.store()).await?;
        failpoint("redecode-mid-file");
        lease.keep().await?;
        self.witness.get_or_insert_with(|| file.path.clone());
        self.added.push(Action::Add(file.add));
        Ok(())
    }

    /// Every row of every file that goes must have been taken in.
    fn check_rows(&self) -> Result<(), MaintainError> {
        let expected: u64 = self.files.iter().map(|file| file.rows).sum();
        if self.rows == expected {
            return Ok(());
        }
        let path = self.files.first().map(|file| file.path.to_string()).unwrap_or_default();
        let told = format!("the log counts {expected} rows in these files, they hold {}", self.rows);
        Err(ReadError::Damaged { path, source: ParquetError::General(told) }.into())
    }

    fn sort_out(&mut self, rows: &RecordBatch, anew: &Anew) -> Result<(), ArrowError> {
        self.rows += rows.num_rows() as u64;
        let rows = conform(rows, &Kind::Event.schema())?;
        let mut stays = vec![true; rows.num_rows()];
        for &row in &anew.rows {
            match stays.get_mut(row as usize) {
                Some(stays) if *stays => *stays = false,
                _ => {
                    return Err(ArrowError::ComputeError(format!(
                        "row {row} is none of the batch, or twice"
                    )));
                }
            }
        }
        self.waiting.add(Kind::Event, self.day, filter_record_batch(&rows, &BooleanArray::from(stays))?);
        let old = take_record_batch(&rows, &UInt32Array::from(anew.rows.clone()))?;
        let new = with_place_of(&anew.readings, &old)?;
        let days = days(&new)?;
        self.account(&old, &new, &days, &anew.changed);
        for (day, rows) in by_day(&new, &days)? {
            self.waiting.add(Kind::Event, day, rows);
        }
        self.waiting.add(Kind::Superseded, self.day, superseded(&old, self.now)?);
        Ok(())
    }

    /// Writes down what is replaced: by partition and decoders, and for each day that gets a row.
    fn account(
        &mut self,
        old: &RecordBatch,
        new: &RecordBatch,
        days: &[NaiveDate],
        changed: &BTreeMap<String, Vec<u32>>,
    ) {
        let (topics, ids) = (text(old, "kafka_topic"), text(old, "kafka_topic_id"));
        let (old_decoders, new_decoders) = (text(old, "decoder"), text(new, "decoder"));
        let partitions = old["kafka_partition"].as_primitive::<Int32Type>();
        let offsets = old["kafka_offset"].as_primitive::<Int64Type>();
        let mut entry = |row: usize, day: NaiveDate, rows: i64| {
            let id = PartitionId { topic_id: ids.get(row).to_owned(), partition: partitions.value(row) };
            let (old_decoder, new_decoder) =
                (old_decoders.get(row).to_owned(), new_decoders.get(row).to_owned());
            let offset = offsets.value(row);
            let key = (day, id.clone(), old_decoder.clone(), new_decoder.clone());
            let removal = self.removals.entry(key.clone()).or_insert_with(|| Removal {
                why: removal::REDECODED,
                actor: self.actor.clone(),
                topic: topics.get(row).to_owned(),
                id,
                removed: Some((Kind::Event, day)),
                rows: 0,
                from_offset: offset,
                next_offset: offset + 1,
                redecoded: Some(Redecoded { old_decoder, new_decoder, changed_columns: BTreeMap::new() }),
            });
            removal.rows += rows;
            removal.from_offset = removal.from_offset.min(offset);
            removal.next_offset = removal.next_offset.max(offset + 1);
            key
        };
        let mut keys = Vec::with_capacity(days.len());
        for (row, &day) in days.iter().enumerate() {
            keys.push(entry(row, self.day, 1));
            self.done.events += 1;
            if day != self.day {
                // No row of that day goes; the entry says that a re-decoding touched it.
                entry(row, day, 0);
                self.done.moved += 1;
            }
        }
        for (column, rows) in changed {
            for key in rows.iter().filter_map(|&row| keys.get(row as usize)) {
                let redecoded = self.removals.get_mut(key).and_then(|removal| removal.redecoded.as_mut());
                if let Some(redecoded) = redecoded {
                    *redecoded.changed_columns.entry(column.clone()).or_default() += 1;
                }
            }
        }
    }
}

/// The new readings, in the columns of an event, with what is no content taken from the old rows.
fn with_place_of(new: &RecordBatch, old: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_kept = |name: &str| name == "source" || (NOT_CONTENT.contains(&name) && name != "decoder");
    let new = conform(new, &Kind::Event.schema())?;
    let columns = new
        .schema()
        .fields()
        .iter()
        .zip(new.columns().iter().zip(old.columns()))
        .map(|(field, (new, old))| Arc::clone(if is_kept(field.name()) { old } else { new }))
        .collect();
    // Fails where there are not as many readings as rows.
    RecordBatch::try_new(new.schema(), columns)
}

/// The old rows, and when they were superseded.
fn superseded(old: &RecordBatch, now: DateTime<Utc>) -> Result<RecordBatch, ArrowError> {
    let at =
        TimestampMicrosecondArray::from_value(now.timestamp_micros(), old.num_rows()).with_timezone("UTC");
    let mut columns = old.columns().to_vec();
    columns.push(Arc::new(at));
    RecordBatch::try_new(Kind::Superseded.schema(), columns)
}

/// The UTC day of each row.
fn days(rows: &RecordBatch) -> Result<Vec<NaiveDate>, ArrowError> {
    let moments = rows["occurred_at"].as_primitive::<TimestampMicrosecondType>();
    let day = |row: usize| {
        let seconds = moments.value(row).div_euclid(US_PER_DAY) * (US_PER_DAY / 1_000_000);
        let moment = DateTime::from_timestamp(seconds, 0).filter(|_| moments.is_valid(row));
        moment
            .map(|moment| moment.date_naive())
            .ok_or_else(|| ArrowError::ComputeError("a new reading has no day of the calendar".into()))
    };
    (0..rows.num_rows()).map(day).collect()
}

fn by_day(rows: &RecordBatch, days: &[NaiveDate]) -> Result<Vec<(NaiveDate, RecordBatch)>, ArrowError> {
    let mut numbers: BTreeMap<NaiveDate, Vec<u32>> = BTreeMap::new();
    for (row, day) in (0..).zip(days) {
        numbers.entry(*day).or_default().push(row);
    }
    let part = |(day, numbers)| Ok((day, take_record_batch(rows, &UInt32Array::from(numbers))?));
    numbers.into_iter().map(part).collect()
}
