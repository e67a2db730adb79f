//! Rows that are made one by one, in the columns that a report declares.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::error::ArrowError;

use super::Column;
use crate::arrays::moments;

/// Rows in the columns of a report. A column whose name ends in `_at` holds moments, any other what its JSON type says.
pub(super) struct Made {
    columns: &'static [Column],
    rows: Vec<Vec<Option<Value>>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
    Ratio(f64),
    Flag(bool),
    List(Vec<String>),
}

/// A row that is being made. What is not set is null.
pub(super) struct Row<'m> {
    columns: &'static [Column],
    values: &'m mut Vec<Option<Value>>,
}

impl Made {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Leaves out the rows that do not have this text.
    pub(super) fn keep(&mut self, column: &str, text: &str) {
        let found = self.columns.iter().position(|(name, ..)| *name == column);
        debug_assert!(found.is_some(), "{column} is not declared");
        if let Some(index) = found {
            self.rows.retain(|row| matches!(&row[index], Some(Value::Text(held)) if held == text));
        }
    }

    /// Begins a row.
    pub(super) fn row(&mut self) -> Row<'_> {
        self.rows.push(vec![None; self.columns.len()]);
        let last = self.rows.len() - 1;
        Row { columns: self.columns, values: &mut self.rows[last] }
    }

    /// The row that was begun last; begins one where there is none.
    pub(super) fn last(&mut self) -> Row<'_> {
        if self.rows.is_empty() {
            return self.row();
        }
        let last = self.rows.len() - 1;
        Row { columns: self.columns, values: &mut self.rows[last] }
    }

    /// The rows so far, which are taken out.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.columns.iter().enumerate().map(|(index, (name, json_type, _))| {
            let values = || rows.iter().map(|row| row[index].as_ref());
            let array: ArrayRef = match *json_type {
                "integer" => Arc::new(values().map(number).collect::<Int64Array>()),
                "number" => Arc::new(values().map(ratio).collect::<Float64Array>()),
                "boolean" => Arc::new(values().map(flag).collect::<BooleanArray>()),
                "array" => lists(values()),
                _ if name.ends_with("_at") => moments(values().map(number)),
                _ => Arc::new(values().map(text).collect::<StringArray>()),
            };
            (*name, array, true)
        });
        RecordBatch::try_from_iter_with_nullable(columns)
    }
}

fn number(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    }
}

fn ratio(value: Option<&Value>) -> Option<f64> {
    match value {
        Some(Value::Ratio(ratio)) => Some(*ratio),
        _ => None,
    }
}

fn flag(value: Option<&Value>) -> Option<bool> {
    match value {
        Some(Value::Flag(flag)) => Some(*flag),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn lists<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for value in values {
        match value {
            Some(Value::List(texts)) => lists.append_value(texts.iter().map(Some)),
            _ => lists.append_null(),
        }
    }
    Arc::new(lists.finish())
}

impl Row<'_> {
    pub(super) fn text(&mut self, column: &str, text: impl Into<String>) -> &mut Self {
        self.set(column, Value::Text(text.into()))
    }

    /// A text, where there is one.
    pub(super) fn maybe(&mut self, column: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(column, text),
            None => self,
        }
    }

    /// A count, or a moment in microseconds.
    pub(super) fn number(&mut self, column: &str, number: impl Into<Option<i64>>) -> &mut Self {
        match number.into() {
            Some(number) => self.set(column, Value::Number(number)),
            None => self,
        }
    }

    pub(super) fn ratio(&mut self, column: &str, ratio: f64) -> &mut Self {
        self.set(column, Value::Ratio(ratio))
    }

    pub(super) fn flag(&mut self, column: &str, flag: bool) -> &mut Self {
        self.set(column, Value::Flag(flag))
    }

    pub(super) fn list(&mut self, column: &str, texts: Vec<String>) -> &mut Self {
        self.set(column, Value::List(texts))
    }

    fn set(&mut self, column: &str, value: Value) -> &mut Self {
        let found = self.columns.iter().position(|(name, ..)| *name == column);
        debug_assert!(found.is_some(), "{column} is not declared");
        if let Some(index) = found {
            self.values[index] = Some(value);
        }
        self
    }
}
