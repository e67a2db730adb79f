//! A small book as ingest and upkeep make it, copies of it, and the means to break them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use deltalake_core::kernel::{Action, Add};
use futures::StreamExt as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};
use schemas::{Event, EventBuilder, Fields, Kind, Place, Reason, Rejection, RejectionBuilder};
use tempfile::TempDir;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::check::CheckReport;
use crate::data_file::{DataFile, encode};
use crate::landing::{Landing, Outcome};
use crate::location::Location;
use crate::maintain::{Anew, Done, Lease, Replaced, Replacement, Upkeep};
use crate::partition::PartitionId;
use crate::segment::Segment;

pub(super) const TOPIC_ID: &str = "topic-id";
/// A day's distance from today; retention keeps 30.
pub(super) const OLD: u64 = 40;
pub(super) const EARLIER: u64 = 3;
pub(super) const LATER: u64 = 2;

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Success,
    Denied,
    /// A success, flagged as a duplicate.
    Repeat,
    Change,
    Rejection,
}

/// Partition, offset, element, days ago, and what.
type Row = (i32, i64, i32, u64, What);

pub(super) struct TestLake {
    folder: TempDir,
    location: Location,
}

impl TestLake {
    /// Three partitions, two landings, upkeep (which removes the old day and merges the rest), a third landing.
    pub(super) async fn new() -> Self {
        use What::{Change, Denied, Rejection, Repeat, Success};
        let lake = Self::in_folder(tempfile::tempdir().expect("a folder"));
        let mut book = Book::open_or_create(&lake.location).await.expect("a book");
        let mut first: Vec<Row> = (0..8).map(|offset| (0, offset, 0, EARLIER, Success)).collect();
        first[3].4 = Denied;
        first.extend([(0, 8, 0, 0, Rejection), (0, 9, 0, EARLIER, Repeat)]);
        first.extend([(1, 100, 0, OLD, Success), (1, 101, 0, OLD, Denied), (1, 102, 0, OLD, Success)]);
        first.extend([(1, 103, 0, EARLIER, Success), (1, 104, 0, 0, Rejection)]);
        land(&mut book, &first, &[segment(0, None, 0, 10), segment(1, None, 100, 105)]).await;
        let second = [
            (0, 10, 0, EARLIER, Success),
            (0, 11, 0, LATER, Success),
            (0, 12, 0, LATER, Success),
            (0, 12, 1, LATER, Success),
            (0, 20, 0, LATER, Success),
        ];
        let mut skipping = segment(0, Some(10), 10, 25);
        (skipping.records, skipping.elements) = (1, 1);
        skipping.skipped_by_kind.insert("noise".to_owned(), 1);
        let mut gap = segment(2, None, 0, 50);
        gap.gap = Some("accepted".to_owned());
        land(&mut book, &second, &[skipping, gap]).await;
        let done = lake.maintain(30).await;
        assert!(done.files_merged >= 4 && done.rows_removed == 3 && done.checkpoints == 1, "{done:?}");
        let third = [
            (1, 105, 0, LATER, Change),
            (1, 106, 0, EARLIER, Denied),
            (0, 25, 0, EARLIER, Success),
            (0, 26, 0, 0, Rejection),
        ];
        land(&mut book, &third, &[segment(1, Some(105), 105, 110), segment(0, Some(25), 25, 30)]).await;
        lake
    }

    /// As a decoder of later reads them: some events by another method, and one on another day.
    pub(super) async fn redecoded() -> Self {
        let lake = Self::new().await;
        assert_eq!(lake.redecode(EARLIER, &[1, 9, 25], 0).await, Replaced { events: 3, moved: 0 });
        assert_eq!(
            lake.redecode(LATER, &[20], LATER.abs_diff(EARLIER)).await,
            Replaced { events: 1, moved: 1 }
        );
        lake
    }

    /// Replaces events of partition 0 by what a later decoder reads, which puts them some days earlier.
    pub(super) async fn redecode(&self, days_ago: u64, offsets: &[i64], days_earlier: u64) -> Replaced {
        let mut lease =
            Lease::take(&self.location, Duration::from_secs(60), Duration::ZERO).await.expect("free");
        let mut book = self.book().await;
        book.admit(&mut lease).await.expect("admitted");
        let replacement = self.replacement(&book, &mut lease, days_ago, offsets, days_earlier).await;
        let replaced = replacement.commit(&mut book, &mut lease).await.expect("commits");
        lease.release().await.expect("released");
        replaced
    }

    /// What is to be committed for that.
    pub(super) async fn replacement(
        &self,
        book: &Book,
        lease: &mut Lease,
        days_ago: u64,
        offsets: &[i64],
        days_earlier: u64,
    ) -> Replacement {
        let files = self.files(Kind::Event, day(days_ago)).await;
        let mut replacement = Replacement::new(day(days_ago), files.clone(), "ada");
        for file in files {
            let mut batches = book.batches(&file, 1 << 20).await.expect("opens");
            while let Some(rows) = batches.next().await {
                let rows = rows.expect("rows");
                let anew = read_anew(&rows, offsets, days_earlier);
                replacement.take_in(book, lease, &rows, &anew).await.expect("taken in");
            }
        }
        replacement
    }

    /// Upkeep that keeps so many days.
    pub(super) async fn maintain(&self, retention_days: u32) -> Done {
        let upkeep = Upkeep { retention_days, ..upkeep() };
        let mut lease = Lease::take(&self.location, upkeep.lease, Duration::ZERO).await.expect("a lease");
        let done = self.book().await.maintain(&upkeep, &mut lease, &mut |_| {}).await.expect("upkeep");
        lease.release().await.expect("released");
        done
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    fn in_folder(folder: TempDir) -> Self {
        let location = Location::parse(&folder.path().display().to_string()).expect("a location");
        Self { folder, location }
    }

    pub(super) fn copy(&self) -> Self {
        let copy = Self::in_folder(tempfile::tempdir().expect("a folder"));
        copy_folder(self.folder.path(), copy.folder.path());
        copy
    }

    pub(super) async fn check(&self) -> CheckReport {
        self.book().await.check(&mut |_| {}).await.expect("checks")
    }

    pub(super) async fn book(&self) -> Book {
        Book::open(&self.location).await.expect("opens")
    }

    /// The active files of a kind and day, merged ones first.
    pub(super) async fn files(&self, kind: Kind, day: NaiveDate) -> Vec<ActiveFile> {
        let mut files = self.book().await.files().expect("files");
        files.retain(|file| file.kind == Some(kind) && file.day == Some(day));
        files.sort_by_key(ActiveFile::is_landed);
        files
    }

    /// The last active file of a kind and day.
    pub(super) async fn file(&self, kind: Kind, day: NaiveDate) -> ActiveFile {
        self.files(kind, day).await.pop().expect("a file")
    }

    /// Every file of the folder, also those that the log no longer names.
    pub(super) fn stored(&self, kind: Kind, day: NaiveDate) -> Vec<String> {
        let folder = format!("kind={}/day={day}", kind.as_str());
        let names = fs::read_dir(self.location.book().join(&folder)).expect("a folder");
        names
            .map(|name| format!("{folder}/{}", name.expect("a name").file_name().to_string_lossy()))
            .collect()
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.location.book().join(file)
    }

    pub(super) fn rows(&self, file: &str) -> RecordBatch {
        let bytes = bytes::Bytes::from(fs::read(self.path(file)).expect("read"));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet");
        let schema = builder.schema().clone();
        let batches: Vec<_> = builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
        concat_batches(&schema, &batches).expect("a batch")
    }

    /// Puts a file with changed rows in a file's place, and is honest about it in the log.
    pub(super) fn rewrite(&self, file: &ActiveFile, change: impl FnOnce(RecordBatch) -> RecordBatch) {
        let rows = change(self.rows(file.path.as_ref()));
        let (kind, day) = (file.kind.expect("a kind"), file.day.expect("a day"));
        let changed = encode(kind, day, &rows).expect("encodes");
        self.store(&changed);
        self.log(&[remove(file), Action::Add(changed.add)]);
    }

    pub(super) fn store(&self, file: &DataFile) {
        let path = self.path(file.path.as_ref());
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, &file.bytes).expect("written");
    }

    /// Commits by hand.
    pub(super) fn log(&self, actions: &[Action]) {
        let log = self.location.book().join("_delta_log");
        let next = (0..).find(|version| !log.join(format!("{version:020}.json")).exists()).unwrap_or(0_u64);
        let lines: Vec<String> =
            actions.iter().map(|action| serde_json::to_string(action).expect("an action")).collect();
        fs::write(log.join(format!("{next:020}.json")), lines.join("\n")).expect("written");
    }
}

pub(super) fn today() -> NaiveDate {
    Utc::now().date_naive()
}

pub(super) fn day(days_ago: u64) -> NaiveDate {
    today() - Days::new(days_ago)
}

/// One row as a file.
pub(super) fn file_of(row: Row) -> DataFile {
    files_of(&[row]).pop().expect("a file")
}

pub(super) fn remove(file: &ActiveFile) -> Action {
    file.remove_action(false)
}

/// A log entry for a file as it lies there.
pub(super) fn add(lake: &TestLake, file: &str, kind: &str, day: NaiveDate) -> Add {
    let rows = lake.rows(file).num_rows();
    Add {
        path: file.to_owned(),
        partition_values: [
            ("kind".to_owned(), Some(kind.to_owned())),
            ("day".to_owned(), Some(day.to_string())),
        ]
        .into(),
        size: fs::metadata(lake.path(file)).expect("a file").len() as i64,
        data_change: true,
        stats: Some(format!(r#"{{"numRecords":{rows}}}"#)),
        ..Add::default()
    }
}

/// The batch with another column in place of the one of this name, or beside the others.
pub(super) fn with_column(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let field = |name: &str, column: &ArrayRef| (name.to_owned(), column.clone());
    let mut columns: Vec<(String, ArrayRef)> = rows
        .schema()
        .fields()
        .iter()
        .zip(rows.columns())
        .map(|(of, column)| field(of.name(), column))
        .collect();
    match columns.iter_mut().find(|(of, _)| of == name) {
        Some(found) => found.1 = column,
        None => columns.push(field(name, &column)),
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a batch")
}

async fn land(book: &mut Book, rows: &[Row], segments: &[Segment]) {
    let segments = segments.iter().map(|segment| {
        let mut segment = segment.clone();
        let of_it = |row: &&Row| row.0 == segment.id.partition;
        let count =
            |what: &[What]| rows.iter().filter(of_it).filter(|row| what.contains(&row.4)).count() as i64;
        segment.events = count(&[What::Success, What::Denied, What::Repeat]);
        segment.duplicates = count(&[What::Repeat]);
        segment.changes = count(&[What::Change]);
        segment.rejections = count(&[What::Rejection]);
        segment.records += rows.iter().filter(of_it).map(|row| row.1).collect::<BTreeSet<_>>().len() as i64;
        segment.elements += segment.events + segment.changes + segment.rejections;
        segment
    });
    let landing = Landing { files: files_of(rows), segments: segments.collect() };
    let outcome = book.land(&landing).await.expect("lands");
    assert!(matches!(outcome, Outcome::Landed { .. }), "{outcome:?}");
}

fn segment(partition: i32, expected: Option<i64>, from: i64, next: i64) -> Segment {
    let id = PartitionId { topic_id: TOPIC_ID.to_owned(), partition };
    let mut segment = Segment::starting_at("auth".to_owned(), id, expected, from);
    segment.next_offset = next;
    segment
}

fn upkeep() -> Upkeep {
    Upkeep {
        retention_days: 30,
        compact_files_min: 2,
        compact_file_bytes_max: 64 << 20,
        compact_rows_max: 1 << 20,
        checkpoint_commits: 2,
        vacuum_after: Duration::from_secs(86_400),
        lease: Duration::from_secs(60),
    }
}

/// The events of partition 0 at these offsets, as they are read now.
fn read_anew(rows: &RecordBatch, offsets: &[i64], days_earlier: u64) -> Anew {
    let held = rows["kafka_offset"].as_primitive::<Int64Type>();
    let partitions = rows["kafka_partition"].as_primitive::<Int32Type>();
    let is_read =
        |row: &u32| partitions.value(*row as usize) == 0 && offsets.contains(&held.value(*row as usize));
    let numbers: Vec<u32> = (0..rows.num_rows() as u32).filter(is_read).collect();
    let old = take_record_batch(rows, &UInt32Array::from(numbers.clone())).expect("rows");
    let moments = old["occurred_at"].as_primitive::<TimestampMicrosecondType>();
    let moved: TimestampMicrosecondArray =
        moments.unary(|at_us| at_us - TimeDelta::days(days_earlier as i64).num_microseconds().unwrap_or(0));
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; old.num_rows()])) };
    let readings = with_column(&old, "method", text("text-message"));
    let readings = with_column(&readings, "decoder", text("gatebook/2"));
    // What is no content must be the old row's, whatever a reading says.
    let readings =
        with_column(&readings, "duplicate", Arc::new(BooleanArray::from(vec![false; old.num_rows()])));
    let readings = with_column(&readings, "occurred_at", Arc::new(moved.with_timezone("UTC")));
    let changed = [("method".to_owned(), (0..numbers.len() as u32).collect())].into();
    Anew { rows: numbers, readings, changed }
}

/// One file a kind and day.
fn files_of(rows: &[Row]) -> Vec<DataFile> {
    let kind_of = |row: &Row| match row.4 {
        What::Success | What::Denied | What::Repeat => Kind::Event,
        What::Change => Kind::Change,
        What::Rejection => Kind::Rejection,
    };
    let groups: BTreeSet<(Kind, u64)> = rows.iter().map(|row| (kind_of(row), row.3)).collect();
    let file = |(kind, days_ago): (Kind, u64)| {
        let group: Vec<Row> =
            rows.iter().copied().filter(|row| (kind_of(row), row.3) == (kind, days_ago)).collect();
        let rows = match kind {
            Kind::Rejection => rejections(&group),
            Kind::Change => changes(&group),
            _ => events(&group),
        };
        encode(kind, day(days_ago), &rows).expect("encodes")
    };
    groups.into_iter().map(file).collect()
}

fn place(row: &Row) -> Place<'static> {
    let &(partition, offset, element_index, ..) = row;
    Place { topic: "auth", topic_id: TOPIC_ID, partition, offset, element_index, received_at_us: 0 }
}

fn events(rows: &[Row]) -> RecordBatch {
    let mut builder = EventBuilder::new(&Fields::default());
    for row in rows {
        let is_denied = row.4 == What::Denied;
        let (id, at) =
            (format!("e{}-{}-{}", row.0, row.1, row.2), day(row.3).and_time(chrono::NaiveTime::MIN));
        let event = Event {
            event_id: &id,
            occurred_at_us: DateTime::<Utc>::from_naive_utc_and_offset(at, Utc).timestamp_micros() + row.1,
            tenant_id: "acme",
            user_id: "ada",
            first_name: None,
            last_name: None,
            email: None,
            phone_number: None,
            device_token: None,
            user_key: "ada",
            method: Some(Method::MobileAppNotification),
            mode: None,
            result: if is_denied { AuthResult::Denied } else { AuthResult::Success },
            denial_reason: is_denied.then_some(DenialReason::NoResponse),
            result_code: None,
            result_detail: None,
            stage: Stage::WholeSignIn,
            assurance: Assurance::Unknown,
            prompts: None,
            steps: &[],
            server_name: Some("gate-1"),
            server_ip: Some("192.0.2.1"),
            unknown_values: &[],
            client_ip: None,
            application: None,
            client_app: None,
            protocol: None,
            authenticator_id: None,
            sender: None,
            attempt_id: None,
            raw: None,
        };
        builder.append(&event, &place(row), "gatebook", "gatebook/1");
    }
    let flags: BooleanArray = rows.iter().map(|row| Some(row.4 == What::Repeat)).collect();
    with_column(&builder.finish(), "duplicate", Arc::new(flags))
}

fn changes(rows: &[Row]) -> RecordBatch {
    let events = events(rows);
    let schema = schemas::change_schema();
    let column = |field: &Arc<arrow::datatypes::Field>| match (
        field.name().as_str(),
        events.column_by_name(field.name()),
    ) {
        ("change", _) => Arc::new(StringArray::from(vec!["enrolled"; rows.len()])) as ArrayRef,
        (_, Some(column)) => column.clone(),
        (_, None) => new_null_array(field.data_type(), rows.len()),
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema, columns).expect("a batch")
}

fn rejections(rows: &[Row]) -> RecordBatch {
    let mut builder = RejectionBuilder::new();
    for row in rows {
        let rejection = Rejection {
            reason: Reason::NotJson,
            field: None,
            detail: "no JSON from byte 0 on".into(),
            raw: None,
        };
        builder.append(&rejection, &place(row), "gatebook", "gatebook/1", Some(b"rubbish"), false);
    }
    builder.finish()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
