use std::io::{Cursor, Read as _};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

use super::{Limits, XlsxWriter};
use crate::coverage::{Coverage, Covered};
use crate::output::OutputError;

fn coverage(sql: &str) -> Coverage {
    let mut coverage = Coverage::of_sql(7, None, Vec::new(), None, Vec::new(), sql.to_owned());
    coverage.tz = "Europe/Berlin".to_owned();
    coverage
}

fn us(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().expect("a moment").timestamp_micros()
}

fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a batch")
}

fn texts(column: &str, values: &[&str]) -> RecordBatch {
    rows(vec![(column, Arc::new(StringArray::from(values.to_vec())))])
}

fn writer(schema: &SchemaRef, limits: Limits) -> XlsxWriter {
    XlsxWriter { limits, ..XlsxWriter::new(schema, &coverage("SELECT 1")).expect("a writer") }
}

/// The parts of the workbook that these rows make: the sheet of the rows, and that of the coverage.
async fn sheets(batch: &RecordBatch, sql: &str) -> [String; 2] {
    let coverage = coverage(sql);
    let mut writer = XlsxWriter::new(&batch.schema(), &coverage).expect("a writer");
    writer.write(batch).expect("written");
    let covered = Covered { coverage: &coverage, rows: batch.num_rows() as u64, complete: true };
    let mut file = Vec::new();
    while !writer.finish(&covered, &mut file).await.expect("packed") {}
    let mut file = zip::ZipArchive::new(Cursor::new(file)).expect("a packed file");
    ["sheet1", "sheet2"].map(|name| {
        let mut text = String::new();
        let mut part = file.by_name(&format!("xl/worksheets/{name}.xml")).expect("a sheet");
        part.read_to_string(&mut text).expect("text");
        text
    })
}

#[track_caller]
fn check_holds(sheet: &str, parts: &[&str]) {
    for part in parts {
        assert!(sheet.contains(part), "{part} is not in {sheet}");
    }
}

#[tokio::test]
async fn values_are_what_they_are() {
    let moments = vec![Some(us("2026-10-25T00:30:00Z")), Some(us("1850-01-01T00:00:00Z")), None];
    let moments = TimestampMicrosecondArray::from(moments);
    let local = moments.clone();
    let [sheet, _] = sheets(
        &rows(vec![
            ("n", Arc::new(Int64Array::from(vec![Some(42), Some(1_234_567_890_123_456), None]))),
            ("f", Arc::new(Float64Array::from(vec![Some(0.25), Some(f64::NAN), None]))),
            ("yes", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("at", Arc::new(moments.with_timezone("UTC"))),
            ("there", Arc::new(local)),
        ]),
        "SELECT 1",
    )
    .await;
    check_holds(
        &sheet,
        &[
            "<v>42</v>",
            "<t>1234567890123456</t>",
            "<v>0.25</v>",
            "<t>NaN</t>",
            r#"t="b"><v>1</v>"#,
            r#"t="b"><v>0</v>"#,
            // Half past two of the 25th, by Berlin's clock and by no clock: 46320 days since the end of 1899.
            "<t>at (Europe/Berlin)</t>",
            "<v>46320.104166666664</v>",
            "<t>1850-01-01T00:00:00Z</t>",
            "<t>there</t>",
            "<v>46320.020833333336</v>",
            r#"<autoFilter ref="A1:E4"/>"#,
            r#"state="frozen""#,
        ],
    );
}

#[tokio::test]
async fn text_is_text_whatever_it_begins_with() {
    let [sheet, _] =
        sheets(&texts("=A1", &["=cmd|' /C calc'!A0", "@SUM(1)", "a\u{1}<b>", "_x0041_"]), "SELECT 1").await;
    check_holds(
        &sheet,
        &["<t>=A1</t>", "<t>=cmd|' /C calc'!A0</t>", "<t>@SUM(1)</t>", "a_x0001_&lt;b&gt;", "_x005F_x0041_"],
    );
    assert!(!sheet.contains("<f>"), "{sheet}");
}

#[tokio::test]
async fn the_second_sheet_says_what_the_rows_stand_on() {
    let long = format!("SELECT '{}'", "x".repeat(40_000));
    let [_, sheet] = sheets(&texts("a", &["b", "c"]), &long).await;
    check_holds(
        &sheet,
        &[
            "<t>book_version</t>",
            "<v>7</v>",
            "<t>rows</t>",
            "<v>2</v>",
            "<t>complete</t>",
            "<t>Europe/Berlin</t>",
        ],
    );
    // A long question stands in several cells.
    assert_eq!(sheet.matches("<t>sql</t>").count(), 2);
    assert!(sheet.contains(&"x".repeat(7_000)));
}

#[track_caller]
fn check_refused(written: Result<(), OutputError>, advice: &str) {
    let error = written.expect_err("too large").to_string();
    assert!(error.starts_with("take csv, parquet, ndjson, json or arrow"), "{error}");
    assert!(error.contains(advice), "{error}");
}

#[tokio::test]
async fn what_no_sheet_holds_is_refused_before_there_is_a_file() {
    let two = texts("a", &["b", "c"]);
    let mut full = writer(&two.schema(), Limits { rows: 4, ..Limits::default() });
    full.write(&two).expect("room");
    check_refused(full.write(&two), "a sheet has at most 3 below its header");
    let long = texts("told", &[&"ä".repeat(32_768)]);
    check_refused(
        writer(&long.schema(), Limits::default()).write(&long),
        "shorten the column told: a cell has at most 32767",
    );
    let fits = texts("told", &[&"ä".repeat(32_767)]);
    writer(&fits.schema(), Limits::default()).write(&fits).expect("fits");
    check_refused(
        writer(&two.schema(), Limits { bytes: 100, ..Limits::default() }).write(&two),
        "a workbook has at most",
    );
}
