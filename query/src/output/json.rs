//! An answer as JSON: one object, or an object a line.

use std::collections::HashSet;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{JsonFormat, LineDelimited, Writer, WriterBuilder};

use super::OutputError;
use crate::coverage::Covered;

/// Writes `{"rows":[…],"coverage":{…}}`, a row a line. Numbers of 64 bits are numbers; what is absent is null.
pub(super) struct JsonWriter {
    rows: Writer<Vec<u8>, Rows>,
}

/// Writes a row a line, as an object, and nothing else.
pub(super) struct NdjsonWriter {
    rows: Writer<Vec<u8>, LineDelimited>,
}

/// What stands around and between the rows.
#[derive(Debug, Default)]
struct Rows;

impl JsonFormat for Rows {
    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        writer.write_all(if is_first_row { b"\n" } else { b",\n" })?;
        Ok(())
    }
}

impl JsonWriter {
    pub(super) fn new(schema: &SchemaRef, omits_nulls: bool) -> Result<Self, OutputError> {
        check_names(schema)?;
        let start = br#"{"rows":["#.to_vec();
        Ok(Self { rows: WriterBuilder::new().with_explicit_nulls(!omits_nulls).build(start) })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.rows.write(batch).map_err(OutputError::Type)?;
        out.append(self.rows.get_mut());
        Ok(())
    }

    pub(super) fn finish(mut self, covered: &Covered<'_>, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.rows.finish().map_err(OutputError::Type)?;
        out.append(self.rows.get_mut());
        out.extend_from_slice(format!("\n],\n\"coverage\":{}}}\n", covered.to_json()).as_bytes());
        Ok(())
    }
}

impl NdjsonWriter {
    pub(super) fn new(schema: &SchemaRef, omits_nulls: bool) -> Result<Self, OutputError> {
        check_names(schema)?;
        Ok(Self { rows: WriterBuilder::new().with_explicit_nulls(!omits_nulls).build(Vec::new()) })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.rows.write(batch).map_err(OutputError::Type)?;
        out.append(self.rows.get_mut());
        Ok(())
    }
}

/// An object has each name once.
fn check_names(schema: &Schema) -> Result<(), OutputError> {
    let mut names = HashSet::new();
    match schema.fields().iter().find(|field| !names.insert(field.name())) {
        Some(field) => Err(OutputError::DuplicateColumn(field.name().clone())),
        None => Ok(()),
    }
}
