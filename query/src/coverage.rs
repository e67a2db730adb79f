//! What an answer stands on.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::redecoded::DayRange;
use crate::report::{Report, ReportParameters, Settled};

/// What an answer stands on, as far as it is known before the first row.
///
/// As JSON it is the object `coverage`, to which [`Covered`] adds what is known after the last row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// The version of the book that was read.
    pub book_version: u64,
    /// The version of the directory that was read; none where the question asks for nothing of it, or nothing was ever
    /// said in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_version: Option<u64>,
    /// How far each partition stands in that version of the book, by topic and partition.
    pub offsets: Vec<NextOffset>,
    /// The newest `occurred_at` of all events in that version, whatever the question selects; none in a
    /// book without events. In UTC.
    #[serde(serialize_with = "moment")]
    pub newest_occurred_at: Option<DateTime<Utc>>,
    /// Days among those that the answer covers, or of the whole book where it names none, whose events a later decoder
    /// read anew: an earlier answer may differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redecoded_days: Vec<DayRange>,
    /// The zone of local days and of times without an offset.
    pub tz: String,
    /// What was asked.
    #[serde(flatten)]
    pub question: Question,
}

/// What an answer stands on, and how much of it was given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Covered<'a> {
    /// What was known before the first row.
    #[serde(flatten)]
    pub coverage: &'a Coverage,
    /// Rows that were given.
    pub rows: u64,
    /// Whether these are all.
    pub complete: bool,
}

impl Coverage {
    /// What an answer to free SQL stands on.
    pub(crate) fn of_sql(
        book_version: u64,
        directory_version: Option<u64>,
        offsets: Vec<NextOffset>,
        newest_occurred_at: Option<DateTime<Utc>>,
        redecoded_days: Vec<DayRange>,
        sql: String,
    ) -> Self {
        Self {
            book_version,
            directory_version,
            offsets,
            newest_occurred_at,
            redecoded_days,
            tz: "UTC".to_owned(),
            question: Question::Sql { sql },
        }
    }

    /// The coverage as a JSON object, without what names a person: for headers, which others log.
    #[must_use]
    pub fn impersonal(&self) -> Value {
        let mut coverage = serde_json::json!(self);
        if let Question::Report { parameters, .. } = &self.question
            && let Some(told) = coverage["parameters"].as_object_mut()
        {
            parameters.personal().for_each(|name| drop(told.remove(name)));
        }
        coverage
    }

    /// The coverage as a JSON object in one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

impl Covered<'_> {
    /// The coverage as a JSON object in one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

/// The offset that the book expects next of a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// A list.
    List {
        /// Its name.
        list: &'static str,
        /// Its parameters.
        parameters: Value,
    },
    /// An export.
    Export {
        /// The schema of other tools in which it is.
        export: &'static str,
        /// Its parameters, defaults filled in.
        parameters: ReportParameters,
    },
    /// A named report.
    Report {
        /// Which.
        report: &'static Report,
        /// Its parameters, defaults filled in.
        parameters: ReportParameters,
        /// Events that were counted as challenged because they do not say; none in a report without rates.
        #[serde(skip_serializing_if = "Option::is_none")]
        assurance_unknown: Option<i64>,
        /// Where the next page begins; none where there is none, or the report has no pages.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<String>,
        /// How many persons there are of each class, in a report that classes them.
        #[serde(skip_serializing_if = "Option::is_none")]
        population: Option<BTreeMap<&'static str, i64>>,
        /// The thresholds that decided, where the report has some.
        #[serde(skip_serializing_if = "Option::is_none")]
        thresholds: Option<Value>,
        /// Whether what was counted may still change.
        #[serde(flatten)]
        settled: Settled,
    },
}

fn moment<S: Serializer>(moment: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)).serialize(serializer)
}
