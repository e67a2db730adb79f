//! Which periods are missing, by what lies in the folder.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use query::saved::{Saved, read_saved};
use tempfile::TempDir;

use super::due::Missing;
use super::place::{Memory, Place};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

const NOW: &str = "2026-11-26T07:00:00Z";

fn saved() -> Saved {
    let text = "[[reports]]\nname = \"daily\"\nreport = \"usage\"\nrange = \"yesterday\"\noutput = \"out\"\n\
                formats = [\"csv\", \"json\"]\nschedule = { every = \"day\", at = \"06:00\" }";
    read_saved(text, at(NOW)).expect("good").remove(0)
}

struct Folder {
    dir: TempDir,
    place: Place,
}

impl Folder {
    fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let place = Place::new(dir.path(), "out", "daily");
        assert!(place.take_turn().expect("writable").is_some());
        Self { dir, place }
    }

    /// Puts the files of a day there, as another process would.
    fn put(&self, day: &str, formats: &[&str]) {
        for format in formats {
            let path = self.dir.path().join(format!("out/daily.{day}.{format}"));
            fs::write(path, "written").expect("writes");
        }
    }

    /// The missing periods, with the formats that they lack.
    fn missing(&self) -> Vec<String> {
        let missing = Missing::find(&saved(), &self.place, at(NOW)).expect("looks");
        let told = |due: &super::due::Due| {
            let formats: Vec<&str> = due.formats.iter().map(|format| format.as_str()).collect();
            format!("{} {}", due.question.period, formats.join(","))
        };
        missing.dues.iter().map(told).collect()
    }

    fn remember(&self, done_until: &str) {
        self.place.remember(&Memory { done_until: at(done_until), trouble: None }).expect("remembers");
    }
}

#[test]
fn a_first_start_makes_the_last_period_alone() {
    assert_eq!(Folder::new().missing(), ["2026-11-25 csv,json"]);
}

#[test]
fn what_was_missed_is_made_up_oldest_first() {
    let folder = Folder::new();
    folder.remember("2026-11-22T06:00:00Z");
    assert_eq!(folder.missing().len(), 4);
    folder.put("2026-11-23", &["csv", "json"]);
    folder.put("2026-11-24", &["csv"]);
    assert_eq!(folder.missing(), ["2026-11-22 csv,json", "2026-11-24 json", "2026-11-25 csv,json"]);
    // Once all until then was written, files may go: a day that somebody took away is not made again.
    folder.remember("2026-11-26T06:00:00Z");
    assert_eq!(folder.missing(), [""; 0]);
}

#[test]
fn without_memory_the_files_tell() {
    let folder = Folder::new();
    folder.put("2026-11-23", &["csv", "json"]);
    assert_eq!(folder.missing(), ["2026-11-24 csv,json", "2026-11-25 csv,json"]);
}

#[test]
fn a_long_stop_is_made_up_as_far_as_it_is_bounded() {
    let folder = Folder::new();
    folder.remember("2020-01-01T06:00:00Z");
    let missing = Missing::find(&saved(), &folder.place, at(NOW)).expect("looks");
    assert!(missing.is_cut);
    assert_eq!(missing.dues.len(), query::saved::DUES_MAX);
}

#[test]
fn how_far_all_is_written_stops_at_the_first_gap() {
    let folder = Folder::new();
    folder.remember("2026-11-22T06:00:00Z");
    folder.put("2026-11-22", &["csv", "json"]);
    folder.put("2026-11-24", &["csv", "json"]);
    let missing = Missing::find(&saved(), &folder.place, at(NOW)).expect("looks");
    let done = missing.done_until(&saved(), &folder.place, at(NOW)).expect("looks");
    assert_eq!(done, at("2026-11-23T06:00:00Z"));
}

#[test]
fn one_writes_at_a_time_and_a_folder_above_is_never_made() {
    let folder = Folder::new();
    let turn = folder.place.take_turn().expect("writable").expect("free");
    assert!(folder.place.take_turn().expect("writable").is_none());
    drop(turn);
    assert!(folder.place.take_turn().expect("writable").is_some());
    let far = Place::new(folder.dir.path(), "not/there", "daily").take_turn().expect_err("no folder");
    assert!(far.to_string().starts_with("make the folder"), "{far:#}");
    assert!(!Path::new("not").exists());
}

#[test]
fn memory_that_others_changed_is_an_error_that_says_what_to_do() {
    let folder = Folder::new();
    fs::write(folder.dir.path().join("out/.daily.state.json"), "{").expect("writes");
    let error = Missing::find(&saved(), &folder.place, at(NOW)).expect_err("an error");
    assert!(error.to_string().starts_with("remove "), "{error:#}");
}
