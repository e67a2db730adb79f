//! A part of the sums as it is kept in memory: words as codes, so that adding up compares no texts.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::PartKind;
use projections::sums::{ATTEMPT_WORDS, EVENT_WORDS};
use schemas::arrays::{column, file_texts, numbers};
use schemas::vocabulary::DenialReason;

use crate::period::{DAY_US, QUARTER_HOUR_US, day_start_us};

/// Stands for no place within the month.
const NOWHERE: u16 = u16::MAX;

/// The most columns of words that a kind has.
const WORDS_MAX: usize = EVENT_WORDS.len();

/// The places of what the clock decides, among the words of attempts.
const RESULT: usize = 3;
const REASON: usize = 4;

/// The places of attempts among their counts, and of those that nobody answered in time: that is not stored, but comes out of the
/// clock.
const ATTEMPTS: usize = 0;
const INFERRED: usize = 2;

/// What is told of each kind of sums by time: the length of the time that a row is about, the columns of words, and the counts
/// that are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    unit_us: i64,
    pub(crate) words: &'static [&'static str],
    stored_counts: &'static [&'static str],
    /// Whether a row says until when it can be answered, which the clock decides.
    has_until: bool,
}

impl Shape {
    /// None for a kind of rows that are read in another way.
    pub(crate) fn of(kind: PartKind) -> Option<Self> {
        let events =
            |unit_us| Self { unit_us, words: &EVENT_WORDS, stored_counts: &["events"], has_until: false };
        let attempts = |unit_us| Self {
            unit_us,
            words: &ATTEMPT_WORDS,
            stored_counts: &["attempts", "prompts"],
            has_until: true,
        };
        match kind {
            PartKind::EventsByQuarter => Some(events(QUARTER_HOUR_US)),
            PartKind::EventsByDay => Some(events(DAY_US)),
            PartKind::AttemptsByQuarter => Some(attempts(QUARTER_HOUR_US)),
            PartKind::AttemptsByDay => Some(attempts(DAY_US)),
            PartKind::PersonsByMonth | PartKind::ExceptionsByDay | PartKind::Attempt | PartKind::Void => None,
        }
    }

    /// How many counts a row has.
    fn counts(self) -> usize {
        self.stored_counts.len() + usize::from(self.has_until)
    }

    /// The columns that are read.
    pub(super) fn columns(self) -> impl Iterator<Item = &'static str> {
        let until = self.has_until.then_some(UNTIL);
        ["at"]
            .into_iter()
            .chain(self.words.iter().copied())
            .chain(self.stored_counts.iter().copied())
            .chain(until)
    }
}

/// The column that says until when attempts can be answered.
const UNTIL: &str = "answerable_until";

/// A part of the table, decoded.
#[derive(Debug)]
pub(super) struct Decoded {
    /// What holds at any moment from [`Self::horizon_us`] on.
    pub(super) settled: Arc<Coded>,
    /// Attempts that could be answered at that moment.
    open: Option<Open>,
    pub(super) horizon_us: i64,
}

#[derive(Debug)]
struct Open {
    rows: RowCodes,
    until_us: Vec<i64>,
}

impl Decoded {
    /// The rows as they are at a moment, which is not before the horizon.
    pub(super) fn at(&self, now_us: i64) -> impl Iterator<Item = Arc<Coded>> {
        let open = self.open.as_ref().map(|Open { rows, until_us }| {
            let mut rows = rows.clone();
            for (row, until_us) in until_us.iter().enumerate() {
                if *until_us < now_us { rows.deny(row) } else { rows.leave_open(row) }
            }
            Arc::new(rows.into_coded())
        });
        [Arc::clone(&self.settled)].into_iter().chain(open)
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| 64 * open.until_us.len());
        self.settled.bytes() + open
    }
}

/// Rows of one kind and month.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) kind: PartKind,
    pub(crate) month: NaiveDate,
    /// Which quarter hour or day of the month each row is about, from 0 on.
    pub(super) at: Vec<u16>,
    pub(super) words: Vec<Words>,
    pub(super) counts: Vec<Vec<i64>>,
}

/// A column of words.
#[derive(Debug)]
pub(super) struct Words {
    /// By their code less one; code 0 is none.
    pub(super) texts: Vec<Arc<str>>,
    pub(super) codes: Codes,
}

/// As narrow as they can be.
#[derive(Debug)]
pub(super) enum Codes {
    Narrow(Vec<u8>),
    Wide(Vec<u32>),
}

impl Coded {
    /// Bytes in memory, about.
    fn bytes(&self) -> usize {
        let words = self.words.iter().map(|words| {
            let texts: usize = words.texts.iter().map(|text| text.len() + 32).sum();
            let codes = match &words.codes {
                Codes::Narrow(codes) => codes.len(),
                Codes::Wide(codes) => 4 * codes.len(),
            };
            texts + codes
        });
        2 * self.at.len() + words.sum::<usize>() + 8 * self.at.len() * self.counts.len()
    }
}

/// Rows that are being decoded.
pub(super) struct Decoder {
    pub(super) shape: Shape,
    month_us: i64,
    rows: RowCodes,
    until_us: Vec<Option<i64>>,
}

impl Decoder {
    /// None for a kind of rows that are read in another way.
    pub(super) fn new(kind: PartKind, month: NaiveDate) -> Option<Self> {
        let shape = Shape::of(kind)?;
        let rows = RowCodes {
            kind,
            month,
            at: Vec::new(),
            words: shape.words.iter().map(|_| WordCodes::default()).collect(),
            counts: vec![Vec::new(); shape.counts()],
        };
        Some(Self { shape, month_us: day_start_us(month), rows, until_us: Vec::new() })
    }

    /// Takes in rows as they are stored.
    pub(super) fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let at = numbers::<TimestampMicrosecondType>(rows, "at")?;
        let place = |at_us: &i64| {
            let place = at_us.saturating_sub(self.month_us).div_euclid(self.shape.unit_us);
            u16::try_from(place).unwrap_or(NOWHERE)
        };
        self.rows.at.extend(at.values().iter().map(place));
        for (name, words) in self.shape.words.iter().zip(&mut self.rows.words) {
            words.take_in(file_texts(rows, name)?);
        }
        for (name, counts) in self.shape.stored_counts.iter().zip(&mut self.rows.counts) {
            counts.extend_from_slice(numbers::<Int64Type>(rows, name)?.values());
        }
        if self.shape.has_until {
            self.rows.counts[INFERRED].resize(self.rows.at.len(), 0);
            let until = column(rows, UNTIL)?.as_primitive_opt::<TimestampMicrosecondType>();
            let until = until.ok_or_else(|| ArrowError::SchemaError(format!("{UNTIL} is no moment")))?;
            self.until_us.extend(until);
        }
        Ok(())
    }

    /// For questions that are asked at this moment or later.
    pub(super) fn finish(self, horizon_us: i64) -> Decoded {
        let Self { mut rows, until_us, shape, .. } = self;
        if !shape.has_until {
            return Decoded { settled: Arc::new(rows.into_coded()), open: None, horizon_us };
        }
        let mut open = Open { rows: rows.of(&[]), until_us: Vec::new() };
        let mut is_open = Vec::new();
        for (row, until_us) in until_us.iter().enumerate() {
            match until_us {
                Some(until_us) if *until_us >= horizon_us => {
                    is_open.push(row);
                    open.until_us.push(*until_us);
                }
                Some(_) => rows.deny(row),
                None => {}
            }
        }
        open.rows = rows.of(&is_open);
        let settled: Vec<usize> = (0..until_us.len())
            .filter(|row| until_us[*row].is_none_or(|until_us| until_us < horizon_us))
            .collect();
        let settled = rows.of(&settled).added_up();
        let open = Some(open).filter(|open| !open.until_us.is_empty());
        Decoded { settled: Arc::new(settled.into_coded()), open, horizon_us }
    }
}

/// Rows whose codes are as wide as any may be.
#[derive(Debug, Clone)]
struct RowCodes {
    kind: PartKind,
    month: NaiveDate,
    at: Vec<u16>,
    words: Vec<WordCodes>,
    counts: Vec<Vec<i64>>,
}

impl RowCodes {
    /// Nobody answered in time.
    fn deny(&mut self, row: usize) {
        self.counts[INFERRED][row] = self.counts[ATTEMPTS][row];
        self.say(row, "denied", Some(DenialReason::NoResponse.as_str()));
    }

    /// Somebody still can answer.
    fn leave_open(&mut self, row: usize) {
        self.say(row, "open", None);
    }

    fn say(&mut self, row: usize, result: &str, reason: Option<&str>) {
        let result = self.words[RESULT].code(result);
        let reason = reason.map_or(0, |reason| self.words[REASON].code(reason));
        (self.words[RESULT].codes[row], self.words[REASON].codes[row]) = (result, reason);
    }

    /// Some of the rows.
    fn of(&self, rows: &[usize]) -> Self {
        let counts = self.counts.iter().map(|counts| rows.iter().map(|row| counts[*row]).collect());
        Self {
            kind: self.kind,
            month: self.month,
            at: rows.iter().map(|row| self.at[*row]).collect(),
            words: self.words.iter().map(|words| words.of(rows)).collect(),
            counts: counts.collect(),
        }
    }

    /// One row for each key.
    fn added_up(&self) -> Self {
        let mut places: HashMap<(u16, [u32; WORDS_MAX]), usize, RandomState> = HashMap::default();
        let mut first = Vec::new();
        let mut sums: Vec<Vec<i64>> = vec![Vec::new(); self.counts.len()];
        for (row, at) in self.at.iter().enumerate() {
            let mut key = [0; WORDS_MAX];
            self.words.iter().zip(&mut key).for_each(|(words, key)| *key = words.codes[row]);
            let place = *places.entry((*at, key)).or_insert(first.len());
            if place == first.len() {
                first.push(row);
                sums.iter_mut().for_each(|sums| sums.push(0));
            }
            sums.iter_mut().zip(&self.counts).for_each(|(sums, counts)| sums[place] += counts[row]);
        }
        Self { counts: sums, ..self.of(&first) }
    }

    fn into_coded(self) -> Coded {
        let Self { kind, month, at, words, counts } = self;
        Coded { kind, month, at, words: words.into_iter().map(WordCodes::finish).collect(), counts }
    }
}

#[derive(Debug, Clone, Default)]
struct WordCodes {
    known: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    codes: Vec<u32>,
}

impl WordCodes {
    fn take_in(&mut self, words: &StringArray) {
        let mut last: Option<(&str, u32)> = None;
        for word in words {
            let code = match (word, last) {
                (None, _) => 0,
                (Some(word), Some((known, code))) if known == word => code,
                (Some(word), _) => self.code(word),
            };
            last = word.map(|word| (word, code));
            self.codes.push(code);
        }
    }

    fn code(&mut self, word: &str) -> u32 {
        if let Some(code) = self.known.get(word) {
            return *code;
        }
        let text: Arc<str> = word.into();
        self.texts.push(Arc::clone(&text));
        let code = self.texts.len() as u32;
        self.known.insert(text, code);
        code
    }

    fn of(&self, rows: &[usize]) -> Self {
        Self { codes: rows.iter().map(|row| self.codes[*row]).collect(), ..self.clone() }
    }

    fn finish(self) -> Words {
        let is_narrow = self.texts.len() <= usize::from(u8::MAX);
        let codes = if is_narrow {
            Codes::Narrow(self.codes.iter().map(|code| *code as u8).collect())
        } else {
            Codes::Wide(self.codes)
        };
        Words { texts: self.texts, codes }
    }
}
