//! Answers written down: as a table for people, as JSON, as CSV.
//!
//! All stream: a batch of rows is written as it comes, and nothing caps their number. Moments are RFC 3339,
//! those with a zone in UTC with `Z`; binary is hexadecimal. Lists, structs and maps are nested in JSON, and
//! JSON text in a cell of the other two.

mod cell;
mod csv;
mod json;
mod table;

use std::io::{self, ErrorKind, Write};

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::answer::Answer;
use crate::error::QueryError;
use csv::CsvWriter;
use json::JsonWriter;
use table::TableWriter;

/// How an answer is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for a terminal.
    Table,
    /// One object: `{"rows": […], "coverage": {…}}`, each row an object by column name.
    Json,
    /// RFC 4180 with a header line. Text that a spreadsheet would run as a formula begins with an apostrophe.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Table, Self::Json, Self::Csv];

    /// The format's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Reads a format's name; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.as_str() == text)
    }
}

/// How far an answer was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows that were written.
    pub rows: u64,
    /// Whether it was written to its end. If not, the reader closed the pipe, which is no failure.
    pub complete: bool,
}

/// Why an answer was not written to its end. What was written breaks off, and never looks complete.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The answer itself broke off.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Two columns have one name, which an object cannot hold.
    #[error(
        "give each column a name of its own (`AS …`): JSON rows are objects by column name, and two are called {0:?}"
    )]
    DuplicateColumn(String),
    /// A type that the format cannot hold.
    #[error("cast the column to text: its type cannot be written in this format")]
    Type(#[source] ArrowError),
    /// The output cannot be written.
    #[error("the output cannot be written")]
    Write(#[source] io::Error),
}

/// Writes an answer down.
///
/// # Errors
///
/// See [`OutputError`]; a closed pipe is none.
pub async fn write(mut answer: Answer, format: Format, out: &mut dyn Write) -> Result<Written, OutputError> {
    let schema = answer.schema();
    let mut writer = match format {
        Format::Table => Writer::Table(TableWriter::new(&schema)),
        Format::Json => Writer::Json(JsonWriter::new(&schema)?),
        Format::Csv => Writer::Csv(CsvWriter::new(&schema)),
    };
    let mut rows = 0;
    let ended = loop {
        match answer.next().await? {
            Some(batch) => {
                if let Err(error) = writer.write(&batch, out) {
                    break Err(error);
                }
                rows += batch.num_rows() as u64;
            }
            None => break writer.finish(&answer, rows, out),
        }
    };
    match ended {
        Ok(()) => Ok(Written { rows, complete: true }),
        Err(OutputError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Ok(Written { rows, complete: false })
        }
        Err(error) => Err(error),
    }
}

enum Writer {
    Table(TableWriter),
    Json(JsonWriter),
    Csv(CsvWriter),
}

impl Writer {
    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        match self {
            Self::Table(table) => table.write(batch, out),
            Self::Json(json) => json.write(batch, out),
            Self::Csv(csv) => csv.write(batch, out),
        }?;
        out.flush().map_err(OutputError::Write)
    }

    fn finish(self, answer: &Answer, rows: u64, out: &mut dyn Write) -> Result<(), OutputError> {
        match self {
            Self::Table(table) => table.finish(out),
            Self::Json(json) => json.finish(&answer.coverage, rows, out),
            Self::Csv(csv) => csv.finish(out),
        }?;
        out.flush().map_err(OutputError::Write)
    }
}
