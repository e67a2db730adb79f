//! What was found.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::row::{ChangeRow, Row};

/// Rows that a hit names.
pub(super) const ROWS_MAX: usize = 256;

/// As what something is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Many prompts were declined or left unanswered by one person.
    Fatigue,
    /// One address was denied for many persons.
    ManyPersons,
    /// Wrong codes in a row for one person.
    WrongCodes,
    /// A person reported fraud.
    Fraud,
    /// Many calls or texts to one range of numbers, hardly any of them answered.
    NumberRange,
    /// A method or an address that was never this person's.
    FirstTime,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fatigue => "fatigue",
            Self::ManyPersons => "many-persons",
            Self::WrongCodes => "wrong-codes",
            Self::Fraud => "fraud",
            Self::NumberRange => "number-range",
            Self::FirstTime => "first-time",
        }
    }
}

/// How bad it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}

/// A row of a hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) at_us: i64,
    pub(super) source: String,
    /// None of a change.
    pub(super) event_id: Option<String>,
    pub(super) place: String,
}

impl From<&Row> for Evidence {
    fn from(row: &Row) -> Self {
        Self {
            at_us: row.at_us,
            source: row.source.clone(),
            event_id: Some(row.event_id.clone()),
            place: row.place.clone(),
        }
    }
}

impl From<&ChangeRow> for Evidence {
    fn from(row: &ChangeRow) -> Self {
        Self { at_us: row.at_us, source: row.source.clone(), event_id: None, place: row.place.clone() }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    pub(super) tenant_id: String,
    pub(super) person: Option<String>,
    pub(super) address: Option<String>,
    pub(super) number_range: Option<String>,
    /// In the order of time; never empty. What only followed is not among them.
    pub(super) rows: Vec<Evidence>,
    /// Prompts, messages and calls that these rows tell of, where such are counted.
    pub(super) prompts: Option<i64>,
    pub(super) persons: usize,
    /// A sentence.
    pub(super) what: String,
}

impl Hit {
    pub(super) fn first_at_us(&self) -> i64 {
        self.rows.first().map_or(0, |row| row.at_us)
    }

    pub(super) fn last_at_us(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.at_us)
    }

    /// Events, each once: copies are not read, and two sources may use one id.
    pub(super) fn events(&self) -> usize {
        let ids = self.rows.iter().filter_map(|row| Some((&row.source, row.event_id.as_ref()?)));
        ids.collect::<BTreeSet<_>>().len()
    }

    /// The same hit has the same id, also where later rows make it longer and worse, or another range is asked about: it
    /// is a hash of the kind, the tenant and the first row, by its source and id (of a change, by its place).
    pub(super) fn id(&self) -> String {
        let first = self.rows.first();
        let of = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let parts = [
            self.kind.as_str().to_owned(),
            self.tenant_id.clone(),
            of(first.map(|row| row.source.as_str())),
            of(first.map(|row| row.event_id.as_deref().unwrap_or(&row.place))),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
