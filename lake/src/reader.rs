//! The rows of a table's Parquet files. A file never changes: what is asked of it again and again is kept.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter, RowSelection, RowSelector};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::ranges::Ranges;

/// Rows decoded at a time.
pub(crate) const BATCH_ROWS: usize = 8192;

/// The column of what was sent: as long as a record, and seldom needed.
pub(crate) const RAW: &str = "raw";

/// The column by which rows of people are looked up.
const USER_KEY: &str = "user_key";

/// A file up to here is decoded once and kept: a table that is written to every second has hundreds of these, of a few rows
/// each, and to open one takes longer than to read it.
const SMALL_ROWS_MAX: u64 = 1024;
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// Bytes of small files that are kept of a table.
const SMALL_KEPT_BYTES_MAX: u64 = 32 << 20;

/// Bytes of footers that are kept of a table: of about a thousand large files.
const FOOTERS_KEPT_BYTES_MAX: u64 = 128 << 20;

/// A file, as a log names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileRef<'a> {
    pub(crate) path: &'a Path,
    pub(crate) size_bytes: u64,
    pub(crate) rows: u64,
}

/// Which rows of a file are wanted.
pub(crate) struct Wanted<'a, M, W> {
    /// The columns that decide it.
    pub(crate) by: &'a [&'a str],
    /// Whether somebody is wanted whose user key lies within bounds.
    pub(crate) may_hold: M,
    /// Which rows of a batch are.
    pub(crate) is_wanted: W,
}

/// Reads the files of one table. A clone is cheap, and keeps what the others do.
#[derive(Clone)]
pub(crate) struct Reader {
    store: Arc<dyn ObjectStore>,
    kept: Arc<Kept>,
}

/// What is kept, by path.
struct Kept {
    footers: Cache<Path, Arc<ParquetMetaData>, Bytes>,
    /// Whole, but for [`RAW`].
    small: Cache<Path, RecordBatch, Bytes>,
}

/// Weighs what is kept.
#[derive(Clone)]
struct Bytes;

impl Weighter<Path, RecordBatch> for Bytes {
    fn weight(&self, _: &Path, rows: &RecordBatch) -> u64 {
        rows.get_array_memory_size() as u64
    }
}

impl Weighter<Path, Arc<ParquetMetaData>> for Bytes {
    fn weight(&self, _: &Path, footer: &Arc<ParquetMetaData>) -> u64 {
        footer.memory_size() as u64
    }
}

impl Reader {
    /// Nothing is kept yet.
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        let kept = Kept {
            footers: Cache::with_weighter(1024, FOOTERS_KEPT_BYTES_MAX, Bytes),
            small: Cache::with_weighter(4096, SMALL_KEPT_BYTES_MAX, Bytes),
        };
        Self { store, kept: Arc::new(kept) }
    }

    /// The rows of a file: the named columns that it has, or all of them.
    pub(crate) async fn read(
        &self,
        file: FileRef<'_>,
        columns: Option<&[&str]>,
        mut take: impl FnMut(&RecordBatch),
    ) -> Result<(), ParquetError> {
        if let Some(columns) = columns
            && let Some(rows) = self.small(file, columns).await?
        {
            take(&only(&rows, columns)?);
            return Ok(());
        }
        let builder = self.open(file).await?;
        let mask = columns.map_or_else(ProjectionMask::all, |columns| mask(&builder, columns));
        rows_of(builder.with_projection(mask), take).await
    }

    /// These columns of the rows that are wanted; all but [`RAW`] where none are named.
    pub(crate) async fn read_wanted<M, W>(
        &self,
        file: FileRef<'_>,
        wanted: Wanted<'_, M, W>,
        columns: Option<&[&str]>,
        mut take: impl FnMut(&RecordBatch),
    ) -> Result<(), ParquetError>
    where
        M: Fn(&str, &str) -> bool,
        W: FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
    {
        let mut rows = self.wanted(file, wanted, columns).await?;
        while let Some(rows) = rows.next().await {
            take(&rows?);
        }
        Ok(())
    }

    /// As [`Self::read_wanted`], as they are asked for.
    pub(crate) async fn wanted<M, W>(
        &self,
        file: FileRef<'_>,
        wanted: Wanted<'_, M, W>,
        columns: Option<&[&str]>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, ParquetError>>, ParquetError>
    where
        M: Fn(&str, &str) -> bool,
        W: FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
    {
        let Wanted { by, may_hold, mut is_wanted } = wanted;
        if let Some(rows) = self.small(file, columns.unwrap_or_default()).await? {
            let wanted = is_wanted(&only(&rows, by)?)?;
            if wanted.true_count() == 0 {
                return Ok(stream::empty().boxed());
            }
            let rows = columns.map_or_else(|| Ok(rows.clone()), |columns| only(&rows, columns))?;
            let rows = filter_record_batch(&rows, &wanted)?;
            return Ok(stream::iter([Ok(rows)]).boxed());
        }
        let builder = self.open(file).await?;
        let groups = builder.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(_, group)| may_hold_any(group, &may_hold)).map(|(index, _)| index);
        let groups: Vec<usize> = groups.collect();
        if groups.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let pages = pages_that_may_hold(builder.metadata(), &groups, &may_hold);
        let columns = match columns {
            Some(columns) => mask(&builder, columns),
            None => all_but_raw(&builder),
        };
        let wanted = ArrowPredicateFn::new(mask(&builder, by), move |rows| is_wanted(&rows));
        let filter = RowFilter::new(vec![Box::new(wanted)]);
        let builder = builder.with_row_groups(groups).with_projection(columns).with_row_filter(filter);
        Ok(builder.with_row_selection(pages).build()?.boxed())
    }

    /// A file of which no more is fetched than what is asked of it.
    pub(crate) async fn open(
        &self,
        file: FileRef<'_>,
    ) -> Result<ParquetRecordBatchStreamBuilder<Ranges>, ParquetError> {
        let path = file.path;
        let ranges = || Ranges::new(Arc::clone(&self.store), path.clone(), file.size_bytes);
        let footer = self.kept.footers.get_or_insert_async(path, ranges().footer());
        let builder = ParquetRecordBatchStreamBuilder::new(ranges().with_footer(footer.await?)).await?;
        Ok(builder.with_batch_size(BATCH_ROWS))
    }

    /// All rows of a small file, where it is one and these columns of it are among those that are kept.
    async fn small(&self, file: FileRef<'_>, columns: &[&str]) -> Result<Option<RecordBatch>, ParquetError> {
        if file.rows > SMALL_ROWS_MAX || file.size_bytes > SMALL_BYTES_MAX || columns.contains(&RAW) {
            return Ok(None);
        }
        let read = async {
            let ranges = Ranges::new(Arc::clone(&self.store), file.path.clone(), file.size_bytes);
            let builder = ParquetRecordBatchStreamBuilder::new(ranges).await?.with_batch_size(BATCH_ROWS);
            let short = all_but_raw(&builder);
            let mut batches = Vec::new();
            let mut rows = builder.with_projection(short).build()?;
            let schema = Arc::clone(rows.schema());
            while let Some(batch) = rows.next().await {
                batches.push(batch?);
            }
            Ok::<_, ParquetError>(concat_batches(&schema, &batches)?)
        };
        self.kept.small.get_or_insert_async(file.path, Box::pin(read)).await.map(Some)
    }
}

/// Those of these columns that there are.
fn only(rows: &RecordBatch, columns: &[&str]) -> Result<RecordBatch, ArrowError> {
    let fields = rows.schema_ref().fields().iter().enumerate();
    let places: Vec<usize> = fields
        .filter(|(_, field)| columns.contains(&field.name().as_str()))
        .map(|(place, _)| place)
        .collect();
    rows.project(&places)
}

fn mask(builder: &ParquetRecordBatchStreamBuilder<Ranges>, columns: &[&str]) -> ProjectionMask {
    roots(builder, |name| columns.contains(&name))
}

fn all_but_raw(builder: &ParquetRecordBatchStreamBuilder<Ranges>) -> ProjectionMask {
    roots(builder, |name| name != RAW)
}

fn roots(
    builder: &ParquetRecordBatchStreamBuilder<Ranges>,
    is_asked: impl Fn(&str) -> bool,
) -> ProjectionMask {
    let schema = builder.parquet_schema();
    let fields = schema.root_schema().get_fields().iter().enumerate();
    ProjectionMask::roots(schema, fields.filter(|(_, field)| is_asked(field.name())).map(|(place, _)| place))
}

async fn rows_of(
    builder: ParquetRecordBatchStreamBuilder<Ranges>,
    mut take: impl FnMut(&RecordBatch),
) -> Result<(), ParquetError> {
    let mut rows = builder.build()?;
    while let Some(batch) = rows.next().await {
        take(&batch?);
    }
    Ok(())
}

/// The pages of row groups that may hold somebody who is wanted, by the smallest and largest user key of each.
fn pages_that_may_hold(
    footer: &ParquetMetaData,
    groups: &[usize],
    may_hold: impl Fn(&str, &str) -> bool,
) -> RowSelection {
    let mut selectors = Vec::new();
    for index in groups {
        let group = footer.row_group(*index);
        let rows = group.num_rows() as usize;
        let place = group.columns().iter().position(|column| column.column_path().string() == USER_KEY);
        let pages = place.and_then(|place| {
            let bounds = footer.column_index()?.get(*index)?.get(place)?;
            let pages = footer.offset_index()?.get(*index)?.get(place)?.page_locations();
            let ColumnIndexMetaData::BYTE_ARRAY(bounds) = bounds else { return None };
            let starts = pages.iter().map(|page| page.first_row_index as usize).chain([rows]);
            Some((bounds, starts.collect::<Vec<usize>>()))
        });
        let Some((bounds, starts)) = pages else {
            selectors.push(RowSelector::select(rows));
            continue;
        };
        for (page, span) in starts.windows(2).enumerate() {
            let text = |bytes: Option<&[u8]>| {
                bytes.and_then(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned))
            };
            let is_one = match (text(bounds.min_value(page)), text(bounds.max_value(page))) {
                // A long bound may be cut: then it says less than it could.
                (Some(least), Some(greatest)) => may_hold(&least, &greatest),
                _ => true,
            };
            let rows = span[1] - span[0];
            selectors.push(if is_one { RowSelector::select(rows) } else { RowSelector::skip(rows) });
        }
    }
    selectors.into()
}

/// False where the smallest and the largest user key of a row group say that it holds nobody who is wanted.
fn may_hold_any(group: &RowGroupMetaData, may_hold: impl Fn(&str, &str) -> bool) -> bool {
    let column = group.columns().iter().find(|column| column.column_path().string() == USER_KEY);
    let bounds = column.and_then(|column| column.statistics()).and_then(|statistics| {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        Some((text(statistics.min_bytes_opt()?)?, text(statistics.max_bytes_opt()?)?))
    });
    bounds.is_none_or(|(least, greatest)| may_hold(least, greatest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use chrono::NaiveDate;
    use object_store::memory::InMemory;

    use super::*;
    use crate::data_file::{Encoder, Origin};

    /// Rows of two row groups and many pages, sorted by tenant and user: tenants of a length that no page has.
    fn rows() -> RecordBatch {
        let users = |row: usize| format!("user-{:05}", row % 30_011 / 3);
        let tenants = |row: usize| format!("tenant-{}", row / 30_011);
        let count = 300_000;
        RecordBatch::try_from_iter([
            (
                "tenant_id",
                Arc::new((0..count).map(|row| Some(tenants(row))).collect::<StringArray>()) as ArrayRef,
            ),
            ("user_key", Arc::new((0..count).map(|row| Some(users(row))).collect::<StringArray>())),
            ("text", Arc::new((0..count).map(|row| Some(format!("{row}"))).collect::<StringArray>())),
            ("number", Arc::new(Int64Array::from_iter_values(0..count as i64))),
        ])
        .expect("a batch")
    }

    #[tokio::test]
    async fn whoever_is_looked_up_is_found_in_every_page_and_nobody_else() {
        let rows = rows();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for origin in [Origin::Compacted, Origin::Landed] {
            let day = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a day");
            let mut encoder = Encoder::of("event", day, rows.schema(), origin, &[]).expect("encodes");
            encoder.write(&rows).expect("writes");
            let file = encoder.finish().expect("a file");
            file.store(&store).await.expect("stored");
            let reader = Reader::new(Arc::clone(&store));
            let path = file.path.clone();
            let size_bytes = file.size_bytes() as u64;
            let file = FileRef { path: &path, size_bytes, rows: rows.num_rows() as u64 };
            for users in
                [vec!["user-00000"], vec!["user-00003", "user-10003"], vec!["user-05000"], vec!["nobody"]]
            {
                let keys: BTreeSet<String> = users.iter().map(|user| (*user).to_owned()).collect();
                let held = keys.clone();
                let is_wanted = move |rows: &RecordBatch| {
                    let users = rows.column_by_name("user_key").expect("users").as_string::<i32>();
                    Ok((0..rows.num_rows()).map(|row| Some(held.contains(users.value(row)))).collect())
                };
                let may_hold = |least: &str, greatest: &str| {
                    keys.iter().any(|key| least <= key.as_str() && key.as_str() <= greatest)
                };
                let wanted = Wanted { by: &["user_key"], may_hold, is_wanted };
                let mut found: Vec<i64> = Vec::new();
                let take = |rows: &RecordBatch| {
                    assert_eq!(rows.num_columns(), 2, "those that were asked for");
                    let numbers = rows.column_by_name("number").expect("numbers").as_primitive::<Int64Type>();
                    let texts = rows.column_by_name("text").expect("texts").as_string::<i32>();
                    for row in 0..rows.num_rows() {
                        assert_eq!(texts.value(row), numbers.value(row).to_string());
                    }
                    found.extend(numbers.values());
                };
                reader.read_wanted(file, wanted, Some(&["text", "number"]), take).await.expect("reads");
                let all = rows.column_by_name("user_key").expect("users").as_string::<i32>();
                let expected = (0..all.len()).filter(|row| keys.contains(all.value(*row)));
                assert_eq!(found, expected.map(|row| row as i64).collect::<Vec<_>>(), "{users:?}");
            }
        }
        let pages = pages_of_users(&store).await;
        assert!(pages > 20, "{pages} pages of user keys");
    }

    /// How many pages of user keys the file has that is sorted.
    async fn pages_of_users(store: &Arc<dyn ObjectStore>) -> usize {
        let mut pages = 0;
        let mut files = store.list(None);
        while let Some(file) = files.next().await {
            let file = file.expect("a file");
            let ranges = Ranges::new(Arc::clone(store), file.location, file.size);
            let footer = ranges.footer().await.expect("a footer");
            let index = footer.offset_index().expect("an index");
            pages = pages.max(index.iter().map(|group| group[1].page_locations().len()).sum());
        }
        pages
    }
}
