//! Rows of sums of persons: how many events an id had by a method on some days of a month.

use std::cmp::Ordering;

use arrow::array::{Array as _, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use projections::sums::{PERSON_WORDS, Span};
use schemas::arrays::{file_texts, numbers};

use super::names::Numbers;

/// The column that says on which days of the month.
const SPAN: &str = "span";

/// The column of the count.
const EVENTS: &str = "events";

/// The columns that are read.
pub(super) fn columns() -> Vec<&'static str> {
    PERSON_WORDS.into_iter().chain([SPAN, EVENTS]).collect()
}

/// A row, by the numbers of [`Numbers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) spelling: u32,
    pub(super) method: u32,
    /// The place in [`Span::ALL`].
    pub(super) span: u8,
    pub(super) events: i64,
}

impl Row {
    /// What makes two rows one.
    fn key(&self) -> (u32, u32, u8, u32) {
        (self.id, self.method, self.span, self.spelling)
    }
}

/// Reads rows as they are stored.
pub(super) fn decode(
    batch: &RecordBatch,
    names: &mut Numbers,
    rows: &mut Vec<Row>,
) -> Result<(), ArrowError> {
    let mut words = Vec::with_capacity(PERSON_WORDS.len());
    for word in PERSON_WORDS {
        words.push(Word { texts: file_texts(batch, word)?, last: None });
    }
    let spans = file_texts(batch, SPAN)?;
    let events = numbers::<Int64Type>(batch, EVENTS)?;
    for row in 0..batch.num_rows() {
        let mut numbers = [0; PERSON_WORDS.len()];
        for (word, number) in words.iter_mut().zip(&mut numbers) {
            *number = word.number(row, names);
        }
        let [tenant, source, user_key, user_id, email, method] = numbers;
        let span = Span::parse(spans.value(row));
        let span = Span::ALL.iter().position(|other| Some(*other) == span);
        let span = span.ok_or_else(|| ArrowError::SchemaError(format!("{SPAN} is none of a month's")))?;
        rows.push(Row {
            id: names.id([tenant, source, user_key]),
            spelling: names.spelling([user_id, email]),
            method,
            span: span as u8,
            events: events.value(row),
        });
    }
    Ok(())
}

/// A column of words, which come in runs.
struct Word<'r> {
    texts: &'r StringArray,
    last: Option<(Option<&'r str>, u32)>,
}

impl Word<'_> {
    fn number(&mut self, row: usize, names: &mut Numbers) -> u32 {
        let text = self.texts.is_valid(row).then(|| self.texts.value(row));
        match self.last {
            Some((last, number)) if last == text => number,
            _ => {
                let number = names.text(text);
                self.last = Some((text, number));
                number
            }
        }
    }
}

/// Sorted, each key once, without those that add up to nothing.
pub(super) fn added_up(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_unstable_by_key(Row::key);
    rows.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            kept.events += next.events;
        }
        is_same
    });
    rows.retain(|row| row.events != 0);
    rows
}

/// What two lists add up to that are added up.
pub(super) fn merged(one: &[Row], other: &[Row]) -> Vec<Row> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(one), Some(other)) = (ones.peek(), others.peek()) {
        match one.key().cmp(&other.key()) {
            Ordering::Less => all.extend(ones.next().copied()),
            Ordering::Greater => all.extend(others.next().copied()),
            Ordering::Equal => {
                let events = one.events + other.events;
                all.extend(Some(Row { events, ..**one }).filter(|_| events != 0));
                ones.next();
                others.next();
            }
        }
    }
    all.extend(ones.chain(others).copied());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u32, spelling: u32, events: i64) -> Row {
        Row { id, spelling, method: 1, span: 0, events }
    }

    #[test]
    fn lists_add_up_in_any_order_and_nothing_is_left_of_what_is_taken_away() {
        let one = added_up(vec![row(2, 1, 3), row(1, 2, 1), row(2, 1, 4), row(1, 1, 5)]);
        assert_eq!(one, [row(1, 1, 5), row(1, 2, 1), row(2, 1, 7)]);
        let other = added_up(vec![row(3, 1, 1), row(1, 2, -1), row(2, 1, 1)]);
        let all = [row(1, 1, 5), row(2, 1, 8), row(3, 1, 1)];
        assert_eq!(merged(&one, &other), all);
        assert_eq!(merged(&other, &one), all);
    }
}
