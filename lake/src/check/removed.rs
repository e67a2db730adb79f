//! What removal entries say, and that it is so.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};
use chrono::NaiveDate;
use schemas::Kind;

use crate::check::account::COUNTED;
use crate::check::columns::{Places, texts};
use crate::check::data_file::Rows;
use crate::check::{Findings, Invariant};
use crate::partition::PartitionId;
use crate::removal;
use crate::totals::number;

/// Rows that retention removed, by partition.
#[derive(Debug, Default)]
pub(super) struct Removed {
    by_partition: BTreeMap<PartitionId, Vec<Taken>>,
    /// Of each removed day and partition, the offset up to which its rows are gone.
    ends: HashMap<(Kind, NaiveDate), BTreeMap<PartitionId, i64>>,
}

/// One removal entry.
#[derive(Debug)]
struct Taken {
    kind: Kind,
    day: NaiveDate,
    rows: i64,
    from: i64,
    next: i64,
}

impl Removed {
    /// Takes in removal entries. One that retired a topic took no rows.
    pub(super) fn take_in(&mut self, rows: &RecordBatch) {
        let column = |name: &str| texts(rows, name);
        let (Some(whys), Some(topic_ids), Some(kinds)) =
            (column("why"), column("kafka_topic_id"), column("removed_kind"))
        else {
            return;
        };
        let partitions =
            rows.column_by_name("kafka_partition").and_then(|values| values.as_primitive_opt::<Int32Type>());
        let days =
            rows.column_by_name("removed_day").and_then(|values| values.as_primitive_opt::<Date32Type>());
        let (Some(partitions), Some(days)) = (partitions, days) else { return };
        for row in 0..rows.num_rows() {
            let is_whole = topic_ids.is_valid(row)
                && partitions.is_valid(row)
                && days.is_valid(row)
                && kinds.is_valid(row);
            if !is_whole || whys.is_null(row) || whys.value(row) != removal::RETENTION {
                continue;
            }
            let (Some(kind), Some(day)) = (Kind::parse(kinds.value(row)), days.value_as_date(row)) else {
                continue;
            };
            let said = |name: &str| number(rows, name, row).unwrap_or(0);
            let (from, next) = (said("from_offset"), said("next_offset"));
            let taken = Taken { kind, day, rows: said("rows"), from, next };
            let id =
                PartitionId { topic_id: topic_ids.value(row).to_owned(), partition: partitions.value(row) };
            let end = self.ends.entry((kind, day)).or_default().entry(id.clone()).or_insert(taken.next);
            *end = taken.next.max(*end);
            self.by_partition.entry(id).or_default().push(taken);
        }
    }

    /// Looks for rows that should be gone. A removal takes every row that a day has, and what lands in that
    /// day later has higher offsets.
    pub(super) fn check(&self, rows: &Rows<'_>, findings: &mut Findings) {
        let Some(ends) = self.ends.get(&(rows.kind, rows.day)) else { return };
        let Some(places) = Places::of(rows.batch) else { return };
        for row in 0..rows.batch.num_rows() {
            let Some(place) = places.get(row) else { continue };
            let id = PartitionId { topic_id: place.topic_id.to_owned(), partition: place.partition };
            if ends.get(&id).is_some_and(|&end| place.offset < end) {
                findings.add(Invariant::RemovalComplete, || {
                    (rows.place(row), "a row of a removed day", "no row")
                });
            }
        }
    }

    /// Rows that were removed of a partition, of every kind that segments count.
    pub(super) fn rows(&self, id: &PartitionId) -> i64 {
        COUNTED.iter().map(|&kind| self.rows_of(id, kind)).sum()
    }

    /// Rows that were removed of a partition and a kind.
    pub(super) fn rows_of(&self, id: &PartitionId, kind: Kind) -> i64 {
        self.of(id, kind).map(|taken| taken.rows).sum()
    }

    /// Rows that were removed of a partition, a kind and a day.
    pub(super) fn rows_of_day(&self, id: &PartitionId, kind: Kind, day: NaiveDate) -> i64 {
        self.of(id, kind).filter(|taken| taken.day == day).map(|taken| taken.rows).sum()
    }

    /// Whether retention may have removed a row of this kind and offset.
    pub(super) fn may_have(&self, id: &PartitionId, kind: Kind, offset: i64) -> bool {
        self.of(id, kind).any(|taken| (taken.from..taken.next).contains(&offset))
    }

    /// Every partition and day of which rows of a kind were removed.
    pub(super) fn days(&self, kind: Kind) -> impl Iterator<Item = (&PartitionId, NaiveDate)> {
        let days = self.by_partition.iter().flat_map(|(id, all)| all.iter().map(move |taken| (id, taken)));
        days.filter(move |(_, taken)| taken.kind == kind).map(|(id, taken)| (id, taken.day))
    }

    /// The ranges of offsets in which rows of a kind were removed.
    pub(super) fn spans(&self, id: &PartitionId, kind: Kind) -> Spans {
        let mut ranges: Vec<(i64, i64)> = self.of(id, kind).map(|taken| (taken.from, taken.next)).collect();
        ranges.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (from, next) in ranges {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = next.max(*end),
                _ => joined.push((from, next)),
            }
        }
        Spans(joined)
    }

    /// Every partition of which rows were removed.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &PartitionId> {
        self.by_partition.keys()
    }

    fn of(&self, id: &PartitionId, kind: Kind) -> impl Iterator<Item = &Taken> {
        self.by_partition.get(id).into_iter().flatten().filter(move |taken| taken.kind == kind)
    }
}

/// Half-open ranges of offsets, in order and apart from each other.
pub(super) struct Spans(Vec<(i64, i64)>);

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them has an offset in `[from, next)`.
    pub(super) fn reach_into(&self, from: i64, next: i64) -> bool {
        let first = self.0.partition_point(|&(_, end)| end <= from);
        self.0.get(first).is_some_and(|&(start, _)| start < next)
    }
}
