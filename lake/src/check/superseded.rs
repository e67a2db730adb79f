//! Superseded events, held against their new readings and against the entries of the re-decodings.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};
use chrono::NaiveDate;
use schemas::Kind;

use crate::check::account::Accounts;
use crate::check::columns::{Places, texts};
use crate::check::data_file::Rows;
use crate::check::removed::Removed;
use crate::check::{Findings, Invariant};
use crate::partition::PartitionId;
use crate::removal;
use crate::totals::number;

/// Rows by partition and day.
type ByDay = BTreeMap<(PartitionId, NaiveDate), i64>;

/// Events that a later decoder read anew.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    /// As the removal entries of the re-decodings count them.
    replaced: ByDay,
    /// As they are there.
    there: ByDay,
}

impl Superseded {
    /// Takes in removal entries; those of other reasons replaced nothing.
    pub(super) fn take_in_removals(&mut self, rows: &RecordBatch) {
        let (Some(whys), Some(topic_ids)) = (texts(rows, "why"), texts(rows, "kafka_topic_id")) else {
            return;
        };
        let partitions =
            rows.column_by_name("kafka_partition").and_then(|values| values.as_primitive_opt::<Int32Type>());
        let days =
            rows.column_by_name("removed_day").and_then(|values| values.as_primitive_opt::<Date32Type>());
        let (Some(partitions), Some(days)) = (partitions, days) else { return };
        for row in 0..rows.num_rows() {
            let is_whole = topic_ids.is_valid(row) && partitions.is_valid(row) && days.is_valid(row);
            if !is_whole || whys.is_null(row) || whys.value(row) != removal::REDECODED {
                continue;
            }
            let Some(day) = days.value_as_date(row) else { continue };
            let id =
                PartitionId { topic_id: topic_ids.value(row).to_owned(), partition: partitions.value(row) };
            *self.replaced.entry((id, day)).or_default() += number(rows, "rows", row).unwrap_or(0);
        }
    }

    /// Takes in superseded rows; all events must have been taken in before. Of an event that was read anew twice there
    /// are two.
    pub(super) fn take_in(
        &mut self,
        rows: &Rows<'_>,
        accounts: &Accounts,
        removed: &Removed,
        findings: &mut Findings,
    ) {
        // A place that is not there was found before.
        let Some(places) = Places::of(rows.batch) else { return };
        for place in (0..rows.batch.num_rows()).map(|row| (row, places.get(row))) {
            let (row, Some(place)) = place else { continue };
            let id = PartitionId { topic_id: place.topic_id.to_owned(), partition: place.partition };
            if !accounts.holds(place) && !removed.may_have(&id, Kind::Event, place.offset) {
                findings.add(Invariant::SupersededRead, || {
                    (rows.place(row), "a superseded event alone", "its new reading")
                });
            }
            *self.there.entry((id, rows.day)).or_default() += 1;
        }
    }

    /// Compares what was replaced with what is there and what retention removed. No more rows may come afterwards.
    pub(super) fn settle(&self, removed: &Removed, findings: &mut Findings) {
        let removed_days = removed.days(Kind::Superseded).map(|(id, day)| (id.clone(), day));
        let keys: BTreeSet<(PartitionId, NaiveDate)> =
            self.replaced.keys().chain(self.there.keys()).cloned().chain(removed_days).collect();
        for key in keys {
            let of = |rows: &ByDay| rows.get(&key).copied().unwrap_or(0);
            let (replaced, there) = (of(&self.replaced), of(&self.there));
            let (id, day) = &key;
            let gone = removed.rows_of_day(id, Kind::Superseded, *day);
            if there + gone != replaced {
                findings.add(Invariant::SupersededCounts, || {
                    (
                        format!("{id} on {day}"),
                        format!("{there} superseded events and {gone} removed"),
                        format!("{replaced} as the re-decodings count"),
                    )
                });
            }
        }
    }

    /// Superseded events of a partition that are there.
    pub(super) fn rows(&self, id: &PartitionId) -> i64 {
        self.there.iter().filter(|((of, _), _)| of == id).map(|(_, rows)| rows).sum()
    }
}
