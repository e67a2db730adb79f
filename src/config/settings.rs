//! The settings, as a flat list of dotted paths: defaults, then the file, then the environment.

use std::collections::BTreeMap;

use super::place::Place;
use super::problem::Problem;
use super::secret;
use super::template;
use super::value::Value;
use super::{environment, file};

/// The variables of the process, by name. A parameter, so that a test brings its own.
pub(crate) type Environment = BTreeMap<String, String>;

/// A configuration file: its name, for messages, and its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    /// As the user named it.
    pub(crate) name: &'a str,
    /// The TOML.
    pub(crate) text: &'a str,
}

/// One setting.
#[derive(Clone)]
pub(super) struct Setting {
    /// The value that holds.
    pub(super) value: Value,
    /// Who gave it.
    pub(super) place: Place,
    /// The `${…}` that stands for the value where it is shown.
    pub(super) reference: Option<String>,
}

/// Every setting by its dotted path. No `Debug`: there are secrets among them.
#[derive(Clone, Default)]
pub(super) struct Settings {
    settings: BTreeMap<String, Setting>,
}

impl Settings {
    /// Gathers what holds. What cannot be read becomes a problem, and what is left holds.
    ///
    /// # Errors
    /// The one problem of a file that is no TOML.
    pub(super) fn gather(
        file: Option<File<'_>>,
        variables: &Environment,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Problem> {
        let mut settings = Self::default();
        if let Some(file) = file {
            file::read(file, &mut settings, problems)?;
        }
        environment::read(variables, &mut settings, problems);
        settings.add_defaults();
        secret::resolve(&mut settings, variables, problems);
        Ok(settings)
    }

    /// Sets a path, over what was there.
    pub(super) fn set(&mut self, path: String, value: Value, place: Place) {
        self.settings.insert(path, Setting { value, place, reference: None });
    }

    pub(super) fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.get(path)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Setting)> {
        self.settings.iter_mut()
    }

    /// What stands in a table that takes any name: name and setting.
    pub(super) fn open_table<'s>(&'s self, table: &'s str) -> impl Iterator<Item = (&'s str, &'s Setting)> {
        self.settings.iter().filter_map(move |(path, setting)| Some((template::under(path, table)?, setting)))
    }

    /// The numbers in a list, ascending.
    pub(super) fn numbers(&self, list: &str) -> Vec<usize> {
        let mut numbers: Vec<usize> =
            self.settings.keys().filter_map(|path| template::number(path, list)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn add_defaults(&mut self) {
        for key in template::keys() {
            let Some(default) = &key.default else { continue };
            let paths = match key.path.split_once(".#.") {
                None => vec![key.path.clone()],
                Some((list, name)) => {
                    let numbers = self.numbers(list).into_iter();
                    numbers.map(|number| format!("{list}.{number}.{name}")).collect()
                }
            };
            for path in paths {
                self.settings.entry(path).or_insert_with(|| Setting {
                    value: default.clone(),
                    place: Place::Default,
                    reference: None,
                });
            }
        }
    }
}
