//! Merging files into sorted ones: each input is a sorted run, and the runs are merged row by row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, interleave_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use chrono::NaiveDate;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::errors::ParquetError;
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::data_file::{DataFile, Encoder, Origin};
use crate::maintain::{Lease, MaintainError};
use crate::read::ReadError;

/// Rows decoded from a run, and written, at a time; and of those that keep what was sent, each a mebibyte and more.
const BATCH_ROWS: usize = 16 << 10;
const LONG_BATCH_ROWS: usize = 512;

/// From how many bytes of what was sent on rows are long: lengths and nulls alone take a few for each row.
const LONG_ROW_BYTES_MIN: u64 = 16;

/// What was sent, of all files that are sorted in memory for one merge.
const RAW_BYTES_MAX: u64 = 256 << 20;

/// How many of these files can be merged at a time, and whether their rows are long. Sorted files are only read through,
/// those that ingest wrote are held in memory.
pub(crate) async fn affordable(book: &Book, files: &[ActiveFile]) -> Result<(usize, bool), ReadError> {
    let (mut held, mut is_long) = (0, false);
    for (index, file) in files.iter().enumerate() {
        let raw_bytes = book.raw_bytes(file).await?;
        is_long |= raw_bytes > file.rows * LONG_ROW_BYTES_MIN;
        if file.is_landed() {
            held += raw_bytes;
        }
        if held > RAW_BYTES_MAX && index > 0 {
            return Ok((index, is_long));
        }
    }
    Ok((files.len(), is_long))
}

/// Merges files of one kind and day. The result holds the same rows, in files of about `bytes_max`.
pub(crate) async fn merge(
    book: &Book,
    kind: Kind,
    day: NaiveDate,
    (files, has_long_rows): (&[ActiveFile], bool),
    bytes_max: u64,
    lease: &mut Lease,
) -> Result<Vec<DataFile>, MaintainError> {
    let batch_rows = if has_long_rows { LONG_BATCH_ROWS } else { BATCH_ROWS };
    let schema = kind.schema();
    let order = Order::new(kind, &schema)?;
    let mut runs = Vec::with_capacity(files.len());
    for file in files {
        let reader = book.open_file(file).await?.with_batch_size(batch_rows).build().map_err(|source| {
            MaintainError::Read(ReadError::Damaged { path: file.path.to_string(), source })
        })?;
        let run = Run::open(reader, file, &schema, &order)?;
        runs.extend(run);
        // A merge is long: the lease must not end meanwhile, nor other tasks wait for all of it.
        lease.keep().await?;
        tokio::task::yield_now().await;
    }
    let expected: u64 = files.iter().map(|file| file.rows).sum();
    let (written, rows) = write(runs, (kind, day, batch_rows), &schema, &order, bytes_max, lease).await?;
    if rows != expected {
        let path = files.first().map(|file| file.path.to_string()).unwrap_or_default();
        let source =
            ParquetError::General(format!("the log counts {expected} rows in these files, they hold {rows}"));
        return Err(MaintainError::Read(ReadError::Damaged { path, source }));
    }
    Ok(written)
}

/// By what the rows of a kind are sorted.
pub(super) struct Order {
    columns: Vec<usize>,
    converter: RowConverter,
}

impl Order {
    pub(super) fn new(kind: Kind, schema: &SchemaRef) -> Result<Self, ParquetError> {
        const PLACE: [&str; 4] = ["kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
        let names: Vec<&str> = match kind {
            Kind::Event | Kind::Change | Kind::Superseded => {
                ["tenant_id", "user_key", "occurred_at"].into_iter().chain(PLACE).collect()
            }
            Kind::Rejection => PLACE.to_vec(),
            Kind::Segment => vec!["kafka_topic_id", "kafka_partition", "from_offset"],
            Kind::Removal => vec!["kafka_topic_id", "kafka_partition", "committed_at"],
        };
        let columns = names.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let fields = columns.iter().map(|&index| SortField::new(schema.field(index).data_type().clone()));
        Ok(Self { converter: RowConverter::new(fields.collect())?, columns })
    }

    fn keys(&self, rows: &RecordBatch) -> Result<Rows, ArrowError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|&index| rows.column(index).clone()).collect();
        self.converter.convert_columns(&columns)
    }

    pub(super) fn sort(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let keys = self.keys(rows)?;
        let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
        order.sort_unstable_by(|&one, &other| keys.row(one as usize).cmp(&keys.row(other as usize)));
        take_record_batch(rows, &UInt32Array::from(order))
    }
}

/// A sorted input, read batch by batch.
struct Run {
    source: Source,
    rows: RecordBatch,
    keys: Rows,
    at: usize,
    /// Which of the batches that wait to be written `rows` is; none if it is not among them.
    waiting: Option<usize>,
}

enum Source {
    /// Sorted on disk.
    File(ParquetRecordBatchReader, String),
    /// Was sorted in memory; all of it is in `rows`.
    Memory,
}

impl Run {
    /// None for a file without rows.
    fn open(
        mut reader: ParquetRecordBatchReader,
        file: &ActiveFile,
        schema: &SchemaRef,
        order: &Order,
    ) -> Result<Option<Self>, MaintainError> {
        let path = file.path.to_string();
        let (rows, source) = if file.is_landed() {
            let batches =
                reader.by_ref().collect::<Result<Vec<_>, _>>().map_err(|source| damaged(&path, source))?;
            let batches = batches.iter().map(|rows| conform(rows, schema)).collect::<Result<Vec<_>, _>>();
            let sorted = batches.and_then(|batches| order.sort(&concat_batches(schema, &batches)?));
            (sorted.map_err(|source| damaged(&path, source))?, Source::Memory)
        } else {
            match reader.next() {
                None => return Ok(None),
                Some(rows) => {
                    let rows = rows.and_then(|rows| conform(&rows, schema));
                    (rows.map_err(|source| damaged(&path, source))?, Source::File(reader, path))
                }
            }
        };
        if rows.num_rows() == 0 {
            return Ok(None);
        }
        let keys = order.keys(&rows).map_err(ParquetError::from)?;
        Ok(Some(Self { source, rows, keys, at: 0, waiting: None }))
    }

    fn key(&self) -> OwnedRow {
        self.keys.row(self.at).owned()
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self, schema: &SchemaRef, order: &Order) -> Result<bool, MaintainError> {
        self.at += 1;
        if self.at < self.rows.num_rows() {
            return Ok(true);
        }
        let Source::File(reader, path) = &mut self.source else { return Ok(false) };
        let Some(rows) = reader.next() else { return Ok(false) };
        self.rows = rows.and_then(|rows| conform(&rows, schema)).map_err(|source| damaged(path, source))?;
        self.keys = order.keys(&self.rows).map_err(ParquetError::from)?;
        self.at = 0;
        self.waiting = None;
        Ok(self.rows.num_rows() > 0)
    }
}

fn damaged(path: &str, source: ArrowError) -> MaintainError {
    MaintainError::Read(ReadError::Columns { path: path.to_owned(), source })
}

async fn write(
    mut runs: Vec<Run>,
    (kind, day, batch_rows): (Kind, NaiveDate, usize),
    schema: &SchemaRef,
    order: &Order,
    bytes_max: u64,
    lease: &mut Lease,
) -> Result<(Vec<DataFile>, u64), MaintainError> {
    let new = || Encoder::new(kind, day, schema.clone(), Origin::Compacted);
    let (mut files, mut encoder, mut count) = (Vec::new(), new()?, 0);
    let mut heads: BinaryHeap<Reverse<(OwnedRow, usize)>> =
        runs.iter().enumerate().map(|(index, run)| Reverse((run.key(), index))).collect();
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut picks: Vec<(usize, usize)> = Vec::with_capacity(batch_rows);
    while let Some(Reverse((_, index))) = heads.pop() {
        let run = &mut runs[index];
        let batch = *run.waiting.get_or_insert_with(|| {
            batches.push(run.rows.clone());
            batches.len() - 1
        });
        picks.push((batch, run.at));
        count += 1;
        if run.advance(schema, order)? {
            heads.push(Reverse((run.key(), index)));
        }
        if picks.len() == batch_rows || heads.is_empty() {
            let waiting: Vec<&RecordBatch> = batches.iter().collect();
            encoder.write(&interleave_record_batch(&waiting, &picks).map_err(ParquetError::from)?)?;
            picks.clear();
            batches.clear();
            runs.iter_mut().for_each(|run| run.waiting = None);
            lease.keep().await?;
            tokio::task::yield_now().await;
            if encoder.bytes() as u64 >= bytes_max && !heads.is_empty() {
                files.push(std::mem::replace(&mut encoder, new()?).finish()?);
            }
        }
    }
    if encoder.rows() > 0 {
        files.push(encoder.finish()?);
    }
    Ok((files, count))
}

/// The columns of the kind in their order; one that an older file lacks is null.
pub(super) fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |name: &str, data_type: &DataType| {
        rows.column_by_name(name).cloned().unwrap_or_else(|| new_null_array(data_type, rows.num_rows()))
    };
    let columns = schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
    RecordBatch::try_new(schema.clone(), columns)
}
