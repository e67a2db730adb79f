//! Writing data files: batches of one kind and one day as Parquet, with the log entry that names them.
//!
//! Delta-rs's own writer hides its `Add` and uses one thread a file; this one is a pure encoder, so
//! that each pipeline encodes where its data already lies in the cache, and whoever commits does the
//! I/O. The choices below were measured on synthetic traffic; see `docs/measurements.md`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{NaiveDate, Utc};
use deltalake_core::kernel::Add;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use schemas::Kind;
use uuid::Uuid;

use crate::book::STATISTICS_COLUMNS;
use crate::statistics::Statistics;

/// Device tokens and ids overflow the usual 1 MiB dictionary page and then cost twice as much.
const DICTIONARY_PAGE_BYTES_MAX: usize = 8 << 20;

/// Rows in a row group of a file that ingest writes: the whole file, since it is read whole.
const LANDED_ROW_GROUP_ROWS: usize = 1 << 20;

/// Rows in a row group of a compacted file.
const COMPACTED_ROW_GROUP_ROWS: usize = 256 << 10;

/// Rows of a page, of which one person's look-up decodes few: the smallest and largest user key of each stand in the footer.
const LANDED_PAGE_ROWS: usize = 20_000;
const COMPACTED_PAGE_ROWS: usize = 8 << 10;

/// Monotone or nearly so: differences are smaller than values, and no dictionary pays.
const DELTA_COLUMNS: &[&str] =
    &["occurred_at", "received_at", "committed_at", "kafka_offset", "from_offset", "next_offset", "row"];

/// Different in every row, so a dictionary only costs. Their lengths are packed apart from their bytes:
/// plain encoding puts four bytes of length before each value, which cost more than a byte even compressed.
const UNIQUE_COLUMNS: &[&str] = &["event_id", "raw", "event_ids.list.item"];

/// Kafka's milliseconds in microseconds: sorted by user they are far apart, and a dictionary of those that
/// occur beats differences as long as it fits.
const SORTED_DICTIONARY_COLUMNS: &[&str] = &["received_at"];

/// How the name of a file begins that ingest wrote.
pub(crate) const LANDED_PREFIX: &str = "landed-";

/// How a file came about, which its name tells: `landed-…` or `compacted-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Written by ingest, in the order of arrival.
    Landed,
    /// Merged by the maintainer, sorted.
    Compacted,
}

/// A Parquet file in memory, not yet stored.
#[derive(Debug)]
pub struct DataFile {
    pub(crate) path: Path,
    pub(crate) bytes: bytes::Bytes,
    pub(crate) add: Add,
}

/// Encodes batches of one kind and one day into one file.
pub struct Encoder {
    writer: ArrowWriter<Vec<u8>>,
    statistics: Statistics,
    kind: &'static str,
    day: NaiveDate,
    origin: Origin,
    rows: usize,
}

impl Encoder {
    /// An empty file of the book for batches of `schema`.
    pub fn new(kind: Kind, day: NaiveDate, schema: SchemaRef, origin: Origin) -> Result<Self, ParquetError> {
        Self::of(kind.as_str(), day, schema, origin, STATISTICS_COLUMNS)
    }

    /// An empty file of any table that is partitioned by kind and day, with the columns whose smallest and largest value
    /// stand in its log.
    pub(crate) fn of(
        kind: &'static str,
        day: NaiveDate,
        schema: SchemaRef,
        origin: Origin,
        statistics_columns: &'static [&'static str],
    ) -> Result<Self, ParquetError> {
        Ok(Self {
            statistics: Statistics::new(&schema, statistics_columns),
            writer: ArrowWriter::try_new(Vec::new(), schema, Some(properties(origin)))?,
            kind,
            day,
            origin,
            rows: 0,
        })
    }

    /// Encodes a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.rows += batch.num_rows();
        self.statistics.take_in(batch);
        self.writer.write(batch)
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes so far: what is encoded, and what waits for its row group to end.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Ends the file.
    pub fn finish(self) -> Result<DataFile, ParquetError> {
        let bytes = self.writer.into_inner()?;
        let name = match self.origin {
            Origin::Landed => LANDED_PREFIX,
            Origin::Compacted => "compacted-",
        };
        let (kind, day) = (self.kind, self.day.to_string());
        let path = format!("kind={kind}/day={day}/{name}{}.parquet", Uuid::new_v4());
        let add = Add {
            path: path.clone(),
            partition_values: [("kind".to_owned(), Some(kind.to_owned())), ("day".to_owned(), Some(day))]
                .into(),
            size: bytes.len() as i64,
            modification_time: Utc::now().timestamp_millis(),
            data_change: self.origin == Origin::Landed,
            stats: Some(self.statistics.to_json(self.rows)),
            ..Add::default()
        };
        Ok(DataFile { path: Path::from(path), bytes: bytes.into(), add })
    }
}

impl DataFile {
    /// Its length.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Stores the file; it is on the disk when this returns. Nothing names it until a commit does.
    pub async fn store(&self, store: &Arc<dyn ObjectStore>) -> object_store::Result<()> {
        store.put(&self.path, self.bytes.clone().into()).await.map(drop)
    }
}

/// One batch as one file, as ingest writes them.
pub fn encode(kind: Kind, day: NaiveDate, batch: &RecordBatch) -> Result<DataFile, ParquetError> {
    let mut encoder = Encoder::new(kind, day, batch.schema(), Origin::Landed)?;
    encoder.write(batch)?;
    encoder.finish()
}

fn properties(origin: Origin) -> WriterProperties {
    let (level, rows, page_rows, statistics) = match origin {
        // One row group: the log's statistics say as much, and are read sooner.
        Origin::Landed => (1, LANDED_ROW_GROUP_ROWS, LANDED_PAGE_ROWS, EnabledStatistics::None),
        Origin::Compacted => (3, COMPACTED_ROW_GROUP_ROWS, COMPACTED_PAGE_ROWS, EnabledStatistics::Page),
    };
    let builder = WriterProperties::builder()
        .set_created_by(concat!("gatebook ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(zstd(level))
        .set_max_row_group_row_count(Some(rows))
        .set_data_page_row_count_limit(page_rows)
        .set_dictionary_page_size_limit(DICTIONARY_PAGE_BYTES_MAX)
        .set_statistics_enabled(statistics);
    let delta = |builder: WriterPropertiesBuilder, name: &&str| {
        let column = ColumnPath::from(*name);
        let has_dictionary = origin == Origin::Compacted && SORTED_DICTIONARY_COLUMNS.contains(name);
        builder
            .set_column_dictionary_enabled(column.clone(), has_dictionary)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
    };
    let unique = |builder: WriterPropertiesBuilder, name: &&str| {
        let column = ColumnPath::new(name.split('.').map(str::to_owned).collect());
        builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            // Searching matches in random digits only finds bad ones.
            .set_column_compression(column, zstd(1))
    };
    let builder = DELTA_COLUMNS.iter().fold(builder, delta);
    // Long and different in every row; without a dictionary the file says how long it is in memory.
    let builder = builder.set_column_dictionary_enabled(ColumnPath::from("raw"), false);
    UNIQUE_COLUMNS.iter().fold(builder, unique).build()
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default())
}
