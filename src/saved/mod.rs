//! Saved reports carried out: what is due is written, each period once, and what was missed is made up.
//!
//! The file of a period has one name. It is written with its coverage beside it and gets its name last, by one process at a
//! time, and only where there is none: so whatever stops a process, no period is written twice and none is half written.
//! Beside the files stands how far they go: what was due since, and has no file, is missing.

mod due;
mod keeper;
mod place;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use query::saved::{Saved, read_saved};

use self::due::{Due, Missing};
pub(crate) use self::keeper::{Keeper, Pass};
use self::place::Place;
use crate::asker::Asker;
use crate::config::{Config, ConfigError, Problem};
use crate::exit::Usage;

/// The saved reports of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct SavedReports {
    /// In the order of the file.
    pub(crate) all: Vec<Saved>,
    file: PathBuf,
}

/// How one saved report stands.
#[derive(Debug)]
pub(crate) struct Standing {
    /// When it is due next; none where it is not due by itself.
    pub(crate) next: Option<DateTime<Utc>>,
    /// Periods that were due and are not written.
    pub(crate) missing: usize,
    /// What failed last.
    pub(crate) trouble: Option<String>,
}

impl SavedReports {
    /// Reads the file that the configuration names. Without one of the usual name there are none.
    pub(crate) fn load(config: &Config) -> anyhow::Result<Self> {
        let file = config.reports.file.clone();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !config.reports.is_named => {
                String::new()
            }
            Err(error) => {
                let advice = format!("make it a readable file of text; {error}");
                let problem = Problem { key: file.display().to_string(), place: None, advice };
                return Err(ConfigError { problems: vec![problem], has_file: true }.into());
            }
        };
        let all = read_saved(&text, Utc::now()).map_err(|problems| {
            let problem = |problem: query::saved::SavedProblem| {
                let query::saved::SavedProblem { entry, key, advice } = problem;
                let key = if key.is_empty() { entry } else { format!("{entry}: {key}") };
                Problem { key: format!("{}: {key}", file.display()), place: None, advice }
            };
            ConfigError { problems: problems.into_iter().map(problem).collect(), has_file: true }
        })?;
        Ok(Self { all, file })
    }

    /// The saved report of this name.
    pub(crate) fn named(&self, name: &str) -> anyhow::Result<&Saved> {
        let found = self.all.iter().find(|saved| saved.name == name);
        found.with_context(|| {
            let names: Vec<&str> = self.all.iter().map(|saved| saved.name.as_str()).collect();
            let advice = if names.is_empty() {
                "name some there first".to_owned()
            } else {
                format!("give one of {}", names.join(", "))
            };
            Usage(format!("{advice}: {} has no report {name}", self.file.display()))
        })
    }

    /// Answers one at its own place, once: the files that were written. Blocks.
    pub(crate) fn save(
        &self,
        saved: &Saved,
        asker: &Asker,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let place = self.place(saved).with_context(|| {
            Usage(format!("give {} an output in {}: it has no folder", saved.name, self.file.display()))
        })?;
        let due = Due::at(saved, &place, now)?;
        let period = &due.question.period;
        anyhow::ensure!(
            !due.formats.is_empty(),
            "remove the files of {} for {period} first: they are in {} already",
            saved.name,
            place.folder().display()
        );
        let _turn = place
            .take_turn()?
            .with_context(|| format!("ask again in a moment: another process writes {}", saved.name))?;
        keeper::write(asker, saved, &place, &due)
    }

    /// Whether any is due by itself.
    pub(crate) fn has_schedule(&self) -> bool {
        self.all.iter().any(|saved| saved.schedule.is_some())
    }

    fn place(&self, saved: &Saved) -> Option<Place> {
        let beside = self.file.parent().unwrap_or(Path::new(""));
        saved.output.as_deref().map(|output| Place::new(beside, output, &saved.name))
    }

    /// How one of them stands.
    pub(crate) fn standing(&self, saved: &Saved, now: DateTime<Utc>) -> Standing {
        let next = saved.schedule.and_then(|schedule| schedule.next(now, saved.tz));
        let looked = self.place(saved).filter(|_| saved.schedule.is_some()).map(|place| {
            let missing = Missing::find(saved, &place, now)?;
            let remembered = missing.memory.trouble;
            let trouble = remembered.map(|trouble| format!("{}: {}", trouble.period, trouble.error));
            let unusable = place.look().err().map(|error| format!("{error:#}"));
            Ok::<_, anyhow::Error>((missing.dues.len(), unusable.or(trouble)))
        });
        match looked {
            None => Standing { next, missing: 0, trouble: None },
            Some(Ok((missing, trouble))) => Standing { next, missing, trouble },
            Some(Err(error)) => Standing { next, missing: 0, trouble: Some(format!("{error:#}")) },
        }
    }
}
