//! The report `usage`: how many events, and how they ended, by time and by what was used.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use schemas::vocabulary::AuthResult;

use super::counts::{ATTEMPTS, COUNT, Counting, count_attempts, count_events};
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
pub(super) const REPORT: Report = Report {
    name: "usage",
    asks: "How many events and attempts there were, and how they ended, by time and by what was used",
    definition: "An event is what a source wrote down of somebody at a gate. Copies count once, and of a sign-in that its \
                 source sent again only the last state counts. An attempt is the events by which one person tried to pass \
                 one gate once: it counts by when it began, by the method that was tried last, and as it stands when it is \
                 asked. Attempts have no stage: where `stage` is asked for, their counts are empty; copies never count \
                 among them. Only groups with events or attempts have a row; without groups there is one. `start` and \
                 `end` are those of the local period, of which the range may cover a part; with several time groups, of \
                 their overlap. No person and no id is counted here.",
    parameters: &[RANGE, &[BY], FILTERS, &[DUPLICATES]],
    columns: &[
        ("start", "string", "with a time group: its first moment, with the zone's offset"),
        ("end", "string", "with a time group: the moment after its last"),
        ("events", "integer", "events in all"),
        ("succeeded", "integer", "of them, those that were let in"),
        ("denied", "integer", "of them, those that were not"),
        ("pending", "integer", "of them, those whose code was sent and is checked by another event"),
        ("attempts", "integer", "attempts in all"),
        ("attempts_succeeded", "integer", "of them, those that were let in"),
        (
            "attempts_denied",
            "integer",
            "of them, those that were not, or whose challenge nobody answered in time",
        ),
        ("attempts_open", "integer", "of them, those that can still be answered, or were left undecided"),
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
            tz: parameters.tz,
            shift: None,
        };
        count_events(session, &counting, |batch| fold.take_in(batch)).await?;
        if fold.has_attempts {
            count_attempts(session, &counting, parameters.now, |batch| fold.take_attempts(batch)).await?;
        }
        answer(session, &REPORT, parameters, About::default(), fold.finish(&parameters.by)).await
    })
}

/// Counts of the groups, sorted.
struct Fold {
    keys: Keys,
    counts: BTreeMap<Key, Counts>,
    /// Whether attempts have what is asked for.
    has_attempts: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: Ended,
    attempts: Ended,
}

/// How many, and how they ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ended {
    all: i64,
    succeeded: i64,
    denied: i64,
}

impl Fold {
    fn new(parameters: &ReportParameters) -> Self {
        let mut counts = BTreeMap::new();
        if parameters.by.is_empty() {
            // The one row of a report without groups says zero of an empty range.
            counts.insert(Vec::new(), Counts::default());
        }
        let has_attempts = !parameters.by.contains(&Group::Stage) && !parameters.filters.has(Group::Stage);
        Self { keys: Keys::new(&parameters.by, parameters.tz), counts, has_attempts }
    }

    fn take_in(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        self.add(batch, COUNT, |counts| &mut counts.events)
    }

    fn take_attempts(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        self.add(batch, ATTEMPTS, |counts| &mut counts.attempts)
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        count: &str,
        of: fn(&mut Counts) -> &mut Ended,
    ) -> Result<usize, ArrowError> {
        let results = text_column(batch, "result")?;
        let count = column(batch, count)?.as_primitive::<Int64Type>();
        for (row, key) in self.keys.of(batch)?.into_iter().enumerate() {
            let result = results.is_valid(row).then(|| results.value(row));
            of(self.counts.entry(key).or_default()).add(result, count.value(row));
        }
        Ok(self.counts.len())
    }

    fn finish(self, by: &[Group]) -> Result<RecordBatch, ArrowError> {
        let count = |of: fn(&Counts) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(self.counts.values().map(of)))
        };
        let attempts = |of: fn(&Counts) -> i64| -> ArrayRef {
            let counts = self.counts.values().map(|counts| self.has_attempts.then(|| of(counts)));
            Arc::new(Int64Array::from_iter(counts))
        };
        let counted = vec![
            ("events", count(|counts| counts.events.all)),
            ("succeeded", count(|counts| counts.events.succeeded)),
            ("denied", count(|counts| counts.events.denied)),
            ("pending", count(|counts| counts.events.undecided())),
            ("attempts", attempts(|counts| counts.attempts.all)),
            ("attempts_succeeded", attempts(|counts| counts.attempts.succeeded)),
            ("attempts_denied", attempts(|counts| counts.attempts.denied)),
            ("attempts_open", attempts(|counts| counts.attempts.undecided())),
        ];
        rows(by, self.counts.keys(), counted)
    }
}

impl Ended {
    fn add(&mut self, result: Option<&str>, count: i64) {
        self.all += count;
        match result.and_then(AuthResult::parse) {
            Some(AuthResult::Success) => self.succeeded += count,
            Some(AuthResult::Denied) => self.denied += count,
            // Of events pending, of attempts open or undecided.
            Some(AuthResult::Pending) | None => {}
        }
    }

    fn undecided(self) -> i64 {
        self.all - self.succeeded - self.denied
    }
}
