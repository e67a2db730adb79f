//! What a user reads of a question, through one `check`.

use chrono::{DateTime, Utc};
use schemas::vocabulary::DenialReason;

use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, event, text};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Two days of events, one of them a copy, and a rejection.
async fn small_book() -> TestBook {
    let mut book = TestBook::new().await;
    book.land(&[
        event(at("2026-03-01T23:59:59Z")).with(|event| event.user_id = "=cmd|' /C calc'!A0"),
        event(at("2026-03-02T08:00:00.25Z"))
            .denied(DenialReason::WrongCode)
            .with(|event| event.tenant_id = "globex"),
    ])
    .await;
    book.land(&[event(at("2026-03-02T08:00:00.25Z")).duplicate()]).await;
    book.land_rejection(b"\x1b[2Jno, json", at("2026-03-02T09:00:00Z")).await;
    book
}

async fn check(sql: &str, expected: &str) {
    let found = small_book().await.ask(sql, Format::Csv).await;
    let expected = expected.lines().map(str::trim).collect::<Vec<_>>();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{sql}");
}

#[tokio::test]
async fn each_view_shows_its_kind_alone() {
    check(
        "SELECT tenant_id, occurred_at, result, denial_reason, duplicate, day FROM events ORDER BY kafka_offset",
        "tenant_id,occurred_at,result,denial_reason,duplicate,day
         acme,2026-03-01T23:59:59Z,success,,false,2026-03-01
         globex,2026-03-02T08:00:00.250Z,denied,wrong-code,false,2026-03-02
         acme,2026-03-02T08:00:00.250Z,success,,true,2026-03-02",
    )
    .await;
    check(
        "SELECT reason, detail, raw, kafka_offset, day FROM rejections",
        "reason,detail,raw,kafka_offset,day
         not-json,no JSON from byte 0 on,1b5b324a6e6f2c206a736f6e,3,2026-03-02",
    )
    .await;
    check(
        "SELECT kafka_topic, from_offset, next_offset, events, rejections, unknown_key_counts FROM segments ORDER BY 2",
        r#"kafka_topic,from_offset,next_offset,events,rejections,unknown_key_counts
           auth,0,2,2,0,"{""colour"":2}"
           auth,2,3,1,0,"{""colour"":2}"
           auth,3,4,0,1,"{""colour"":2}""#,
    )
    .await;
    check("SELECT count(*) AS n FROM changes", "n\n0").await;
    check("SELECT count(*) AS n FROM superseded", "n\n0").await;
    check("SELECT count(*) AS n FROM removals", "n\n0").await;
}

#[tokio::test]
async fn each_view_has_the_columns_of_its_kind_and_the_day() {
    let book = small_book().await;
    for kind in schemas::Kind::ALL {
        let answer = book
            .session(Limits::default())
            .sql(&format!("SELECT * FROM {}", crate::views::view_name(*kind)))
            .await;
        let answer = answer.expect("an answer").schema();
        let names: Vec<_> = answer.fields().iter().map(|field| field.name().as_str()).collect();
        let columns = kind.schema();
        let expected: Vec<_> =
            columns.fields().iter().map(|field| field.name().as_str()).chain(["day"]).collect();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn only_the_files_of_the_kind_and_the_range_are_read() {
    let book = small_book().await;
    let spoil = |folder: &str| {
        for file in std::fs::read_dir(book.folder.path().join("book").join(folder)).expect("a folder") {
            std::fs::write(file.expect("a file").path(), "spoilt").expect("writes");
        }
    };
    spoil("kind=rejection/day=2026-03-02");
    assert_eq!(book.ask("SELECT count(user_id) AS n FROM events", Format::Csv).await, "n\r\n3\r\n");
    spoil("kind=event/day=2026-03-01");
    for condition in [
        "day > '2026-03-01'",
        "occurred_at >= '2026-03-02T00:00:00Z'",
        "tenant_id = 'globex'",
        "kafka_offset = 1",
    ] {
        let sql = format!("SELECT count(user_id) > 0 AS found FROM events WHERE {condition}");
        let answer = book.ask(&sql, Format::Csv).await;
        assert_eq!(answer, "found\r\ntrue\r\n", "{condition}");
    }
    let spoilt = book.ask("SELECT count(user_id) FROM events", Format::Csv).await;
    assert_eq!(spoilt, "error: the book cannot be read; `gatebook check` says whether it is whole");
}

#[tokio::test]
async fn answers_from_the_version_at_which_it_was_opened() {
    let mut book = small_book().await;
    let session = book.session(Limits::default());
    book.land(&[event(at("2026-03-03T00:00:00Z"))]).await;
    let sql = "SELECT count(*) AS n FROM events";
    assert_eq!(text(session.sql(sql).await, Format::Csv).await, "n\r\n3\r\n");
    assert_eq!(book.ask(sql, Format::Csv).await, "n\r\n4\r\n");
}

#[tokio::test]
async fn json_nests_and_says_what_it_covers() {
    let sql = "SELECT kafka_offset, unknown_values, steps, bytes AS raw, occurred_at \
               FROM events LEFT JOIN (SELECT kafka_offset AS o, raw AS bytes FROM rejections) ON o = kafka_offset + 2 \
               WHERE kafka_offset = 1";
    let found = small_book().await.ask(sql, Format::Json).await;
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let expected = serde_json::json!({
        "rows": [{
            "kafka_offset": 1, "unknown_values": [], "steps": [], "raw": "1b5b324a6e6f2c206a736f6e",
            "occurred_at": "2026-03-02T08:00:00.250Z",
        }],
        "coverage": {
            "book_version": 3,
            "offsets": [{"topic": "auth", "topic_id": "topic-id", "partition": 0, "next_offset": 4}],
            "newest_occurred_at": "2026-03-02T08:00:00.250000Z",
            "tz": "UTC", "sql": sql, "rows": 1, "complete": true,
        }
    });
    assert_eq!(found, expected);
    let twice = small_book()
        .await
        .ask("SELECT 1 AS a, events.day, segments.day FROM events, segments", Format::Json)
        .await;
    assert_eq!(
        twice,
        "error: give each column a name of its own (`AS …`): JSON rows are objects by column name, and two are called \"day\""
    );
}

#[tokio::test]
async fn a_book_without_entries_answers_too() {
    let book = TestBook::new().await;
    assert_eq!(book.ask("SELECT count(*) AS n FROM events", Format::Csv).await, "n\r\n0\r\n");
    let found = book.ask("SELECT user_id FROM events", Format::Json).await;
    assert_eq!(
        found,
        "{\"rows\":[\n],\n\"coverage\":{\"book_version\":0,\"offsets\":[],\"newest_occurred_at\":null,\"tz\":\"UTC\",\
         \"sql\":\"SELECT user_id FROM events\",\"rows\":0,\"complete\":true}}\n"
    );
}

#[tokio::test]
async fn csv_disarms_formulas_and_quotes() {
    check("SELECT user_id FROM events WHERE kafka_offset = 0", "user_id\n'=cmd|' /C calc'!A0").await;
    check(
        r#"SELECT -5 AS number, '-5' AS text, '=a,"b"' AS "+formula", '' AS empty, NULL AS absent, '＝a' AS wide"#,
        "number,text,'+formula,empty,absent,wide\n-5,'-5,\"'=a,\"\"b\"\"\",\"\",,'＝a",
    )
    .await;
}

#[tokio::test]
async fn csv_disarms_formulas_behind_other_separators() {
    check("SELECT 'mfa;=A1;x;y' AS a, 'a;b' AS b", "a,b\n\"mfa;'=A1;x;y\",\"a;b\"").await;
}

#[tokio::test]
async fn a_table_aligns_and_never_steers_the_terminal() {
    let sql =
        "SELECT 'a' || chr(27) || '[2J' AS text, 5 AS number UNION ALL SELECT NULL, 12345678 ORDER BY number";
    let found = small_book().await.ask(sql, Format::Table).await;
    assert_eq!(
        found,
        "text          number\n\
         ----------  --------\n\
         a\\u{1b}[2J         5\n\
         null        12345678\n"
    );
}

#[tokio::test]
async fn what_is_no_single_read_only_question_is_refused() {
    let book = small_book().await;
    let file = book.folder.path().join("written.csv");
    for sql in [
        "DROP VIEW events",
        "CREATE TABLE t AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO events SELECT * FROM events",
        "DELETE FROM events",
        "UPDATE events SET user_id = 'x'",
        &format!("COPY events TO '{}' STORED AS CSV", file.display()),
        "SET datafusion.execution.target_partitions = 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM information_schema.tables",
        "PREPARE p AS SELECT 1",
        "SELECT nothing FROM events",
        "SELEC",
        "",
    ] {
        let error = book.session(Limits::default()).sql(sql).await.expect_err(sql);
        assert!(error.is_refusal(), "{sql}: {error}");
    }
    assert!(!file.exists());
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let book = small_book().await;
    let unknown = book.ask("SELECT * FROM logins", Format::Csv).await;
    assert_eq!(
        unknown,
        "error: use one of the tables counted_events, attempts, sign_ins, identities, persons, directory, events, changes, rejections, \
         superseded, segments, removals, ocsf_authentication: table 'logins' not found"
    );
    let misspelt = book.ask("SELEC 1", Format::Csv).await;
    assert_eq!(
        misspelt,
        "error: change the query: sql parser error: Expected: an SQL statement, found: SELEC at Line: 1, Column: 1"
    );
    let personal = book.ask("SELECT CAST(user_id AS INT) FROM events", Format::Csv).await;
    assert_eq!(
        personal,
        "error: check casts, patterns and arguments (try_cast gives null): a value does not fit what the query does with it"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_condition_is_the_askers() {
    let book = small_book().await;
    for condition in [
        "user_id ~ '('",
        "user_id SIMILAR TO '('",
        "CAST(user_id AS INT) = 1",
        "1 / (kafka_offset - kafka_offset) = 1",
    ] {
        let answer =
            book.ask(&format!("SELECT count(*) AS n FROM events WHERE {condition}"), Format::Csv).await;
        let is_askers =
            ["error: check casts", "error: write the query another way", "error: change the query"];
        assert!(is_askers.iter().any(|start| answer.starts_with(start)), "{condition}: {answer}");
    }
}

#[tokio::test]
async fn what_sql_knows_is_listed() {
    let book = small_book().await;
    let session = book.session(Limits::default());
    let limits = text(crate::sql_limits(&session, &crate::SqlLimits::default()).await, Format::Csv).await;
    assert!(limits.contains("\r\nsql.operators_max,500,operators,"), "{limits}");
    let tables = text(crate::sql_tables(&session).await, Format::Csv).await;
    let row = |table: &str, column: &str| {
        let is_it =
            |line: &&str| line.starts_with(&format!("{table},")) && line.contains(&format!(",{column},"));
        tables.lines().filter(is_it).map(|line| line.ends_with(",true")).collect::<Vec<_>>()
    };
    assert_eq!((row("events", "user_key"), row("events", "user_id")), (vec![true], vec![false]));
    assert_eq!((row("segments", "gap"), row("events", "gap")), (vec![false], vec![]));
    let functions = text(crate::sql_functions(&session).await, Format::Csv).await;
    assert!(functions.contains("date_trunc,time\r\n") && !functions.contains("repeat,"), "{functions}");
}

/// The reader of the book would give all rows where no stored column is read.
#[tokio::test]
async fn a_limit_holds_whatever_is_read() {
    check("SELECT day FROM events ORDER BY day LIMIT 1", "day\n2026-03-01").await;
    check("SELECT 1 AS x FROM events LIMIT 1", "x\n1").await;
    check("SELECT count(*) AS n FROM (SELECT day FROM events LIMIT 2)", "n\n2").await;
    check("SELECT 1 AS x FROM segments LIMIT 2 OFFSET 2", "x\n1").await;
}

#[tokio::test]
async fn conditions_on_day_moment_tenant_and_user_skip_files() {
    let mut book = TestBook::new().await;
    for (day, tenant, user) in [("01", "acme", "ada"), ("02", "globex", "bob"), ("03", "initech", "cy")] {
        let event = event(at(&format!("2026-03-{day}T08:00:00Z")));
        book.land(&[event.with(|event| (event.tenant_id, event.user_key) = (tenant, user))]).await;
    }
    let session = book.session(Limits::default());
    for (condition, expected) in [
        ("true", 3),
        ("day = DATE '2026-03-02'", 1),
        ("occurred_at >= '2026-03-02'", 2),
        ("occurred_at BETWEEN '2026-03-02T00:00:00Z' AND '2026-03-03T00:00:00Z'", 1),
        ("tenant_id = 'globex'", 1),
        ("user_key = 'cy'", 1),
        ("user_key = 'dan'", 0),
    ] {
        let sql = format!("SELECT count(*), min(event_id) FROM events WHERE {condition}");
        assert_eq!(session.files_read(&sql).await, expected, "{condition}");
    }
}

/// On the usual stack this query ends the process.
#[test]
fn a_long_chain_of_operators_does_not_overflow_the_stack() {
    let sql = format!("SELECT 1{} AS n", " + 1".repeat(600));
    let answer = crate::run_on_large_stack(async || small_book().await.ask(&sql, Format::Csv).await);
    assert_eq!(answer.expect("a thread"), "n\r\n601\r\n");
}

#[test]
fn a_closed_pipe_is_a_success() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let written = crate::run_on_large_stack(async || {
        let answer = small_book().await.session(Limits::default()).sql("SELECT 1").await.expect("an answer");
        crate::output::write(answer, Format::Csv, &mut Closed).await
    });
    assert!(!written.expect("a thread").expect("no failure").complete);
}

#[tokio::test]
async fn rejections_are_listed_newest_first_as_asked_for() {
    let mut book = small_book().await;
    book.land_rejection(b"\xff", at("2026-03-03T09:00:00Z")).await;
    let list = async |given: &[(&str, &str)]| {
        let parameters = crate::RejectionsParameters::parse(given.iter().copied()).expect("parameters");
        text(crate::rejections(&book.session(Limits::default()), &parameters).await, Format::Csv).await
    };
    let head = "place,received_at,reason,field,detail,redacted\r\n";
    let (newer, older) = (
        "auth:0:4:0,1970-01-01T00:00:00Z,not-json,,no JSON from byte 0 on,false\r\n",
        "auth:0:3:0,1970-01-01T00:00:00Z,not-json,,no JSON from byte 0 on,false\r\n",
    );
    assert_eq!(list(&[]).await, format!("{head}{newer}{older}"));
    assert_eq!(list(&[("limit", "1"), ("reason", "not-json")]).await, format!("{head}{newer}"));
    assert_eq!(list(&[("reason", "bad-time")]).await, head);
    assert_eq!(list(&[("from", "1970-01-01T00:00:01Z")]).await, head);
    assert_eq!(list(&[("to", "1970-01-02")]).await, format!("{head}{newer}{older}"));
    let wrong = crate::RejectionsParameters::parse([("limit", "0")]).expect_err("no rows");
    assert_eq!(wrong.to_string(), "limit: give a number of rows from 1 on; for example 100");
}

#[tokio::test]
async fn columnar_formats_say_what_they_cover() {
    use arrow::ipc::reader::StreamReader;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let book = small_book().await;
    let sql = "SELECT user_id, kafka_offset FROM events ORDER BY kafka_offset";
    let written = async |format| {
        let mut out = Vec::new();
        let answer = book.session(Limits::default()).sql(sql).await.expect("an answer");
        crate::output::write(answer, format, &mut out).await.expect("written");
        out
    };
    let stream = written(Format::Arrow).await;
    let reader = StreamReader::try_new(stream.as_slice(), None).expect("an Arrow stream");
    let coverage = reader.schema().metadata()[crate::output::COVERAGE_KEY].clone();
    assert!(coverage.contains(r#""book_version":3"#), "{coverage}");
    assert_eq!(reader.map(|batch| batch.expect("rows").num_rows()).sum::<usize>(), 3);

    let file = bytes::Bytes::from(written(Format::Parquet).await);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let metadata = builder.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
    let coverage = metadata.iter().find(|entry| entry.key == crate::output::COVERAGE_KEY).expect("coverage");
    let coverage = coverage.value.as_deref().expect("a value");
    assert!(coverage.contains(r#""rows":3,"complete":true"#), "{coverage}");
    let rows = builder.build().expect("a reader").map(|batch| batch.expect("rows").num_rows());
    assert_eq!(rows.sum::<usize>(), 3);

    let lines = String::from_utf8(written(Format::Ndjson).await).expect("text");
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.starts_with(r#"{"user_id":"=cmd|' /C calc'!A0","kafka_offset":0}"#), "{lines}");
}

#[tokio::test]
async fn sums_go_on_from_those_of_an_earlier_version() {
    let mut book = small_book().await;
    let resources = crate::Resources::new(Limits::default(), std::sync::Arc::default()).expect("resources");
    let earlier = crate::Session::open(&book.book, &book.directory, &resources).expect("a session");
    let known = earlier.totals().await.expect("sums").clone();
    book.land(&[event(at("2026-03-03T00:00:00Z"))]).await;
    let whole = book.book.totals().await.expect("sums");
    assert_ne!(known.by_partition, whole);
    // Files that were added up before are not read again.
    let segments = book.folder.path().join("book/kind=segment");
    let mut files: Vec<_> = std::fs::read_dir(&segments)
        .expect("segments")
        .flat_map(|day| std::fs::read_dir(day.expect("a day").path()).expect("files"))
        .map(|file| file.expect("a file"))
        .collect();
    files.sort_by_key(|file| file.metadata().and_then(|file| file.modified()).expect("a time"));
    files.pop();
    files.iter().for_each(|file| std::fs::write(file.path(), "spoilt").expect("writes"));
    let later =
        crate::Session::open_after(&book.book, &book.directory, &resources, known).expect("a session");
    assert_eq!(later.totals().await.expect("sums").by_partition, whole);
    assert!(book.book.totals().await.is_err(), "the spoilt files are read by nobody else");
}

#[tokio::test]
async fn an_answer_is_written_with_the_columns_that_are_chosen() {
    let book = small_book().await;
    let session = book.session(Limits::default());
    let ask = async || {
        session.sql("SELECT tenant_id, result, kafka_offset FROM events ORDER BY kafka_offset LIMIT 2").await
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let chosen = ask().await.expect("an answer").with_columns(&names(&["kafka_offset", "tenant_id"]));
    assert_eq!(text(chosen, Format::Csv).await, "kafka_offset,tenant_id\r\n0,acme\r\n1,globex\r\n");
    for (given, advice) in [
        (&["user"][..], "choose of tenant_id, result, kafka_offset: there is no column \"user\""),
        (&["result", "result"], "name each column once: \"result\" comes twice"),
    ] {
        let refused = ask().await.expect("an answer").with_columns(&names(given)).expect_err("refused");
        assert_eq!(refused.to_string(), advice);
    }
}
