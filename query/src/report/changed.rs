//! Changes as reports read them: each once, in the order of time.

use std::collections::HashSet;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;
use schemas::arrays::{Texts, column, numbers};

/// Texts of a change; all but the last make its content.
pub(super) const TEXTS: [&str; 12] = [
    "tenant_id",
    "source",
    "user_id",
    "user_key",
    "change",
    "actor",
    "method",
    "reason",
    "client_ip",
    "result_code",
    "result_detail",
    "kafka_topic",
];

const CONTENT: usize = TEXTS.len() - 1;

/// A change.
#[derive(Clone, Copy)]
pub(super) struct Changed<'r> {
    texts: &'r Texts,
    row: usize,
    pub(super) at_us: i64,
    pub(super) until_us: Option<i64>,
}

impl<'r> Changed<'r> {
    pub(super) fn tenant_id(&self) -> &'r str {
        self.texts.needed(0, self.row)
    }

    pub(super) fn source(&self) -> &'r str {
        self.texts.needed(1, self.row)
    }

    pub(super) fn user_id(&self) -> &'r str {
        self.texts.needed(2, self.row)
    }

    pub(super) fn user_key(&self) -> &'r str {
        self.texts.needed(3, self.row)
    }

    pub(super) fn change(&self) -> &'r str {
        self.texts.needed(4, self.row)
    }

    pub(super) fn actor(&self) -> Option<&'r str> {
        self.texts.get(5, self.row)
    }

    pub(super) fn method(&self) -> Option<&'r str> {
        self.texts.get(6, self.row)
    }

    pub(super) fn reason(&self) -> Option<&'r str> {
        self.texts.get(7, self.row)
    }

    pub(super) fn client_ip(&self) -> Option<&'r str> {
        self.texts.get(8, self.row)
    }

    pub(super) fn result_code(&self) -> Option<&'r str> {
        self.texts.get(9, self.row)
    }

    pub(super) fn result_detail(&self) -> Option<&'r str> {
        self.texts.get(10, self.row)
    }

    /// What was said of it: the reason, and the source's own text where that says anything else.
    pub(super) fn said(&self) -> Option<String> {
        let detail = self.result_detail().filter(|detail| self.reason() != Some(*detail));
        let said: Vec<&str> = [self.reason(), detail].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// Tells copies of changes, which come in the order of time.
#[derive(Debug, Default)]
pub(super) struct Copies {
    at_us: i64,
    seen: HashSet<Vec<Option<String>>>,
}

impl Copies {
    /// Each change of these rows that did not come before, with its row.
    pub(super) fn each_new(
        &mut self,
        rows: &RecordBatch,
        mut take: impl FnMut(Changed<'_>, usize) -> Result<(), ArrowError>,
    ) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &TEXTS)?;
        let at = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
        let until = numbers::<TimestampMicrosecondType>(rows, "until")?;
        for row in 0..rows.num_rows() {
            let until_us = until.is_valid(row).then(|| until.value(row));
            let changed = Changed { texts: &texts, row, at_us: at.value(row), until_us };
            if self.is_new(&changed) {
                take(changed, row)?;
            }
        }
        Ok(())
    }

    fn is_new(&mut self, changed: &Changed<'_>) -> bool {
        if changed.at_us != self.at_us {
            self.seen.clear();
            self.at_us = changed.at_us;
        }
        let texts = (0..CONTENT).map(|index| changed.texts.get(index, changed.row).map(str::to_owned));
        let until = changed.until_us.map(|us| us.to_string());
        self.seen.insert(texts.chain([until]).collect())
    }
}

/// Where a row came from: `TOPIC:PARTITION:OFFSET:ELEMENT`.
pub(super) fn place(rows: &RecordBatch, topic: &str, row: usize) -> Result<String, ArrowError> {
    let partition = column(rows, "kafka_partition")?.as_primitive::<Int32Type>().value(row);
    let offset = column(rows, "kafka_offset")?.as_primitive::<Int64Type>().value(row);
    let element = column(rows, "element_index")?.as_primitive::<Int32Type>().value(row);
    Ok(format!("{topic}:{partition}:{offset}:{element}"))
}

/// A moment as local time with its offset.
pub(super) fn local(at_us: i64, tz: Tz) -> String {
    let at = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}
