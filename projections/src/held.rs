//! Events as they are held in memory, read from the columns of the book.

use std::cmp::Ordering;
use std::fmt::Write as _;

use arrow::array::{Array as _, AsArray as _, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use schemas::DAY_US;
use schemas::arrays::{file_texts, numbers};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use crate::attempter::Step;
use crate::repeats::{Exceptions, RowPlace};
use crate::sums::EVENT_WORDS;

/// The columns of an event that tell whose it is, in the order in which [`write_key`] takes them.
pub(crate) const WHO: [&str; 3] = ["tenant_id", "source", "user_key"];

/// The columns of an event that attempts are made of, and by which it is known whether it counts.
pub(crate) const EVENT_COLUMNS: &[&str] = &[
    "tenant_id",
    "source",
    "user_key",
    "occurred_at",
    "event_id",
    "attempt_id",
    "user_id",
    "email",
    "application",
    "server_name",
    "client_ip",
    "method",
    "result",
    "denial_reason",
    "stage",
    "assurance",
    "prompts",
    "steps",
    "duplicate",
    "kafka_topic_id",
    "kafka_partition",
    "kafka_offset",
    "element_index",
];

/// The texts of an event, by their place in [`Held`].
const TEXTS: [&str; 7] =
    ["event_id", "attempt_id", "user_id", "email", "application", "server_name", "client_ip"];

/// Behind the source and the length of the tenant's name in a key: neither holds it, whatever names hold.
const BETWEEN: char = '\0';

/// One person, as one source of one tenant names them: the three names in one text.
fn write_key(key: &mut String, [tenant_id, source, user_key]: [&str; 3]) {
    key.clear();
    // Writing to a text never fails.
    let _ = write!(key, "{source}{BETWEEN}{}{BETWEEN}{tenant_id}{user_key}", tenant_id.len());
}

/// The three names again.
pub(crate) fn names(key: &str) -> [&str; 3] {
    let (source, rest) = key.split_once(BETWEEN).unwrap_or((key, ""));
    let (length, rest) = rest.split_once(BETWEEN).unwrap_or(("", rest));
    let length = length.parse().unwrap_or(0);
    let (tenant_id, user_key) = rest.split_at_checked(length).unwrap_or((rest, ""));
    [tenant_id, source, user_key]
}

/// What is known of each person, by [`write_key`].
pub(crate) type ByPerson<V> = std::collections::HashMap<Box<str>, V, ahash::RandomState>;

/// The columns of rows that tell whose each is.
pub(crate) struct Keys<'r>([&'r StringArray; 3]);

impl<'r> Keys<'r> {
    pub(crate) fn of(rows: &'r RecordBatch) -> Result<Self, ArrowError> {
        let [tenants, sources, users] = WHO.map(|name| file_texts(rows, name));
        Ok(Self([tenants?, sources?, users?]))
    }

    /// Each row, with its person's key.
    pub(crate) fn each(&self, mut take: impl FnMut(usize, &str)) {
        let mut key = String::new();
        for row in 0..self.0[0].len() {
            write_key(&mut key, self.0.map(|names| names.value(row)));
            take(row, &key);
        }
    }
}

/// Gives the value of a key to a function. The key is copied only where it is new.
pub(crate) fn update<V: Default>(map: &mut ByPerson<V>, key: &str, update: impl FnOnce(&mut V)) {
    match map.get_mut(key) {
        Some(value) => update(value),
        None => update(map.entry(key.into()).or_default()),
    }
}

/// An event, as far as attempts need it. Events of a person sort in the order in which they are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) at_us: i64,
    /// All texts, one after the other.
    texts: Box<str>,
    /// Where each ends; the upper bit says that there is none.
    ends: [u32; TEXTS.len()],
    method: Option<Method>,
    result: AuthResult,
    reason: Option<DenialReason>,
    stage: Stage,
    assurance: Assurance,
    prompts: Option<i32>,
    steps: i32,
}

const ABSENT: u32 = 1 << 31;

impl Held {
    fn text(&self, index: usize) -> Option<&str> {
        let end = self.ends[index];
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] & !ABSENT);
        (end & ABSENT == 0).then(|| &self.texts[start as usize..end as usize])
    }

    pub(crate) fn step<'a>(&'a self, source: &'a str) -> Step<'a> {
        Step {
            source,
            at_us: self.at_us,
            event_id: self.text(0).unwrap_or_default(),
            attempt_id: self.text(1),
            user_id: self.text(2).unwrap_or_default(),
            email: self.text(3),
            application: self.text(4),
            server: self.text(5),
            client_ip: self.text(6),
            method: self.method,
            result: self.result,
            reason: self.reason,
            stage: self.stage,
            assurance: self.assurance,
            prompts: self.prompts,
            steps: i64::from(self.steps),
        }
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.texts.len() + 16
    }
}

impl Ord for Held {
    /// By time. Of events at the same moment a challenge comes first and what let the person in last; then what they say
    /// decides, never how they came, so that any order of arrival gives the same.
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |held: &Self| match held.result {
            AuthResult::Pending => 0,
            AuthResult::Denied => 1,
            AuthResult::Success => 2,
        };
        let words =
            |held: &Self| (held.reason, held.method, held.stage, held.assurance, held.prompts, held.steps);
        self.at_us
            .cmp(&other.at_us)
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| self.text(0).cmp(&other.text(0)))
            .then_with(|| words(self).cmp(&words(other)))
            .then_with(|| {
                (1..TEXTS.len())
                    .map(|index| self.text(index))
                    .cmp((1..TEXTS.len()).map(|index| other.text(index)))
            })
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Events of a batch.
pub(crate) struct Events<'r> {
    keys: Keys<'r>,
    at: &'r TimestampMicrosecondArray,
    texts: [Option<&'r StringArray>; TEXTS.len()],
    method: Option<&'r StringArray>,
    result: &'r StringArray,
    reason: Option<&'r StringArray>,
    stage: Option<&'r StringArray>,
    assurance: Option<&'r StringArray>,
    prompts: Option<&'r Int32Array>,
    steps: Option<&'r ListArray>,
    flags: Option<&'r BooleanArray>,
    topics: &'r StringArray,
    partitions: &'r Int32Array,
    offsets: &'r Int64Array,
    elements: &'r Int32Array,
}

impl<'r> Events<'r> {
    pub(crate) fn of(rows: &'r RecordBatch) -> Result<Self, ArrowError> {
        let text = |name: &str| file_texts(rows, name);
        // A field that was switched off has no column.
        let optional = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt());
        Ok(Self {
            keys: Keys::of(rows)?,
            at: numbers::<TimestampMicrosecondType>(rows, "occurred_at")?,
            texts: TEXTS.map(optional),
            method: optional("method"),
            result: text("result")?,
            reason: optional("denial_reason"),
            stage: optional("stage"),
            assurance: optional("assurance"),
            prompts: rows.column_by_name("prompts").and_then(|prompts| prompts.as_primitive_opt()),
            steps: rows.column_by_name("steps").and_then(|steps| steps.as_list_opt()),
            flags: rows.column_by_name("duplicate").and_then(|flags| flags.as_boolean_opt()),
            topics: text("kafka_topic_id")?,
            partitions: numbers::<Int32Type>(rows, "kafka_partition")?,
            offsets: numbers::<Int64Type>(rows, "kafka_offset")?,
            elements: numbers::<Int32Type>(rows, "element_index")?,
        })
    }

    pub(crate) fn at_us(&self, row: usize) -> i64 {
        self.at.value(row)
    }

    /// What the columns [`EVENT_WORDS`] hold, in their order.
    pub(crate) fn words(&self, row: usize) -> [Option<&'r str>; EVENT_WORDS.len()] {
        let Keys([tenants, sources, _]) = self.keys;
        let [.., server, _] = self.texts;
        [
            Some(tenants),
            Some(sources),
            self.method,
            Some(self.result),
            self.reason,
            server,
            self.assurance,
            self.stage,
        ]
        .map(|texts| texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row)))
    }

    /// The person, as the source names them: the key, the id as it came, and an e-mail address that came with it.
    pub(crate) fn who(&self, row: usize) -> [Option<&'r str>; 3] {
        let Keys([_, _, users]) = self.keys;
        let [_, _, user_id, email, ..] = self.texts;
        [Some(users), user_id, email]
            .map(|texts| texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row)))
    }

    /// Each event, by its row, with its person's key.
    pub(crate) fn each(&self, take: impl FnMut(usize, &str)) {
        self.keys.each(take);
    }

    /// Each event that counts.
    pub(crate) fn each_that_counts(&self, exceptions: &Exceptions, mut take: impl FnMut(usize, &str)) {
        self.keys.each(|row, key| {
            if self.counts(row, exceptions) {
                take(row, key);
            }
        });
    }

    /// Whether the row is the one of its event that counts.
    pub(crate) fn counts(&self, row: usize, exceptions: &Exceptions) -> bool {
        let is_flagged = self.flags.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        let day = self.at_us(row).div_euclid(DAY_US) as i32;
        let is_exception = exceptions.of_day(day).is_some_and(|places| {
            let topic = places.topic(self.topics.value(row));
            topic.is_some_and(|topic| places.has(&self.place(row, topic)))
        });
        is_flagged == is_exception
    }

    fn place(&self, row: usize, topic: u32) -> RowPlace {
        RowPlace {
            offset: self.offsets.value(row),
            partition: self.partitions.value(row),
            element_index: self.elements.value(row),
            topic,
        }
    }

    pub(crate) fn held(&self, row: usize) -> Held {
        let value = |texts: Option<&'r StringArray>| {
            texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
        };
        let mut all = String::with_capacity(self.texts.into_iter().filter_map(value).map(str::len).sum());
        let mut ends = [0; TEXTS.len()];
        for (texts, end) in self.texts.into_iter().zip(&mut ends) {
            let text = value(texts);
            all.push_str(text.unwrap_or_default());
            *end = all.len() as u32 | if text.is_some() { 0 } else { ABSENT };
        }
        Held {
            at_us: self.at_us(row),
            texts: all.into_boxed_str(),
            ends,
            method: value(self.method).and_then(Method::parse),
            // The book holds no other words; one of a later version decides nothing here.
            result: value(Some(self.result)).and_then(AuthResult::parse).unwrap_or(AuthResult::Pending),
            reason: value(self.reason).and_then(DenialReason::parse),
            stage: value(self.stage).and_then(Stage::parse).unwrap_or(Stage::UNKNOWN),
            assurance: value(self.assurance).and_then(Assurance::parse).unwrap_or(Assurance::UNKNOWN),
            prompts: self.prompts.filter(|prompts| prompts.is_valid(row)).map(|prompts| prompts.value(row)),
            steps: self.steps.filter(|steps| steps.is_valid(row)).map_or(0, |steps| steps.value_length(row)),
        }
    }
}

/// The UTC day of a moment.
pub(crate) fn day_of(at_us: i64) -> chrono::NaiveDate {
    chrono::DateTime::from_timestamp_micros(at_us).map_or(chrono::NaiveDate::MIN, |at| at.date_naive())
}
