//! Reading kept bytes anew: what the decoders of today make of events that earlier ones read.
//!
//! [`compare`] changes nothing; [`apply`] replaces what reads differently, a day at a time, each in one commit of the
//! book. Only events whose bytes were kept (`raw`) can be read again. An event that would be anything else than one
//! event stays as it is, and is counted: what a decoder refuses today was read once, and the counts of the segments
//! stay true. Changes stay as they are, since the kind superseded has an event's columns alone; a rejection that is
//! read today is produced again, which is the way of [`crate::produce`].

mod comparison;
mod readers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use futures::StreamExt as _;
use lake::maintain::{Lease, MaintainError, Replaced, Replacement};
use lake::{ActiveFile, Book, ReadError};
use schemas::{Kind, Maps, Source};

use self::readers::Readers;
use crate::settings::Topic;

pub use comparison::{Comparison, Example};

/// Kept bytes of the events that are held at a time, about; and as much again for what is made of them.
const READ_BYTES_MAX: u64 = 16 << 20;

/// Which events are read anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first day of `occurred_at`, in UTC.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// Of this source alone.
    pub source: Option<Source>,
}

/// Which events are read anew, and how.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The topics whose decoders are known.
    pub topics: &'a [Topic],
    /// What the deployment says about names.
    pub maps: &'a Maps,
    /// Which events.
    pub range: Range,
    /// The clock, in microseconds since 1970 UTC.
    pub now_us: i64,
}

/// What was done to one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayDone {
    /// The day.
    pub day: NaiveDate,
    /// Its events of the source.
    pub events: u64,
    /// What was replaced.
    pub replaced: Replaced,
}

/// Why kept bytes cannot be read anew. Days that were done before stay done.
#[derive(Debug, thiserror::Error)]
pub enum RedecodeError {
    /// The book cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Columns of a file are not what they should be.
    #[error("the columns of an event do not fit together")]
    Columns(#[from] ArrowError),
    /// A day could not be replaced.
    #[error(transparent)]
    Replace(#[from] MaintainError),
}

/// Reads the events of a range anew and compares.
pub async fn compare(book: &Book, asked: &Question<'_>) -> Result<Comparison, RedecodeError> {
    let mut readers = Readers::new(asked, &book.removed_days().await?);
    let mut comparison = Comparison::default();
    for file in days(book, &asked.range)?.into_values().flatten() {
        let mut batches = book.batches(&file, READ_BYTES_MAX).await?;
        while let Some(rows) = batches.next().await {
            comparison.take_in(&rows?, &mut readers)?;
        }
    }
    Ok(comparison)
}

/// Reads the events of a range anew and replaces those that read differently, under a lease that the caller holds.
/// `told` hears of each day once it is done. What lands meanwhile is left to the next time.
pub async fn apply(
    book: &mut Book,
    lease: &mut Lease,
    asked: &Question<'_>,
    actor: &str,
    told: &mut (dyn FnMut(DayDone) + Send),
) -> Result<Comparison, RedecodeError> {
    book.admit(lease).await?;
    let mut readers = Readers::new(asked, &book.removed_days().await?);
    let mut comparison = Comparison::default();
    for (day, files) in days(book, &asked.range)? {
        let events_before = comparison.events;
        let mut due = Vec::new();
        for file in files {
            let differing_before = comparison.differing();
            let mut batches = book.batches(&file, READ_BYTES_MAX).await?;
            while let Some(rows) = batches.next().await {
                comparison.take_in(&rows?, &mut readers)?;
                lease.keep().await.map_err(MaintainError::from)?;
            }
            if comparison.differing() > differing_before {
                due.push(file);
            }
        }
        let replaced = replace(book, lease, (day, due), &mut readers, actor).await?;
        told(DayDone { day, events: comparison.events - events_before, replaced });
    }
    Ok(comparison)
}

/// Writes the files of a day anew that hold an event which reads differently. They are read a second time, since a
/// day has no place in memory.
async fn replace(
    book: &mut Book,
    lease: &mut Lease,
    (day, files): (NaiveDate, Vec<ActiveFile>),
    readers: &mut Readers<'_>,
    actor: &str,
) -> Result<Replaced, RedecodeError> {
    if files.is_empty() {
        return Ok(Replaced::default());
    }
    let mut replacement = Replacement::new(day, files.clone(), actor);
    for file in files {
        let mut batches = book.batches(&file, READ_BYTES_MAX).await?;
        while let Some(rows) = batches.next().await {
            let rows = rows?;
            let anew = Comparison::default().take_in(&rows, readers)?;
            replacement.take_in(book, lease, &rows, &anew).await?;
        }
    }
    Ok(replacement.commit(book, lease).await?)
}

/// The files of events in a range, by day.
fn days(book: &Book, range: &Range) -> Result<BTreeMap<NaiveDate, Vec<ActiveFile>>, ReadError> {
    let mut days: BTreeMap<NaiveDate, Vec<ActiveFile>> = BTreeMap::new();
    for file in book.files()?.into_iter().filter(|file| file.kind == Some(Kind::Event)) {
        if let Some(day) = file.day.filter(|day| (range.from..range.to).contains(day)) {
            days.entry(day).or_default().push(file);
        }
    }
    Ok(days)
}

fn column<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}
