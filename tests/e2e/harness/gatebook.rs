//! The command under test: a deployment with a configuration and a lake of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Ended, Process};
use super::wait::until;

/// How long a command that should end may take: far longer than any needs.
pub(crate) const ENDS: Duration = Duration::from_secs(180);

/// A folder with `gatebook.toml` and, unless placed elsewhere, the lake.
pub(crate) struct Deployment {
    dir: TempDir,
    lake: PathBuf,
    brokers: String,
    topics: Vec<(String, String)>,
    sections: BTreeMap<String, Vec<String>>,
    appended: String,
}

impl Deployment {
    /// A deployment that reads `topic` from `brokers` in a group of its own.
    pub(crate) fn new(brokers: &str, topic: &str) -> Deployment {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let lake = dir.path().join("lake");
        let topics = vec![(topic.to_owned(), String::new())];
        let deployment = Deployment {
            dir,
            lake,
            brokers: brokers.to_owned(),
            topics,
            sections: BTreeMap::new(),
            appended: String::new(),
        };
        // Several commits a second, so that a kill falls between many.
        deployment.set("ingest", "commit_interval_ms = 200").set("http", "listen = \"127.0.0.1:0\"")
    }

    /// Adds lines of TOML to a section: `set("ingest", "max_event_age_days = 30")`. A line with a key
    /// that was set before takes its place.
    pub(crate) fn set(mut self, section: &str, lines: &str) -> Deployment {
        let key = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
        let section = self.sections.entry(section.to_owned()).or_default();
        for line in lines.lines() {
            section.retain(|held| key(held) != key(line));
            section.push(line.to_owned());
        }
        self.write()
    }

    /// Adds a line of TOML to the topic.
    pub(crate) fn set_topic(mut self, line: &str) -> Deployment {
        self.topics[0].1.push_str(line);
        self.write()
    }

    /// Puts the lake elsewhere.
    pub(crate) fn at(mut self, lake: &Path) -> Deployment {
        lake.clone_into(&mut self.lake);
        self.write()
    }

    /// The Delta table.
    pub(crate) fn book(&self) -> PathBuf {
        self.lake.join("book")
    }

    /// A command of this deployment, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatebook"));
        command.args(arguments).arg("--config").arg(self.dir.path().join("gatebook.toml"));
        command.current_dir(self.dir.path());
        command
    }

    /// Starts a command and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        Process::spawn(&mut self.command(arguments))
    }

    /// Starts a command that takes no configuration.
    pub(crate) fn spawn_plain(&self, arguments: &[&str]) -> Process {
        Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_gatebook")).args(arguments).current_dir(self.dir.path()),
        )
    }

    /// Adds text to the end of the configuration.
    pub(crate) fn append(mut self, text: &str) -> Deployment {
        self.appended.push_str(text);
        self.write()
    }

    /// Starts a command that kills itself the `nth` time it comes to a named point.
    pub(crate) fn spawn_failing_at(&self, point: &str, nth: u32, arguments: &[&str]) -> Process {
        Process::spawn(self.command(arguments).env("GATEBOOK_FAILPOINT", format!("{point}:{nth}")))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).wait(ENDS)
    }

    /// Runs a command that must succeed, and returns what it printed.
    ///
    /// # Panics
    /// With what it said, when it fails.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert!(ended.status.success(), "gatebook {arguments:?}: {}\n{}", ended.status, ended.stderr);
        ended.stdout
    }

    /// Lands everything that Kafka holds at this moment, and proves the book.
    pub(crate) fn catch_up(&self) {
        self.succeed(&["ingest", "--until-caught-up"]);
        self.succeed(&["check"]);
    }

    /// The one whole number that a query gives; an empty sum counts as 0.
    ///
    /// # Panics
    /// When the query fails or gives something else.
    pub(crate) fn number(&self, query: &str) -> u64 {
        let printed = self.succeed(&["sql", "--format", "csv", query]);
        let value = printed.lines().nth(1).unwrap_or_else(|| panic!("no row: {printed}"));
        if value.is_empty() { 0 } else { value.parse().unwrap_or_else(|_| panic!("no number: {printed}")) }
    }

    /// Names of all files under the book: what a process leaves when it works.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.book()];
        while let Some(folder) = folders.pop() {
            // Folders come and go while a process works.
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ => files.push(entry.path()),
                }
            }
        }
        files.sort();
        files
    }

    /// Makes all data files look as if they had been written `age` ago.
    pub(crate) fn age_files(&self, age: Duration) {
        self.data_files().iter().for_each(|path| make_older(path, age));
    }

    /// Makes upkeep look as if it had last run `age` ago.
    pub(crate) fn age_upkeep(&self, age: Duration) {
        let leases = fs::read_dir(self.lake.join("maintain")).expect("upkeep has run");
        leases.flatten().for_each(|lease| make_older(&lease.path(), age));
    }

    /// Makes all files that the log took out of the table look as if that had been done `age` ago.
    pub(crate) fn age_removals(&self, age: Duration) {
        for version in 0.. {
            let path = self.log_entry(version);
            let Ok(text) = fs::read_to_string(&path) else { break };
            let older = text.lines().map(|line| {
                let mut action: Value = serde_json::from_str(line).expect("a line of the log is JSON");
                if let Some(moment) = action.pointer_mut("/remove/deletionTimestamp") {
                    *moment = (moment.as_u64().expect("milliseconds") - age.as_millis() as u64).into();
                }
                format!("{action}\n")
            });
            fs::write(path, older.collect::<String>()).expect("the log is ours");
        }
    }

    /// The entry of the book's log that made `version`.
    pub(crate) fn log_entry(&self, version: u64) -> PathBuf {
        self.book().join(format!("_delta_log/{version:020}.json"))
    }

    /// The data files under the book.
    pub(crate) fn data_files(&self) -> Vec<PathBuf> {
        let is_data = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
        self.files().into_iter().filter(is_data).collect()
    }

    /// Waits until the process has written something under the book.
    pub(crate) fn wait_for_work(&self, limit: Duration) {
        let before = self.files();
        until("a sign of work", limit, || (self.files() != before).then_some(()));
    }

    /// Waits until the book holds the event with this id, as `gatebook sql` sees it.
    pub(crate) fn wait_for_row(&self, event_id: &str, limit: Duration) {
        let query = format!("select count(*) from events where event_id = '{event_id}'");
        until(&format!("{event_id} in the book"), limit, || {
            let ended = self.run(&["sql", "--format", "csv", &query]);
            (ended.status.success() && ended.stdout.lines().last() == Some("1")).then_some(())
        });
    }

    /// Asks a worker to end: it must, with exit code 0 and within ten seconds.
    pub(crate) fn terminate(&self, worker: Process) {
        worker.signal("TERM");
        // The promise is ten seconds; a busy machine may need some more to schedule it.
        let ended = worker.wait(Duration::from_secs(15));
        assert_eq!(ended.status.code(), Some(0), "after SIGTERM:\n{}", ended.stderr);
    }

    fn write(self) -> Deployment {
        let mut toml = format!(
            "[kafka]\nbrokers = \"{}\"\ngroup = \"{}\"\n\n[lake]\nlocation = \"{}\"\n",
            self.brokers,
            self.topics[0].0,
            self.lake.display()
        );
        for line in self.sections.get("lake").into_iter().flatten() {
            toml.push_str(&format!("{line}\n"));
        }
        for (section, lines) in self.sections.iter().filter(|(section, _)| *section != "lake") {
            toml.push_str(&format!("\n[{section}]\n{}\n", lines.join("\n")));
        }
        for (name, lines) in &self.topics {
            toml.push_str(&format!("\n[[topics]]\nname = \"{name}\"\nsource = \"gatebook\"\n{lines}\n"));
        }
        toml.push_str(&format!("\n{}", self.appended));
        fs::write(self.dir.path().join("gatebook.toml"), toml).expect("the configuration");
        self
    }
}

fn make_older(path: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(path).expect("nothing is deleted meanwhile");
    file.set_modified(SystemTime::now() - age).expect("the file is ours");
}
