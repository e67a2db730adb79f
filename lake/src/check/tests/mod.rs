//! Each way to break a book is seen, by its own code and no other.

mod readings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use deltalake_core::kernel::{Action, Transaction};
use schemas::Kind;

use super::test_book::{
    EARLIER, LATER, OLD, TOPIC_ID, TestLake, What, add, day, file_of, remove, today, with_column,
};
use super::{Check, CheckReport, Invariant};

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
    readings::break_them(&mut breaks).await;
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
