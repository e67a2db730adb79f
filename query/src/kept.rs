//! Answers that were given: whoever asks the same of the same version gets the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arrow::record_batch::RecordBatch;

use crate::answer::Answer;
use crate::coverage::Coverage;

/// Bytes of rows that are kept of one version of the book. What would be more is made anew each time.
const BYTES_MAX: usize = 64 << 20;

/// Answers that were given from one version of the book and of the directory; they go with it.
#[derive(Default)]
pub(crate) struct Kept {
    answers: Mutex<HashMap<Asked, (Coverage, RecordBatch)>>,
}

/// A report's name and its parameters, defaults filled in.
pub(crate) type Asked = (&'static str, String);

impl Kept {
    /// The answer that was given to this.
    pub(crate) fn get(&self, asked: &Asked) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (coverage, rows) = answers.get(asked)?;
        Some(Answer::of_rows(coverage.clone(), rows.clone()))
    }

    /// Keeps an answer of which all rows are there.
    pub(crate) fn keep(&self, asked: Asked, answer: &Answer) {
        let Some(rows) = answer.whole() else { return };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = answers.values().map(|(_, rows)| rows.get_array_memory_size()).sum();
        if held + rows.get_array_memory_size() <= BYTES_MAX {
            answers.insert(asked, (answer.coverage.clone(), rows.clone()));
        }
    }
}
