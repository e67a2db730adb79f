//! Settings become typed values. What does not fit becomes a problem that names its key and place.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::problem::Problem;
use super::settings::Settings;
use super::value::Value;

/// Reads settings by key and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings, problems: &'a mut Vec<Problem>) -> Self {
        Self { settings, problems }
    }

    pub(super) fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, path: &str) -> String {
        self.parsed(path, |text| Ok::<_, String>(text.to_owned()))
    }

    /// A text that may be empty, which says nothing.
    pub(super) fn optional_text(&mut self, path: &str) -> Option<String> {
        match self.settings.get(path).map(|setting| &setting.value) {
            Some(Value::Text(text)) if text.is_empty() => None,
            Some(Value::Text(_)) => Some(self.text(path)),
            _ => None,
        }
    }

    /// A text that `parse` reads. Where it does not, its message is what to do; the value given back then
    /// is never used, since a problem stands.
    pub(super) fn parsed<T: Default, E: Display>(
        &mut self,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let text = match self.settings.get(path).map(|setting| &setting.value) {
            Some(Value::Text(text)) if !text.trim().is_empty() => text,
            Some(_) => {
                self.problem(path, "give a text; it is empty");
                return T::default();
            }
            None => {
                self.missing(path);
                return T::default();
            }
        };
        parse(text).unwrap_or_else(|advice| {
            self.problem(path, advice);
            T::default()
        })
    }

    /// A number within limits; the unit completes the sentence "give a number of …". Outside them a problem
    /// stands, and the least is given back, with which others can be worked out.
    pub(super) fn number(&mut self, path: &str, limits: RangeInclusive<u64>, unit: &str) -> u64 {
        let (least, most) = (*limits.start(), *limits.end());
        match self.settings.get(path).map(|setting| &setting.value) {
            Some(Value::Number(number)) if limits.contains(number) => *number,
            Some(Value::Number(number)) => {
                let advice = format!("give a number of {unit} from {least} to {most}; it is {number}");
                self.problem(path, advice);
                least
            }
            _ => {
                self.missing(path);
                least
            }
        }
    }

    /// The same as a size in memory.
    pub(super) fn size(&mut self, path: &str, limits: RangeInclusive<u64>, unit: &str) -> usize {
        usize::try_from(self.number(path, limits, unit)).unwrap_or(usize::MAX)
    }

    pub(super) fn switch(&mut self, path: &str) -> bool {
        match self.settings.get(path).map(|setting| &setting.value) {
            Some(Value::Switch(switch)) => *switch,
            _ => {
                self.missing(path);
                false
            }
        }
    }

    /// A switch that may be a word instead: then neither.
    pub(super) fn switch_or_word(&mut self, path: &str) -> Option<bool> {
        match self.settings.get(path).map(|setting| &setting.value) {
            Some(Value::Text(_)) => None,
            _ => Some(self.switch(path)),
        }
    }

    pub(super) fn problem(&mut self, path: &str, advice: impl Display) {
        let place = self.settings.get(path).map(|setting| setting.place.clone());
        self.problems.push(Problem { key: path.to_owned(), place, advice: advice.to_string() });
    }

    /// A required key without a value. One that was given and refused has its problem already.
    fn missing(&mut self, path: &str) {
        if !self.problems.iter().any(|problem| problem.key == path) {
            self.problem(path, "set it; it has no default");
        }
    }
}
