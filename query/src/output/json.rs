//! An answer as one JSON object.

use std::collections::HashSet;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonFormat, Writer, WriterBuilder};
use serde::Serialize;

use super::OutputError;
use crate::coverage::Coverage;

/// Writes `{"rows":[…],"coverage":{…}}`, a row a line. Numbers of 64 bits are numbers; what is absent is null.
pub(super) struct JsonWriter {
    rows: Writer<Vec<u8>, Rows>,
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

/// The coverage as it stands behind the rows.
#[derive(Serialize)]
struct End<'a> {
    #[serde(flatten)]
    coverage: &'a Coverage,
    rows: u64,
    complete: bool,
}

impl JsonWriter {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, OutputError> {
        let mut names = HashSet::new();
        if let Some(field) = schema.fields().iter().find(|field| !names.insert(field.name())) {
            return Err(OutputError::DuplicateColumn(field.name().clone()));
        }
        let start = br#"{"rows":["#.to_vec();
        Ok(Self { rows: WriterBuilder::new().with_explicit_nulls(true).build(start) })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        self.rows.write(batch).map_err(OutputError::Type)?;
        let text = self.rows.get_mut();
        out.write_all(text).map_err(OutputError::Write)?;
        text.clear();
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        coverage: &Coverage,
        rows: u64,
        out: &mut dyn Write,
    ) -> Result<(), OutputError> {
        self.rows.finish().map_err(OutputError::Type)?;
        out.write_all(self.rows.get_ref()).map_err(OutputError::Write)?;
        let end = serde_json::to_string(&End { coverage, rows, complete: true });
        let end = end.map_err(|error| OutputError::Write(io::Error::other(error)))?;
        writeln!(out, "\n],\n\"coverage\":{end}}}").map_err(OutputError::Write)
    }
}
