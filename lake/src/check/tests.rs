//! Each way to break a book is seen, by its own code and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type};
use deltalake_core::kernel::{Action, Transaction};
use schemas::Kind;

use super::test_book::{
    EARLIER, LATER, OLD, TOPIC_ID, TestLake, What, add, day, file_of, remove, today, with_column,
};
use super::{Check, CheckReport, Invariant};
use crate::maintain::{Lease, LeaseError, MaintainError};

#[tokio::test]
async fn a_whole_book_is_found_whole() {
    let lake = TestLake::new().await;
    let report = lake.check().await;
    assert_eq!(shown(&report), Vec::<String>::new());
    assert!(report.is_whole());
    let lines: Vec<_> = report
        .partitions
        .iter()
        .map(|(id, checked)| {
            let totals = &checked.totals;
            let counts =
                [totals.first_offset, totals.next_offset, totals.records, totals.elements, totals.events];
            (id.to_string(), counts, [totals.changes, totals.rejections, totals.skipped, checked.removed])
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("topic-id:0".to_owned(), [0, 30, 17, 18, 15], [0, 2, 1, 0]),
            ("topic-id:1".to_owned(), [100, 110, 7, 7, 5], [1, 1, 0, 3]),
            ("topic-id:2".to_owned(), [0, 50, 0, 0, 0], [0, 0, 0, 0]),
        ]
    );
}

#[tokio::test]
async fn events_that_were_read_anew_are_accounted_for() {
    let lake = TestLake::redecoded().await;
    assert_eq!(shown(&lake.check().await), Vec::<String>::new());
    let rows = |kind| all_rows(&lake, kind);
    let events = rows(Kind::Event).await;
    let offsets = events["kafka_offset"].as_primitive::<Int64Type>();
    let new: Vec<usize> =
        (0..events.num_rows()).filter(|&row| text(&events, "decoder", row) == "gatebook/2").collect();
    let mut places: Vec<(i64, &str, bool)> = new
        .iter()
        .map(|&row| {
            let is_flagged = events["duplicate"].as_boolean().value(row);
            (offsets.value(row), text(&events, "method", row), is_flagged)
        })
        .collect();
    places.sort_unstable();
    let method = "text-message";
    assert_eq!(places, [(1, method, false), (9, method, true), (20, method, false), (25, method, false)]);
    let old = rows(Kind::Superseded).await;
    assert_eq!(old.num_rows(), 4);
    assert!((0..4).all(|row| text(&old, "method", row) == "mobile-app-notification"));
    let totals = lake.book().await.totals_since(crate::Totals::default()).await.expect("totals");
    assert_eq!(totals.redecoded_days, BTreeSet::from([day(EARLIER), day(LATER)]));

    // The same element once more, then other files, then no more of the earlier day.
    lake.redecode(EARLIER, &[1, 20], 0).await;
    assert_eq!(rows(Kind::Superseded).await.num_rows(), 6);
    assert_eq!(shown(&lake.check().await), Vec::<String>::new());
    assert!(lake.maintain(30).await.files_merged > 0);
    assert_eq!(shown(&lake.check().await), Vec::<String>::new());
    assert!(lake.maintain(LATER as u32).await.days_removed > 0);
    assert_eq!(rows(Kind::Superseded).await.num_rows(), 1, "that of the later day, whose event had moved");
    assert_eq!(shown(&lake.check().await), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_re_decoding_did_stands_in_removal_entries() {
    let lake = TestLake::redecoded().await;
    let entries = all_rows(&lake, Kind::Removal).await;
    let numbers = |name: &str, row| entries[name].as_primitive::<Int64Type>().value(row);
    let mut lines: Vec<String> = (0..entries.num_rows())
        .filter(|&row| text(&entries, "why", row) == "redecoded")
        .map(|row| {
            let texts =
                ["actor", "removed_kind", "old_decoder", "new_decoder"].map(|name| text(&entries, name, row));
            let days = entries["removed_day"].as_primitive::<Date32Type>();
            let days_ago = (today() - days.value_as_date(row).expect("a day")).num_days();
            let changed = crate::totals::map_sum(&entries, "changed_columns", row);
            let [rows, from, next] = ["rows", "from_offset", "next_offset"].map(|name| numbers(name, row));
            format!("{} {days_ago} days ago: {rows} of {from}-{next}, {changed} methods", texts.join(" "))
        })
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "ada event gatebook/1 gatebook/2 2 days ago: 1 of 20-21, 1 methods",
            "ada event gatebook/1 gatebook/2 3 days ago: 0 of 20-21, 0 methods",
            "ada event gatebook/1 gatebook/2 3 days ago: 3 of 1-26, 3 methods",
        ]
    );
}

#[tokio::test]
async fn a_replacement_whose_lease_was_taken_over_changes_nothing() {
    let lake = TestLake::new().await;
    let mut book = lake.book().await;
    let mut sleeper =
        Lease::take(lake.location(), Duration::from_secs(1), Duration::ZERO).await.expect("free");
    book.admit(&mut sleeper).await.expect("admitted");
    let replacement = lake.replacement(&book, &mut sleeper, EARLIER, &[1], 0).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    lake.maintain(30).await;
    let version = lake.book().await.version();
    let late = replacement.commit(&mut book, &mut sleeper).await;
    assert!(matches!(late, Err(MaintainError::Lease(LeaseError::Lost))), "{late:?}");
    assert_eq!(lake.book().await.version(), version);
}

/// Breaks a copy, and compares the codes that the check reports.
struct Breaks {
    whole: TestLake,
    seen: BTreeSet<&'static str>,
}

impl Breaks {
    async fn see(&mut self, how: &str, codes: &str, break_it: impl AsyncFnOnce(&TestLake)) {
        let broken = self.whole.copy();
        break_it(&broken).await;
        let report = broken.check().await;
        let found: Vec<&str> =
            Invariant::ALL.iter().filter(|&&of| report.findings.count(of) > 0).map(|of| of.code()).collect();
        assert_eq!(found.join(" "), codes, "{how}: {:#?}", shown(&report));
        assert!(!report.is_whole(), "{how}");
        self.seen.extend(found);
    }
}

#[tokio::test]
async fn every_way_to_break_a_book_is_seen() {
    let mut breaks = Breaks { whole: TestLake::new().await, seen: BTreeSet::new() };
    break_files(&mut breaks).await;
    break_the_log(&mut breaks).await;
    break_segments(&mut breaks).await;
    break_places(&mut breaks).await;
    break_values(&mut breaks).await;
    breaks.whole = TestLake::redecoded().await;
    break_readings(&mut breaks).await;
    let all: BTreeSet<&str> = Invariant::ALL.iter().map(|invariant| invariant.code()).collect();
    assert_eq!(breaks.seen, all, "an invariant that no break violates proves nothing");
}

async fn break_files(breaks: &mut Breaks) {
    breaks
        .see("a file is deleted", "file-present row-counts", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            fs::remove_file(lake.path(file.path.as_ref())).expect("removed");
        })
        .await;
    breaks
        .see("a file is cut off", "file-length file-readable row-counts", async |lake| {
            let file = lake.path(lake.file(Kind::Event, day(LATER)).await.path.as_ref());
            let bytes = fs::read(&file).expect("read");
            fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
        })
        .await;
    breaks
        .see("bytes are flipped", "file-readable row-counts", async |lake| {
            let file = lake.path(lake.file(Kind::Event, day(LATER)).await.path.as_ref());
            let mut bytes = fs::read(&file).expect("read");
            let half = bytes.len() / 2;
            bytes[4..half].iter_mut().for_each(|byte| *byte ^= 0xff);
            fs::write(&file, bytes).expect("written");
        })
        .await;
    breaks
        .see("a file has a column of another kind", "file-columns", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            lake.rewrite(&file, |rows| {
                with_column(&rows, "records", Arc::new(Int64Array::from(vec![1; rows.num_rows()])))
            });
        })
        .await;
    breaks
        .see("a column has another type", "file-columns row-counts", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            lake.rewrite(&file, |rows| {
                with_column(&rows, "kafka_offset", Arc::new(Int32Array::from(vec![11; rows.num_rows()])))
            });
        })
        .await;
}

async fn break_the_log(breaks: &mut Breaks) {
    breaks
        .see("the log counts other rows", "file-rows", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            let mut counted = add(lake, file.path.as_ref(), "event", day(LATER));
            counted.stats = Some(r#"{"numRecords":5}"#.to_owned());
            lake.log(&[remove(&file)]);
            lake.log(&[Action::Add(counted)]);
        })
        .await;
    breaks
        .see("a file stands twice, under two names", "row-once row-counts", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            let copy = file.path.as_ref().replace("landed-", "landed-copy-");
            fs::copy(lake.path(file.path.as_ref()), lake.path(&copy)).expect("copied");
            lake.log(&[Action::Add(add(lake, &copy, "event", day(LATER)))]);
        })
        .await;
    breaks
        .see("a file stands under another day", "day", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            let moved = file.path.as_ref().replace(&day(LATER).to_string(), &day(EARLIER).to_string());
            fs::copy(lake.path(file.path.as_ref()), lake.path(&moved)).expect("copied");
            lake.log(&[remove(&file), Action::Add(add(lake, &moved, "event", day(EARLIER)))]);
        })
        .await;
    breaks
        .see("the log names another day than the folder", "file-place day", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            lake.log(&[remove(&file)]);
            lake.log(&[Action::Add(add(lake, file.path.as_ref(), "event", day(EARLIER)))]);
        })
        .await;
    breaks
        .see("the log names a kind that is none", "file-place row-counts", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            lake.log(&[remove(&file)]);
            lake.log(&[Action::Add(add(lake, file.path.as_ref(), "rumour", day(LATER)))]);
        })
        .await;
    breaks
        .see("a transaction goes back", "next-offset", async |lake| {
            lake.log(&[Action::Txn(Transaction::new(format!("gatebook:{TOPIC_ID}:0"), 29))]);
        })
        .await;
    breaks
        .see("a transaction has no segment", "next-offset", async |lake| {
            lake.log(&[Action::Txn(Transaction::new(format!("gatebook:{TOPIC_ID}:7"), 1))]);
        })
        .await;
    breaks
        .see("a removed file comes back", "removal-counts removal-complete", async |lake| {
            let file = lake.stored(Kind::Event, day(OLD)).pop().expect("not yet vacuumed");
            lake.log(&[Action::Add(add(lake, &file, "event", day(OLD)))]);
        })
        .await;
}

async fn break_segments(breaks: &mut Breaks) {
    breaks
        .see("a segment file is taken out of the log", "next-offset row-in-segment", async |lake| {
            let file = lake.file(Kind::Segment, today()).await;
            lake.log(&[remove(&file)]);
        })
        .await;
    breaks
        .see(
            "all segments but the last are taken out",
            "next-offset row-in-segment removal-counts",
            async |lake| {
                let file = lake.files(Kind::Segment, today()).await.remove(0);
                lake.log(&[remove(&file)]);
            },
        )
        .await;
    breaks
        .see("a segment counts an element that became nothing", "segment-counts", async |lake| {
            edit_segment(lake, true, 0, &[("elements", 1)]).await;
        })
        .await;
    breaks
        .see("a segment counts an event that is not there", "row-counts", async |lake| {
            edit_segment(lake, true, 0, &[("events", 1), ("elements", 1)]).await;
        })
        .await;
    breaks
        .see("a segment counts a negative number", "segment-counts", async |lake| {
            edit_segment(lake, true, 0, &[("conflicting_ids", -1)]).await;
        })
        .await;
    breaks
        .see("a segment has more records than offsets", "segment-counts", async |lake| {
            edit_segment(lake, true, 0, &[("records", 4), ("empty_records", 4)]).await;
        })
        .await;
    breaks
        .see("two segments overlap", "segment-continuity", async |lake| {
            edit_segment(lake, true, 0, &[("from_offset", -1)]).await;
        })
        .await;
    breaks
        .see(
            "there is a hole between two segments",
            "segment-continuity row-in-segment row-counts",
            async |lake| {
                edit_segment(lake, true, 0, &[("from_offset", 1)]).await;
            },
        )
        .await;
    breaks
        .see("a segment's range is empty", "segment-range", async |lake| {
            edit_segment(lake, false, 2, &[("from_offset", 50)]).await;
        })
        .await;
    breaks
        .see("a removal counts fewer rows", "removal-counts", async |lake| {
            let file = lake.file(Kind::Removal, today()).await;
            lake.rewrite(&file, |rows| edit_numbers(&rows, "rows", |_, rows| rows - 1));
        })
        .await;
}

async fn break_places(breaks: &mut Breaks) {
    breaks
        .see("two rows of two segments change places", "duplicate-counts", async |lake| {
            edit_offsets(lake, &[(9, 10), (10, 9)]).await;
        })
        .await;
    breaks
        .see("a row takes the place of another", "row-once row-counts", async |lake| {
            edit_offsets(lake, &[(10, 7)]).await;
        })
        .await;
    breaks
        .see("a row lies outside of every segment", "row-in-segment row-counts", async |lake| {
            edit_offsets(lake, &[(10, 1000)]).await;
        })
        .await;
    breaks
        .see("a rejection becomes an event", "row-counts", async |lake| {
            let rejections = lake.files(Kind::Rejection, today()).await;
            let of_26 = |file: &&crate::ActiveFile| file.rows == 1;
            let rejection = rejections.iter().find(of_26).expect("the file of offset 26");
            let event = file_of((0, 26, 0, EARLIER, What::Success));
            lake.store(&event);
            lake.log(&[remove(rejection), Action::Add(event.add)]);
        })
        .await;
}

async fn break_readings(breaks: &mut Breaks) {
    breaks
        .see("a superseded event is gone", "superseded-counts", async |lake| {
            let file = lake.file(Kind::Superseded, day(EARLIER)).await;
            lake.rewrite(&file, |rows| rows.slice(1, rows.num_rows() - 1));
        })
        .await;
    breaks
        .see("no entry tells of a superseded event", "superseded-counts", async |lake| {
            for file in lake.files(Kind::Removal, today()).await {
                lake.rewrite(&file, |rows| {
                    edit_numbers(&rows, "rows", |row, rows_removed| {
                        let is_ours = text(&rows, "why", row) == "redecoded" && rows_removed == 3;
                        rows_removed - i64::from(is_ours)
                    })
                });
            }
        })
        .await;
    breaks
        .see("a new reading is gone", "row-counts superseded-read", async |lake| {
            for file in lake.files(Kind::Event, day(EARLIER)).await {
                lake.rewrite(&file, |rows| {
                    let offsets = rows["kafka_offset"].as_primitive::<Int64Type>();
                    let stays: BooleanArray = offsets.iter().map(|offset| Some(offset != Some(20))).collect();
                    filter_record_batch(&rows, &stays).expect("rows")
                });
            }
        })
        .await;
    breaks
        .see("the old row stands beside the new one", "row-once row-counts", async |lake| {
            let old = file_of((0, 1, 0, EARLIER, What::Success));
            lake.store(&old);
            lake.log(&[Action::Add(old.add)]);
        })
        .await;
    breaks
        .see("the old file comes back beside the new one", "row-once row-counts", async |lake| {
            let active = lake.files(Kind::Event, day(LATER)).await;
            let stored = lake.stored(Kind::Event, day(LATER));
            let is_old = |file: &&String| !active.iter().any(|active| active.path.as_ref() == file.as_str());
            let file = stored.iter().find(is_old).expect("not yet vacuumed");
            lake.log(&[Action::Add(add(lake, file, "event", day(LATER)))]);
        })
        .await;
}

async fn break_values(breaks: &mut Breaks) {
    breaks
        .see("an event does not say whether it is a duplicate", "required-values", async |lake| {
            let file = lake.file(Kind::Event, day(LATER)).await;
            lake.rewrite(&file, |rows| {
                let flags: BooleanArray =
                    (0..rows.num_rows()).map(|row| (row > 0).then_some(false)).collect();
                with_column(&rows, "duplicate", Arc::new(flags))
            });
        })
        .await;
    breaks
        .see("a result is none", "vocabulary", async |lake| {
            set_text(lake, LATER, "result", Some("Success")).await;
        })
        .await;
    breaks
        .see("a denial has no reason", "denial-reason", async |lake| {
            set_text(lake, LATER, "result", Some("denied")).await;
        })
        .await;
    breaks
        .see("a success has a reason of denial", "denial-reason", async |lake| {
            set_text(lake, LATER, "denial_reason", Some("no-response")).await;
        })
        .await;
    breaks
        .see("a user is nobody", "required-values", async |lake| {
            set_text(lake, LATER, "user_key", None).await;
        })
        .await;
}

#[tokio::test]
async fn a_damaged_footer_is_a_finding_and_no_crash() {
    let lake = TestLake::new().await;
    let file = lake.file(Kind::Rejection, today()).await;
    let path = lake.path(file.path.as_ref());
    let (book, whole) = (lake.book().await, fs::read(&path).expect("read"));
    let mut check = Check::default();
    for index in whole.len() / 2..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 1;
        fs::write(&path, damaged).expect("written");
        book.check_file(&file, &mut check).await;
    }
    let mut found = check.findings.shown().map(|finding| finding.found.as_str());
    assert!(found.any(|found| found == "bytes on which the decoder gave up"), "{:#?}", check.findings);
}

#[tokio::test]
async fn findings_say_where_and_what_but_never_whose() {
    let lake = TestLake::new().await;
    edit_offsets(&lake, &[(10, 1000)]).await;
    set_text(&lake, LATER, "method", Some("ada lovelace")).await;
    let shown = shown(&lake.check().await).join("\n");
    assert!(shown.contains("row-in-segment topic-id:0:1000 in kind=event/"), "{shown}");
    assert!(shown.contains("row-counts topic-id:0:10-25: 4 rows of kind event, expected 5"), "{shown}");
    assert!(shown.contains("vocabulary topic-id:0:11 in kind=event/"), "{shown}");
    assert!(!shown.contains("lovelace"), "{shown}");
}

#[test]
fn a_hundred_findings_of_a_kind_are_shown_and_all_are_counted() {
    let mut findings = super::Findings::default();
    for row in 0..250 {
        findings.add(Invariant::Day, || (row, "", ""));
    }
    assert_eq!((findings.shown().count(), findings.count(Invariant::Day)), (super::FINDINGS_SHOWN_MAX, 250));
}

#[test]
fn codes_are_told_apart() {
    let codes: BTreeSet<&str> = Invariant::ALL.iter().map(|invariant| invariant.code()).collect();
    assert_eq!(codes.len(), Invariant::ALL.len());
}

/// All rows of a kind.
async fn all_rows(lake: &TestLake, kind: Kind) -> RecordBatch {
    let files = lake.book().await.files().expect("files");
    let rows = files.iter().filter(|file| file.kind == Some(kind)).map(|file| lake.rows(file.path.as_ref()));
    let rows: Vec<RecordBatch> = rows.collect();
    concat_batches(&kind.schema(), &rows).expect("rows of one kind")
}

fn text<'r>(rows: &'r RecordBatch, name: &str, row: usize) -> &'r str {
    rows[name].as_string::<i32>().value(row)
}

fn shown(report: &CheckReport) -> Vec<String> {
    let line = |finding: &super::Finding| {
        format!(
            "{} {}: {}, expected {}",
            finding.invariant.code(),
            finding.place,
            finding.found,
            finding.expected
        )
    };
    report.findings.shown().map(line).collect()
}

/// Adds to numbers of the segment of a partition, in the file of the last landing or in the merged one.
async fn edit_segment(lake: &TestLake, is_last: bool, partition: i32, additions: &[(&str, i64)]) {
    let files = lake.files(Kind::Segment, today()).await;
    assert_eq!(files.len(), 2, "the merged file and that of the last landing");
    lake.rewrite(&files[usize::from(is_last)], |mut rows| {
        let partitions =
            rows.column_by_name("kafka_partition").expect("a column").as_primitive::<Int32Type>().clone();
        for &(name, addition) in additions {
            rows = edit_numbers(&rows, name, |row, number| {
                if partitions.value(row) == partition { number + addition } else { number }
            });
        }
        rows
    });
}

/// Changes offsets of partition 0 in the merged file of the earlier day.
async fn edit_offsets(lake: &TestLake, changes: &[(i64, i64)]) {
    let changes: BTreeMap<i64, i64> = changes.iter().copied().collect();
    let file = lake.files(Kind::Event, day(EARLIER)).await.remove(0);
    lake.rewrite(&file, |rows| {
        edit_numbers(&rows, "kafka_offset", |_, offset| changes.get(&offset).copied().unwrap_or(offset))
    });
}

fn edit_numbers(rows: &RecordBatch, name: &str, change: impl Fn(usize, i64) -> i64) -> RecordBatch {
    let numbers = rows.column_by_name(name).expect("a column").as_primitive::<Int64Type>();
    let changed =
        (0..numbers.len()).map(|row| numbers.is_valid(row).then(|| change(row, numbers.value(row))));
    with_column(rows, name, Arc::new(changed.collect::<Int64Array>()))
}

/// Sets a text of the first event of a day.
async fn set_text(lake: &TestLake, days_ago: u64, name: &str, text: Option<&str>) {
    let file = lake.file(Kind::Event, day(days_ago)).await;
    lake.rewrite(&file, |rows| {
        let texts = rows.column_by_name(name).expect("a column").as_string::<i32>();
        let kept = texts.iter().skip(1);
        let changed: ArrayRef = Arc::new(std::iter::once(text).chain(kept).collect::<StringArray>());
        with_column(&rows, name, changed)
    });
}
