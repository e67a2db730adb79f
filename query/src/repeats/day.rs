//! One day of events: the ids that were seen, and which rows are exceptions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array as _, AsArray as _};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lake::{ActiveFile, Book, ReadError};
use object_store::path::Path;
use schemas::{SameId, Source};

use super::candidates::Candidates;
use super::exceptions::Exceptions;
use super::{REPEATS_MAX, RepeatsError};

/// Files that are read at a time.
const READS_MAX: usize = 4;

/// The columns by which rows are the same event, and the flag that ingest set.
const ID_COLUMNS: &[&str] = &["tenant_id", "source", "event_id", "duplicate"];

/// What is known of a day.
#[derive(Debug, Default)]
pub(super) struct Day {
    /// The version of the book that this stands on.
    version: u64,
    /// The files whose rows were taken in, each with its number.
    files: HashMap<Path, FileNumber>,
    /// Hashes of the ids that may repeat, sorted, each with its file's number.
    ids: Option<Vec<Id>>,
    pub(super) exceptions: Exceptions,
}

/// A hash of tenant, source and event id in the upper bits, and in the lower ones the number of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u64);

/// The number of a file among those of its day. Beyond [`FILE_BITS`] several files share one, and are read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FileNumber(u64);

/// A compacted day has few files, and one that is not compacted thousands.
const FILE_BITS: u32 = 20;

impl FileNumber {
    fn nth(index: usize) -> Self {
        Self(index as u64 & ((1 << FILE_BITS) - 1))
    }
}

impl Id {
    fn new(hash: u64, file: FileNumber) -> Self {
        Self(hash << FILE_BITS | file.0)
    }

    fn hash(self) -> u64 {
        self.0 >> FILE_BITS
    }

    fn file(self) -> FileNumber {
        FileNumber(self.0 & ((1 << FILE_BITS) - 1))
    }
}

/// What stands for a row's tenant, source and id among those of a day: 44 bits. Where two ids share it, both are looked at.
pub(super) fn short_hash(hasher: &RandomState, tenant: &str, source: &str, event_id: &str) -> u64 {
    hasher.hash_one((tenant, source, event_id)) >> FILE_BITS
}

impl Day {
    /// Takes in what the day has in this version. Where that is an older one than is known already, nothing is kept of it
    /// and its own exceptions are returned.
    pub(super) async fn at(
        &mut self,
        book: &Book,
        files: Vec<ActiveFile>,
        hasher: &RandomState,
    ) -> Result<Option<Exceptions>, RepeatsError> {
        if book.version() < self.version && !self.has_exactly(&files) {
            let mut older = Self::default();
            older.take_in(book, files, hasher).await?;
            return Ok(Some(older.exceptions));
        }
        if !self.has_exactly(&files) {
            self.take_in(book, files, hasher).await?;
        }
        self.version = self.version.max(book.version());
        Ok(None)
    }

    /// Ids that are kept.
    pub(super) fn ids_kept(&self) -> usize {
        self.ids.as_ref().map_or(0, Vec::len)
    }

    /// Keeps the exceptions alone: when the day grows it is read as a whole.
    pub(super) fn forget_ids(&mut self) {
        self.ids = None;
    }

    fn has_exactly(&self, files: &[ActiveFile]) -> bool {
        self.files.len() == files.len() && files.iter().all(|file| self.files.contains_key(&file.path))
    }

    /// Nothing of this day changes before all of it was read.
    async fn take_in(
        &mut self,
        book: &Book,
        files: Vec<ActiveFile>,
        hasher: &RandomState,
    ) -> Result<(), RepeatsError> {
        let active: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        // Compaction puts the same rows into other files: then it cannot be told which rows are new.
        let has_grown = self.ids.is_some() && self.files.keys().all(|path| active.contains(path));
        let mut numbers = if has_grown { self.files.clone() } else { HashMap::new() };
        let mut added = Vec::new();
        for file in &files {
            if !numbers.contains_key(&file.path) {
                let number = FileNumber::nth(numbers.len());
                numbers.insert(file.path.clone(), number);
                added.push((file.clone(), number));
            }
        }
        let reads = added.into_iter().map(|(file, number)| {
            let (book, hasher) = (book.clone(), hasher.clone());
            // A task of its own: reading is work for a core.
            let task = tokio::spawn(async move { ids_of(&book, &file, number, &hasher).await });
            async move { task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) }
        });
        let mut new: Vec<Id> = stream::iter(reads).buffer_unordered(READS_MAX).try_concat().await?;
        new.sort_unstable();
        let old = if has_grown { self.ids.as_deref().unwrap_or_default() } else { &[] };
        let repeated = Repeated::of(old, &new)?;
        let mut candidates = Candidates::new(hasher);
        for file in &files {
            if repeated.files.contains(&numbers[&file.path]) {
                candidates.read(book, file, &repeated.hashes).await?;
            }
        }
        let mut ids = if has_grown { self.ids.take().unwrap_or_default() } else { Vec::new() };
        if !has_grown {
            self.exceptions = Exceptions::default();
        }
        // Should this fail, the day is read as a whole the next time.
        self.files.clear();
        candidates.judge(&mut self.exceptions)?;
        ids.extend(new);
        // Two runs that are sorted each: one pass.
        ids.sort();
        (self.files, self.ids) = (numbers, Some(ids));
        Ok(())
    }
}

/// The ids of a file that may repeat. Where a later state supersedes an earlier one, every row takes part; else those that
/// ingest flagged are known not to count.
async fn ids_of(
    book: &Book,
    file: &ActiveFile,
    number: FileNumber,
    hasher: &RandomState,
) -> Result<Vec<Id>, ReadError> {
    let mut ids = Vec::with_capacity(usize::try_from(file.rows).unwrap_or_default());
    book.read(file, Some(ID_COLUMNS), |rows| {
        let [Some(tenants), Some(sources), Some(event_ids)] =
            ["tenant_id", "source", "event_id"].map(|name| rows.column_by_name(name))
        else {
            return;
        };
        let (tenants, sources) = (tenants.as_string::<i32>(), sources.as_string::<i32>());
        let event_ids = event_ids.as_string::<i32>();
        let flags = rows.column_by_name("duplicate").map(|flags| flags.as_boolean());
        for row in 0..rows.num_rows() {
            let is_flagged = flags.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
            if !is_flagged || supersedes(sources.value(row)) {
                let hash = short_hash(hasher, tenants.value(row), sources.value(row), event_ids.value(row));
                ids.push(Id::new(hash, number));
            }
        }
    })
    .await?;
    Ok(ids)
}

/// Whether this source's later states of an event supersede the earlier ones.
pub(super) fn supersedes(source: &str) -> bool {
    Source::parse(source).map(Source::same_id) == Some(SameId::Supersedes)
}

/// The ids that stand in several rows, one of them new, and the files of all these rows.
#[derive(Debug, Default)]
struct Repeated {
    hashes: Arc<HashSet<u64>>,
    files: HashSet<FileNumber>,
}

impl Repeated {
    /// Both are sorted.
    fn of(old: &[Id], new: &[Id]) -> Result<Self, RepeatsError> {
        let (mut hashes, mut files) = (HashSet::new(), HashSet::new());
        for run in new.chunk_by(|one, next| one.hash() == next.hash()) {
            let hash = run[0].hash();
            let earlier = &old[old.partition_point(|id| id.hash() < hash)..];
            let earlier = earlier.iter().take_while(|id| id.hash() == hash);
            if run.len() + earlier.clone().count() > 1 {
                hashes.insert(hash);
                files.extend(run.iter().chain(earlier).map(|id| id.file()));
            }
        }
        if hashes.len() > REPEATS_MAX {
            return Err(RepeatsError::TooMany);
        }
        Ok(Self { hashes: Arc::new(hashes), files })
    }
}
