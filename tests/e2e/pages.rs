//! What the documents show is what a reader gets: their commands are run on the demo's book, which is the same each time.
//!
//! What a command prints to standard error (how many rows, of which version of the book) is not shown: versions differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

/// The demo that all pages are about.
const DEMO: &[&str] = &["demo", "--until", "2026-11-24", "--seed", "1", "--once"];

fn gatebook() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_gatebook"))
}

/// The pages with commands.
fn pages() -> Vec<PathBuf> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let reports = fs::read_dir(docs.join("reports")).expect("docs/reports is there");
    let mut pages: Vec<PathBuf> = reports.map(|page| page.expect("a page").path()).collect();
    pages.push(docs.join("answers.md"));
    pages.sort();
    pages
}

/// What a command prints in the folder of the demo's book.
fn printed(folder: &Path, command: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let beside = gatebook().parent().expect("it lies in a folder");
    let ended = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", beside.display()))
        .output()
        .expect("a shell");
    assert!(ended.status.success(), "{command}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}

/// Whether a command says of which time it asks, so that it always gets the same answer.
fn is_fixed(command: &str) -> bool {
    !command.contains(" report ") || command.contains("--from")
}

/// The commands of a page.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let mut is_console = false;
    page.lines().filter_map(move |line| {
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        line.strip_prefix("$ ").filter(|_| is_console)
    })
}

/// What commands print, each once, as many at a time as there are cores.
fn all_printed<'c>(folder: &Path, commands: impl Iterator<Item = &'c str>) -> BTreeMap<&'c str, String> {
    let commands: BTreeSet<&str> = commands.collect();
    let (left, printed_by) = (Mutex::new(commands.iter()), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let next = left.lock().expect("no thread failed").next();
            let Some(command) = next else { return };
            let output = printed(folder, command);
            printed_by.lock().expect("no thread failed").insert(*command, output);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    printed_by.into_inner().expect("no thread failed")
}

/// The page with what its commands print now.
fn answered(page: &str, printed: &BTreeMap<&str, String>) -> String {
    let mut answered = String::new();
    let (mut is_console, mut is_output) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            (is_console, is_output) = (line == "```console", false);
        }
        if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            answered += &format!("{line}\n");
            let output = &printed[command];
            is_output = is_fixed(command);
            if is_output {
                answered += output.trim_end();
                answered += if output.trim().is_empty() { "" } else { "\n" };
            }
        } else if !is_output {
            answered += &format!("{line}\n");
        }
    }
    answered
}

/// `GATEBOOK_UPDATE=1` writes the answers anew; look at what changed before you commit it.
#[test]
fn the_answers_in_the_documents_are_those_that_a_reader_gets() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = folder.path().join("demo");
    let ended = Command::new(gatebook()).args(DEMO).arg(&demo).output().expect("starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let pages = pages().into_iter().map(|path| (fs::read_to_string(&path).expect("reads"), path));
    let pages: Vec<(String, PathBuf)> = pages.collect();
    let printed = all_printed(&demo, pages.iter().flat_map(|(page, _)| commands(page)));
    let mut differ = Vec::new();
    for (page, path) in &pages {
        let answered = answered(page, &printed);
        if std::env::var_os("GATEBOOK_UPDATE").is_some() {
            fs::write(path, &answered).expect("writes");
        } else if answered != *page {
            // Not by `lines`, which does not tell that one ends with a carriage return.
            let lines = answered.split('\n').zip(page.split('\n')).find(|(now, then)| now != then);
            differ.push(format!("{}: {lines:?}", path.display()));
        }
    }
    assert!(differ.is_empty(), "run this with GATEBOOK_UPDATE=1:\n{}", differ.join("\n"));
}
