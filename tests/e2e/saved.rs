//! Saved reports: files that are written by themselves, each once, whatever stops the process.

use std::fs;
use std::path::PathBuf;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::harness::event::events;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::wait::{SOON, until};

const DAILY: &str = "[[reports]]\nname = \"daily\"\nreport = \"usage\"\nrange = \"yesterday\"\n\
                     parameters = { by = \"method\" }\nformats = [\"csv\", \"html\", \"xlsx\"]\noutput = \"out\"\n\
                     schedule = { every = \"day\", at = \"00:00\" }\n";

/// A book, and a file of saved reports beside its configuration.
fn deployment(theme: &str, reports: &str) -> (Deployment, Topic, PathBuf) {
    let (deployment, topic, out) = without_events(theme, reports);
    topic.produce(0, &events(0..100));
    deployment.catch_up();
    (deployment, topic, out)
}

/// The same before anything has happened.
fn without_events(theme: &str, reports: &str) -> (Deployment, Topic, PathBuf) {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), theme, 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.catch_up();
    let folder = deployment.book().parent().and_then(|lake| lake.parent()).expect("a folder").to_owned();
    fs::write(folder.join("reports.toml"), reports).expect("writes");
    (deployment, topic, folder.join("out"))
}

fn day(days_ago: i64) -> String {
    (Utc::now() - TimeDelta::days(days_ago)).format("%Y-%m-%d").to_string()
}

/// Names of the files that people see, sorted.
fn seen(out: &PathBuf) -> Vec<String> {
    let Ok(files) = fs::read_dir(out) else { return Vec::new() };
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

fn files_of(day: &str) -> Vec<String> {
    let formats = ["csv", "html", "xlsx"];
    formats
        .iter()
        .flat_map(|format| [format!("daily.{day}.{format}"), format!("daily.{day}.{format}.coverage.json")])
        .collect()
}

#[test]
fn what_is_due_is_written_once_with_what_it_stands_on() {
    let (deployment, _topic, out) = deployment("saved-once", DAILY);
    deployment.succeed(&["report", "schedule", "--once"]);
    assert_eq!(seen(&out), files_of(&day(1)));
    let csv = out.join(format!("daily.{}.csv", day(1)));
    let coverage =
        fs::read_to_string(out.join(format!("daily.{}.csv.coverage.json", day(1)))).expect("coverage");
    let coverage: Value = serde_json::from_str(&coverage).expect("JSON");
    assert_eq!((&coverage["complete"], &coverage["parameters"]["by"][0]), (&true.into(), &"method".into()));
    let written = fs::metadata(&csv).and_then(|file| file.modified()).expect("a time");
    let second = deployment.run(&["report", "schedule", "--once"]);
    assert!(second.stderr.contains("0 files written"), "{}", second.stderr);
    assert_eq!(fs::metadata(&csv).and_then(|file| file.modified()).expect("a time"), written);
    // One that was taken away after it was written is not made again, unless somebody says so.
    fs::remove_file(&csv).expect("removes");
    deployment.succeed(&["report", "schedule", "--once"]);
    assert!(!csv.exists());
    deployment.succeed(&["report", "run", "daily", "--save"]);
    assert!(csv.exists());
    let again = deployment.run(&["report", "run", "daily", "--save"]);
    assert!(again.stderr.contains("they are in") && !again.status.success(), "{}", again.stderr);
}

#[test]
fn a_kill_between_coverage_and_file_leaves_nothing_half_written_and_nothing_twice() {
    let (deployment, _topic, out) = deployment("saved-killed", DAILY);
    for nth in 1..=3 {
        let process =
            deployment.spawn_failing_at("answer-coverage-written", 1, &["report", "schedule", "--once"]);
        assert!(!process.wait(ENDS).status.success());
        let whole = seen(&out)
            .into_iter()
            .filter(|name| !name.contains(".coverage.json") && !name.ends_with(".part"));
        assert_eq!(whole.count(), 0, "the {nth}. time");
    }
    let process =
        deployment.spawn_failing_at("answer-coverage-written", 2, &["report", "schedule", "--once"]);
    assert!(!process.wait(ENDS).status.success());
    let csv = out.join(format!("daily.{}.csv", day(1)));
    let written = fs::metadata(&csv).and_then(|file| file.modified()).expect("a time");
    let process = deployment.spawn_failing_at("saved-report-written", 1, &["report", "schedule", "--once"]);
    assert!(!process.wait(ENDS).status.success());
    deployment.succeed(&["report", "schedule", "--once"]);
    assert_eq!(seen(&out), files_of(&day(1)), "all of it, and no part");
    assert_eq!(fs::metadata(&csv).and_then(|file| file.modified()).expect("a time"), written);
}

#[test]
fn gaps_are_made_up_and_one_that_fails_stops_no_other() {
    let broken = "[[reports]]\nname = \"broken\"\nreport = \"usage\"\nrange = \"yesterday\"\noutput = \"not/there\"\n\
                  schedule = { every = \"day\" }\n";
    let (deployment, _topic, out) = deployment("saved-gaps", &format!("{broken}{DAILY}"));
    fs::create_dir(&out).expect("a folder");
    let done_until = format!("{}T00:00:00Z", day(3));
    fs::write(out.join(".daily.state.json"), format!("{{\"done_until\":\"{done_until}\"}}")).expect("writes");
    let ended = deployment.run(&["report", "schedule", "--once"]);
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("make the folder"), "{}", ended.stderr);
    let expected: Vec<String> = [3, 2, 1].iter().flat_map(|days| files_of(&day(*days))).collect();
    assert_eq!(seen(&out), expected);
    let told = deployment.succeed(&["report", "saved"]);
    assert!(told.contains("broken: make the folder"), "{told}");
}

#[test]
fn run_and_schedule_write_the_same_files_and_neither_twice() {
    let (deployment, _topic, out) = deployment("saved-both", DAILY);
    let both = [deployment.spawn(&["run"]), deployment.spawn(&["report", "schedule"])];
    until("the files of yesterday", SOON, || (seen(&out) == files_of(&day(1))).then_some(()));
    for process in both {
        deployment.terminate(process);
    }
    assert_eq!(seen(&out), files_of(&day(1)));
}

#[test]
fn what_is_not_settled_waits() {
    let settled = DAILY.replace("at = \"00:00\"", "at = \"00:00\", when = \"settled\"");
    let (deployment, topic, out) = without_events("saved-settled", &settled);
    let ended = deployment.run(&["report", "schedule", "--once"]);
    assert!(ended.stderr.contains("1 wait until they are settled"), "{}", ended.stderr);
    assert_eq!(seen(&out), [""; 0]);
    // What happens today shows that the source has gone on.
    topic.produce(0, &events(0..100));
    deployment.catch_up();
    deployment.succeed(&["report", "schedule", "--once"]);
    assert_eq!(seen(&out), files_of(&day(1)));
}

#[test]
fn a_file_that_cannot_be_read_says_which_entry_and_key() {
    let (deployment, _topic, _) = deployment("saved-wrong", &DAILY.replace("\"usage\"", "\"usagee\""));
    for arguments in [&["report", "saved"][..], &["report", "schedule", "--once"], &["run"]] {
        let ended = deployment.run(arguments);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("daily: report: give one of usage"), "{}", ended.stderr);
    }
}
