//! What the documents show is what a reader gets: their commands are run on the demo's book, which is the same each time.
//!
//! What a command prints to standard error (how many rows, of which version of the book) is not shown: versions differ.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The page with what its commands print now.
fn answered(folder: &Path, page: &str) -> String {
    let mut answered = String::new();
    let (mut is_console, mut is_output) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            (is_console, is_output) = (line == "```console", false);
        }
        if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            answered += &format!("{line}\n");
            let output = printed(folder, command);
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
    let mut differ = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).expect("reads");
        let answered = answered(&demo, &page);
        if std::env::var_os("GATEBOOK_UPDATE").is_some() {
            fs::write(&path, &answered).expect("writes");
        } else if answered != page {
            // Not by `lines`, which does not tell that one ends with a carriage return.
            let lines = answered.split('\n').zip(page.split('\n')).find(|(now, then)| now != then);
            differ.push(format!("{}: {lines:?}", path.display()));
        }
    }
    assert!(differ.is_empty(), "run this with GATEBOOK_UPDATE=1:\n{}", differ.join("\n"));
}
