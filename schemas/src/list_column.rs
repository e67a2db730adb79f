//! The list columns of a batch under construction: steps and unknown values. Empty for most events, where
//! they cost one offset.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, StringBuilder, StructArray, TimestampMicrosecondBuilder};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};

use crate::column::{ColumnType, step_fields};
use crate::element::Step;
use crate::text_column::TextColumn;

/// Column `unknown_values`.
#[derive(Debug)]
pub(crate) struct TextListColumn {
    ends: Ends,
    values: StringBuilder,
}

impl TextListColumn {
    pub(crate) fn new() -> Self {
        Self { ends: Ends::new(), values: StringBuilder::new() }
    }

    #[inline]
    pub(crate) fn append(&mut self, texts: &[String]) {
        for text in texts {
            self.values.append_value(text);
        }
        self.ends.push(texts.len());
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.values.values_slice().len()
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let values: ArrayRef = Arc::new(self.values.finish());
        Arc::new(ListArray::new(element_of(ColumnType::TextList), self.ends.finish(), values, None))
    }
}

/// Column `steps`.
#[derive(Debug)]
pub(crate) struct StepListColumn {
    ends: Ends,
    at: TimestampMicrosecondBuilder,
    /// method, result, reason, code, detail, device
    texts: [TextColumn; 6],
}

impl StepListColumn {
    pub(crate) fn new() -> Self {
        Self { ends: Ends::new(), at: moment_builder(), texts: Default::default() }
    }

    /// Appends an event's steps; without `with_device` their device tokens are left out.
    #[inline]
    pub(crate) fn append(&mut self, steps: &[Step<'_>], with_device: bool) {
        for step in steps {
            self.at.append_option(step.at_us);
            let texts = [
                step.method.map(|method| method.as_str()),
                step.result.map(|result| result.as_str()),
                step.reason.map(|reason| reason.as_str()),
                step.code,
                step.detail,
                step.device.filter(|_| with_device),
            ];
            for (column, text) in self.texts.iter_mut().zip(texts) {
                column.append_option(text);
            }
        }
        self.ends.push(steps.len());
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.texts.iter().map(TextColumn::text_bytes).sum()
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.at.finish())];
        columns.extend(self.texts.iter_mut().map(TextColumn::finish));
        let steps = Arc::new(StructArray::new(step_fields(), columns, None));
        Arc::new(ListArray::new(element_of(ColumnType::StepList), self.ends.finish(), steps, None))
    }
}

/// A builder of moments.
pub(crate) fn moment_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_data_type(ColumnType::Moment.arrow_type())
}

/// Where each row's list ends in the values.
#[derive(Debug)]
struct Ends(Vec<i32>);

impl Ends {
    fn new() -> Self {
        Self(vec![0])
    }

    #[inline]
    fn push(&mut self, length: usize) {
        let last = self.0.last().copied().unwrap_or_default();
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        self.0.push(last.checked_add(length).expect("a batch holds fewer than 2^31 list items"));
    }

    fn finish(&mut self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.0, vec![0])))
    }
}

fn element_of(list: ColumnType) -> FieldRef {
    match list.arrow_type() {
        DataType::List(element) => element,
        other => unreachable!("{other} is no list"),
    }
}
