//! The folder of a saved report: what was written, how far that goes, and who writes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The folder of a saved report.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    name: String,
}

/// What is remembered of a saved report beside its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// Everything that was due until then is written, or was before anybody wanted it.
    pub(super) done_until: DateTime<Utc>,
    /// What failed last, and was not made up since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<Trouble>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trouble {
    /// The name of the period that has no file yet.
    pub(super) period: String,
    /// When it was tried last.
    pub(super) at: DateTime<Utc>,
    /// What to do, and what happened.
    pub(super) error: String,
}

/// As long as it lives, no other process writes files of this saved report here.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: File,
}

impl Place {
    /// The folder as it was given; a relative one begins where the file of saved reports lies.
    pub(super) fn new(beside: &Path, output: &str, name: &str) -> Self {
        let folder = output.strip_prefix("file://").unwrap_or(output);
        Self { folder: beside.join(folder), name: name.to_owned() }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is such a file.
    pub(super) fn holds(&self, name: &str) -> anyhow::Result<bool> {
        let path = self.file(name);
        path.try_exists().with_context(|| format!("make {} readable: it cannot be looked at", path.display()))
    }

    /// Takes the turn to write; none while another process has it. Makes the folder, but none above it.
    pub(super) fn take_turn(&self) -> anyhow::Result<Option<Turn>> {
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| self.make_it());
            }
            _ => {}
        }
        let path = self.hidden("lock");
        let failed = || format!("make {} a folder that can be written", self.folder.display());
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).with_context(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Turn { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }

    /// Fails where neither the folder nor the one above it is there: then nothing can be remembered either.
    pub(super) fn look(&self) -> anyhow::Result<()> {
        let above = self.folder.parent().filter(|above| !above.as_os_str().is_empty());
        let is_there = self.folder.is_dir() || above.is_none_or(Path::is_dir);
        anyhow::ensure!(is_there, self.make_it());
        Ok(())
    }

    fn make_it(&self) -> String {
        format!("make the folder {}: it cannot be made", self.folder.display())
    }

    /// What is remembered; none where nothing is.
    pub(super) fn memory(&self) -> anyhow::Result<Option<Memory>> {
        let path = self.hidden("state.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("make {} readable", path.display()));
            }
        };
        let advice =
            || format!("remove {}, which others changed: then only the last period is made", path.display());
        serde_json::from_str(&text).map(Some).with_context(advice)
    }

    /// Remembers, at once or not at all.
    pub(super) fn remember(&self, memory: &Memory) -> anyhow::Result<()> {
        let path = self.hidden("state.json");
        let save = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer_pretty(&mut file, memory)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            // The names of the answers before it are in the same folder.
            File::open(&self.folder)?.sync_all()
        };
        save().with_context(|| format!("make room in {}: it cannot be written", self.folder.display()))
    }

    fn hidden(&self, what: &str) -> PathBuf {
        self.folder.join(format!(".{}.{what}", self.name))
    }
}
