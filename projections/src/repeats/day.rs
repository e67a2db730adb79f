//! One day of events: the ids that were seen, and which rows are exceptions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::error::ArrowError;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use lake::{ActiveFile, Book, ReadError};
use object_store::path::Path;
use schemas::{SameId, Source};

use super::candidates::Candidates;
use super::exceptions::Places;
use super::{REPEATS_A_DAY_MAX, RepeatsError};
use schemas::arrays::file_texts;

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
    /// Hashes of the ids that may repeat, sorted, each with its file's number. None where they are not kept: then the day is
    /// read as a whole when it grows.
    ids: Option<Vec<Id>>,
    /// The files that hold a row of an id that came again.
    repeated: HashSet<FileNumber>,
    places: Arc<Places>,
    /// Whether there are more repeats than are kept in memory, in these files.
    has_too_many: bool,
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

impl Day {
    /// The exceptions of the day in this version. Where that is an older one than is known already, nothing of it is kept.
    pub(super) async fn places_at(
        &mut self,
        book: &Book,
        files: Vec<ActiveFile>,
        hasher: &RandomState,
        ids_max: u64,
    ) -> Result<Arc<Places>, RepeatsError> {
        if !self.has_exactly(&files) {
            if book.version() < self.version {
                return self.places_of_some(book, files, hasher, ids_max).await;
            }
            let taken_in = self.take_in(book, files.clone(), hasher, ids_max).await;
            self.has_too_many = matches!(taken_in, Err(RepeatsError::TooMany));
            if self.has_too_many {
                // Nobody needs to find that out again.
                let numbered = files.into_iter().enumerate();
                let numbered = numbered.map(|(index, file)| (file.path, FileNumber::nth(index)));
                *self = Self { files: numbered.collect(), has_too_many: true, ..Self::default() };
            }
            taken_in?;
        }
        self.version = self.version.max(book.version());
        if self.has_too_many { Err(RepeatsError::TooMany) } else { Ok(Arc::clone(&self.places)) }
    }

    /// Bytes that are kept.
    pub(super) fn kept_bytes(&self) -> usize {
        self.places.bytes() + self.ids.as_ref().map_or(0, Vec::len) * size_of::<Id>()
    }

    fn has_exactly(&self, files: &[ActiveFile]) -> bool {
        self.files.len() == files.len() && files.iter().all(|file| self.files.contains_key(&file.path))
    }

    /// The exceptions among these files, which are not all that are known, or others. Nothing of it is kept. Rows of files that
    /// are left out may be named too.
    async fn places_of_some(
        &self,
        book: &Book,
        files: Vec<ActiveFile>,
        hasher: &RandomState,
        ids_max: u64,
    ) -> Result<Arc<Places>, RepeatsError> {
        let numbers: Option<HashSet<FileNumber>> =
            files.iter().map(|file| self.files.get(&file.path).copied()).collect();
        // Files that share a number are not told apart.
        let is_told = !self.has_too_many && self.files.len() <= 1 << FILE_BITS;
        let (Some(numbers), Some(ids), true) = (numbers, &self.ids, is_told) else {
            let mut other = Self::default();
            other.take_in(book, files, hasher, ids_max).await?;
            return Ok(other.places);
        };
        let is_left_out = |number: &FileNumber| !numbers.contains(number);
        if !self.repeated.iter().any(is_left_out) {
            return Ok(Arc::clone(&self.places));
        }
        // Of an id that stands in a file that is left out, the other rows are looked at again.
        let (mut hashes, mut holding) = (HashSet::new(), HashSet::new());
        for run in ids.chunk_by(|one, next| one.hash() == next.hash()) {
            if run.len() > 1 && run.iter().any(|id| is_left_out(&id.file())) {
                hashes.insert(run[0].hash());
                holding.extend(run.iter().map(|id| id.file()));
            }
        }
        let hashes = Arc::new(hashes);
        let mut candidates = Candidates::new(hasher);
        for file in files.iter().filter(|file| holding.contains(&self.files[&file.path])) {
            candidates.read(book, file, &hashes).await?;
        }
        let mut places = Places::clone(&self.places);
        candidates.judge(&mut places)?;
        Ok(Arc::new(places))
    }

    /// Nothing of this day changes before all of it was read. Of more than `ids_max` ids a part is looked at after the other.
    async fn take_in(
        &mut self,
        book: &Book,
        files: Vec<ActiveFile>,
        hasher: &RandomState,
        ids_max: u64,
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
        let old = if has_grown { self.ids.as_deref().unwrap_or_default() } else { &[] };
        let rows = added.iter().map(|(file, _)| file.rows).sum::<u64>() + old.len() as u64;
        let parts = rows.div_ceil(ids_max).max(1);
        let mut candidates = Candidates::new(hasher);
        let mut new = Vec::new();
        let mut holding = if has_grown { self.repeated.clone() } else { HashSet::new() };
        for part in 0..parts {
            new = ids(book, &added, hasher, (part, parts)).await?;
            new.sort_unstable();
            let repeated = Repeated::of(old, &new)?;
            for file in &files {
                if repeated.files.contains(&numbers[&file.path]) {
                    candidates.read(book, file, &repeated.hashes).await?;
                }
            }
            holding.extend(repeated.files);
        }
        let mut places = if has_grown { Arc::clone(&self.places) } else { Arc::default() };
        // Without copying them where nothing repeats.
        if !candidates.is_empty() {
            candidates.judge(Arc::make_mut(&mut places))?;
        }
        let kept = (parts == 1).then(|| {
            let mut ids = if has_grown { self.ids.take().unwrap_or_default() } else { Vec::new() };
            ids.extend(new);
            // Two runs that are sorted each: one pass.
            ids.sort();
            ids
        });
        (self.files, self.ids, self.places, self.repeated) = (numbers, kept, places, holding);
        Ok(())
    }
}

/// The ids of files that may repeat, of one of several parts.
async fn ids(
    book: &Book,
    files: &[(ActiveFile, FileNumber)],
    hasher: &RandomState,
    part: (u64, u64),
) -> Result<Vec<Id>, RepeatsError> {
    let reads = files.iter().cloned().map(|(file, number)| {
        let (book, hasher, path) = (book.clone(), hasher.clone(), file.path.to_string());
        // A task of its own: reading is work for a core.
        let task = tokio::spawn(async move { ids_of(&book, &file, number, &hasher, part).await });
        task.map(|ended| match ended {
            Ok(ids) => ids,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is being shut down: a file that was not read is none without ids.
            Err(source) => Err(ReadError::Store { path, source: source.into() }),
        })
    });
    let ids = stream::iter(reads).buffer_unordered(READS_MAX);
    Ok(ids
        .try_fold(Vec::new(), async |mut all, ids| {
            if all.is_empty() {
                return Ok(ids);
            }
            all.extend(ids);
            Ok(all)
        })
        .await?)
}

/// The ids of a file that may repeat. Where a later state supersedes an earlier one, every row takes part; else those that
/// ingest flagged are known not to count.
async fn ids_of(
    book: &Book,
    file: &ActiveFile,
    number: FileNumber,
    hasher: &RandomState,
    (part, parts): (u64, u64),
) -> Result<Vec<Id>, ReadError> {
    let mut ids = Vec::new();
    let mut columns = Ok(());
    book.read(file, Some(ID_COLUMNS), |rows| {
        if columns.is_err() {
            return;
        }
        columns = Ids::of(rows).map(|rows| {
            for row in 0..rows.len() {
                if rows.may_repeat(row) {
                    let hash = rows.hash(row, hasher);
                    if parts == 1 || hash % parts == part {
                        ids.push(Id::new(hash, number));
                    }
                }
            }
        });
    })
    .await?;
    columns.map_err(|source| ReadError::Columns { path: file.path.to_string(), source })?;
    Ok(ids)
}

/// What rows are by their ids.
pub(super) struct Ids<'r> {
    tenants: &'r StringArray,
    sources: &'r StringArray,
    event_ids: &'r StringArray,
    flags: Option<&'r BooleanArray>,
}

impl<'r> Ids<'r> {
    pub(super) fn of(rows: &'r RecordBatch) -> Result<Self, ArrowError> {
        let text = |name: &str| file_texts(rows, name);
        let flags = rows.column_by_name("duplicate").and_then(|flags| flags.as_boolean_opt());
        Ok(Self {
            tenants: text("tenant_id")?,
            sources: text("source")?,
            event_ids: text("event_id")?,
            flags,
        })
    }

    fn len(&self) -> usize {
        self.tenants.len()
    }

    /// Where a later state supersedes an earlier one, every row may; else those that ingest flagged are known not to count.
    fn may_repeat(&self, row: usize) -> bool {
        let is_flagged = self.flags.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        !is_flagged || supersedes(self.sources.value(row))
    }

    /// What stands for a row's tenant, source and id among those of a day: 44 bits. Where two ids share it, both are looked
    /// at.
    pub(super) fn hash(&self, row: usize, hasher: &RandomState) -> u64 {
        let id = (self.tenants.value(row), self.sources.value(row), self.event_ids.value(row));
        hasher.hash_one(id) >> FILE_BITS
    }
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
        if hashes.len() > REPEATS_A_DAY_MAX {
            return Err(RepeatsError::TooMany);
        }
        Ok(Self { hashes: Arc::new(hashes), files })
    }
}
