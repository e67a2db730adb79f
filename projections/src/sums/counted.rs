//! What is counted of an attempt.

use std::sync::Arc;

use arrow::array::{
    Array as _, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use schemas::arrays::{column, file_texts, numbers};

use crate::attempter::Attempt;

/// What is counted of an attempt, beside whose it is. It is kept beside the number of its row, so that it can be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) first_at_us: i64,
    pub(crate) answerable_until_us: Option<i64>,
    pub(crate) prompts: i64,
    /// In the order of [`super::ATTEMPT_WORDS`], after those that tell whose it is.
    pub(crate) words: [Word; 5],
}

/// A word of a vocabulary, or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    None,
    Fixed(&'static str),
    /// Shared by all that has the same.
    Name(Arc<str>),
}

impl Word {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Fixed(text) => Some(text),
            Self::Name(text) => Some(text),
        }
    }
}

impl Counted {
    pub(crate) fn of(attempt: &Attempt, mut share: impl FnMut(&str) -> Arc<str>) -> Self {
        let fixed = |word: Option<&'static str>| word.map_or(Word::None, Word::Fixed);
        Self {
            first_at_us: attempt.first_at_us,
            answerable_until_us: attempt.answerable_until_us,
            prompts: attempt.prompts,
            words: [
                fixed(attempt.method.map(|method| method.as_str())),
                Word::Fixed(attempt.outcome.as_str()),
                fixed(attempt.reason.map(|reason| reason.as_str())),
                attempt.server.as_deref().map_or(Word::None, |server| Word::Name(share(server))),
                Word::Fixed(attempt.assurance.as_str()),
            ],
        }
    }
}

/// The columns of stored attempts that are counted.
pub(crate) const COUNTED_COLUMNS: [&str; 8] = [
    "first_at",
    "answerable_until",
    "prompts",
    "method",
    "result",
    "denial_reason",
    "server_name",
    "assurance",
];

/// Rows of stored attempts.
pub(crate) struct CountedRows<'r> {
    first: &'r TimestampMicrosecondArray,
    until: &'r TimestampMicrosecondArray,
    prompts: &'r Int64Array,
    words: [&'r StringArray; 5],
}

impl<'r> CountedRows<'r> {
    pub(crate) fn of(rows: &'r RecordBatch) -> Result<Self, ArrowError> {
        let [.., method, result, reason, server, assurance] = COUNTED_COLUMNS;
        let until = column(rows, "answerable_until")?.as_primitive_opt::<TimestampMicrosecondType>();
        Ok(Self {
            first: numbers::<TimestampMicrosecondType>(rows, "first_at")?,
            until: until.ok_or_else(|| ArrowError::SchemaError("answerable_until is no moment".into()))?,
            prompts: numbers::<Int64Type>(rows, "prompts")?,
            words: [
                file_texts(rows, method)?,
                file_texts(rows, result)?,
                file_texts(rows, reason)?,
                file_texts(rows, server)?,
                file_texts(rows, assurance)?,
            ],
        })
    }

    pub(crate) fn get(&self, row: usize, mut share: impl FnMut(&str) -> Arc<str>) -> Counted {
        Counted {
            first_at_us: self.first.value(row),
            answerable_until_us: self.until.is_valid(row).then(|| self.until.value(row)),
            prompts: self.prompts.value(row),
            words: self.words.map(|words| {
                if words.is_valid(row) { Word::Name(share(words.value(row))) } else { Word::None }
            }),
        }
    }
}
