//! Who spoke when, and how late it came: told of each UTC day by its files, and kept while they are the same.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::{ActiveFile, Book, ReadError};
use object_store::path::Path;
use projections::repeats::files_by_day;

use crate::arrays::{file_texts, numbers};
use crate::error::QueryError;
use crate::limits::Limits;
use crate::period::QUARTER_HOUR_US;

/// Days that are kept, the latest ones.
const DAYS_MAX: usize = 64;

/// Lateness is told in powers of two of a second, up to a day and a half.
pub(crate) const LATENESS_BITS_MAX: usize = 17;

const SECOND_US: u64 = 1_000_000;

/// The columns that tell it.
const COLUMNS: &[&str] = &["tenant_id", "source", "server_name", "occurred_at", "received_at"];

/// What is known of each day of a book.
#[derive(Default)]
pub(crate) struct Voices {
    days: Mutex<BTreeMap<NaiveDate, Arc<tokio::sync::Mutex<Day>>>>,
}

#[derive(Default)]
struct Day {
    files: HashSet<Path>,
    heard: Arc<Heard>,
}

/// What was heard on a day.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard {
    pub(crate) voices: HashMap<Speaker, Voice>,
}

/// Tenant, source, and the authentication server where one is named.
pub(crate) type Speaker = (Arc<str>, Arc<str>, Option<Arc<str>>);

/// When somebody spoke, and how late it came.
#[derive(Debug, Default, Clone)]
pub(crate) struct Voice {
    /// The newest moment of each quarter hour of UTC with an event, by the quarter's start.
    pub(crate) quarters: BTreeMap<i64, i64>,
    pub(crate) lateness: Lateness,
}

/// How late events came.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lateness {
    /// When Kafka got the newest record.
    pub(crate) received_until_us: i64,
    /// How many events came late, by the bits of the seconds.
    pub(crate) events: [i64; LATENESS_BITS_MAX + 1],
}

impl Voices {
    /// What was heard on each of these days in this version of the book, as far as anything was.
    pub(crate) async fn of_days(
        &self,
        book: &Book,
        days: std::ops::RangeInclusive<NaiveDate>,
        limits: Limits,
    ) -> Result<BTreeMap<NaiveDate, Arc<Heard>>, QueryError> {
        let mut heard = BTreeMap::new();
        for (date, files) in files_by_day(book)?.into_iter().filter(|(date, _)| days.contains(date)) {
            heard.insert(date, self.of_day(book, date, &files, limits).await?);
        }
        Ok(heard)
    }

    async fn of_day(
        &self,
        book: &Book,
        date: NaiveDate,
        files: &[ActiveFile],
        limits: Limits,
    ) -> Result<Arc<Heard>, QueryError> {
        let day = {
            let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
            let day = Arc::clone(days.entry(date).or_default());
            while days.len() > DAYS_MAX {
                days.pop_first();
            }
            day
        };
        let mut day = day.lock().await;
        let active: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        // Compaction puts the same events into other files, and nothing can be taken away.
        if !day.files.iter().all(|path| active.contains(path)) {
            *day = Day::default();
        }
        let new: Vec<&ActiveFile> = files.iter().filter(|file| !day.files.contains(&file.path)).collect();
        if !new.is_empty() {
            let mut heard = Heard::clone(&day.heard);
            for file in &new {
                heard.read(book, file).await?;
                if heard.voices.len() > limits.groups {
                    return Err(QueryError::TooLarge(format!(
                        "name a tenant, a server or a source: there are more than {} servers (query.groups_max)",
                        limits.groups
                    )));
                }
            }
            // Nothing is kept before all of it was read.
            day.files.extend(new.into_iter().map(|file| file.path.clone()));
            day.heard = Arc::new(heard);
        }
        Ok(Arc::clone(&day.heard))
    }
}

impl Heard {
    async fn read(&mut self, book: &Book, file: &ActiveFile) -> Result<(), ReadError> {
        let mut taken = Ok(());
        let take = |rows: &RecordBatch| {
            if taken.is_ok() {
                taken = self.take_in(rows);
            }
        };
        book.read(file, Some(COLUMNS), take).await?;
        taken.map_err(|source| ReadError::Columns { path: file.path.to_string(), source })
    }

    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let [tenants, sources, servers] =
            ["tenant_id", "source", "server_name"].map(|name| file_texts(rows, name));
        let (tenants, sources, servers) = (tenants?, sources?, servers?);
        let occurred = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
        let received = numbers::<TimestampMicrosecondType>(rows, "received_at")?;
        // By what stands in this batch, so that no name is copied for each row.
        let mut here: HashMap<(&str, &str, Option<&str>), Voice> = HashMap::new();
        for row in 0..rows.num_rows() {
            let server = servers.is_valid(row).then(|| servers.value(row));
            let voice = here.entry((tenants.value(row), sources.value(row), server)).or_default();
            voice.hear(occurred.value(row), received.value(row));
        }
        for ((tenant, source, server), voice) in here {
            self.voices.entry((tenant.into(), source.into(), server.map(Arc::from))).or_default().add(voice);
        }
        Ok(())
    }
}

impl Voice {
    fn hear(&mut self, at_us: i64, received_us: i64) {
        let quarter_us = at_us.div_euclid(QUARTER_HOUR_US) * QUARTER_HOUR_US;
        let newest_us = self.quarters.entry(quarter_us).or_insert(at_us);
        *newest_us = (*newest_us).max(at_us);
        self.lateness.received_until_us = self.lateness.received_until_us.max(received_us);
        self.lateness.events[bits(received_us.saturating_sub(at_us))] += 1;
    }

    fn add(&mut self, other: Self) {
        for (quarter_us, at_us) in other.quarters {
            let newest_us = self.quarters.entry(quarter_us).or_insert(at_us);
            *newest_us = (*newest_us).max(at_us);
        }
        self.lateness.add(&other.lateness);
    }
}

impl Lateness {
    pub(crate) fn add(&mut self, other: &Self) {
        self.received_until_us = self.received_until_us.max(other.received_until_us);
        self.events.iter_mut().zip(other.events).for_each(|(all, more)| *all += more);
    }
}

/// The least power of two of a second within which something came that was so late.
fn bits(late_us: i64) -> usize {
    let seconds = late_us.max(1).unsigned_abs().div_ceil(SECOND_US);
    (seconds.next_power_of_two().trailing_zeros() as usize).min(LATENESS_BITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_in_powers_of_two_of_a_second() {
        let expected =
            [(-5, 0), (0, 0), (1_000_000, 0), (1_000_001, 1), (2_000_000, 1), (2_000_001, 2), (i64::MAX, 17)];
        for (late_us, expected) in expected {
            assert_eq!(bits(late_us), expected, "{late_us} µs");
        }
    }
}
