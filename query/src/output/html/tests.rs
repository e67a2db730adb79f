use arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::sync::Arc;

use super::HtmlWriter;
use crate::coverage::{Coverage, Covered};
use crate::output::Format;
use crate::report::Report;
use crate::test_book::{TestBook, event, text};
use crate::{Limits, Session};

fn at(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().expect("a moment")
}

fn page_of(batches: &[RecordBatch]) -> String {
    let coverage =
        Coverage::of_sql(7, None, Vec::new(), None, Vec::new(), "SELECT '</code><script>'".to_owned());
    let mut writer = HtmlWriter::new(&batches[0].schema(), &coverage);
    let mut out = Vec::new();
    batches.iter().for_each(|batch| writer.write(batch, &mut out).expect("written"));
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    writer.finish(&Covered { coverage: &coverage, rows, complete: true }, &mut out).expect("written");
    String::from_utf8(out).expect("text")
}

fn texts(name: &str, value: &str) -> RecordBatch {
    let column: ArrayRef = Arc::new(StringArray::from(vec![Some(value), None]));
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).expect("a batch")
}

async fn report(session: &Session, given: &[(&str, &str)]) -> String {
    let report = Report::named("usage").expect("a report");
    let range = [("from", "2026-03-01"), ("to", "2026-03-05")];
    let now = at("2026-03-06T00:00:00Z");
    let parameters = report.parse(range.iter().chain(given).copied(), now).expect("parameters");
    text(report.answer(session, &parameters).await, Format::Html).await
}

async fn book(server: &'static str) -> TestBook {
    let mut book = TestBook::new().await;
    let times = ["2026-03-02T00:00:00Z", "2026-03-02T10:00:00Z", "2026-03-04T00:00:00Z"];
    let events = times.map(|time| event(at(time)).with(|event| event.server_name = Some(server)));
    book.land(&events).await;
    book
}

#[test]
fn what_others_wrote_is_shown_and_never_run() {
    let page = page_of(&[texts("<b>", "<script>alert('1')</script>\u{1b}[2J\u{202e}")]);
    assert!(page.contains("<th scope=\"col\">&lt;b&gt;</th>"), "{page}");
    assert!(
        page.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\\u{1b}[2J\\u{202e}</td>"),
        "{page}"
    );
    assert!(page.contains("<code>SELECT &#39;&lt;/code&gt;&lt;script&gt;&#39;</code>"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn a_page_asks_for_nothing_and_says_its_language() {
    let page = page_of(&[texts("a", "b")]);
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{page}");
    for request in ["src=", "href=", "url(", "@import", "<link", "http://"] {
        assert!(!page.contains(request), "{request}");
    }
}

#[test]
fn a_page_that_broke_off_never_looks_whole() {
    let mut writer = HtmlWriter::new(
        &texts("a", "b").schema(),
        &Coverage::of_sql(7, None, Vec::new(), None, Vec::new(), "SELECT 1".to_owned()),
    );
    let mut out = Vec::new();
    writer.write(&texts("a", "b"), &mut out).expect("written");
    let page = String::from_utf8(out).expect("text");
    assert!(page.contains("This page is still being sent, or it broke off"), "{page}");
    assert!(page.contains("<td>b</td>"), "rows wait though nothing is drawn: {page}");
    assert!(!page.contains("id=\"end\""), "{page}");
    assert!(page_of(&[texts("a", "b")]).contains("id=\"end\""));
}

#[tokio::test]
async fn a_report_over_time_has_columns_before_its_table() {
    let book = book("<i>gate").await;
    let session = book.session(Limits::default());
    let page = report(&session, &[("by", "day,server")]).await;
    let (chart, table) =
        (page.find("<svg").expect("a chart"), page.find("<table id=\"rows\">").expect("a table"));
    assert!(chart < table);
    assert!(page.contains("<figcaption>events by server over each day</figcaption>"), "{page}");
    assert_eq!(page.matches("<rect").count(), 2, "a column for each day with events: {page}");
    assert!(!page.contains("<i>gate"), "{page}");
    for words in
        ["An event is what a source wrote down", "<dt>by</dt>\n<dd>day, server</dd>", "<title>Usage</title>"]
    {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    let bars = report(&session, &[("by", "server")]).await;
    assert!(bars.contains("&lt;i&gt;gate") && bars.contains("<rect"), "{bars}");
    assert!(!report(&session, &[]).await.contains("<svg"), "one row is no chart");
}

#[tokio::test]
async fn a_page_says_in_words_whether_its_numbers_may_rise() {
    let book = book("gate").await;
    let page = report(&book.session(Limits::default()), &[]).await;
    assert!(page.contains("Not settled: the numbers may still rise."), "{page}");
    assert!(page.contains("Events of gatebook may still be on their way"), "{page}");
    assert!(page.contains("<th scope=\"row\">complete</th><td>true</td>"), "{page}");
}
