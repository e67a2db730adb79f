//! What an answer stands on.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::usage::UsageParameters;

/// What an answer stands on, as far as it is known before the first row.
///
/// As JSON it is the object `coverage`, to which whoever writes the answer adds `rows` and `complete`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// The version of the book that was read.
    pub book_version: u64,
    /// How far each partition stands in that version, by topic and partition.
    pub offsets: Vec<NextOffset>,
    /// The newest `occurred_at` of all events in that version, whatever the question selects; none in a
    /// book without events. In UTC.
    #[serde(serialize_with = "moment")]
    pub newest_occurred_at: Option<DateTime<Utc>>,
    /// The zone of local days and of times without an offset.
    pub tz: String,
    /// What was asked.
    #[serde(flatten)]
    pub question: Question,
}

/// The offset that the book expects next of a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NextOffset {
    /// The topic's name.
    pub topic: String,
    /// The topic's UUID.
    pub topic_id: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset after the last one that the book took in.
    pub next_offset: i64,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Question {
    /// Free SQL.
    Sql {
        /// Its text.
        sql: String,
    },
    /// A named report.
    Report {
        /// Its name.
        report: &'static str,
        /// Its parameters, defaults filled in.
        parameters: UsageParameters,
    },
}

fn moment<S: Serializer>(moment: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)).serialize(serializer)
}
