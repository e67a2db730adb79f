//! What each kind requires of its rows. In the Delta schema every column is nullable, since a file holds only
//! its kind's columns; so this is what proves that the writer kept its word.

use arrow::array::Array;
use chrono::{DateTime, NaiveDate};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};
use schemas::{Kind, Reason};

use crate::check::columns::{moments, texts};
use crate::check::data_file::Rows;
use crate::check::{Findings, Invariant};

const US_PER_DAY: i64 = 86_400_000_000;

/// Where an entry of kind event, change, superseded or rejection came from.
const PLACE: &[&str] = &[
    "kafka_topic",
    "kafka_topic_id",
    "kafka_partition",
    "kafka_offset",
    "element_index",
    "received_at",
    "source",
    "decoder",
];
const EVENT: &[&str] = &[
    "event_id",
    "occurred_at",
    "tenant_id",
    "user_id",
    "user_key",
    "result",
    "stage",
    "assurance",
    "duplicate",
];
const CHANGE: &[&str] = &["occurred_at", "change"];
const REJECTION: &[&str] = &["reason", "detail", "redacted"];
const SEGMENT: &[&str] = &[
    "kafka_topic",
    "kafka_topic_id",
    "kafka_partition",
    "from_offset",
    "next_offset",
    "committed_at",
    "records",
    "empty_records",
    "elements",
    "events",
    "duplicates",
    "conflicting_ids",
    "changes",
    "rejections",
    "skipped_by_kind",
];
const REMOVAL: &[&str] = &["why", "actor", "committed_at"];

/// Reads a word as it stands in the book.
type IsWord = fn(&str) -> bool;

/// The columns of an event that speak in words.
const EVENT_WORDS: &[(&str, IsWord)] = &[
    ("method", |text| Method::parse(text).is_some_and(|word| word.as_str() == text)),
    ("mode", |text| Mode::parse(text).is_some_and(|word| word.as_str() == text)),
    ("result", |text| AuthResult::parse(text).is_some_and(|word| word.as_str() == text)),
    ("stage", |text| Stage::parse(text).is_some_and(|word| word.as_str() == text)),
    ("assurance", |text| Assurance::parse(text).is_some_and(|word| word.as_str() == text)),
    ("denial_reason", |text| DenialReason::parse(text).is_some_and(|word| word.as_str() == text)),
];
const REJECTION_WORDS: &[(&str, IsWord)] =
    &[("reason", |text| Reason::ALL.iter().any(|reason| reason.as_str() == text))];

pub(super) fn check(rows: &Rows<'_>, findings: &mut Findings) {
    let (required, words): (&[&[&str]], &[(&str, IsWord)]) = match rows.kind {
        Kind::Event => (&[PLACE, EVENT], EVENT_WORDS),
        Kind::Superseded => (&[PLACE, EVENT, &["committed_at"]], EVENT_WORDS),
        Kind::Change => (&[PLACE, CHANGE], &[]),
        Kind::Rejection => (&[PLACE, REJECTION], REJECTION_WORDS),
        Kind::Segment => (&[SEGMENT], &[]),
        Kind::Removal => (&[REMOVAL], &[]),
    };
    for name in required.iter().copied().flatten() {
        check_present(rows, name, findings);
    }
    for &(name, is_word) in words {
        check_words(rows, name, is_word, findings);
    }
    match rows.kind {
        Kind::Event | Kind::Superseded => {
            check_denials(rows, findings);
            check_day(rows, "occurred_at", findings);
        }
        Kind::Change => check_day(rows, "occurred_at", findings),
        Kind::Segment | Kind::Removal => check_day(rows, "committed_at", findings),
        // Its own times may be absurd, and the day is that of a commit whose time its row does not have.
        Kind::Rejection => {}
    }
}

fn check_present(rows: &Rows<'_>, name: &str, findings: &mut Findings) {
    let Some(column) = rows.batch.column_by_name(name) else {
        if rows.first == 0 {
            findings.add(Invariant::RequiredValues, || {
                (rows.file, format!("no column {name}"), "a value in each row")
            });
        }
        return;
    };
    if column.null_count() == 0 {
        return;
    }
    for row in (0..column.len()).filter(|&row| column.is_null(row)) {
        findings.add(Invariant::RequiredValues, || (rows.place(row), format!("{name} is null"), "a value"));
    }
}

fn check_words(rows: &Rows<'_>, name: &str, is_word: IsWord, findings: &mut Findings) {
    let Some(column) = texts(rows.batch, name) else { return };
    for (row, text) in column.iter().enumerate() {
        if text.is_some_and(|text| !is_word(text)) {
            // What stands there instead may be anybody's name.
            findings.add(Invariant::Vocabulary, || {
                (rows.place(row), format!("{name} has another text"), "one of its words")
            });
        }
    }
}

fn check_denials(rows: &Rows<'_>, findings: &mut Findings) {
    let Some(results) = texts(rows.batch, "result") else { return };
    let reasons = texts(rows.batch, "denial_reason");
    for (row, result) in results.iter().enumerate() {
        let Some(result) = result else { continue };
        let (is_denied, has_reason) =
            (result == AuthResult::Denied.as_str(), reasons.is_some_and(|reasons| reasons.is_valid(row)));
        if is_denied != has_reason {
            let (found, expected) = if is_denied {
                ("denied without a reason", "a reason")
            } else {
                ("a reason of denial without a denial", "no reason")
            };
            findings.add(Invariant::DenialReason, || (rows.place(row), found, expected));
        }
    }
}

fn check_day(rows: &Rows<'_>, name: &str, findings: &mut Findings) {
    let Some(column) = moments(rows.batch, name) else { return };
    let day = i64::from(arrow::datatypes::Date32Type::from_naive_date(rows.day));
    for (row, moment_us) in column.iter().enumerate() {
        let Some(moment_us) = moment_us else { continue };
        if moment_us.div_euclid(US_PER_DAY) != day {
            findings.add(Invariant::Day, || {
                (rows.place(row), format!("{name} on {}", day_of(moment_us)), rows.day)
            });
        }
    }
}

fn day_of(moment_us: i64) -> String {
    let day: Option<NaiveDate> = DateTime::from_timestamp_micros(moment_us).map(|moment| moment.date_naive());
    day.map_or_else(|| "a day beyond the calendar".to_owned(), |day| day.to_string())
}
