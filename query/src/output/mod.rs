//! Answers written down: as a table for people, as JSON and CSV, as Arrow and Parquet, as a workbook and as a
//! page.
//!
//! All but the workbook stream: a batch of rows is written as it comes, and nothing caps their number. In text, moments
//! are RFC 3339, those with a zone in UTC with `Z`; binary is hexadecimal. Lists, structs and maps are nested in JSON,
//! and JSON text in a cell of a table, of CSV and of a workbook.

pub(crate) mod cell;
mod columnar;
mod csv;
mod facts;
mod html;
mod json;
mod table;
mod xlsx;

use std::io::{self, ErrorKind, Write};

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::answer::Answer;
use crate::coverage::{Coverage, Covered};
use crate::error::QueryError;
pub use columnar::COVERAGE_KEY;
use columnar::{IpcWriter, ParquetWriter};
use csv::CsvWriter;
use html::HtmlWriter;
use json::{JsonWriter, NdjsonWriter};
use table::TableWriter;
use xlsx::XlsxWriter;

/// How an answer is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for a terminal.
    Table,
    /// One object: `{"rows": […], "coverage": {…}}`, each row an object by column name.
    Json,
    /// Each row an object, and a line.
    Ndjson,
    /// RFC 4180 with a header line. Text that a spreadsheet would run as a formula begins with an apostrophe.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
    /// An Excel workbook: the rows on the first sheet, what they stand on on the second.
    Xlsx,
    /// A page to read and to print, with a chart where there is something to draw.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Arrow,
        Self::Parquet,
        Self::Xlsx,
        Self::Html,
    ];

    /// The format's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
        }
    }

    /// The media type of what is written.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// Whether a terminal can show it.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Arrow | Self::Parquet | Self::Xlsx)
    }

    /// Whether what is written says itself what it stands on, and that it is whole.
    #[must_use]
    pub const fn holds_coverage(self) -> bool {
        matches!(self, Self::Json | Self::Parquet | Self::Xlsx | Self::Html)
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
    let mut encoder = Encoder::new(format, &answer)?;
    let mut bytes = Vec::new();
    let mut send = |bytes: &mut Vec<u8>| {
        let sent = out.write_all(bytes).and_then(|()| out.flush());
        bytes.clear();
        sent.map_err(OutputError::Write)
    };
    let ended = loop {
        let is_done = match answer.next().await? {
            Some(batch) => encoder.write(&batch, &mut bytes).map(|()| false)?,
            None => encoder.finish(&mut bytes).await?,
        };
        if let Err(error) = send(&mut bytes) {
            break Err(error);
        }
        if is_done {
            break Ok(());
        }
    };
    let rows = encoder.rows;
    match ended {
        Ok(()) => Ok(Written { rows, complete: true }),
        Err(OutputError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Ok(Written { rows, complete: false })
        }
        Err(error) => Err(error),
    }
}

/// Writes an answer down batch by batch, into bytes that the caller sends on.
pub struct Encoder {
    /// None once it is finished.
    writer: Option<Writer>,
    coverage: Coverage,
    rows: u64,
}

enum Writer {
    Table(TableWriter),
    Json(JsonWriter),
    Ndjson(NdjsonWriter),
    Csv(CsvWriter),
    Arrow(Box<IpcWriter>),
    Parquet(Box<ParquetWriter>),
    Xlsx(Box<XlsxWriter>),
    Html(Box<HtmlWriter>),
}

impl Encoder {
    /// An encoder of this answer's columns.
    ///
    /// # Errors
    ///
    /// The format cannot hold them.
    pub fn new(format: Format, answer: &Answer) -> Result<Self, OutputError> {
        let schema: SchemaRef = answer.schema();
        let writer = match format {
            Format::Table => Writer::Table(TableWriter::new(&schema)),
            Format::Json => Writer::Json(JsonWriter::new(&schema, answer.omits_nulls)?),
            Format::Ndjson => Writer::Ndjson(NdjsonWriter::new(&schema, answer.omits_nulls)?),
            Format::Csv => Writer::Csv(CsvWriter::new(&schema)),
            Format::Arrow => Writer::Arrow(Box::new(IpcWriter::new(&schema, &answer.coverage)?)),
            Format::Parquet => Writer::Parquet(Box::new(ParquetWriter::new(&schema)?)),
            Format::Xlsx => Writer::Xlsx(Box::new(XlsxWriter::new(&schema, &answer.coverage)?)),
            Format::Html => Writer::Html(Box::new(HtmlWriter::new(&schema, &answer.coverage))),
        };
        Ok(Self { writer: Some(writer), coverage: answer.coverage.clone(), rows: 0 })
    }

    /// Appends a batch to `out`; nothing where the format has no first bytes until its end.
    ///
    /// # Errors
    ///
    /// A value, or more rows, than the format can hold.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.rows += batch.num_rows() as u64;
        match self.writer.as_mut() {
            Some(Writer::Table(table)) => table.write(batch, out),
            Some(Writer::Json(json)) => json.write(batch, out),
            Some(Writer::Ndjson(ndjson)) => ndjson.write(batch, out),
            Some(Writer::Csv(csv)) => csv.write(batch, out),
            Some(Writer::Arrow(arrow)) => arrow.write(batch, out),
            Some(Writer::Parquet(parquet)) => parquet.write(batch, out),
            Some(Writer::Xlsx(xlsx)) => xlsx.write(batch),
            Some(Writer::Html(html)) => html.write(batch, out),
            None => Ok(()),
        }
    }

    /// Appends a piece of the end to `out`: all rows were written. True where nothing follows.
    ///
    /// # Errors
    ///
    /// A value that the format cannot hold.
    pub async fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, OutputError> {
        let covered = Covered { coverage: &self.coverage, rows: self.rows, complete: true };
        match self.writer.take() {
            Some(Writer::Table(table)) => table.finish(out),
            Some(Writer::Json(json)) => json.finish(&covered, out)?,
            Some(Writer::Csv(csv)) => csv.finish(out),
            Some(Writer::Arrow(arrow)) => arrow.finish(out)?,
            Some(Writer::Parquet(parquet)) => parquet.finish(&covered, out)?,
            Some(Writer::Xlsx(mut xlsx)) => {
                if !xlsx.finish(&covered, out).await? {
                    self.writer = Some(Writer::Xlsx(xlsx));
                    return Ok(false);
                }
            }
            Some(Writer::Html(html)) => html.finish(&covered, out)?,
            Some(Writer::Ndjson(_)) | None => {}
        }
        Ok(true)
    }
}
