//! A file of the projections.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::{Action, Add, LogicalFileView, Remove};
use object_store::path::Path;
use serde_json::{Map, Value};

use crate::active_file::removing;
use crate::data_file::DataFile;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Attempts.
    Attempt,
    /// Numbers of rows that are not true any more.
    Void,
    /// How many events count, by quarter hour of UTC and by what reports tell apart.
    EventsByQuarter,
    /// The same by UTC day.
    EventsByDay,
    /// How many attempts there are, by the quarter hour of UTC in which they began.
    AttemptsByQuarter,
    /// The same by UTC day.
    AttemptsByDay,
    /// How many events and attempts each person has, by UTC month.
    PersonsByMonth,
    /// Rows of the book that count although they are flagged as duplicates, or do not although they are not, by UTC day.
    ExceptionsByDay,
}

impl PartKind {
    /// The value of the partition column `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Void => "void",
            Self::EventsByQuarter => "events-by-quarter-hour",
            Self::EventsByDay => "events-by-day",
            Self::AttemptsByQuarter => "attempts-by-quarter-hour",
            Self::AttemptsByDay => "attempts-by-day",
            Self::PersonsByMonth => "persons-by-month",
            Self::ExceptionsByDay => "exceptions-by-day",
        }
    }

    /// Every kind of rows that add up: of equal keys, only their sum means something.
    pub const SUMS: [Self; 6] = [
        Self::EventsByQuarter,
        Self::EventsByDay,
        Self::AttemptsByQuarter,
        Self::AttemptsByDay,
        Self::PersonsByMonth,
        Self::ExceptionsByDay,
    ];

    /// Whether rows of it add up. They lie with the first day of their month, so that there are few files.
    #[must_use]
    pub const fn adds_up(self) -> bool {
        !matches!(self, Self::Attempt | Self::Void)
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Attempt, Self::Void].into_iter().chain(Self::SUMS);
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A file, in the table's version or only just stored.
#[derive(Debug, Clone)]
pub struct Part {
    /// Relative to the table's folder.
    pub path: Path,
    /// What its rows are.
    pub kind: PartKind,
    /// The UTC day on which its attempts began; of what adds up, the first day of its month.
    pub day: NaiveDate,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub size_bytes: u64,
    /// When the last attempt in it ended, in microseconds since 1970 UTC, where the log says so.
    pub last_us: Option<i64>,
    modified_ms: Option<i64>,
    named: Named,
}

/// How a log names it.
#[derive(Debug, Clone)]
enum Named {
    /// It does, and this takes it out.
    Active(Arc<Remove>),
    /// Not yet: this puts it in.
    Stored(Arc<Add>),
}

impl Part {
    /// None for a file that this version does not know what to do with.
    pub(super) fn of(view: &LogicalFileView) -> Option<Self> {
        let values = view.partition_values_map();
        let value = |name: &str| values.get(name).and_then(Option::as_deref);
        let path = view.object_store_path();
        Some(Self {
            kind: value("kind").and_then(PartKind::parse)?,
            day: value("day").and_then(|day| day.parse().ok())?,
            rows: view.num_records().unwrap_or(0) as u64,
            size_bytes: u64::try_from(view.size()).unwrap_or(0),
            last_us: view.stats().and_then(|stats| last_us(&stats)),
            modified_ms: Some(view.modification_time()),
            named: Named::Active(Arc::new(view.remove_action(true))),
            path,
        })
    }

    pub(super) fn stored(file: &DataFile, kind: PartKind, day: NaiveDate, rows: usize) -> Self {
        Self {
            path: file.path.clone(),
            kind,
            day,
            rows: rows as u64,
            size_bytes: file.size_bytes() as u64,
            last_us: file.add.stats.as_deref().and_then(last_us),
            modified_ms: None,
            named: Named::Stored(Arc::new(file.add.clone())),
        }
    }

    /// When it was written, in milliseconds since 1970; none for one that no version names yet.
    pub(super) fn modified_ms(&self) -> Option<i64> {
        self.modified_ms
    }

    pub(super) fn remove_action(&self, data_change: bool) -> Option<Action> {
        let Named::Active(remove) = &self.named else { return None };
        Some(removing(remove, data_change))
    }

    pub(super) fn add_action(&self) -> Option<Action> {
        let Named::Stored(add) = &self.named else { return None };
        Some(Action::Add(Add::clone(add)))
    }
}

fn last_us(statistics: &str) -> Option<i64> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statistics {
        max_values: Map<String, Value>,
    }
    let Statistics { max_values } = serde_json::from_str(statistics).ok()?;
    let last = max_values.get("last_at")?.as_str()?.parse::<DateTime<Utc>>().ok()?;
    Some(last.timestamp_micros())
}
