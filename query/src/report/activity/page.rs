//! The rows of a page, and where the next one begins.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono_tz::Tz;
use schemas::arrays::{Texts, column, list, numbers};

use super::super::changed::{local, place};
use super::super::made::Made;
use super::super::sentence::{Support, Told, meaning, of_event};
use super::cursor::{Cursor, Of};

/// The column of what stands for a row among those of one moment.
pub(super) const TIE: &str = "tie";

const BOTH: [&str; 11] = [
    "tenant_id",
    "source",
    "user_id",
    "user_key",
    "result",
    "denial_reason",
    "assurance",
    "server_name",
    "application",
    "client_ip",
    "attempt_id",
];

const EVENT: [&str; 6] = ["method", "stage", "result_code", "result_detail", "event_id", "kafka_topic"];

/// The columns that a page is made of.
pub(super) fn columns(of: Of) -> impl Iterator<Item = &'static str> {
    let own: &[&str] = match of {
        Of::Events => &[
            "occurred_at",
            "method",
            "stage",
            "result_code",
            "result_detail",
            "event_id",
            "kafka_topic",
            "kafka_partition",
            "kafka_offset",
            "element_index",
        ],
        Of::Attempts => &["first_at", "last_at", "methods", "event_ids", "events"],
    };
    BOTH.into_iter().chain(own.iter().copied())
}

/// A page that is being filled.
pub(super) struct Page {
    of: Of,
    limit: usize,
    tz: Tz,
    last: Option<(i64, i64)>,
    has_more: bool,
}

impl Page {
    pub(super) fn new(of: Of, limit: usize, tz: Tz) -> Self {
        Self { of, limit, tz, last: None, has_more: false }
    }

    /// Whether there is a row beyond the page.
    pub(super) fn is_full(&self) -> bool {
        self.has_more
    }

    /// Where the next page begins.
    pub(super) fn next(&self, book_version: u64) -> Option<Cursor> {
        let (at_us, tie) = self.last.filter(|_| self.has_more)?;
        Some(Cursor { of: self.of, at_us, tie, book_version })
    }

    pub(super) fn take_in(&mut self, made: &mut Made, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &BOTH)?;
        let at = numbers::<TimestampMicrosecondType>(rows, self.of.moment())?;
        let ties = numbers::<Int64Type>(rows, TIE)?;
        for row in 0..rows.num_rows() {
            if made.len() == self.limit {
                self.has_more = true;
                return Ok(());
            }
            self.last = Some((at.value(row), ties.value(row)));
            match self.of {
                Of::Events => self.tell_event(made, rows, &texts, row, at.value(row))?,
                Of::Attempts => self.tell_attempt(made, rows, &texts, row, at.value(row))?,
            }
        }
        Ok(())
    }

    fn tell_event(
        &self,
        made: &mut Made,
        rows: &RecordBatch,
        texts: &Texts,
        row: usize,
        at_us: i64,
    ) -> Result<(), ArrowError> {
        let own = Texts::of(&rows.slice(row, 1), &EVENT)?;
        let [method, stage, code, detail, event_id] = [0, 1, 2, 3, 4].map(|index| own.get(index, 0));
        let told = Told { method, stage, ..told(texts, row) };
        self.tell(made, texts, row, at_us, &told, (code, event_id));
        let topic = own.needed(5, 0);
        let place = place(rows, topic, row)?;
        made.last()
            .maybe("method", method)
            .maybe("stage", stage)
            .maybe("code", code)
            .maybe("detail", detail)
            .number("events", 1)
            .text("place", place);
        Ok(())
    }

    fn tell_attempt(
        &self,
        made: &mut Made,
        rows: &RecordBatch,
        texts: &Texts,
        row: usize,
        at_us: i64,
    ) -> Result<(), ArrowError> {
        let methods = list(column(rows, "methods")?, row)?;
        let event_ids = list(column(rows, "event_ids")?, row)?;
        let last_at = numbers::<TimestampMicrosecondType>(rows, "last_at")?.value(row);
        let events = column(rows, "events")?.as_primitive::<Int64Type>().value(row);
        let told = Told { method: methods.last().map(String::as_str), ..told(texts, row) };
        self.tell(made, texts, row, at_us, &told, (None, event_ids.first().map(String::as_str)));
        let methods = methods.join(", ");
        made.last()
            .maybe("method", (!methods.is_empty()).then_some(methods.as_str()))
            .number("last_at", last_at)
            .number("events", events);
        Ok(())
    }

    fn tell(
        &self,
        made: &mut Made,
        texts: &Texts,
        row: usize,
        at_us: i64,
        told: &Told<'_>,
        (code, event_id): (Option<&str>, Option<&str>),
    ) {
        let local_time = local(at_us, self.tz);
        let get = |index| texts.get(index, row);
        let support = Support {
            application: told.application,
            code,
            attempt_id: get(10),
            event_id,
            user_id: get(2),
            at: &local_time,
            source: texts.needed(1, row),
        };
        made.row()
            .text("support", support.text())
            .text("sentence", of_event(told))
            .text("local_time", local_time)
            .number("occurred_at", at_us)
            .maybe("tenant", get(0))
            .maybe("source", get(1))
            .maybe("user_id", get(2))
            .maybe("user_key", get(3))
            .maybe("result", told.result)
            .maybe("reason", told.reason)
            .maybe("meaning", meaning(told.reason))
            .maybe("assurance", told.assurance)
            .maybe("server", told.server)
            .maybe("application", told.application)
            .maybe("client_ip", told.client_ip)
            .maybe("attempt_id", get(10))
            .maybe("event_id", event_id);
    }
}

fn told(texts: &Texts, row: usize) -> Told<'_> {
    let get = |index| texts.get(index, row);
    Told {
        result: get(4),
        reason: get(5),
        assurance: get(6),
        server: get(7),
        application: get(8),
        client_ip: get(9),
        ..Told::default()
    }
}
