//! The HTTP API, by the real command over the wire.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::event::{events, rubbish};
use crate::harness::feed::Feed;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::http::{Answer, Api};
use crate::harness::kafka::Kafka;
use crate::harness::python::python;
use crate::harness::topic::Topic;
use crate::harness::wait::{SOON, until};

const REPORTS: &str = "/api/v1/reports";

/// A book of a hundred events, a fifth of them denied, and two rejections.
fn small_book(theme: &str) -> (Deployment, Topic) {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), theme, 1, &[]);
    topic.produce(0, &events(0..100));
    topic.produce(0, &[rubbish(0), rubbish(2)]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.catch_up();
    (deployment, topic)
}

#[track_caller]
fn rows(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.is_whole), (200, true), "{}", answer.text());
    let body = answer.json();
    let rows = body["rows"].as_array().expect("rows").clone();
    assert_eq!(body["coverage"]["rows"], json!(rows.len()));
    assert_eq!(body["coverage"]["complete"], json!(true));
    rows
}

#[test]
fn an_empty_lake_answers_with_empty_reports() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "http-empty", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let api = Api::start(&deployment, "serve");
    let zero = json!({
        "events": 0, "succeeded": 0, "denied": 0, "pending": 0,
        "attempts": 0, "attempts_succeeded": 0, "attempts_denied": 0, "attempts_open": 0,
    });
    assert_eq!(rows(&api.get(&format!("{REPORTS}/usage"))), [zero]);
    let denials = rows(&api.get(&format!("{REPORTS}/denials")));
    assert_eq!((&denials[0]["denied"], &denials[0]["rate"]), (&json!(0), &Value::Null));
    for target in ["usage?by=day", "denials?by=hour,reason"] {
        assert!(rows(&api.get(&format!("{REPORTS}/{target}"))).is_empty(), "{target}");
    }
    until("Kafka's word of a partition that the book does not know", SOON, || {
        let status = rows(&api.get("/api/v1/status"));
        let is_zero = |row: &Value| row["records"] == json!(0) && row["lag"] == json!(0);
        (status.len() == 1 && is_zero(&status[0])).then_some(())
    });
    assert!(rows(&api.get("/api/v1/rejections")).is_empty());
    assert!(rows(&api.get("/api/v1/reasons")).len() > 30);
    for format in ["json", "ndjson", "csv", "arrow", "parquet", "xlsx", "html"] {
        let answer = api.get(&format!("{REPORTS}/usage?by=day&format={format}"));
        assert_eq!((answer.status, answer.is_whole), (200, true), "{format}");
    }
    assert_eq!(api.get("/health/readyz").text(), "ready\n");
    deployment.terminate(api.process);
}

#[test]
fn each_format_holds_the_same_rows_and_what_they_stand_on() {
    let (deployment, _topic) = small_book("http-formats");
    let api = Api::start(&deployment, "serve");
    let target = format!("{REPORTS}/usage?by=method,result&tenant=tenant-1&tenant=tenant-2");
    let json_rows = rows(&api.get(&target));
    assert!(json_rows.len() > 4, "{json_rows:?}");
    let lines = api.ask("GET", &target, &[("Accept", "application/x-ndjson")]).text();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, json_rows);
    let csv = api.get(&format!("{target}&format=csv"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(csv.text().lines().count(), json_rows.len() + 1);
    for format in ["arrow", "parquet"] {
        let answer = api.get(&format!("{target}&format={format}"));
        assert!(answer.is_whole);
        let coverage: Value =
            serde_json::from_str(answer.header("gatebook-coverage").expect("coverage")).expect("JSON");
        assert_eq!(coverage["parameters"]["tenant"], json!(["tenant-1", "tenant-2"]));
        let file = deployment.book().with_file_name(format!("answer.{format}"));
        std::fs::write(&file, &answer.body).expect("the file can be written");
        let read: Value = serde_json::from_str(&python("read_answer.py", &[&file])).expect("JSON");
        assert_eq!(read["rows"], json!(json_rows), "{format}");
        assert_eq!(read["coverage"]["offsets"], coverage["offsets"], "{format}");
        assert_eq!(read["coverage"]["complete"], if format == "parquet" { json!(true) } else { Value::Null });
    }
    let workbook = api.get(&format!("{target}&format=xlsx"));
    assert_eq!(workbook.header("content-disposition"), Some("attachment; filename=\"usage.xlsx\""));
    let file = deployment.book().with_file_name("answer.xlsx");
    std::fs::write(&file, &workbook.body).expect("the file can be written");
    let read: Value = serde_json::from_str(&python("read_answer.py", &[&file])).expect("JSON");
    assert_eq!(read["rows"], json!(json_rows));
    assert_eq!(read["coverage"]["rows"], json!(json_rows.len()));
    assert_eq!(read["coverage"]["complete"], json!(true));
    let page = api.ask("GET", &target, &[("Accept", "text/html,*/*;q=0.8")]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("content-disposition"), Some("inline; filename=\"usage.html\""));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
    let page = page.text();
    assert_eq!(page.matches("<tr><td>").count(), json_rows.len(), "{page}");
    assert!(page.contains("<svg") && page.trim_end().ends_with("</html>"), "{page}");
}

#[test]
fn an_answer_that_no_workbook_holds_is_a_problem_document_before_any_byte() {
    let (deployment, _topic) = small_book("http-xlsx");
    let api = Api::start(&deployment, "serve");
    let sql = json!({"sql": format!("SELECT '{}' AS told", "x".repeat(40_000))}).to_string();
    let question = format!(
        "POST /api/v1/sql?format=xlsx HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    );
    let answer = api.send(question.as_bytes());
    assert_eq!((answer.status, answer.is_whole), (422, true), "{}", answer.text());
    let detail = answer.json()["detail"].as_str().expect("advice").to_owned();
    assert!(detail.starts_with("take csv, parquet") && detail.contains("told"), "{detail}");
}

#[test]
fn what_cannot_be_answered_is_a_problem_document() {
    let (deployment, _topic) = small_book("http-problems");
    let api = Api::start(&deployment, "serve");
    let check = |answer: &Answer, status: u16, kind: &str| {
        let (found, text) = (answer.status, answer.text());
        assert_eq!(found, status, "{text}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{text}");
        let problem = answer.json();
        assert_eq!(problem["type"], json!(format!("urn:gatebook:problem:{kind}")), "{text}");
        assert_eq!(problem["status"], json!(status), "{text}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{text}");
    };
    for query in [
        "by=methd",
        "by=day,day",
        "from=yesterday",
        "from=2026-10-02&to=2026-10-01",
        "tz=Berlin",
        "result=ok",
        "tenant=",
        "duplicates=yes",
        "colour=red",
        "from=2026-10-01&from=2026-10-02",
        "format=xml",
        "format=csv&format=csv",
        "tz=%ff",
        "by=%",
    ] {
        check(&api.get(&format!("{REPORTS}/usage?{query}")), 400, "bad-parameter");
    }
    check(&api.get("/api/v1/status?by=day"), 400, "bad-parameter");
    check(&api.get("/api/v1/rejections?limit=0"), 400, "bad-parameter");
    check(&api.get("/health/livez?x=1"), 400, "bad-parameter");
    check(&api.get("/api/v1/reports/nothing"), 404, "not-found");
    check(&api.ask("POST", "/api/v1/status", &[]), 405, "method-not-allowed");
    check(&api.ask("GET", "/api/v1/status", &[("Accept", "image/png")]), 406, "not-acceptable");
    check(&api.ask("GET", "/api/v1/status", &[("Host", "evil.example")]), 421, "foreign-host");
    check(
        &api.send(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"),
        413,
        "body-refused",
    );
    check(&api.send(b"GET /api/v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n"), 505, "http-version");
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000));
    assert!((400..=431).contains(&api.send(long.as_bytes()).status), "a head without end is refused");
    assert_eq!(rows(&api.get(&format!("{REPORTS}/usage")))[0]["events"], json!(100), "it answers on");
}

#[test]
fn tokens_open_their_scopes_and_nothing_else() {
    let (deployment, _topic) = small_book("http-tokens");
    let made = deployment.run(&["token", "dashboards", "--scopes", "reports"]);
    let token = made.stderr.lines().find_map(|line| line.trim().strip_prefix("gatebook_")).expect("a token");
    let token = format!("gatebook_{token}");
    let deployment = deployment.append(&made.stdout);
    let api = Api::start(&deployment, "serve");
    let bearer = format!("Bearer {token}");
    let with = |target: &str, value: &str| api.ask("GET", target, &[("Authorization", value)]).status;
    assert_eq!(api.get("/health/livez").status, 200);
    for target in ["/api/v1/reports/usage", "/api/v1/reasons", "/health/readyz", "/metrics", "/", "/nowhere"]
    {
        let refused = api.get(target);
        assert_eq!(refused.status, 401, "{target}");
        assert!(refused.header("www-authenticate").is_some(), "{target}");
        assert_eq!(with(target, "Bearer gatebook_dashboards_wrong"), 401, "{target}");
    }
    assert_eq!(with("/api/v1/reports/usage", &bearer), 200);
    assert_eq!(with("/api/v1/reasons", &bearer), 200);
    assert_eq!(with("/api/v1/status", &bearer), 403);
    assert_eq!(with("/metrics", &bearer), 403);
    assert_eq!(with("/nowhere", &bearer), 404);
    assert!(!api.process.stderr().contains(&token), "the token stands in the log");
}

#[test]
fn it_listens_to_other_machines_with_a_token_alone() {
    let kafka = Kafka::shared();
    let deployment = Deployment::new(&kafka.brokers(), "unread").set("http", "listen = \"0.0.0.0:0\"");
    let refused = deployment.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("gatebook token"), "{}", refused.stderr);
}

#[test]
fn one_process_lands_maintains_and_answers() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "http-run", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("maintain", "interval_s = 1\ncompact_files_min = 2\ncheckpoint_commits = 3");
    let api = Api::start(&deployment, "run");
    let feed = Feed::start(&topic, 2);
    until("events in the report", SOON, || {
        let events = rows(&api.get(&format!("{REPORTS}/usage")))[0]["events"].as_u64();
        (events > Some(2_000)).then_some(())
    });
    feed.stop();
    until("no lag", SOON, || {
        let status = rows(&api.get("/api/v1/status"));
        (status.len() == 2 && status.iter().all(|row| row["lag"] == json!(0))).then_some(())
    });
    until("upkeep", SOON, || api.process.stderr().contains("small files merged").then_some(()));
    let metrics = api.get("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let metrics = metrics.text();
    for line in [
        format!("gatebook_kafka_lag{{topic=\"{}\",partition=\"1\"}} 0.0", topic.name),
        "gatebook_http_requests_total{operation=\"status\",status=\"200\"}".to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(metrics.contains(&line), "no {line:?} in\n{metrics}");
    }
    deployment.terminate(api.process);
    deployment.succeed(&["check"]);
}

#[test]
fn a_demo_shows_a_report_and_leaves_nothing_behind() {
    let kafka = Kafka::shared();
    let deployment = Deployment::new(&kafka.brokers(), "unread");
    let demo = deployment.spawn_plain(&["demo", "--events", "6000"]);
    until("the demo's advice", ENDS, || demo.stdout().contains("Ctrl-C ends it").then_some(()));
    let said = demo.stdout();
    for part in [
        "mobile-app-notification",
        "five weeks of two organisations",
        "says nothing for six hours",
        "approves the last",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let word =
        |sign: &str| said.split(sign).nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a word");
    let api = Api { address: word("http://").trim_end_matches('/').to_owned(), process: demo };
    let events = |api: &Api| rows(&api.get(&format!("{REPORTS}/usage")))[0]["events"].as_u64().unwrap_or(0);
    let before = events(&api);
    until("live traffic", SOON, || (events(&api) > before).then_some(()));
    let folder = word("lake    ").to_owned();
    assert!(std::path::Path::new(&folder).exists());
    api.process.signal("INT");
    let ended = api.process.wait(Duration::from_secs(15));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is still there");
}

#[test]
fn a_file_has_its_coverage_beside_it() {
    let (deployment, _topic) = small_book("http-file");
    let file = deployment.book().with_file_name("usage.csv");
    let path = file.display().to_string();
    deployment.succeed(&["report", "usage", "--by", "result", "--format", "csv", "--output", &path]);
    let text = std::fs::read(&file).expect("the file is there");
    let coverage = std::fs::read(format!("{path}.coverage.json")).expect("its coverage is beside it");
    let coverage: Value = serde_json::from_slice(&coverage).expect("JSON");
    assert_eq!((&coverage["rows"], &coverage["complete"]), (&json!(2), &json!(true)));
    assert_eq!(coverage["report"], json!("usage"));
    let hash = python("sha256.py", &[&file]);
    assert_eq!(coverage["sha256"], json!(hash.trim()), "{}", String::from_utf8_lossy(&text));
}

/// Every operation of the OpenAPI document, with good and bad input: answers are as documented.
#[test]
fn every_operation_answers_as_its_document_says() {
    let (deployment, _topic) = small_book("http-walk");
    let api = Api::start(&deployment, "serve");
    python("walk_openapi.py", &[format!("http://{}", api.address.replace("127.0.0.1", "localhost"))]);
    assert_eq!(rows(&api.get(&format!("{REPORTS}/usage")))[0]["events"], json!(100), "it answers on");
}
