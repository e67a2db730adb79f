//! An answer as CSV.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::EncoderOptions;

use super::OutputError;
use super::cell::{Cells, is_number, nested_options};

/// Writes RFC 4180: a header, lines that end in CR LF, quotes where needed. Null is an empty cell, an empty
/// text is `""`.
pub(super) struct CsvWriter {
    schema: SchemaRef,
    has_header: bool,
    nested: EncoderOptions,
}

impl CsvWriter {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: SchemaRef::clone(schema), has_header: false, nested: nested_options() }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.write_header(out);
        let fields = self.schema.fields();
        let columns =
            fields.iter().zip(batch.columns()).map(|(field, array)| Cells::new(field, array, &self.nested));
        let mut columns = columns.collect::<Result<Vec<_>, _>>().map_err(OutputError::Type)?;
        let mut cell = Vec::new();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter_mut().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if column.read(row, &mut cell).map_err(OutputError::Type)? {
                    append(out, &cell, !is_number(fields[index].data_type()));
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.write_header(out);
    }

    fn write_header(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_header, true) {
            return;
        }
        for (index, field) in self.schema.fields().iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            append(out, field.name().as_bytes(), true);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a cell. Text that a spreadsheet would run as a formula (OWASP, "CSV injection") gets an apostrophe.
fn append(line: &mut Vec<u8>, cell: &[u8], is_text: bool) {
    let runs = is_text && FORMULA_STARTS.iter().any(|start| cell.starts_with(start.as_bytes()));
    // Semicolon and tab part cells in some spreadsheets, whatever the file says.
    let needs_quotes = cell.is_empty() || cell.iter().any(|byte| b",;\t\"\r\n".contains(byte));
    if needs_quotes {
        line.push(b'"');
    }
    if runs {
        line.push(b'\'');
    }
    for (index, &byte) in cell.iter().enumerate() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
        // Where a spreadsheet parts cells at these, whatever the quotes say, a formula would begin here.
        let rest = &cell[index + 1..];
        if is_text
            && b";\t\r\n".contains(&byte)
            && FORMULA_STARTS.iter().any(|start| rest.starts_with(start.as_bytes()))
        {
            line.push(b'\'');
        }
    }
    if needs_quotes {
        line.push(b'"');
    }
}

/// What a formula begins with; the wide forms of the East are read like the plain ones.
const FORMULA_STARTS: &[&str] = &["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"];
