//! What the segments of each partition count, and the rows that are there.

use std::collections::{BTreeMap, HashSet};

use arrow::array::Array;
use roaring::RoaringTreemap;
use schemas::Kind;

use crate::check::columns::{Places, RowPlace, flags};
use crate::check::data_file::Rows;
use crate::check::removed::{Removed, Spans};
use crate::check::{Findings, Invariant};
use crate::partition::PartitionId;

/// The kinds that segments count, each element of a record one of them or skipped.
pub(super) const COUNTED: [Kind; 3] = [Kind::Event, Kind::Change, Kind::Rejection];

/// Rows by kind, and the events among them that are flagged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) events: i64,
    pub(super) changes: i64,
    pub(super) rejections: i64,
    pub(super) duplicates: i64,
}

impl Counts {
    fn of(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Event => self.events,
            Kind::Change => self.changes,
            Kind::Rejection => self.rejections,
            Kind::Superseded | Kind::Segment | Kind::Removal => 0,
        }
    }

    fn add(&mut self, kind: Kind, is_duplicate: bool) {
        match kind {
            Kind::Event => self.events += 1,
            Kind::Change => self.changes += 1,
            Kind::Rejection => self.rejections += 1,
            Kind::Superseded | Kind::Segment | Kind::Removal => {}
        }
        self.duplicates += i64::from(is_duplicate);
    }
}

/// A segment's range, what it counts, and what is there.
#[derive(Debug)]
pub(super) struct Stretch {
    from: i64,
    next: i64,
    counted: Counts,
    there: Counts,
}

impl Stretch {
    pub(super) fn new(from: i64, next: i64, counted: Counts) -> Self {
        Self { from, next, counted, there: Counts::default() }
    }
}

/// One partition.
#[derive(Debug, Default)]
struct Account {
    /// By their first offset, once they are joined.
    stretches: Vec<Stretch>,
    /// The offsets whose first element is there. They come in runs, which take next to no memory.
    first_elements: RoaringTreemap,
    /// Elements behind the first of their record.
    later_elements: HashSet<(i64, i32)>,
}

/// Every partition that has a segment.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_topic: BTreeMap<String, BTreeMap<i32, Account>>,
}

impl Accounts {
    /// Opens a partition's account with one segment more.
    pub(super) fn open(&mut self, id: PartitionId, stretch: Stretch) {
        self.by_topic
            .entry(id.topic_id)
            .or_default()
            .entry(id.partition)
            .or_default()
            .stretches
            .push(stretch);
    }

    /// Puts the segments of each partition in a row. No more may come afterwards.
    pub(super) fn join(&mut self, findings: &mut Findings) {
        for (topic_id, partitions) in &mut self.by_topic {
            for (partition, account) in partitions {
                account.stretches.sort_by_key(|stretch| (stretch.from, stretch.next));
                for pair in account.stretches.windows(2) {
                    let (next, from) = (pair[0].next, pair[1].from);
                    if next != from {
                        let what = if next < from { "a hole" } else { "an overlap" };
                        findings.add(Invariant::SegmentContinuity, || {
                            let (low, high) = (next.min(from), next.max(from));
                            (
                                format!("{topic_id}:{partition}:{low}-{high}"),
                                what,
                                format!("a segment from {next}"),
                            )
                        });
                    }
                }
            }
        }
    }

    /// Holds rows of a counted kind against the segments.
    pub(super) fn take_in(&mut self, rows: &Rows<'_>, findings: &mut Findings) {
        // A place that is not there was found before.
        let Some(places) = Places::of(rows.batch) else { return };
        let duplicates = flags(rows.batch, "duplicate");
        for row in 0..rows.batch.num_rows() {
            let Some(place) = places.get(row) else { continue };
            let Some(account) =
                self.by_topic.get_mut(place.topic_id).and_then(|all| all.get_mut(&place.partition))
            else {
                findings.add(Invariant::RowInSegment, || {
                    (rows.place(row), "no segment of its partition", "a segment")
                });
                continue;
            };
            match account.stretch(place.offset) {
                Some(stretch) => {
                    let is_duplicate =
                        duplicates.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
                    stretch.there.add(rows.kind, is_duplicate);
                }
                None => {
                    findings.add(Invariant::RowInSegment, || {
                        (rows.place(row), "no segment with its offset", "a segment")
                    });
                }
            }
            if !account.is_first_sight(place) {
                findings.add(Invariant::RowOnce, || {
                    (rows.place(row), "the same element again", "each element once")
                });
            }
        }
    }

    /// Compares what is counted with what is there and what was removed. No more rows may come afterwards.
    pub(super) fn settle(&self, removed: &Removed, findings: &mut Findings) {
        for (id, account) in self.iter() {
            for kind in COUNTED {
                let spans = removed.spans(&id, kind);
                for stretch in &account.stretches {
                    check_stretch(&id, kind, stretch, &spans, findings);
                }
                if !spans.is_empty() {
                    account.check_sum(&id, kind, removed.rows_of(&id, kind), findings);
                }
            }
        }
        for id in removed.partitions().filter(|id| self.next_offset(id).is_none()) {
            findings.add(Invariant::RemovalCounts, || {
                (id, "removed rows of a partition without a segment", "a segment")
            });
        }
    }

    /// Where the last segment of a partition ends; none without a segment.
    pub(super) fn next_offset(&self, id: &PartitionId) -> Option<i64> {
        let account = self.by_topic.get(&id.topic_id)?.get(&id.partition)?;
        account.stretches.iter().map(|stretch| stretch.next).max()
    }

    /// Whether an element stands in the book, as far as rows were taken in.
    pub(super) fn holds(&self, place: RowPlace<'_>) -> bool {
        let account = self.by_topic.get(place.topic_id).and_then(|all| all.get(&place.partition));
        account.is_some_and(|account| account.holds(place))
    }

    /// Every partition that has a segment.
    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        self.iter().map(|(id, _)| id)
    }

    fn iter(&self) -> impl Iterator<Item = (PartitionId, &Account)> {
        self.by_topic.iter().flat_map(|(topic_id, partitions)| {
            partitions
                .iter()
                .map(|(&partition, account)| (PartitionId { topic_id: topic_id.clone(), partition }, account))
        })
    }
}

impl Account {
    fn stretch(&mut self, offset: i64) -> Option<&mut Stretch> {
        let after = self.stretches.partition_point(|stretch| stretch.from <= offset);
        let stretch = self.stretches.get_mut(after.checked_sub(1)?)?;
        (offset < stretch.next).then_some(stretch)
    }

    fn is_first_sight(&mut self, place: RowPlace<'_>) -> bool {
        match (u64::try_from(place.offset), place.element_index) {
            (Ok(offset), 0) => self.first_elements.insert(offset),
            (_, element_index) => self.later_elements.insert((place.offset, element_index)),
        }
    }

    fn holds(&self, place: RowPlace<'_>) -> bool {
        match (u64::try_from(place.offset), place.element_index) {
            (Ok(offset), 0) => self.first_elements.contains(offset),
            (_, element_index) => self.later_elements.contains(&(place.offset, element_index)),
        }
    }

    fn check_sum(&self, id: &PartitionId, kind: Kind, removed: i64, findings: &mut Findings) {
        let sum = |of: fn(&Stretch) -> Counts| {
            self.stretches.iter().map(|stretch| of(stretch).of(kind)).sum::<i64>()
        };
        let (counted, there) = (sum(|stretch| stretch.counted), sum(|stretch| stretch.there));
        if there + removed != counted {
            findings.add(Invariant::RemovalCounts, || {
                let kind = kind.as_str();
                (
                    id,
                    format!("{there} rows of kind {kind} and {removed} removed"),
                    format!("{counted} as the segments count"),
                )
            });
        }
    }
}

/// A segment whose rows may have been removed in part can only hold fewer.
fn check_stretch(id: &PartitionId, kind: Kind, stretch: &Stretch, spans: &Spans, findings: &mut Findings) {
    let is_touched = spans.reach_into(stretch.from, stretch.next);
    let differs = |there: i64, counted: i64| if is_touched { there > counted } else { there != counted };
    let place = || format!("{id}:{}-{}", stretch.from, stretch.next);
    let (there, counted) = (stretch.there.of(kind), stretch.counted.of(kind));
    if differs(there, counted) {
        findings.add(Invariant::RowCounts, || {
            (place(), format!("{there} rows of kind {}", kind.as_str()), counted)
        });
    }
    let (there, counted) = (stretch.there.duplicates, stretch.counted.duplicates);
    if kind == Kind::Event && differs(there, counted) {
        findings.add(Invariant::DuplicateCounts, || {
            (place(), format!("{there} events flagged as duplicates"), counted)
        });
    }
}
