//! Checks of a data file as a whole, and the way to its rows.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use arrow::array::RecordBatch;
use arrow::datatypes::{Fields, SchemaRef};
use chrono::NaiveDate;
use futures::FutureExt as _;
use object_store::{Error, ObjectStoreExt as _};
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::check::columns::Places;
use crate::check::{Check, Findings, Invariant};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8192;

/// Rejections decoded at a time: each may bring more than a mebibyte.
const REJECTION_ROWS: usize = 64;

/// What is said where the decoder panicked.
const GAVE_UP: &str = "bytes on which the decoder gave up";

/// Some rows of a file.
pub(super) struct Rows<'a> {
    pub(super) kind: Kind,
    pub(super) day: NaiveDate,
    pub(super) file: &'a str,
    /// The row's number in the file at which the batch begins.
    pub(super) first: usize,
    pub(super) batch: &'a RecordBatch,
}

impl Rows<'_> {
    /// Where a row came from, as far as it says so, and in which file it stands.
    pub(super) fn place(&self, row: usize) -> String {
        match Places::of(self.batch).and_then(|places| places.get(row).map(|place| place.to_string())) {
            Some(place) => format!("{place} in {}", self.file),
            None => format!("row {} of {}", self.first + row, self.file),
        }
    }
}

impl Book {
    /// Checks a file and takes in its rows.
    pub(super) async fn check_file(&self, file: &ActiveFile, check: &mut Check) {
        let path = file.path.as_ref();
        let Some((kind, day)) = check_place(file, &mut check.findings) else { return };
        if !self.check_length(file, &mut check.findings).await {
            return;
        }
        let opened = AssertUnwindSafe(self.open_file(file)).catch_unwind().await;
        let builder = match opened.map(|opened| opened.map_err(|error| chain(&error))) {
            Ok(Ok(builder)) => {
                builder.with_batch_size(if kind == Kind::Rejection { REJECTION_ROWS } else { BATCH_ROWS })
            }
            Ok(Err(why)) => return unreadable(path, why, &mut check.findings),
            Err(_) => return unreadable(path, GAVE_UP, &mut check.findings),
        };
        if !check_columns(path, kind, builder.schema(), &mut check.findings) {
            return;
        }
        let mut reader = match guarded(|| builder.build()) {
            Ok(reader) => reader,
            Err(why) => return unreadable(path, why, &mut check.findings),
        };
        let mut first = 0;
        loop {
            match guarded(|| reader.next().transpose()) {
                Ok(Some(batch)) => {
                    check.take_in(&Rows { kind, day, file: path, first, batch: &batch });
                    first += batch.num_rows();
                }
                Ok(None) => break,
                Err(why) => return unreadable(path, why, &mut check.findings),
            }
        }
        if first as u64 != file.rows {
            check
                .findings
                .add(Invariant::FileRows, || (path, format!("{first} rows"), format!("{} rows", file.rows)));
        }
        // Decoding is long, and other tasks of this runtime are not to wait for all of it.
        tokio::task::yield_now().await;
    }

    /// Whether the file is there; one of another length may still be readable.
    async fn check_length(&self, file: &ActiveFile, findings: &mut Findings) -> bool {
        match self.store().head(&file.path).await {
            Ok(meta) => {
                if meta.size != file.size_bytes {
                    findings.add(Invariant::FileLength, || {
                        (&file.path, format!("{} bytes", meta.size), format!("{} bytes", file.size_bytes))
                    });
                }
                true
            }
            Err(Error::NotFound { .. }) => {
                findings
                    .add(Invariant::FilePresent, || (&file.path, "no file", "the file that the log names"));
                false
            }
            Err(error) => {
                unreadable(file.path.as_ref(), error, findings);
                false
            }
        }
    }
}

/// The kind and the day, where the log names them; the folder must name the same.
fn check_place(file: &ActiveFile, findings: &mut Findings) -> Option<(Kind, NaiveDate)> {
    let (Some(kind), Some(day)) = (file.kind, file.day) else {
        findings.add(Invariant::FilePlace, || {
            (&file.path, "no kind or day that is known", "a kind and a day in the log")
        });
        return None;
    };
    let folder = format!("kind={}/day={day}", kind.as_str());
    let found = file.path.as_ref().rsplit_once('/').map_or("", |(found, _)| found);
    if found != folder {
        findings.add(Invariant::FilePlace, || (&file.path, found, folder));
    }
    Some((kind, day))
}

/// Whether the columns that are there have the book's types, without which no row can be looked at.
fn check_columns(path: &str, kind: Kind, held: &SchemaRef, findings: &mut Findings) -> bool {
    let wanted = kind.schema();
    let mut is_readable = true;
    for field in held.fields() {
        let expected = || format!("columns of kind {}", kind.as_str());
        match wanted.field_with_name(field.name()) {
            Err(_) => findings
                .add(Invariant::FileColumns, || (path, format!("column {}", field.name()), expected())),
            Ok(wanted) if wanted.data_type() != field.data_type() => {
                is_readable = false;
                findings.add(Invariant::FileColumns, || {
                    let found = format!("column {} of type {}", field.name(), field.data_type());
                    (path, found, format!("type {}", wanted.data_type()))
                });
            }
            Ok(_) => {}
        }
    }
    if let Some(name) = repeated(held.fields()) {
        is_readable = false;
        findings.add(Invariant::FileColumns, || (path, format!("column {name} twice"), "each column once"));
    }
    is_readable
}

fn repeated(fields: &Fields) -> Option<&str> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// A damaged file can make the decoder panic, which is no reason to leave the other files unread.
fn guarded<T, E: fmt::Display>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|error| error.to_string()),
        Err(_) => Err(GAVE_UP.to_owned()),
    }
}

fn unreadable(path: &str, error: impl fmt::Display, findings: &mut Findings) {
    findings.add(Invariant::FileReadable, || (path, error, "a Parquet file that can be read to its end"));
}

/// The causes of an error, the first of which only says that there is one.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
