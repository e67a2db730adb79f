//! Parts of the sums that were decoded, for all questions of a process to one book.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use lake::projections::{Part, Projections};
use object_store::path::Path;
use projections::ProjectError;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::coded::{Coded, Decoded, Decoder};
use super::persons::Months;

/// Bytes of decoded parts that are kept together: about four years of a large organisation by quarter hour.
const KEPT_BYTES_MAX: u64 = 256 << 20;

/// How many parts that is, about.
const KEPT_PARTS_ABOUT: usize = 1024;

/// How much earlier than the question for which a part was decoded another one may be asked, so that it is not decoded again.
const ASKED_EARLIER_US_MAX: i64 = 3_600_000_000;

/// Decoded parts, by their path, since a file never changes; and the months of persons.
#[derive(Debug)]
pub(crate) struct Kept {
    parts: Mutex<Cache<Path, Arc<Decoded>, Bytes>>,
    pub(super) persons: Months,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Path, Arc<Decoded>> for Bytes {
    fn weight(&self, _: &Path, part: &Arc<Decoded>) -> u64 {
        part.bytes() as u64
    }
}

impl Default for Kept {
    fn default() -> Self {
        let parts = Cache::with_weighter(KEPT_PARTS_ABOUT, KEPT_BYTES_MAX, Bytes);
        Self { parts: Mutex::new(parts), persons: Months::default() }
    }
}

impl Kept {
    /// The rows of a part of the table, as they are at a moment; none of one that is read in another way.
    pub(super) async fn part(
        &self,
        table: &Projections,
        part: &Part,
        now_us: i64,
    ) -> Result<Vec<Arc<Coded>>, ProjectError> {
        let known = self.lock().get(&part.path).cloned();
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
        self.lock().insert(part.path.clone(), Arc::clone(&decoded));
        Ok(decoded.at(now_us).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Cache<Path, Arc<Decoded>, Bytes>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
