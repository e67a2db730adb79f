use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use super::relative::Relative;
use super::{Saved, names, read_saved};
use crate::output::Format;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// The range of a word at a moment, as local times, and its name in the names of files.
#[track_caller]
fn check(word: &str, now: &str, tz: Tz, expected: [&str; 3]) {
    let range = Relative::parse(word).expect("a word");
    assert_eq!(range.to_string(), word);
    let range = range.at(at(now), tz);
    let local = |at: DateTime<Utc>| at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::Secs, false);
    assert_eq!([local(range.from), local(range.to), names::of(range, tz)], expected, "{word} at {now}");
}

const BERLIN: Tz = chrono_tz::Europe::Berlin;

#[test]
fn words_are_ranges_of_the_zones_own_days() {
    let now = "2026-11-26T05:00:00Z";
    let end = "2026-11-26T00:00:00+01:00";
    check("yesterday", now, BERLIN, ["2026-11-25T00:00:00+01:00", end, "2026-11-25"]);
    check(
        "today",
        now,
        BERLIN,
        [end, "2026-11-26T06:00:00+01:00", "2026-11-26T0000+0100_2026-11-26T0600+0100"],
    );
    let week = ["2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00", "2026-W47"];
    check("last-week", now, BERLIN, week);
    check(
        "this-week",
        now,
        BERLIN,
        [
            "2026-11-23T00:00:00+01:00",
            "2026-11-26T06:00:00+01:00",
            "2026-11-23T0000+0100_2026-11-26T0600+0100",
        ],
    );
    check("last-month", now, BERLIN, ["2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00", "2026-10"]);
    check("last-quarter", now, BERLIN, ["2026-07-01T00:00:00+02:00", "2026-10-01T00:00:00+02:00", "2026-Q3"]);
    check("last-year", now, BERLIN, ["2025-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00", "2025"]);
    check("last-30-days", now, BERLIN, ["2026-10-27T00:00:00+01:00", end, "2026-10-27_2026-11-25"]);
    check(
        "last-quarter",
        "2026-01-15T00:00:00Z",
        BERLIN,
        ["2025-10-01T00:00:00+02:00", "2026-01-01T00:00:00+01:00", "2025-Q4"],
    );
}

#[test]
fn days_are_as_long_as_clocks_make_them() {
    // 25 hours, and 23.
    check(
        "yesterday",
        "2026-10-26T05:00:00Z",
        BERLIN,
        ["2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", "2026-10-25"],
    );
    check(
        "yesterday",
        "2026-03-30T05:00:00Z",
        BERLIN,
        ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", "2026-03-29"],
    );
    check(
        "last-24-hours",
        "2026-10-25T23:30:00Z",
        BERLIN,
        [
            "2026-10-25T01:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
            "2026-10-25T0100+0200_2026-10-26T0000+0100",
        ],
    );
    // The hour that comes twice has two names.
    check(
        "last-1-hours",
        "2026-10-25T01:05:00Z",
        BERLIN,
        [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T0200+0200_2026-10-25T0200+0100",
        ],
    );
    check(
        "last-1-hours",
        "2026-10-25T02:05:00Z",
        BERLIN,
        [
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T03:00:00+01:00",
            "2026-10-25T0200+0100_2026-10-25T0300+0100",
        ],
    );
}

#[test]
fn a_period_that_begins_this_moment_is_the_one_that_ended() {
    let midnight = "2026-11-25T23:00:00Z";
    let day = ["2026-11-25T00:00:00+01:00", "2026-11-26T00:00:00+01:00", "2026-11-25"];
    check("today", midnight, BERLIN, day);
    check("yesterday", midnight, BERLIN, day);
}

#[test]
fn no_other_word_is_a_range() {
    for word in
        ["", "tomorrow", "last-0-days", "last--1-days", "last-+1-days", "last-9999999-days", "last-2-weeks"]
    {
        assert_eq!(Relative::parse(word), None, "{word}");
    }
}

fn one(text: &str) -> Saved {
    let text = format!("[[reports]]\nname = \"it\"\nreport = \"usage\"\noutput = \"out\"\n{text}");
    let saved = read_saved(&text, at("2026-11-26T05:00:00Z"));
    saved.unwrap_or_else(|problems| panic!("{problems:?}")).remove(0)
}

/// When it was due before a moment, the newest first, and when it is due next, in local time.
#[track_caller]
fn check_dues(schedule: &str, now: &str, expected: &[&str]) {
    let saved = one(&format!("tz = \"Europe/Berlin\"\nrange = \"yesterday\"\nschedule = {schedule}"));
    let schedule = saved.schedule.expect("a schedule");
    let next = schedule.next(at(now), saved.tz).into_iter();
    let dues = next.chain(schedule.dues(at(now), saved.tz)).take(expected.len());
    let local = |at: DateTime<Utc>| at.with_timezone(&saved.tz).to_rfc3339_opts(SecondsFormat::Secs, false);
    assert_eq!(dues.map(local).collect::<Vec<_>>(), expected, "{schedule}");
}

#[test]
fn a_schedule_is_due_once_in_each_local_period() {
    check_dues(
        "{ every = \"day\", at = \"06:00\" }",
        "2026-10-26T05:00:00Z",
        &[
            "2026-10-27T06:00:00+01:00",
            "2026-10-26T06:00:00+01:00",
            "2026-10-25T06:00:00+01:00",
            "2026-10-24T06:00:00+02:00",
        ],
    );
    check_dues(
        "{ every = \"week\", at = \"06:00\" }",
        "2026-10-26T04:59:59Z",
        &["2026-10-26T06:00:00+01:00", "2026-10-19T06:00:00+02:00"],
    );
    check_dues(
        "{ every = \"month\" }",
        "2026-11-30T05:00:00Z",
        &["2026-12-01T00:00:00+01:00", "2026-11-01T00:00:00+01:00", "2026-10-01T00:00:00+02:00"],
    );
    // The hour that comes twice, and the time that comes twice and never.
    check_dues(
        "{ every = \"hour\", at = \":05\" }",
        "2026-10-25T01:30:00Z",
        &["2026-10-25T03:05:00+01:00", "2026-10-25T02:05:00+01:00", "2026-10-25T02:05:00+02:00"],
    );
    check_dues(
        "{ every = \"day\", at = \"02:30\" }",
        "2026-10-25T05:00:00Z",
        &["2026-10-26T02:30:00+01:00", "2026-10-25T02:30:00+02:00"],
    );
    check_dues(
        "{ every = \"day\", at = \"02:30\" }",
        "2026-03-29T05:00:00Z",
        &["2026-03-30T02:30:00+02:00", "2026-03-29T03:00:00+02:00", "2026-03-28T02:30:00+01:00"],
    );
}

#[test]
fn what_is_made_up_is_bounded() {
    let saved = one("range = \"yesterday\"\nschedule = { every = \"day\" }");
    let dues = saved.schedule.expect("a schedule").dues(at("2026-11-26T05:00:00Z"), saved.tz);
    assert_eq!(dues.count(), super::DUES_MAX);
}

#[test]
fn a_question_names_its_file() {
    let saved =
        one("tz = \"Europe/Berlin\"\nrange = \"last-month\"\nformats = [\"csv\", \"html\", \"csv\"]\n\
                     parameters = { by = \"day,method\", tenant = [\"acme\", \"oak\"] }");
    assert_eq!(saved.formats, [Format::Csv, Format::Html]);
    let question = saved.question(at("2026-11-26T05:00:00Z")).expect("a question");
    assert_eq!(saved.file_name(&question.period, Format::Html), "it.2026-10.html");
    let told = serde_json::to_string(&question.parameters).expect("JSON");
    assert_eq!(
        told,
        r#"{"from":"2026-10-01T00:00:00+02:00","to":"2026-11-01T00:00:00+01:00","tz":"Europe/Berlin","by":["day","method"],"tenant":["acme","oak"]}"#
    );
}

/// What is told of a file, a line each.
#[track_caller]
fn check_problems(text: &str, expected: &[&str]) {
    let problems = read_saved(text, at("2026-11-26T05:00:00Z")).expect_err("problems");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
}

#[test]
fn says_which_entry_which_key_and_what_to_give() {
    let names: Vec<&str> = crate::report::REPORTS.iter().map(|report| report.name).collect();
    check_problems(
        "[[reports]]\nname = \"a\"\nreport = \"usagee\"",
        &[&format!("a: report: give one of {}", names.join(", "))],
    );
    check_problems(
        "[[reports]]\nreport = \"usage\"\nnmae = \"x\"",
        &[
            "[[reports]] number 1: nmae: use one of name, report, range, tz, parameters, formats, output, schedule",
            "[[reports]] number 1: name: give a name of at most 64 small letters, digits, - and _: names of files are made of it",
        ],
    );
    let twice = "[[reports]]\nname = \"a\"\nreport = \"usage\"\n";
    check_problems(&format!("{twice}{twice}"), &["a: name: give each its own name: two have this one"]);
    check_problems(
        "[reports]\nname = \"a\"",
        &["the file: write [[reports]], in two brackets, once for each; \"reports\" is something else"],
    );
    // In the parser's own words.
    let problems =
        read_saved("[[reports]]\nname = \"a\nreport", at("2026-11-26T05:00:00Z")).expect_err("no TOML");
    assert!(problems[0].to_string().starts_with("the file: write line "), "{}", problems[0]);
    let entry = "[[reports]]\nname = \"../a\"\nreport = \"usage\"\ntz = \"Berlin\"\nrange = \"lastweek\"\nformats = [\"pdf\"]\n\
                 output = \"s3://bucket/x\"\nschedule = { every = \"day\", at = \"6:00\", when = \"now\", on = \"x\" }\n\
                 parameters = { tz = \"UTC\", from = \"2026-01-01\", tenant = [1.5] }";
    check_problems(
        entry,
        &[
            "../a: name: give a name of at most 64 small letters, digits, - and _: names of files are made of it",
            "../a: tz: give the name of an IANA time zone; for example \"Europe/Berlin\"",
            "../a: range: give one of today, yesterday, this-week, last-week, this-month, last-month, last-quarter, last-year, \
         last-N-days or last-N-hours",
            "../a: parameters.from: leave it out, or `range`: both say which time",
            "../a: parameters.tenant: give a text in quotes, a whole number, or a list of these",
            "../a: parameters.tz: write tz beside the entry's name, not among its parameters",
            "../a: formats: give a list of any of table, json, ndjson, csv, arrow, parquet, xlsx, html",
            "../a: output: give a folder, or mount the store as one: this build has no client for s3://, only for folders",
            "../a: schedule.on: use one of every, at, when",
            "../a: schedule.at: give a local time in hours and minutes: \"06:00\"",
            "../a: schedule.when: give \"due\" or \"settled\"",
        ],
    );
    check_problems(
        "[[reports]]\nname = \"a\"\nreport = \"usage\"\nparameters = { by = \"methd\" }\nrange = \"today\"",
        &[
            "a: parameters.by: give any of quarter_hour, hour, day, week, month, method, result, reason, reason_group, server, \
           tenant, source, assurance, stage, comma-separated; \"methd\" is none of them; for example \"day,method\"",
        ],
    );
    check_problems(
        "[[reports]]\nname = \"a\"\nreport = \"usage\"\nschedule = { every = \"day\" }",
        &[
            "a: output: give the folder for the files that the schedule makes",
            "a: range: give a range that moves along with the schedule: today, yesterday, this-week, last-week, this-month, \
         last-month, last-quarter, last-year, last-N-days or last-N-hours",
        ],
    );
}
