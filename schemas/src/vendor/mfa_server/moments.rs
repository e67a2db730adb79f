//! Times of reports and records: UTC by the name of the column, else by a zone in the text.

use super::row::{Key, Row, Value};
use crate::rejection::{Reason, Rejection};
use crate::vendor::times::{self, Writing};
use crate::vendor::when::When;

/// Where a row keeps a time, and where one whose name says UTC; with the name that a rejection gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) plain: Key,
    pub(super) utc: Key,
    pub(super) name: &'static str,
}

pub(super) const TIMESTAMP: Column =
    Column { plain: Key::Timestamp, utc: Key::TimestampUtc, name: "Timestamp" };

impl Column {
    /// The time, as far as the row says it.
    pub(super) fn read<'t>(self, row: &Row<'t>) -> Result<When<'t>, Rejection<'static>> {
        let (value, in_utc) = match row.value(self.utc) {
            Some(value) => (Some(value), true),
            None => (row.value(self.plain), false),
        };
        let found = match value {
            None => Ok(When::Unsaid),
            Some(Value::Number(number)) => times::epoch(number).map(When::At).ok_or("a number out of range"),
            Some(Value::Text(text)) => Writing { in_utc, month_first: true }.read(text).ok_or("another text"),
            Some(Value::Flag(_)) => Err("a flag"),
        };
        found.map_err(|found| {
            let detail =
                format!("found {found}, expected a time with a zone, or a column `{} (UTC)`", self.name);
            Rejection::field(Reason::BadTime, self.name, detail)
        })
    }
}
