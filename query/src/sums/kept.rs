//! Parts of the sums that were decoded, for all questions of a process to one book.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use lake::Location;
use lake::projections::{Part, Projections, ProjectionsError};
use object_store::path::Path;
use projections::ProjectError;

use super::coded::{Coded, Decoded, Decoder};
use super::persons::Months;

/// Bytes of decoded parts that are kept together: about four years of a large organisation by quarter hour. Of more, those
/// go that were asked for longest ago.
const KEPT_BYTES_MAX: usize = 256 << 20;

/// How much earlier than the question for which a part was decoded another one may be asked, so that it is not decoded again.
const ASKED_EARLIER_US_MAX: i64 = 3_600_000_000;

/// Decoded parts, by their path, since a file never changes; the months of persons; and the table as it was opened last.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    parts: Mutex<Parts>,
    pub(super) persons: Months,
    table: tokio::sync::Mutex<Option<Projections>>,
}

#[derive(Debug, Default)]
struct Parts {
    by_path: HashMap<Path, (Arc<Decoded>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Kept {
    /// The table as it was when it had taken in no more than this version of the book; none where there is none.
    pub(super) async fn table_at(
        &self,
        location: &Location,
        book_version: u64,
    ) -> Result<Option<Projections>, ProjectionsError> {
        let mut kept = self.table.lock().await;
        // Where it cannot go on (it was removed and made again), it is opened anew.
        let is_fresh = match kept.as_mut() {
            Some(table) => table.refresh().await.is_ok(),
            None => false,
        };
        if !is_fresh {
            *kept = Projections::open(location).await?;
        }
        let Some(table) = kept.as_mut() else { return Ok(None) };
        if table.standing().await?.is_some_and(|standing| standing.book_version <= book_version) {
            return Ok(Some(table.clone()));
        }
        drop(kept);
        Projections::open_at(location, book_version).await
    }

    /// The rows of a part of the table, as they are at a moment; none of one that is read in another way.
    pub(super) async fn part(
        &self,
        table: &Projections,
        part: &Part,
        now_us: i64,
    ) -> Result<Vec<Arc<Coded>>, ProjectError> {
        let known = self.lock().get(&part.path);
        // Whoever asked a little earlier may be answered a little later.
        if let Some(known) = known.filter(|known| known.horizon_us <= now_us) {
            return Ok(known.at(now_us).collect());
        }
        let Some(mut decoder) = Decoder::new(part.kind, part.day) else { return Ok(Vec::new()) };
        let columns: Vec<&str> = decoder.shape.columns().collect();
        let mut taken = Ok(());
        let take = |rows: &RecordBatch| {
            if taken.is_ok() {
                taken = decoder.take_in(rows);
            }
        };
        table.read(part, &columns, take).await?;
        taken?;
        let decoded = Arc::new(decoder.finish(now_us.saturating_sub(ASKED_EARLIER_US_MAX)));
        self.lock().keep(part.path.clone(), Arc::clone(&decoded));
        Ok(decoded.at(now_us).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    fn get(&mut self, path: &Path) -> Option<Arc<Decoded>> {
        self.clock += 1;
        let (part, asked) = self.by_path.get_mut(path)?;
        *asked = self.clock;
        Some(Arc::clone(part))
    }

    fn keep(&mut self, path: Path, part: Arc<Decoded>) {
        let bytes = part.bytes();
        if bytes > KEPT_BYTES_MAX {
            return;
        }
        self.clock += 1;
        if let Some((before, _)) = self.by_path.insert(path, (part, self.clock)) {
            self.bytes -= before.bytes();
        }
        self.bytes += bytes;
        while self.bytes > KEPT_BYTES_MAX {
            let oldest = self.by_path.iter().min_by_key(|(_, (_, asked))| *asked);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else { return };
            if let Some((gone, _)) = self.by_path.remove(&oldest) {
                self.bytes -= gone.bytes();
            }
        }
    }
}
