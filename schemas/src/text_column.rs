//! One text column of a batch under construction.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};

/// A text column that pays for a null with one addition: most optional columns of most batches are null
/// throughout, and runs of nulls are written in one go.
#[derive(Debug, Default)]
pub(crate) struct TextColumn {
    values: StringBuilder,
    pending_nulls: usize,
}

impl TextColumn {
    #[inline]
    pub(crate) fn append(&mut self, text: &str) {
        self.flush();
        self.values.append_value(text);
    }

    #[inline]
    pub(crate) fn append_option(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.append(text),
            None => self.pending_nulls += 1,
        }
    }

    /// Bytes of text so far, without offsets and nulls.
    pub(crate) fn text_bytes(&self) -> usize {
        self.values.values_slice().len()
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.flush();
        Arc::new(self.values.finish())
    }

    #[inline]
    fn flush(&mut self) {
        if self.pending_nulls > 0 {
            self.values.append_nulls(std::mem::take(&mut self.pending_nulls));
        }
    }
}

/// A text column whose neighbours are mostly equal, such as a topic's name: kept as runs.
#[derive(Debug, Default)]
pub(crate) struct RunColumn {
    runs: Vec<(String, usize)>,
    text_bytes: usize,
}

impl RunColumn {
    #[inline]
    pub(crate) fn append(&mut self, text: &str) {
        self.text_bytes += text.len();
        match self.runs.last_mut() {
            Some((last, count)) if last == text => *count += 1,
            _ => self.runs.push((text.to_owned(), 1)),
        }
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let row_count = self.runs.iter().map(|(_, count)| count).sum();
        let mut values = StringBuilder::with_capacity(row_count, self.text_bytes);
        for (text, count) in self.runs.drain(..) {
            values.append_value_n(text, count);
        }
        self.text_bytes = 0;
        Arc::new(values.finish())
    }
}
