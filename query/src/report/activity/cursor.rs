//! Where a page of the activity ends: the moment of its last row, and what stands for the row among those of this moment.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::{col, lit};
use schemas::{SameId, Source};
use sha2::{Digest as _, Sha256};

use super::super::counts::moment_us;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Events,
    Attempts,
}

impl Of {
    pub(super) const WORDS: &'static [&'static str] = &["events", "attempts"];

    pub(super) fn parse(word: Option<&str>) -> Self {
        if word == Some("attempts") { Self::Attempts } else { Self::Events }
    }

    const fn letter(self) -> &'static str {
        match self {
            Self::Events => "e",
            Self::Attempts => "a",
        }
    }

    /// The moment by which rows are sorted.
    pub(super) const fn moment(self) -> &'static str {
        match self {
            Self::Events => "occurred_at",
            Self::Attempts => "first_at",
        }
    }

    /// What stands for a row among those of one moment, as a number that is the same whatever else arrives.
    ///
    /// An event is told by its id, and by its place where its source gives the same id to several events; of one whose
    /// later state counts the place may change. An attempt is told by its person and its first event.
    pub(super) fn tie(self) -> Expr {
        match self {
            Self::Events => {
                let place = ["kafka_topic_id", "kafka_partition", "kafka_offset", "element_index"];
                let columns = ["tenant_id", "source", "event_id"].into_iter().chain(place);
                tie_of_event().call(columns.map(col).collect())
            }
            Self::Attempts => {
                let first =
                    datafusion::functions_nested::expr_fn::array_element(col("event_ids"), lit(1_i64));
                let columns = ["tenant_id", "source", "user_key"].map(col).into_iter().chain([first]);
                tie_of_attempt().call(columns.collect())
            }
        }
    }
}

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) of: Of,
    pub(super) at_us: i64,
    pub(super) tie: i64,
    /// The version of the book that gave the page: it changes nothing.
    pub(super) book_version: u64,
}

/// A cursor that no page gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadCursor;

impl Cursor {
    pub(super) fn text(&self) -> String {
        let Self { of, at_us, tie, book_version } = self;
        format!("{}1.{at_us}.{:016x}.{book_version}", of.letter(), tie.cast_unsigned())
    }

    pub(super) fn parse(text: &str) -> Result<Self, BadCursor> {
        let mut parts = text.split('.');
        let of = match parts.next() {
            Some("e1") => Of::Events,
            Some("a1") => Of::Attempts,
            _ => return Err(BadCursor),
        };
        let at_us = parts.next().and_then(|part| part.parse().ok()).ok_or(BadCursor)?;
        let tie = parts.next().filter(|part| part.len() == 16);
        let tie = tie.and_then(|part| u64::from_str_radix(part, 16).ok()).ok_or(BadCursor)?;
        let book_version = parts.next().and_then(|part| part.parse().ok()).ok_or(BadCursor)?;
        let cursor = Self { of, at_us, tie: tie.cast_signed(), book_version };
        (parts.next().is_none() && cursor.text() == text).then_some(cursor).ok_or(BadCursor)
    }

    /// Whether a row comes after it, the newest being first.
    pub(super) fn is_before(&self) -> Expr {
        let moment = || col(self.of.moment());
        let is_tied = moment().eq(moment_us(self.at_us)).and(self.of.tie().lt(lit(self.tie)));
        moment().lt(moment_us(self.at_us)).or(is_tied)
    }
}

fn tie_of_event() -> ScalarUDF {
    let types = vec![
        DataType::Utf8,
        DataType::Utf8,
        DataType::Utf8,
        DataType::Utf8,
        DataType::Int32,
        DataType::Int64,
        DataType::Int32,
    ];
    numbering("tie_of_event", types, |columns| {
        let [tenants, sources, ids, topics] = [0, 1, 2, 3].map(|index| columns[index].as_string::<i32>());
        let (partitions, offsets) =
            (columns[4].as_primitive::<Int32Type>(), columns[5].as_primitive::<Int64Type>());
        let elements = columns[6].as_primitive::<Int32Type>();
        let number = |row: usize| {
            let source = sources.value(row);
            let has_states =
                Source::parse(source).is_some_and(|source| source.same_id() == SameId::Supersedes);
            let mut hash = Sha256::new();
            for text in [tenants.value(row), source, ids.value(row)] {
                add(&mut hash, text);
            }
            if !has_states {
                add(&mut hash, topics.value(row));
                hash.update(partitions.value(row).to_be_bytes());
                hash.update(offsets.value(row).to_be_bytes());
                hash.update(elements.value(row).to_be_bytes());
            }
            first_bytes(hash)
        };
        (0..tenants.len()).map(|row| Some(number(row))).collect()
    })
}

fn tie_of_attempt() -> ScalarUDF {
    numbering("tie_of_attempt", vec![DataType::Utf8; 4], |columns| {
        let texts: Vec<&StringArray> = columns.iter().map(|column| column.as_string::<i32>()).collect();
        let number = |row: usize| {
            let mut hash = Sha256::new();
            texts.iter().for_each(|texts| add(&mut hash, texts.value(row)));
            first_bytes(hash)
        };
        (0..texts[0].len()).map(|row| Some(number(row))).collect()
    })
}

/// A function of these columns that is a number for each row.
fn numbering(
    name: &str,
    types: Vec<DataType>,
    number: impl Fn(&[ArrayRef]) -> Int64Array + Send + Sync + 'static,
) -> ScalarUDF {
    let of_columns = move |arguments: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        Ok(ColumnarValue::Array(Arc::new(number(&columns))))
    };
    create_udf(name, types, DataType::Int64, Volatility::Immutable, Arc::new(of_columns))
}

/// A text with its length, so that no two lists of texts look the same.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

fn first_bytes(hash: Sha256) -> i64 {
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor { of: Of::Attempts, at_us: -5, tie: -1, book_version: 7 };
        assert_eq!(cursor.text(), "a1.-5.ffffffffffffffff.7");
        assert_eq!(Cursor::parse(&cursor.text()), Ok(cursor));
        for text in [
            "",
            "e1",
            "e1.5.ff.7",
            "x1.5.ffffffffffffffff.7",
            "e1.5.ffffffffffffffff.7.",
            "e1.+5.ffffffffffffffff.7",
        ] {
            assert_eq!(Cursor::parse(text), Err(BadCursor), "{text}");
        }
    }
}
