//! Checks of a segment by itself, before anything is held against it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int32Type;

use crate::check::account::{Accounts, Counts, Stretch};
use crate::check::columns::texts;
use crate::check::data_file::Rows;
use crate::check::{Findings, Invariant};
use crate::partition::PartitionId;
use crate::totals::{map_sum, number};

/// Checks each segment and opens the account of its partition.
pub(super) fn take_in(rows: &Rows<'_>, accounts: &mut Accounts, findings: &mut Findings) {
    let topic_ids = texts(rows.batch, "kafka_topic_id");
    let partitions = rows
        .batch
        .column_by_name("kafka_partition")
        .and_then(|values| values.as_primitive_opt::<Int32Type>());
    // A column that is not there was found before.
    let (Some(topic_ids), Some(partitions)) = (topic_ids, partitions) else { return };
    for row in 0..rows.batch.num_rows() {
        let said = |name: &str| number(rows.batch, name, row);
        let (Some(from), Some(next)) = (said("from_offset"), said("next_offset")) else { continue };
        if topic_ids.is_null(row) || partitions.is_null(row) {
            continue;
        }
        let id = PartitionId { topic_id: topic_ids.value(row).to_owned(), partition: partitions.value(row) };
        check_counts(&id, (from, next), &said, map_sum(rows.batch, "skipped_by_kind", row), findings);
        let count = |name: &str| said(name).unwrap_or(0);
        let counted = Counts {
            events: count("events"),
            changes: count("changes"),
            rejections: count("rejections"),
            duplicates: count("duplicates"),
        };
        accounts.open(id, Stretch::new(from, next, counted));
    }
}

fn check_counts(
    id: &PartitionId,
    (from, next): (i64, i64),
    said: &dyn Fn(&str) -> Option<i64>,
    skipped: i64,
    findings: &mut Findings,
) {
    let place = || format!("{id}:{from}-{next}");
    if from < 0 || next <= from {
        findings.add(Invariant::SegmentRange, || {
            (place(), format!("from {from} to {next}"), "a range with an offset in it")
        });
    }
    let count = |name: &str| said(name).unwrap_or(0);
    let mut expect = |holds: bool, found: String, expected: &str| {
        if !holds {
            findings.add(Invariant::SegmentCounts, || (place(), found, expected));
        }
    };
    let names = [
        "records",
        "empty_records",
        "elements",
        "events",
        "duplicates",
        "conflicting_ids",
        "changes",
        "rejections",
    ];
    for name in names {
        expect(count(name) >= 0, format!("{name} = {}", count(name)), "a count");
    }
    expect(skipped >= 0, format!("skipped = {skipped}"), "a count");
    let (records, empty, elements) = (count("records"), count("empty_records"), count("elements"));
    let (events, changes, rejections) = (count("events"), count("changes"), count("rejections"));
    expect(
        elements == events + changes + rejections + skipped,
        format!(
            "elements = {elements}, {events} events + {changes} changes + {rejections} rejections + {skipped} skipped"
        ),
        "elements = events + changes + rejections + skipped",
    );
    expect(records <= next - from, format!("records = {records}"), "no more records than offsets");
    expect(empty <= records, format!("empty_records = {empty} of {records}"), "no more than records");
    expect(
        elements >= records - empty,
        format!("elements = {elements} of {} records", records - empty),
        "an element a record",
    );
    for name in ["duplicates", "conflicting_ids"] {
        expect(
            count(name) <= events,
            format!("{name} = {} of {events} events", count(name)),
            "no more than events",
        );
    }
}
