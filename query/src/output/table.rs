//! An answer as a table for a terminal.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::EncoderOptions;

use super::OutputError;
use super::cell::{Cells, is_number, nested_options};

/// Writes a header, a rule, and the rows, numbers to the right. Columns are as wide as their widest cell so
/// far: since rows stream, a later batch may be wider than the first. Control characters are shown
/// escaped, so that a user's data cannot steer the terminal.
pub(super) struct TableWriter {
    schema: SchemaRef,
    widths: Vec<usize>,
    has_header: bool,
    nested: EncoderOptions,
}

/// What stands for null.
const NULL: &str = "null";

impl TableWriter {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let widths = schema.fields().iter().map(|field| shown(field.name()).chars().count()).collect();
        Self { schema: SchemaRef::clone(schema), widths, has_header: false, nested: nested_options() }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        let rows = self.cells(batch)?;
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = self.header();
        for row in &rows {
            self.append(&mut text, row);
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.header().as_bytes());
    }

    fn cells(&self, batch: &RecordBatch) -> Result<Vec<Vec<String>>, OutputError> {
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| Cells::new(field, array, &self.nested));
        let mut columns = columns.collect::<Result<Vec<_>, _>>().map_err(OutputError::Type)?;
        let mut cell = Vec::new();
        let mut row_cells = |row: usize| {
            let text = |column: &mut Cells<'_>| {
                let is_some = column.read(row, &mut cell)?;
                Ok(if is_some { shown(&String::from_utf8_lossy(&cell)) } else { NULL.to_owned() })
            };
            columns.iter_mut().map(text).collect::<Result<Vec<_>, _>>()
        };
        (0..batch.num_rows()).map(&mut row_cells).collect::<Result<Vec<_>, _>>().map_err(OutputError::Type)
    }

    fn header(&mut self) -> String {
        let mut text = String::new();
        if !std::mem::replace(&mut self.has_header, true) {
            let names: Vec<_> = self.schema.fields().iter().map(|field| shown(field.name())).collect();
            let rules: Vec<_> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
            self.append(&mut text, &names);
            self.append(&mut text, &rules);
        }
        text
    }

    fn append(&self, text: &mut String, row: &[String]) {
        let start = text.len();
        for (index, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
            let pad = width.saturating_sub(cell.chars().count());
            let is_right = is_number(self.schema.field(index).data_type());
            if index > 0 {
                text.push_str("  ");
            }
            if is_right {
                text.extend(std::iter::repeat_n(' ', pad));
            }
            text.push_str(cell);
            if !is_right {
                text.extend(std::iter::repeat_n(' ', pad));
            }
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }
}

fn shown(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
