//! The report `usage`: how many events, and how they ended, by time and by what was used.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use schemas::vocabulary::AuthResult;

use super::counts::{COUNT, Counting, count_events};
use super::group::Group;
use super::keys::{Key, Keys, rows};
use super::parameters::{BY, DUPLICATES, FILTERS, RANGE, ReportParameters};
use super::{About, Answering, Report, answer};
use crate::arrays::{column, text_column};
use crate::session::Session;

/// How many events there were, and how they ended.
///
/// The columns are the groups under their own names, as text, null where an event has no such value; with
/// a time group also `start` and `end`, RFC 3339 with the offset of the zone; then the counts. Rows are sorted by the
/// groups, in the order asked for, nulls last.
pub const REPORT: Report = Report {
    name: "usage",
    asks: "How many events there were, and how they ended, by time and by what was used",
    definition: "An event is what a source wrote down of somebody at a gate. Copies count once, and of a sign-in that its \
                 source sent again only the last state counts. Only groups with events have a row; without groups there is \
                 one. `start` and `end` are those of the local period, of which the range may cover a part; with several \
                 time groups, of their overlap. No person and no id is counted here.",
    parameters: &[RANGE, &[BY], FILTERS, &[DUPLICATES]],
    columns: &[
        ("start", "string", "with a time group: its first moment, with the zone's offset"),
        ("end", "string", "with a time group: the moment after its last"),
        ("events", "integer", "events in all"),
        ("succeeded", "integer", "of them, those that were let in"),
        ("denied", "integer", "of them, those that were not"),
        ("pending", "integer", "of them, those whose code was sent and is checked by another event"),
    ],
    answer: usage,
};

fn usage<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let mut fold = Fold::new(parameters);
        let counting = Counting {
            range: parameters.range,
            by: &parameters.by,
            filters: &parameters.filters,
            with_duplicates: parameters.with_duplicates(),
            with_first_factor: true,
            columns: &["result"],
        };
        count_events(session, &counting, |batch| fold.take_in(batch)).await?;
        answer(session, &REPORT, parameters, About::default(), fold.finish(&parameters.by)).await
    })
}

/// Counts of the groups, sorted.
struct Fold {
    keys: Keys,
    counts: BTreeMap<Key, Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: i64,
    succeeded: i64,
    denied: i64,
    pending: i64,
}

impl Fold {
    fn new(parameters: &ReportParameters) -> Self {
        let mut counts = BTreeMap::new();
        if parameters.by.is_empty() {
            // The one row of a report without groups says zero of an empty range.
            counts.insert(Vec::new(), Counts::default());
        }
        Self { keys: Keys::new(&parameters.by, parameters.tz), counts }
    }

    fn take_in(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        let results = text_column(batch, "result")?;
        let events = column(batch, COUNT)?.as_primitive::<Int64Type>();
        for (row, key) in self.keys.of(batch)?.into_iter().enumerate() {
            let result = results.is_valid(row).then(|| results.value(row));
            self.counts.entry(key).or_default().add(result, events.value(row));
        }
        Ok(self.counts.len())
    }

    fn finish(self, by: &[Group]) -> Result<RecordBatch, ArrowError> {
        let count = |of: fn(&Counts) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(self.counts.values().map(of)))
        };
        let counted = vec![
            ("events", count(|counts| counts.events)),
            ("succeeded", count(|counts| counts.succeeded)),
            ("denied", count(|counts| counts.denied)),
            ("pending", count(|counts| counts.pending)),
        ];
        rows(by, self.counts.keys(), counted)
    }
}

impl Counts {
    fn add(&mut self, result: Option<&str>, events: i64) {
        self.events += events;
        match result.and_then(AuthResult::parse) {
            Some(AuthResult::Success) => self.succeeded += events,
            Some(AuthResult::Denied) => self.denied += events,
            Some(AuthResult::Pending) => self.pending += events,
            None => {}
        }
    }
}
