//! Reading entries back, as far as the lake itself and ingest need them. Queries go another way.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::error::ArrowError;
use futures::{Stream, StreamExt as _};
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use schemas::Kind;
use schemas::arrays::file_texts;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::partition::PartitionId;
use crate::ranges::Ranges;
use crate::reader::{BATCH_ROWS, FileRef, RAW, Wanted};

/// The columns of a row's place in its partition.
const PLACE: &[&str] = &["kafka_topic_id", "kafka_partition", "kafka_offset"];

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that the log names cannot be read.
    #[error(
        "restore {path} from a backup, or see `gatebook check`: the book names this file and it cannot be read"
    )]
    Store {
        /// The file.
        path: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// A file is not what it should be.
    #[error("restore {path} from a backup, or see `gatebook check`: the file is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// What the decoder said.
        source: ParquetError,
    },
    /// A file's columns have other types than the book's.
    #[error("restore {path} from a backup, or see `gatebook check`: the file's columns are not the book's")]
    Columns {
        /// The file.
        path: String,
        /// What was wrong.
        source: ArrowError,
    },
    /// The log cannot be read.
    #[error("cannot read the book's log")]
    Log(#[from] deltalake_core::DeltaTableError),
}

/// Whose rows are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// Their ids in canonical form.
    pub keys: BTreeSet<String>,
    /// Of these tenants alone; none for all.
    pub tenants: Option<BTreeSet<String>>,
}

/// Whether any of these user keys lies within bounds. Bounds that no sound file has leave it open.
pub fn any_between<K: Borrow<str> + Ord>(keys: &BTreeSet<K>, least: &str, greatest: &str) -> bool {
    let bounds = (Bound::Included(least), Bound::Included(greatest));
    least > greatest || keys.range::<str, _>(bounds).next().is_some()
}

impl Users {
    fn of(&self, rows: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let (tenants, keys) = (file_texts(rows, "tenant_id")?, file_texts(rows, "user_key")?);
        let is_one = |row: usize| {
            let is_of = |tenants: &BTreeSet<String>, tenant: &str| tenants.contains(tenant);
            Some(
                self.keys.contains(keys.value(row))
                    && self.tenants.as_ref().is_none_or(|asked| is_of(asked, tenants.value(row))),
            )
        };
        Ok((0..rows.num_rows()).map(is_one).collect())
    }
}

impl Book {
    /// The rows of a file: the named columns that it has, or all of them.
    pub async fn read(
        &self,
        file: &ActiveFile,
        columns: Option<&[&str]>,
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ReadError> {
        let read = self.reader().read(file.into(), columns, take);
        read.await.map_err(|source| damaged(file, source))
    }

    /// The rows of a file as they are asked for, with all columns that it has: as many at a time as bring about
    /// `bytes_max` of what was sent, by the file's average, and at most [`BATCH_ROWS`].
    pub async fn batches(
        &self,
        file: &ActiveFile,
        bytes_max: u64,
    ) -> Result<impl Stream<Item = Result<RecordBatch, ReadError>> + Send + Unpin + use<>, ReadError> {
        let row_bytes = self.raw_bytes(file).await? / file.rows.max(1);
        let rows = usize::try_from(bytes_max / row_bytes.max(1)).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS);
        let builder = self.stream_file(file).await?.with_batch_size(rows);
        let batches = builder.build().map_err(|source| damaged(file, source))?;
        let file = file.clone();
        Ok(batches.map(move |batch| batch.map_err(|source| damaged(&file, source))))
    }

    /// The events of the wanted partitions from an offset of each on, in no order, with all columns that
    /// are an event's content and place.
    pub async fn events_since(
        &self,
        since: &HashMap<PartitionId, i64>,
        mut take: impl FnMut(&RecordBatch),
    ) -> Result<(), ReadError> {
        for file in self.event_files_since(since)? {
            let since = since.clone();
            self.read_where(&file, PLACE, move |rows| wanted(rows, &since), &mut take).await?;
        }
        Ok(())
    }

    /// The files that may hold an event of the wanted partitions from an offset of each on.
    pub fn event_files_since(&self, since: &HashMap<PartitionId, i64>) -> Result<Vec<ActiveFile>, ReadError> {
        let files = self.files()?.into_iter();
        Ok(files.filter(|file| file.kind == Some(Kind::Event) && reaches(file, since)).collect())
    }

    /// These columns of the events in a file that are of the wanted partitions, from an offset of each on.
    pub async fn read_since(
        &self,
        file: &ActiveFile,
        since: &HashMap<PartitionId, i64>,
        columns: &[&str],
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ReadError> {
        let since = since.clone();
        let wanted = Wanted {
            by: PLACE,
            may_hold: anybody,
            is_wanted: move |rows: &RecordBatch| wanted(rows, &since),
        };
        let read = self.reader().read_wanted(file.into(), wanted, Some(columns), take);
        read.await.map_err(|source| damaged(file, source))
    }

    /// The rows of a file that are wanted by what these columns of theirs hold, with all columns that the file has but the
    /// bytes of what was sent.
    pub async fn read_where(
        &self,
        file: &ActiveFile,
        columns: &[&str],
        is_wanted: impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ReadError> {
        let wanted = Wanted { by: columns, may_hold: anybody, is_wanted };
        let read = self.reader().read_wanted(file.into(), wanted, None, take);
        read.await.map_err(|source| damaged(file, source))
    }

    /// As [`Self::read_where`], with these columns alone, and without the row groups that have no user key within bounds
    /// that may be wanted.
    pub async fn read_of_users(
        &self,
        file: &ActiveFile,
        by: &[&str],
        may_hold: impl Fn(&str, &str) -> bool,
        is_wanted: impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
        columns: &[&str],
        take: impl FnMut(&RecordBatch),
    ) -> Result<(), ReadError> {
        let wanted = Wanted { by, may_hold, is_wanted };
        let read = self.reader().read_wanted(file.into(), wanted, Some(columns), take);
        read.await.map_err(|source| damaged(file, source))
    }

    /// These columns of the rows of some users, as they are asked for.
    pub async fn rows_of_users(
        &self,
        file: &ActiveFile,
        users: Arc<Users>,
        columns: &[&str],
    ) -> Result<impl Stream<Item = Result<RecordBatch, ReadError>> + Send + use<>, ReadError> {
        let whose = Arc::clone(&users);
        let is_wanted = move |rows: &RecordBatch| whose.of(rows);
        let may_hold = |least: &str, greatest: &str| any_between(&users.keys, least, greatest);
        let wanted = Wanted { by: &["tenant_id", "user_key"], may_hold, is_wanted };
        let rows = self.reader().wanted(file.into(), wanted, Some(columns)).await;
        let rows = rows.map_err(|source| damaged(file, source))?;
        let file = file.clone();
        Ok(rows.map(move |rows| rows.map_err(|source| damaged(&file, source))))
    }

    /// How many bytes of what was sent a file holds, as they are in memory.
    pub(crate) async fn raw_bytes(&self, file: &ActiveFile) -> Result<u64, ReadError> {
        let builder = self.stream_file(file).await?;
        let columns = builder.metadata().row_groups().iter().flat_map(|group| group.columns());
        let raw = columns.filter(|column| column.column_path().string() == RAW);
        Ok(raw.map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0)).sum())
    }

    /// A reader that fetches no more of a file than what is asked of it.
    async fn stream_file(
        &self,
        file: &ActiveFile,
    ) -> Result<ParquetRecordBatchStreamBuilder<Ranges>, ReadError> {
        self.reader().open(file.into()).await.map_err(|source| damaged(file, source))
    }

    pub(crate) async fn open_file(
        &self,
        file: &ActiveFile,
    ) -> Result<ParquetRecordBatchReaderBuilder<bytes::Bytes>, ReadError> {
        let unreadable = |source| ReadError::Store { path: file.path.to_string(), source };
        let bytes =
            self.store().get(&file.path).await.map_err(unreadable)?.bytes().await.map_err(unreadable)?;
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|source| damaged(file, source))
    }
}

fn anybody(_: &str, _: &str) -> bool {
    true
}

impl<'a> From<&'a ActiveFile> for FileRef<'a> {
    fn from(file: &'a ActiveFile) -> Self {
        Self { path: &file.path, size_bytes: file.size_bytes, rows: file.rows }
    }
}

fn damaged(file: &ActiveFile, source: ParquetError) -> ReadError {
    let path = file.path.to_string();
    match source {
        ParquetError::External(source) => match source.downcast::<object_store::Error>() {
            Ok(source) => ReadError::Store { path, source: *source },
            Err(source) => ReadError::Damaged { path, source: ParquetError::External(source) },
        },
        source => ReadError::Damaged { path, source },
    }
}

/// Whether the log leaves it open that the file holds a wanted row.
fn reaches(file: &ActiveFile, since: &HashMap<PartitionId, i64>) -> bool {
    since.iter().any(|(id, from)| {
        let partition = i64::from(id.partition);
        let is_between = |(low, high): &(String, String)| *low <= id.topic_id && id.topic_id <= *high;
        file.topic_ids.as_deref().is_none_or(is_between)
            && file.partitions.is_none_or(|(low, high)| (low..=high).contains(&partition))
            && file.offsets.is_none_or(|(_, high)| high >= *from)
    })
}

fn wanted(rows: &RecordBatch, since: &HashMap<PartitionId, i64>) -> Result<BooleanArray, ArrowError> {
    let column = |name: &str| {
        rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
    };
    let topics = column("kafka_topic_id")?.as_string::<i32>();
    let partitions = column("kafka_partition")?.as_primitive::<Int32Type>();
    let offsets = column("kafka_offset")?.as_primitive::<Int64Type>();
    let mut last: Option<(PartitionId, Option<i64>)> = None;
    let row = |index: usize| {
        let (topic, partition) = (topics.value(index), partitions.value(index));
        let known = matches!(&last, Some((id, _)) if id.partition == partition && id.topic_id == topic);
        if !known {
            let id = PartitionId { topic_id: topic.to_owned(), partition };
            let from = since.get(&id).copied();
            last = Some((id, from));
        }
        let from = last.as_ref().and_then(|(_, from)| *from);
        Some(from.is_some_and(|from| offsets.value(index) >= from))
    };
    Ok((0..topics.len()).map(row).collect())
}
