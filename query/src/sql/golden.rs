//! What SQL shows of one small book: questions with their answers, in the `.slt` files of the folder `golden`.
//!
//! After a change that is meant, `GATEBOOK_UPDATE=1 cargo test -p query golden` writes the answers anew; look at what
//! changed before you commit it. `sqllogictest` describes the format of the files.

use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};
use schemas::{Reason, Rejection, Step};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

use crate::error::QueryError;
use crate::limits::Limits;
use crate::output::cell::{Cells, nested_options};
use crate::session::Session;
use crate::test_book::{TestBook, TestEvent, event};

/// The events, around the end of summer time in Berlin: 2026-10-25T01:00Z. A dash is null.
const EVENTS: &str = "
e00 2026-10-24T08:00:00Z        acme     ada              mobile-app-notification standard success -               second-factor challenged        gate-1
e01 2026-10-24T08:00:30.5Z      acme     ada              mobile-app-notification standard denied  no-response     second-factor unknown           gate-1
e02 2026-10-24T08:15:00Z        acme     bob              text-message            one-way  pending -               second-factor unknown           gate-1
e03 2026-10-24T08:15:20Z        acme     bob              text-message            one-way  success -               second-factor challenged        gate-1
e04 2026-10-24T09:00:00Z        globex   carol            voice-call              pin      denied  wrong-pin       second-factor unknown           gate-2
e05 2026-10-24T12:30:00.000001Z globex   carol            voice-call              standard success -               second-factor challenged        gate-2
e06 2026-10-24T21:59:59.999999Z acme     Dave@Example.ORG security-key            -        success -               whole-sign-in challenged        gate-1
e07 2026-10-24T22:00:00Z        acme     dave@example.org password                -        denied  wrong-password  first-factor  first-factor-only gate-1
e08 2026-10-24T23:30:00Z        initech  erin             oath-token              -        success -               second-factor satisfied-earlier gate-3
e09 2026-10-24T23:59:59.999Z    initech  erin             mobile-app-code         -        denied  wrong-code      second-factor unknown           gate-3
e10 2026-10-25T00:30:00Z        globex   carol            mobile-app-notification standard success -               second-factor challenged        gate-2
e11 2026-10-25T00:59:59Z        acme     ada              mobile-app-notification standard denied  user-declined   second-factor unknown           gate-1
e12 2026-10-25T01:00:00Z        acme     ada              mobile-app-notification standard success -               second-factor challenged        gate-1
e12 2026-10-25T01:00:00Z        acme     ada              mobile-app-notification standard success -               second-factor challenged        gate-1
e14 2026-10-25T01:30:00Z        globex   carol            mobile-app-notification standard success -               second-factor challenged        gate-2
e15 2026-10-25T08:00:00Z        acme     bob              -                       -        denied  service-timeout whole-sign-in unknown           -
e16 2026-10-25T09:10:00Z        initech  frank            other                   other    success -               other         unknown           gate-3
e17 2026-10-25T10:00:10Z        acme     ada              text-message            two-way  success -               whole-sign-in challenged        gate-1
e18 2026-10-25T22:59:59Z        globex   grace            text-message            two-way  success -               second-factor bypassed          gate-2
e19 2026-10-25T23:00:00Z        globex   grace            voice-call              pin      denied  hung-up         second-factor unknown           gate-2
e21 2026-10-26T00:00:00Z        acme     ada              security-key            -        success -               second-factor exempt            gate-1
e22 2026-10-26T07:45:00Z        initech  erin             oath-token              -        denied  locked-out      second-factor unknown           gate-3
e23 2026-10-24T23:00:00Z        globex   grace            password                -        pending -               first-factor  external          gate-2
e24 2026-10-26T12:00:00Z        acme     bob              mobile-app-code         -        success -               second-factor challenged        gate-1
e25 2026-10-26T12:00:00Z        umbrella heidi            mobile-app-notification standard denied  other           second-factor unknown           gate-4
";

/// Two commits of ten events, one of five, and a rejection after the second and twice at the end.
async fn golden_book() -> TestBook {
    let mut events: Vec<TestEvent> = EVENTS.trim().lines().map(listed).collect();
    // What the table has no column for.
    let mut change =
        |row: usize, change: fn(TestEvent) -> TestEvent| events[row] = change(events[row].clone());
    change(0, |event| {
        event.with(|event| (event.client_ip, event.application) = (Some("198.51.100.7"), Some("vpn")))
    });
    change(1, |event| event.with(|event| event.prompts = Some(0)));
    change(2, |event| event.with(|event| event.phone_number = Some("+4915112345678")));
    change(3, |event| {
        event.with(|event| (event.phone_number, event.prompts) = (Some("+4915112345678"), Some(1)))
    });
    change(4, |event| event.with(|event| event.phone_number = Some("+12025550123")));
    change(5, |event| event.with(|event| event.phone_number = Some("+12025550123")));
    change(6, |event| {
        event.with(|event| (event.user_key, event.first_name) = ("dave@example.org", Some("Däve")))
    });
    change(8, |event| event.with(|event| event.application = Some("VPN")));
    change(9, |event| event.with(|event| event.result_detail = Some("100% wrong_code")));
    change(10, |event| event.with(|event| event.client_ip = Some("2001:db8::1")));
    change(13, TestEvent::duplicate);
    change(15, |event| event.with(|event| event.server_ip = None));
    change(16, |event| {
        event.with(|event| event.unknown_values = unknown(&["method=Carrier Pigeon", "mode=loud"]))
    });
    change(17, |event| {
        event.with(|event| (event.application, event.prompts, event.steps) = (Some("mail"), Some(2), steps()))
    });
    change(22, |event| event.late(TimeDelta::hours(33)));
    change(23, |event| event.with(|event| (event.result_code, event.result_detail) = (Some("0"), Some(""))));
    change(24, |event| event.with(|event| event.unknown_values = unknown(&["denial_reason=Gremlins"])));

    let mut book = TestBook::new().await;
    book.land(&events[..10]).await;
    book.land(&events[10..20]).await;
    book.land_rejection(b"\xff{", at("2026-10-25T23:30:00Z")).await;
    book.land(&events[20..]).await;
    let bad_time = Rejection {
        reason: Reason::BadTime,
        field: Some("occurred_at"),
        detail: "expected RFC 3339 with a zone".into(),
        raw: None,
    };
    book.land_rejected(&bad_time, Some(b"{\"a\":1}"), at("2026-10-26T12:30:00Z")).await;
    let empty =
        Rejection { reason: Reason::Empty, field: None, detail: "the record has no value".into(), raw: None };
    book.land_rejected(&empty, None, at("2026-10-26T12:30:01Z")).await;
    book
}

/// An event of the table.
fn listed(line: &'static str) -> TestEvent {
    let cells: Vec<_> = line.split_whitespace().map(|cell| (cell != "-").then_some(cell)).collect();
    let &[id, occurred_at, tenant, user, method, mode, result, reason, stage, assurance, server] =
        cells.as_slice()
    else {
        panic!("{line}");
    };
    let given = |cell: Option<&'static str>| cell.expect(line);
    event(at(given(occurred_at))).with(|event| {
        event.event_id = given(id);
        event.tenant_id = given(tenant);
        (event.user_id, event.user_key) = (given(user), given(user));
        event.method = method.map(|word| Method::parse(word).expect(word));
        event.mode = mode.map(|word| Mode::parse(word).expect(word));
        event.result = AuthResult::parse(given(result)).expect(line);
        event.denial_reason = reason.map(|word| DenialReason::parse(word).expect(word));
        event.stage = Stage::parse(given(stage)).expect(line);
        event.assurance = Assurance::parse(given(assurance)).expect(line);
        event.server_name = server;
    })
}

fn steps() -> &'static [Step<'static>] {
    let at_us = |text| Some(at(text).timestamp_micros());
    let password = Step {
        at_us: at_us("2026-10-25T10:00:00Z"),
        method: Some(Method::Password),
        result: Some(AuthResult::Success),
        ..Step::default()
    };
    let notification = Step {
        at_us: at_us("2026-10-25T10:00:05.25Z"),
        method: Some(Method::MobileAppNotification),
        result: Some(AuthResult::Denied),
        reason: Some(DenialReason::NoResponse),
        code: Some("T1"),
        device: Some("phone-1"),
        ..Step::default()
    };
    let text_message =
        Step { method: Some(Method::TextMessage), result: Some(AuthResult::Success), ..Step::default() };
    vec![password, notification, text_message].leak()
}

fn unknown(values: &[&str]) -> &'static [String] {
    values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>().leak()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

impl AsyncDB for Session {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    // What `#[async_trait]` makes of `async fn`.
    fn run<'session, 'sql, 'answer>(
        &'session mut self,
        sql: &'sql str,
    ) -> BoxFuture<'answer, Result<DBOutput<DefaultColumnType>, QueryError>>
    where
        'session: 'answer,
        'sql: 'answer,
        Self: 'answer,
    {
        async move {
            let mut answer = self.sql(sql).await?;
            let schema = answer.schema();
            let types = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
            let mut rows = Vec::new();
            while let Some(batch) = answer.next().await? {
                let first = rows.len();
                rows.resize(first + batch.num_rows(), Vec::new());
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    let texts = texts(field, column).expect("every type can be shown");
                    rows[first..].iter_mut().zip(texts).for_each(|(row, text)| row.push(text));
                }
            }
            Ok(DBOutput::Rows { types, rows })
        }
        .boxed()
    }

    fn shutdown<'session, 'done>(&'session mut self) -> BoxFuture<'done, ()>
    where
        'session: 'done,
        Self: 'done,
    {
        ready(()).boxed()
    }
}

/// `T` for text, `I` for whole numbers, `R` for other numbers, `?` for anything else.
fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        data_type if data_type.is_string() => DefaultColumnType::Text,
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        data_type if data_type.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    }
}

/// The cells of a column as a table shows them, but null as `NULL` and an empty text as `(empty)`.
fn texts(field: &FieldRef, column: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    let nested = nested_options();
    let mut cells = Cells::new(field, column, &nested)?;
    let mut bytes = Vec::new();
    let text = |row| -> Result<String, ArrowError> {
        if !cells.read(row, &mut bytes)? {
            return Ok("NULL".to_owned());
        }
        let text = std::str::from_utf8(&bytes).expect("cells are text");
        Ok(if text.is_empty() { "(empty)" } else { text }.to_owned())
    };
    (0..column.len()).map(text).collect()
}

/// Runs every record of a file, and says of each that fails where it stands and how it differs.
async fn failures(file: &Path, book: &TestBook) -> Vec<String> {
    let mut runner = Runner::new(|| ready(Ok::<_, QueryError>(book.session(Limits::default()))));
    runner.with_column_validator(sqllogictest::strict_column_validator);
    if std::env::var_os("GATEBOOK_UPDATE").is_some() {
        let updated = runner.update_test_file(
            file,
            " ",
            sqllogictest::default_validator,
            sqllogictest::default_normalizer,
            sqllogictest::strict_column_validator,
        );
        updated.await.expect("the file can be written");
    }
    let records = match sqllogictest::parse_file(file) {
        Ok(records) => records,
        Err(error) => return vec![error.to_string()],
    };
    let mut failures = Vec::new();
    for record in records {
        failures.extend(runner.run_async(record).await.err().map(|error| error.to_string()));
    }
    failures
}

/// On large stacks, as every process that answers SQL.
#[test]
fn the_answers_are_those_of_the_golden_files() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/sql/golden");
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|name| name == "slt")).collect();
    files.sort();
    assert!(!files.is_empty());
    let found = crate::run_on_large_stack(async || {
        let book = golden_book().await;
        let mut found = Vec::new();
        for file in &files {
            found.extend(failures(file, &book).await);
        }
        found
    });
    let found = found.expect("a thread");
    assert!(
        found.is_empty(),
        "{} answers differ; where that is meant, run GATEBOOK_UPDATE=1 cargo test -p query golden\n\n{}",
        found.len(),
        found.join("\n")
    );
}
