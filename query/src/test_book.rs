//! A small book for tests, made as ingest makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{SlicesIterator, concat_batches};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::StreamExt as _;
use lake::maintain::{Anew, Lease, Replacement};
use lake::{Book, Directory, Landing, Location, Outcome, PartitionId, Segment, encode};
use schemas::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};
use schemas::{
    Change, ChangeBuilder, Event, EventBuilder, Fields, Kind, Place, Reason, Rejection, RejectionBuilder,
};
use tempfile::TempDir;

use crate::answer::Answer;
use crate::error::QueryError;
use crate::expectations::Expectations;
use crate::limits::Limits;
use crate::output::{self, Format, OutputError};
use crate::session::{Resources, Session};

/// A book in a folder that goes with it. What is landed comes from topic `auth`, and unless it is said, from partition 0.
pub(crate) struct TestBook {
    pub(crate) folder: TempDir,
    pub(crate) book: Book,
    pub(crate) directory: Directory,
    /// By partition.
    next_offsets: BTreeMap<i32, i64>,
}

/// An event of a test, with the flag that ingest would set.
#[derive(Clone)]
pub(crate) struct TestEvent {
    pub(crate) event: Event<'static>,
    pub(crate) duplicate: bool,
    /// How long after the event Kafka got it.
    pub(crate) late_us: i64,
    pub(crate) source: &'static str,
}

/// A successful push at a moment, of tenant `acme`, user `ada`, server `gate-1`.
pub(crate) fn event(at: DateTime<Utc>) -> TestEvent {
    let event = Event {
        event_id: "e",
        occurred_at_us: at.timestamp_micros(),
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
        result: AuthResult::Success,
        denial_reason: None,
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
    TestEvent { event, duplicate: false, late_us: 0, source: "gatebook" }
}

/// A change of a test.
#[derive(Clone)]
pub(crate) struct TestChange {
    pub(crate) change: Change<'static>,
    pub(crate) source: &'static str,
}

/// A change of the account of user `ada` of tenant `acme`, of source `entra`.
pub(crate) fn change(at: DateTime<Utc>, change: ChangeKind) -> TestChange {
    let change = Change {
        change,
        occurred_at_us: at.timestamp_micros(),
        tenant_id: "acme",
        user_id: "ada",
        user_key: "ada",
        actor: None,
        method: None,
        reason: None,
        until_us: None,
        client_ip: None,
        result_code: None,
        result_detail: None,
        raw: None,
    };
    TestChange { change, source: "entra" }
}

impl TestChange {
    pub(crate) fn of(mut self, source: &'static str, user: &'static str) -> Self {
        self.source = source;
        (self.change.user_id, self.change.user_key) = (user, user);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Change<'static>)) -> Self {
        change(&mut self.change);
        self
    }
}

impl TestEvent {
    pub(crate) fn denied(mut self, reason: DenialReason) -> Self {
        self.event.result = AuthResult::Denied;
        self.event.denial_reason = Some(reason);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Event<'static>)) -> Self {
        change(&mut self.event);
        self
    }

    pub(crate) fn late(mut self, by: TimeDelta) -> Self {
        self.late_us = by.num_microseconds().expect("short");
        self
    }

    pub(crate) fn of(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    pub(crate) fn duplicate(mut self) -> Self {
        self.duplicate = true;
        self
    }
}

impl TestBook {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::parse(&folder.path().display().to_string()).expect("a location");
        let book = Book::open_or_create(&location).await.expect("a book");
        let directory = Directory::open(&location).await.expect("a directory");
        Self { folder, book, directory, next_offsets: BTreeMap::new() }
    }

    /// Lands events in one commit, each at the next offset.
    pub(crate) async fn land(&mut self, events: &[TestEvent]) {
        self.land_from(0, events).await;
    }

    /// As [`Self::land`], from a partition.
    pub(crate) async fn land_from(&mut self, partition: i32, events: &[TestEvent]) {
        let first = self.next_offset(partition);
        let mut builder = EventBuilder::new(&Fields::default());
        for (index, event) in events.iter().enumerate() {
            let received_at_us = event.event.occurred_at_us + event.late_us;
            let place = Place { received_at_us, partition, ..place(first + index as i64) };
            builder.append(&event.event, &place, event.source, &format!("{}/1", event.source));
        }
        let batch = with_duplicates(&builder.finish(), events);
        let days = events.iter().map(|event| day(event.event.occurred_at_us));
        let files = split_by_day(&batch, days.collect());
        let files = files.iter().map(|(day, batch)| encode(Kind::Event, *day, batch).expect("encodes"));
        let count = events.len() as i64;
        let files = files.collect();
        self.commit(partition, files, count, |segment| {
            segment.events = count;
            segment.duplicates = events.iter().filter(|event| event.duplicate).count() as i64;
            let unknown = events.iter().flat_map(|event| event.event.unknown_values);
            unknown.for_each(|value| segment.unknown.values.add(value));
        })
        .await;
    }

    /// Lands changes in one commit, each at the next offset.
    pub(crate) async fn land_changes(&mut self, changes: &[TestChange]) {
        let first = self.next_offset(0);
        let mut builder = ChangeBuilder::new(&Fields::default());
        for (index, TestChange { change, source }) in changes.iter().enumerate() {
            let place = Place { received_at_us: change.occurred_at_us, ..place(first + index as i64) };
            builder.append(change, &place, source, &format!("{source}/1"));
        }
        let days = changes.iter().map(|it| day(it.change.occurred_at_us)).collect();
        let files = split_by_day(&builder.finish(), days);
        let files = files.iter().map(|(day, batch)| encode(Kind::Change, *day, batch).expect("encodes"));
        let files = files.collect();
        let count = changes.len() as i64;
        self.commit(0, files, count, |segment| segment.changes = count).await;
    }

    /// Lands one change of tenant `acme`, told by source `entra`.
    pub(crate) async fn land_change(&mut self, change: ChangeKind, user: &str, at: DateTime<Utc>) {
        let told = Change {
            change,
            occurred_at_us: at.timestamp_micros(),
            tenant_id: "acme",
            user_id: user,
            user_key: user,
            actor: None,
            method: None,
            reason: None,
            until_us: None,
            client_ip: None,
            result_code: None,
            result_detail: None,
            raw: None,
        };
        let mut builder = ChangeBuilder::new(&Fields::default());
        builder.append(&told, &place(self.next_offset(0)), "entra", "entra/1");
        let file = encode(Kind::Change, at.date_naive(), &builder.finish()).expect("encodes");
        self.commit(0, vec![file], 1, |segment| segment.changes = 1).await;
    }

    /// Lands one rejection of bytes that are no JSON.
    pub(crate) async fn land_rejection(&mut self, raw: &[u8], at: DateTime<Utc>) {
        let rejection = Rejection {
            reason: Reason::NotJson,
            field: None,
            detail: "no JSON from byte 0 on".into(),
            raw: None,
        };
        self.land_rejected(&rejection, Some(raw), at).await;
    }

    /// Lands one rejection into the file of a day. Without bytes it is that of a tombstone.
    pub(crate) async fn land_rejected(
        &mut self,
        rejection: &Rejection<'_>,
        raw: Option<&[u8]>,
        at: DateTime<Utc>,
    ) {
        let mut builder = RejectionBuilder::new();
        builder.append(rejection, &place(self.next_offset(0)), "gatebook", "gatebook/1", raw, false);
        let file = encode(Kind::Rejection, at.date_naive(), &builder.finish()).expect("encodes");
        self.commit(0, vec![file], 1, |segment| segment.rejections = 1).await;
    }

    /// Replaces the event at an offset by what a later decoder reads.
    pub(crate) async fn redecode(&mut self, offset: i64, new: &TestEvent) {
        let lasts = Duration::from_secs(60);
        let mut lease = Lease::take(self.book.location(), lasts, Duration::ZERO).await.expect("free");
        self.book.admit(&mut lease).await.expect("admitted");
        let files = self.book.files().expect("files").into_iter();
        for file in files.filter(|file| file.kind == Some(Kind::Event)) {
            let mut replacement = Replacement::new(file.day.expect("a day"), vec![file.clone()], "ada");
            let mut batches = self.book.batches(&file, 1 << 20).await.expect("opens");
            while let Some(rows) = batches.next().await {
                let rows = rows.expect("rows");
                let offsets = rows["kafka_offset"].as_primitive::<Int64Type>();
                let row = offsets.values().iter().position(|found| *found == offset);
                let mut builder = EventBuilder::new(&Fields::default());
                row.iter().for_each(|_| builder.append(&new.event, &place(offset), new.source, "gatebook/2"));
                let anew = Anew {
                    rows: row.into_iter().map(|row| row as u32).collect(),
                    readings: builder.finish(),
                    changed: BTreeMap::new(),
                };
                replacement.take_in(&self.book, &mut lease, &rows, &anew).await.expect("taken in");
            }
            replacement.commit(&mut self.book, &mut lease).await.expect("commits");
        }
        lease.release().await.expect("released");
    }

    fn next_offset(&self, partition: i32) -> i64 {
        self.next_offsets.get(&partition).copied().unwrap_or(0)
    }

    async fn commit(
        &mut self,
        partition: i32,
        files: Vec<lake::DataFile>,
        count: i64,
        say: impl FnOnce(&mut Segment),
    ) {
        let id = PartitionId { topic_id: "topic-id".into(), partition };
        let from = self.next_offset(partition);
        let mut segment = Segment::starting_at("auth".into(), id, (from > 0).then_some(from), from);
        self.next_offsets.insert(partition, from + count);
        (segment.next_offset, segment.records, segment.elements) = (from + count, count, count);
        segment.unknown.keys.add_count("colour", 2);
        say(&mut segment);
        let outcome = self.book.land(&Landing { files, segments: vec![segment] }).await.expect("lands");
        assert!(matches!(outcome, Outcome::Landed { .. }));
    }

    pub(crate) fn session(&self, limits: Limits) -> Session {
        self.expecting(limits, Expectations::default())
    }

    /// A session whose reports expect this.
    pub(crate) fn expecting(&self, limits: Limits, expectations: Expectations) -> Session {
        let resources = Resources::new(limits, Arc::default()).expect("resources");
        let resources = resources.expecting(Arc::new(expectations));
        Session::open(&self.book, &self.directory, &resources).expect("a session")
    }

    /// What a user reads of an SQL question.
    pub(crate) async fn ask(&self, sql: &str, format: Format) -> String {
        text(self.session(Limits::default()).sql(sql).await, format).await
    }
}

/// An answer as text, or why there is none.
pub(crate) async fn text(answer: Result<Answer, QueryError>, format: Format) -> String {
    let mut out = Vec::new();
    let written = match answer {
        Ok(answer) => output::write(answer, format, &mut out).await,
        Err(error) => Err(OutputError::Query(error)),
    };
    match written {
        Ok(_) => String::from_utf8(out).expect("text"),
        Err(error) => format!("error: {error}"),
    }
}

fn place(offset: i64) -> Place<'static> {
    Place { topic: "auth", topic_id: "topic-id", partition: 0, offset, element_index: 0, received_at_us: 0 }
}

fn day(at_us: i64) -> NaiveDate {
    DateTime::from_timestamp_micros(at_us).expect("a moment").date_naive()
}

fn with_duplicates(batch: &RecordBatch, events: &[TestEvent]) -> RecordBatch {
    let flags: ArrayRef =
        Arc::new(events.iter().map(|event| Some(event.duplicate)).collect::<BooleanArray>());
    let index = batch.schema().index_of("duplicate").expect("a column");
    let mut columns = batch.columns().to_vec();
    columns[index] = flags;
    RecordBatch::try_new(batch.schema(), columns).expect("a batch")
}

fn split_by_day(batch: &RecordBatch, days: Vec<NaiveDate>) -> BTreeMap<NaiveDate, RecordBatch> {
    let split = |wanted: &NaiveDate| {
        let rows: BooleanArray = days.iter().map(|day| Some(day == wanted)).collect();
        let slices: Vec<_> =
            SlicesIterator::new(&rows).map(|(start, end)| batch.slice(start, end - start)).collect();
        concat_batches(&batch.schema(), &slices).expect("a batch")
    };
    let different: BTreeSet<NaiveDate> = days.iter().copied().collect();
    different.into_iter().map(|day| (day, split(&day))).collect()
}
