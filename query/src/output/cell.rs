//! The cells of a column as text.

use std::io::Write as _;

use arrow::array::{Array as _, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One column's cells as text.
pub(crate) struct Cells<'a> {
    /// Those of the values: of a dictionary's, and of a column that is nothing but null.
    nulls: Option<NullBuffer>,
    form: Form<'a>,
}

enum Form<'a> {
    Plain(Box<ArrayFormatter<'a>>),
    Nested(NullableEncoder<'a>),
}

impl<'a> Cells<'a> {
    pub(crate) fn new(
        field: &'a FieldRef,
        array: &'a ArrayRef,
        nested: &'a EncoderOptions,
    ) -> Result<Self, ArrowError> {
        let form = if array.data_type().is_nested() {
            Form::Nested(make_encoder(field, array, nested)?)
        } else {
            Form::Plain(Box::new(ArrayFormatter::try_new(array, &FormatOptions::new())?))
        };
        Ok(Self { nulls: array.logical_nulls(), form })
    }

    /// The cell in a row, read into `text`; false for null, which leaves `text` empty.
    pub(crate) fn read(&mut self, row: usize, text: &mut Vec<u8>) -> Result<bool, ArrowError> {
        text.clear();
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &mut self.form {
            Form::Plain(cells) => write!(text, "{}", cells.value(row).try_to_string()?)?,
            Form::Nested(cells) => cells.encode(row, text),
        }
        Ok(true)
    }
}

/// Lists, structs and maps say null where it is, as JSON rows do.
pub(crate) fn nested_options() -> EncoderOptions {
    EncoderOptions::default().with_explicit_nulls(true)
}

/// Whether the text of a cell of this type is a number, in whatever it is shown.
pub(super) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}
