//! Sums: how many events count and how many attempts there are, by what reports tell apart.
//!
//! A sum is kept up by adding and taking away: an event that came counts one more, one that ceased to count one less, and
//! so with attempts. So rows of sums are signed, and only what all rows of a key add up to means something. Whatever puts
//! one thing in the place of another (a later state, a new reading, a day that was removed) takes away what it had counted.

mod counted;
mod names;
mod rows;
mod unstored;

use std::collections::HashMap;

use ahash::RandomState;
use chrono::{Datelike as _, NaiveDate};
use schemas::{DAY_US, day_number};

pub(crate) use self::counted::{COUNTED_COLUMNS, Counted, CountedRows};
use self::names::{NONE, Names};
pub use self::rows::SumRows;
pub(crate) use self::rows::{AT, PLACE, sum_fields};
pub use self::unstored::EventSums;
use crate::held::{Events, day_of, names as of_key};
use crate::repeats::RowPlace;

/// Microseconds of a quarter hour.
const QUARTER_US: i64 = DAY_US / 96;

/// The columns by which events are counted apart, beside the time.
pub const EVENT_WORDS: [&str; 8] =
    ["tenant_id", "source", "method", "result", "denial_reason", "server_name", "assurance", "stage"];

/// The columns by which attempts are counted apart, beside the time and until when each can be answered.
pub const ATTEMPT_WORDS: [&str; 7] =
    ["tenant_id", "source", "method", "result", "denial_reason", "server_name", "assurance"];

/// The columns by which events of persons are counted apart, beside the time: whose they are, what links them to others, how.
pub const PERSON_WORDS: [&str; 6] = ["tenant_id", "source", "user_key", "user_id", "email", "method"];

/// Which days of a month: the first and the last lie in another month in some time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// Its first.
    First,
    /// Those between.
    Between,
    /// Its last.
    Last,
}

impl Span {
    /// Every span, in their order.
    pub const ALL: [Self; 3] = [Self::First, Self::Between, Self::Last];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first-day",
            Self::Between => "between",
            Self::Last => "last-day",
        }
    }

    /// Reads the word; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct EventKey {
    /// Quarter hours or days since 1970.
    at: i64,
    words: [u32; EVENT_WORDS.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct AttemptKey {
    at: i64,
    words: [u32; ATTEMPT_WORDS.len()],
    /// Until when it can be answered, in microseconds since 1970.
    until_us: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct PersonKey {
    /// Days since 1970, of the first day of the month.
    month: i64,
    span: Span,
    words: [u32; PERSON_WORDS.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct ExceptionKey {
    /// Days since 1970.
    day: i64,
    topic: u32,
    partition: i32,
    offset: i64,
    element: i32,
}

type ByKey<K, const COUNTS: usize> = HashMap<K, [i64; COUNTS], RandomState>;

/// What is gathered of sums until it is stored.
#[derive(Default)]
pub(crate) struct Sums {
    names: Names,
    events: ByKey<EventKey, 1>,
    attempts: ByKey<AttemptKey, 2>,
    persons: ByKey<PersonKey, 1>,
    exceptions: ByKey<ExceptionKey, 1>,
    /// The day that was looked at last, its month and its span.
    month: Option<(i64, i64, Span)>,
}

impl Sums {
    /// Adds an event that counts, or takes it away.
    pub(crate) fn event(&mut self, events: &Events<'_>, row: usize, sign: i64) {
        let at_us = events.at_us(row);
        let words = events.words(row).map(|text| self.names.number(text));
        let key = EventKey { at: at_us.div_euclid(QUARTER_US), words };
        add(&mut self.events, key, [sign]);
        let [tenant_id, source, method, ..] = words;
        let [user_key, user_id, email] = events.who(row).map(|text| self.names.number(text));
        self.person(at_us, [tenant_id, source, user_key, user_id, email, method], sign);
    }

    /// Adds an attempt, or takes it away.
    pub(crate) fn attempt(&mut self, key: &str, counted: &Counted, sign: i64) {
        let [tenant_id, source, _] = of_key(key);
        let [tenant_id, source] = [tenant_id, source].map(|name| self.names.number(Some(name)));
        let [method, result, reason, server, assurance] =
            counted.words.each_ref().map(|word| self.names.number(word.text()));
        let words = [tenant_id, source, method, result, reason, server, assurance];
        let at = counted.first_at_us.div_euclid(QUARTER_US);
        let counts = [sign, sign * counted.prompts];
        add(&mut self.attempts, AttemptKey { at, words, until_us: counted.answerable_until_us }, counts);
    }

    /// A row of a day became an exception, or ceased to be one.
    pub(crate) fn exception(&mut self, day: NaiveDate, topic: &str, place: RowPlace, sign: i64) {
        let RowPlace { offset, partition, element_index: element, .. } = place;
        let (day, topic) = (i64::from(day_number(day)), self.names.number(Some(topic)));
        add(&mut self.exceptions, ExceptionKey { day, topic, partition, offset, element }, [sign]);
    }

    fn person(&mut self, at_us: i64, words: [u32; PERSON_WORDS.len()], sign: i64) {
        let day = at_us.div_euclid(DAY_US);
        let (month, span) = match self.month {
            Some((known, month, span)) if known == day => (month, span),
            _ => {
                let (month, span) = month_of(day);
                self.month = Some((day, month, span));
                (month, span)
            }
        };
        add(&mut self.persons, PersonKey { month, span, words }, [sign]);
    }

    /// Adds what was gathered elsewhere.
    pub(crate) fn extend(&mut self, other: Self) {
        if self.len() == 0 {
            *self = other;
            return;
        }
        let Self { names: theirs, events, attempts, persons, exceptions, month: _ } = other;
        // Their numbers, less one, as ours.
        let ours: Vec<u32> = theirs.texts().map(|text| self.names.number(Some(text))).collect();
        let ours = |number: u32| match number {
            NONE => NONE,
            number => ours[number as usize - 1],
        };
        for (key, counts) in events {
            add(&mut self.events, EventKey { words: key.words.map(ours), ..key }, counts);
        }
        for (key, counts) in attempts {
            add(&mut self.attempts, AttemptKey { words: key.words.map(ours), ..key }, counts);
        }
        for (key, counts) in persons {
            add(&mut self.persons, PersonKey { words: key.words.map(ours), ..key }, counts);
        }
        for (key, counts) in exceptions {
            add(&mut self.exceptions, ExceptionKey { topic: ours(key.topic), ..key }, counts);
        }
    }

    /// Keys that are held.
    pub(crate) fn len(&self) -> usize {
        self.events.len() + self.attempts.len() + self.persons.len() + self.exceptions.len()
    }
}

fn add<K: Eq + std::hash::Hash, const COUNTS: usize>(
    sums: &mut ByKey<K, COUNTS>,
    key: K,
    counts: [i64; COUNTS],
) {
    let sum = sums.entry(key).or_insert([0; COUNTS]);
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

/// The first day of a day's month, and where in the month it lies.
fn month_of(day: i64) -> (i64, Span) {
    let date = day_of(day.saturating_mul(DAY_US));
    let is_last = date.succ_opt().is_none_or(|next| next.month() != date.month());
    let span = match date.day0() {
        0 => Span::First,
        _ if is_last => Span::Last,
        _ => Span::Between,
    };
    (day - i64::from(date.day0()), span)
}
