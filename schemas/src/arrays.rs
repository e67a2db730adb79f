//! Columns of rows: read by their names, and made.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListBuilder, PrimitiveArray, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType};
use arrow::error::ArrowError;

/// Columns of texts, by their place in a list of names.
pub struct Texts(Vec<StringArray>);

impl Texts {
    /// These columns of the rows.
    ///
    /// # Errors
    ///
    /// One is not there, or is no text.
    pub fn of(rows: &RecordBatch, names: &[&str]) -> Result<Self, ArrowError> {
        Ok(Self(names.iter().map(|name| text_column(rows, name)).collect::<Result<_, ArrowError>>()?))
    }

    /// The text, where there is one.
    pub fn get(&self, index: usize, row: usize) -> Option<&str> {
        let texts = &self.0[index];
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// The text of a column that no row lacks.
    pub fn needed(&self, index: usize, row: usize) -> &str {
        self.get(index, row).unwrap_or_default()
    }
}

/// A column.
pub fn column<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}

/// A column as text, whatever type of text the engine gave it.
pub fn text_column(rows: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(cast(column(rows, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A column of texts as a file of the book has them.
pub fn file_texts<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r StringArray, ArrowError> {
    let other = || ArrowError::SchemaError(format!("{name} is no text"));
    column(rows, name)?.as_string_opt().ok_or_else(other)
}

/// A column of numbers or moments.
pub fn numbers<'r, T: ArrowPrimitiveType>(
    rows: &'r RecordBatch,
    name: &str,
) -> Result<&'r PrimitiveArray<T>, ArrowError> {
    let other = || ArrowError::SchemaError(format!("{name} has another type"));
    column(rows, name)?.as_primitive_opt().ok_or_else(other)
}

/// A column of texts.
pub fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A column of moments, from microseconds since 1970.
pub fn moments(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// A column of lists of texts.
pub fn lists<'a>(values: impl Iterator<Item = Vec<&'a str>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    values.for_each(|list| lists.append_value(list.into_iter().map(Some)));
    Arc::new(lists.finish())
}

/// The texts of a list.
///
/// # Errors
///
/// The column holds no lists of texts.
pub fn list(lists: &ArrayRef, row: usize) -> Result<Vec<String>, ArrowError> {
    let lists = lists.as_list_opt::<i32>().ok_or_else(|| ArrowError::SchemaError("no list".into()))?;
    if lists.is_null(row) {
        return Ok(Vec::new());
    }
    let values = lists.value(row);
    let values = values.as_string_opt::<i32>().ok_or_else(|| ArrowError::SchemaError("no texts".into()))?;
    Ok(values.iter().flatten().map(str::to_owned).collect())
}
