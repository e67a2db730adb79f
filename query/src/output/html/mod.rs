//! An answer as a page to read and to print: one file that asks for nothing else, and runs nothing.
//!
//! The chart stands before the table and is drawn from the rows, so these are held back until all of them are there; where
//! they are too many for a chart, or no chart can be drawn, they stream. The page says at its head that it is not whole,
//! and takes that back at its end.

mod chart;
#[cfg(test)]
mod tests;
mod text;
mod words;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::writer::EncoderOptions;

use self::chart::Plan;
use self::text::Text;
use super::OutputError;
use super::cell::{Cells, is_number, nested_options};
use super::facts::facts;
use crate::coverage::{Coverage, Covered};

/// Rows, and bytes of them, that are held back for a chart.
const HELD_ROWS_MAX: usize = 20_000;
const HELD_BYTES_MAX: usize = 16 << 20;

const STYLE: &str = include_str!("page.css");

/// Writes a page.
pub(super) struct HtmlWriter {
    schema: SchemaRef,
    coverage: Coverage,
    nested: EncoderOptions,
    /// What waits for the chart; none once the table has begun.
    held: Option<Held>,
}

struct Held {
    /// What would be drawn; none where there is nothing to draw.
    plan: Option<Plan>,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl HtmlWriter {
    pub(super) fn new(schema: &SchemaRef, coverage: &Coverage) -> Self {
        let plan = Plan::new(schema, &coverage.question);
        let held = Held { plan, batches: Vec::new(), rows: 0, bytes: 0 };
        Self {
            schema: SchemaRef::clone(schema),
            coverage: coverage.clone(),
            nested: nested_options(),
            held: Some(held),
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        let Some(held) = &mut self.held else { return self.write_rows(batch, out) };
        held.rows += batch.num_rows();
        held.bytes += batch.get_array_memory_size();
        held.batches.push(batch.clone());
        if held.plan.is_none() || held.rows > HELD_ROWS_MAX || held.bytes > HELD_BYTES_MAX {
            self.begin(false, out)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, covered: &Covered<'_>, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.begin(true, out)?;
        let mut text = Text::default();
        text.markup("</tbody></table></div>\n");
        text.element("p", &words::rows(covered.rows));
        text.markup("<h2>What this stands on</h2>\n");
        words::stands_on(&mut text, covered);
        text.markup("<div class=\"wide\"><table><thead><tr><th scope=\"col\">name</th><th scope=\"col\">value</th></tr></thead><tbody>\n");
        for fact in facts(covered) {
            let value = fact.value.as_str().map_or_else(|| fact.value.to_string(), str::to_owned);
            text.markup("<tr><th scope=\"row\">");
            text.plain(&fact.name);
            text.markup("</th><td>");
            text.plain(&value);
            text.markup("</td></tr>\n");
        }
        text.markup("</tbody></table></div>\n<p id=\"end\">End of the page.</p>\n</body>\n</html>\n");
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Writes what stands before the rows, and the rows that were held back.
    fn begin(&mut self, all_are_there: bool, out: &mut Vec<u8>) -> Result<(), OutputError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let mut text = Text::default();
        let title = words::title(&self.coverage.question);
        text.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        text.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        text.markup("<meta name=\"color-scheme\" content=\"light dark\">\n");
        text.markup("<meta name=\"referrer\" content=\"no-referrer\">\n");
        text.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        text.element("title", &title);
        text.markup("<style>\n");
        text.markup(STYLE);
        text.markup(&numbers_to_the_right(&self.schema));
        text.markup("</style>\n</head>\n<body>\n");
        text.element("h1", &title);
        text.markup("<p class=\"broken\" role=\"status\">");
        text.plain("This page is still being sent, or it broke off: its end is missing, and what it shows is not all.");
        text.markup("</p>\n");
        words::question(&mut text, &self.coverage.question);
        match held.plan.filter(|_| all_are_there) {
            Some(plan) => plan.draw(&held.batches, &mut text)?,
            None if !all_are_there && held.rows > HELD_ROWS_MAX => {
                text.element("p", &format!("No chart is drawn of more than {HELD_ROWS_MAX} rows."));
            }
            None => {}
        }
        text.markup("<h2>Rows</h2>\n<div class=\"wide\"><table id=\"rows\"><thead><tr>");
        for field in self.schema.fields() {
            text.markup("<th scope=\"col\">");
            text.plain(field.name());
            text.markup("</th>");
        }
        text.markup("</tr></thead><tbody>\n");
        out.extend_from_slice(text.as_bytes());
        held.batches.iter().try_for_each(|batch| self.write_rows(batch, out))
    }

    fn write_rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| Cells::new(field, array, &self.nested));
        let mut columns = columns.collect::<Result<Vec<_>, _>>().map_err(OutputError::Type)?;
        let mut cell = Vec::new();
        let mut text = Text::default();
        for row in 0..batch.num_rows() {
            text.markup("<tr>");
            for column in &mut columns {
                text.markup("<td>");
                if column.read(row, &mut cell).map_err(OutputError::Type)? {
                    text.plain(&String::from_utf8_lossy(&cell));
                }
                text.markup("</td>");
            }
            text.markup("</tr>\n");
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// One rule for each column of numbers: shorter than a class in each cell.
fn numbers_to_the_right(schema: &Schema) -> String {
    let columns = (1..).zip(schema.fields()).filter(|(_, field)| is_number(field.data_type()));
    let rules = columns.map(|(index, _)| {
        format!("#rows th:nth-child({index}), #rows td:nth-child({index}) {{ text-align: right; }}\n")
    });
    rules.collect()
}
