//! Events that a later decoder read anew: accounted for, written down, and missed where one is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Date32Type, Int64Type};
use deltalake_core::kernel::Action;
use schemas::Kind;

use super::super::test_book::{EARLIER, LATER, TestLake, What, add, day, file_of, today};
use super::{Breaks, edit_numbers, shown};
use crate::maintain::{Lease, LeaseError, MaintainError};

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

pub(super) async fn break_them(breaks: &mut Breaks) {
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
