//! Landing: entries, segments and offsets in one commit, or not at all.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parquet::errors::ParquetError;
use schemas::Kind;

use crate::book::Book;
use crate::data_file::{self, DataFile};
use crate::failpoint::failpoint;
use crate::partition::PartitionId;
use crate::read::ReadError;
use crate::segment::{self, Segment};

/// Files that are stored at the same time: each waits for the disk twice.
const STORES_AT_ONCE: usize = 8;

/// How old stored files may be when a commit names them: less than vacuum leaves files alone that no version
/// names, which is an hour at least.
const STORED_TO_COMMIT_MAX: Duration = Duration::from_secs(30 * 60);

/// What one commit adds: files that are encoded but not yet stored, and what they took in.
#[derive(Debug, Default)]
pub struct Landing {
    /// The entries, each file one kind and one day.
    pub files: Vec<DataFile>,
    /// One segment for each partition.
    pub segments: Vec<Segment>,
}

/// How a landing ended. In either case nothing is in doubt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The book holds it, at this version or an earlier one.
    Landed {
        /// The version at which that was known.
        version: u64,
    },
    /// Another worker landed some of these offsets first. The book holds none of this landing: read
    /// again from the book's offsets.
    Stale {
        /// The first partition that is not where this landing expects it.
        partition: PartitionId,
        /// The offset that the book holds.
        found: Option<i64>,
    },
}

/// Why a landing did not happen. The book holds nothing of it, and it can be tried again as it is.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// A data file could not be stored.
    #[error("cannot store a data file of the book")]
    Store(#[from] object_store::Error),
    /// The segment entries could not be encoded.
    #[error("cannot encode the segment entries")]
    Encode(#[from] ParquetError),
    /// What the book holds could not be read.
    #[error(transparent)]
    Read(ReadError),
    /// The process was frozen between storing its files and committing them: vacuum may have deleted them.
    #[error("this process was frozen for long before a commit; its files are stored anew")]
    Overslept,
    /// The commit failed, and a fresh look at the book says that it did not happen.
    #[error("cannot commit to the book")]
    Commit(#[from] DeltaTableError),
}

impl Book {
    /// Lands everything in one commit.
    ///
    /// An error from a commit does not mean that it did not happen, and a commit that another worker
    /// overtook is accepted by Delta even where that worker landed the same offsets earlier. So the
    /// offsets in the book are compared before each attempt, on the very version that the commit
    /// stands on, and after each error.
    pub async fn land(&mut self, landing: &Landing) -> Result<Outcome, LandError> {
        self.refresh().await?;
        if let Some(stale) = self.stale(&landing.segments).await? {
            // An earlier attempt of this landing can be in the book, although it could not be seen then.
            return if self.holds(&landing.segments).await? {
                Ok(Outcome::Landed { version: self.version() })
            } else {
                Ok(stale)
            };
        }
        // By the clock on the wall, which goes on while the process, or its machine, is frozen.
        let began = SystemTime::now();
        let actions = self.store_files(landing).await?;
        let transactions = landing
            .segments
            .iter()
            .map(|segment| Transaction::new(segment.id.app_id(), segment.next_offset))
            .collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec!["kind".to_owned(), "day".to_owned()]),
            predicate: None,
        };
        failpoint("before-commit");
        if began.elapsed().is_ok_and(|elapsed| elapsed > STORED_TO_COMMIT_MAX) {
            return Err(LandError::Overslept);
        }
        let committed = self.commit(actions, transactions, operation).await;
        failpoint("after-commit");
        match committed {
            Ok(version) => Ok(Outcome::Landed { version }),
            Err(error) => self.decide(landing, error).await,
        }
    }

    /// After an error: did it happen, did another worker overtake, or is it free to try again?
    async fn decide(&mut self, landing: &Landing, error: DeltaTableError) -> Result<Outcome, LandError> {
        self.refresh().await?;
        if self.holds(&landing.segments).await? {
            tracing::info!(%error, "a commit that reported an error is in the book");
            return Ok(Outcome::Landed { version: self.version() });
        }
        match self.stale(&landing.segments).await? {
            Some(stale) => Ok(stale),
            None => Err(LandError::Commit(error)),
        }
    }

    /// Whether the book's offsets are those after these segments.
    async fn holds(&mut self, segments: &[Segment]) -> Result<bool, DeltaTableError> {
        for segment in segments {
            if self.next_offset(&segment.id).await? != Some(segment.next_offset) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn stale(&mut self, segments: &[Segment]) -> Result<Option<Outcome>, DeltaTableError> {
        for segment in segments {
            let found = self.next_offset(&segment.id).await?;
            if found != segment.expected {
                return Ok(Some(Outcome::Stale { partition: segment.id.clone(), found }));
            }
        }
        Ok(None)
    }

    /// Stores the files of entries and of segments; all are on the disk when this returns.
    async fn store_files(&self, landing: &Landing) -> Result<Vec<Action>, LandError> {
        let now = Utc::now();
        let segments = segment_file(&landing.segments, now)?;
        let store = self.store();
        failpoint("before-file");
        let files: Vec<&DataFile> = landing.files.iter().chain([&segments]).collect();
        // An attempt that failed left files behind; storing them again makes the same files.
        let mut stored = stream::iter(&files).map(|file| file.store(&store)).buffer_unordered(STORES_AT_ONCE);
        while stored.try_next().await?.is_some() {
            failpoint("mid-file");
        }
        drop(stored);
        failpoint("after-file");
        Ok(files.iter().map(|file| Action::Add(file.add.clone())).collect())
    }
}

fn segment_file(segments: &[Segment], now: DateTime<Utc>) -> Result<DataFile, ParquetError> {
    let entries = segment::entries(segments, now.timestamp_micros())?;
    let day: NaiveDate = now.date_naive();
    data_file::encode(Kind::Segment, day, &entries)
}
