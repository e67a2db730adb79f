//! An answer as an Excel workbook: its rows on the first sheet, what they stand on on the second.
//!
//! Rows go to a file in the system's folder for temporary files as they come, and are packed when all of them are there:
//! memory holds one row. A workbook has no first bytes until then, so what it cannot hold is an error before anything is
//! sent, and never a file that looks whole.

mod cell;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::cell::{Cell, Column};
use super::OutputError;
use super::facts::facts;
use crate::coverage::{Coverage, Covered};
use crate::error::QueryError;

/// Rows of a sheet, the header among them.
const ROWS_MAX: u32 = 1_048_576;

/// Columns of a sheet.
const COLUMNS_MAX: usize = 16_384;

/// Characters of a cell, in UTF-16 as Excel counts them.
const CELL_CHARS_MAX: usize = 32_767;

/// Bytes of a sheet before it is packed: what lies on the disk meanwhile, and below what an unpacked part of a workbook
/// may have.
const SHEET_BYTES_MAX: u64 = 3 << 30;

/// Bytes that stand around the text of a cell, at the most.
const AROUND_BYTES: usize = 72;

/// Bytes of a packed piece.
const PIECE_BYTES: usize = 256 << 10;

/// Packed pieces that wait to be taken.
const PIECES_AHEAD: usize = 2;

/// Characters that a column is wide, at the least and at the most.
const WIDTHS: (usize, usize) = (8, 60);

/// Rows that are looked at for it.
const WIDTH_ROWS: u32 = 1_000;

/// What an answer may be instead.
const INSTEAD: &str = "take csv, parquet, ndjson, json or arrow, which have no such limit";

/// Writes a workbook.
pub(super) struct XlsxWriter {
    state: State,
    columns: Vec<Column>,
    widths: Vec<usize>,
    /// The row that comes next; the header is row 0.
    row: u32,
    bytes: u64,
    limits: Limits,
}

enum State {
    Gathers(Box<Workbook>),
    Packs(mpsc::Receiver<Vec<u8>>, JoinHandle<Result<(), OutputError>>),
}

/// What a sheet holds; a test has smaller ones.
#[derive(Debug, Clone, Copy)]
struct Limits {
    rows: u32,
    bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: ROWS_MAX, bytes: SHEET_BYTES_MAX }
    }
}

impl XlsxWriter {
    pub(super) fn new(schema: &SchemaRef, coverage: &Coverage) -> Result<Self, OutputError> {
        if schema.fields().len() > COLUMNS_MAX {
            return Err(too_large(&format!("a sheet has at most {COLUMNS_MAX} columns")));
        }
        let columns: Vec<Column> =
            schema.fields().iter().map(|field| Column::new(field, &coverage.tz)).collect();
        let mut workbook = Workbook::new();
        writing(|| {
            let header = Format::new().set_bold();
            let sheet = workbook.add_worksheet_with_constant_memory()?.set_name("rows")?;
            sheet.set_freeze_panes(1, 0)?;
            for (index, column) in (0..).zip(&columns) {
                sheet.write_string_with_format(0, index, fitting(&column.title), &header)?;
            }
            Ok(())
        })?;
        let widths = columns.iter().map(|column| column.title.chars().count()).collect();
        let state = State::Gathers(Box::new(workbook));
        Ok(Self { state, columns, widths, row: 1, bytes: 0, limits: Limits::default() })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let Self { state: State::Gathers(workbook), columns, widths, row, bytes, limits } = self else {
            return Ok(());
        };
        if batch.num_rows() as u64 > u64::from(limits.rows.saturating_sub(*row)) {
            let rows = limits.rows - 1;
            return Err(too_large(&format!(
                "ask for fewer rows: a sheet has at most {rows} below its header"
            )));
        }
        let mut readers = columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| column.reader(array))
            .collect::<Result<Vec<_>, _>>()?;
        let sheet = writing(|| workbook.worksheet_from_index(0))?;
        for index in 0..batch.num_rows() {
            for (at, (reader, width)) in (0..).zip(readers.iter_mut().zip(widths.iter_mut())) {
                let cell = reader.read(index)?;
                if *row < WIDTH_ROWS {
                    *width = (*width).max(cell.width());
                }
                *bytes += (cell.len() + AROUND_BYTES) as u64;
                put(sheet, *row, at, &cell, &columns[usize::from(at)])?;
            }
            if *bytes > limits.bytes {
                let mib = limits.bytes >> 20;
                return Err(too_large(&format!(
                    "ask for fewer rows or columns: a workbook has at most {mib} MiB"
                )));
            }
            *row += 1;
        }
        Ok(())
    }

    /// Appends a piece of the workbook; true once there is none.
    pub(super) async fn finish(
        &mut self,
        covered: &Covered<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, OutputError> {
        if let State::Gathers(workbook) = &mut self.state {
            let mut workbook = std::mem::take(&mut **workbook);
            let last = u16::try_from(self.columns.len()).unwrap_or(u16::MAX).checked_sub(1);
            writing(|| {
                let sheet = workbook.worksheet_from_index(0)?;
                if let Some(last) = last {
                    sheet.autofilter(0, 0, self.row - 1, last)?;
                }
                for (column, width) in (0..).zip(&self.widths) {
                    sheet.set_column_width(column, shown_width(*width))?;
                }
                Ok(())
            })?;
            add_coverage(&mut workbook, covered)?;
            let (pieces, packed) = mpsc::channel(PIECES_AHEAD);
            let packing = tokio::task::spawn_blocking(move || {
                let mut sender = Sender { pieces, piece: Vec::with_capacity(PIECE_BYTES) };
                writing(|| workbook.save_to_writer(&mut sender))?;
                sender.send().map_err(OutputError::Write)
            });
            self.state = State::Packs(packed, packing);
        }
        let State::Packs(packed, packing) = &mut self.state else { return Ok(true) };
        if let Some(mut piece) = packed.recv().await {
            out.append(&mut piece);
            return Ok(false);
        }
        let packed = packing.await.map_err(|error| OutputError::Write(io::Error::other(error)))?;
        packed.map(|()| true)
    }
}

/// Writes a cell, the text of which is never run: a text is written as text, whatever it begins with.
fn put(
    sheet: &mut Worksheet,
    row: u32,
    at: u16,
    cell: &Cell<'_>,
    column: &Column,
) -> Result<(), OutputError> {
    if let Cell::Text(text) = cell
        && text.encode_utf16().count() > CELL_CHARS_MAX
    {
        let name = &column.title;
        return Err(too_large(&format!(
            "leave out or shorten the column {name}: a cell has at most {CELL_CHARS_MAX} characters"
        )));
    }
    writing(|| {
        match cell {
            Cell::Empty => return Ok(()),
            Cell::Text(text) => sheet.write_string(row, at, *text)?,
            Cell::Number(number) => sheet.write_number(row, at, *number)?,
            Cell::Switch(switch) => sheet.write_boolean(row, at, *switch)?,
            Cell::Moment(serial) => sheet.write_number_with_format(row, at, *serial, &column.format)?,
        };
        Ok(())
    })
}

/// The second sheet.
fn add_coverage(workbook: &mut Workbook, covered: &Covered<'_>) -> Result<(), OutputError> {
    writing(|| {
        let header = Format::new().set_bold();
        let sheet = workbook.add_worksheet_with_constant_memory()?.set_name("coverage")?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_column_width(0, 32)?.set_column_width(1, 80)?;
        sheet.write_string_with_format(0, 0, "name", &header)?;
        sheet.write_string_with_format(0, 1, "value", &header)?;
        let mut row = 1;
        for fact in facts(covered) {
            let texts = match &fact.value {
                Value::Null => vec![String::new()],
                Value::String(text) => cut(text),
                other => vec![other.to_string()],
            };
            for text in texts {
                sheet.write_string(row, 0, fitting(&fact.name))?;
                match fact.value.as_f64().filter(|_| text.len() <= cell::DIGITS_MAX) {
                    Some(number) => sheet.write_number(row, 1, number)?,
                    None if fact.value.is_boolean() => sheet.write_boolean(row, 1, text == "true")?,
                    None => sheet.write_string(row, 1, text)?,
                };
                row += 1;
            }
        }
        Ok(())
    })
}

/// A text in pieces that each fit into a cell: the text of a question may be longer.
fn cut(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut units = 0;
    for letter in text.chars() {
        if units + letter.len_utf16() > CELL_CHARS_MAX {
            pieces.push(String::new());
            units = 0;
        }
        units += letter.len_utf16();
        pieces.last_mut().expect("one is there").push(letter);
    }
    pieces
}

/// A name, cut where no cell could hold it.
fn fitting(name: &str) -> String {
    cut(name).swap_remove(0)
}

#[expect(clippy::cast_precision_loss, reason = "widths are small")]
fn shown_width(chars: usize) -> f64 {
    // A sign for the filter stands beside each name.
    chars.saturating_add(3).clamp(WIDTHS.0, WIDTHS.1) as f64
}

/// Calls the library, which panics where its files on the disk cannot be written.
fn writing<T>(write: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, OutputError> {
    let written = panic::catch_unwind(AssertUnwindSafe(write)).map_err(|_| {
        let why = "make room in the system's folder for temporary files: a workbook is gathered there";
        OutputError::Write(io::Error::other(why))
    })?;
    written.map_err(|error| OutputError::Write(io::Error::other(error)))
}

fn too_large(limit: &str) -> OutputError {
    OutputError::Query(QueryError::TooLarge(format!("{INSTEAD}, or {limit}")))
}

/// Sends packed bytes on in pieces. Where nobody takes them any more, packing ends.
struct Sender {
    pieces: mpsc::Sender<Vec<u8>>,
    piece: Vec<u8>,
}

impl Sender {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.pieces.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
