//! What is wrong with a configuration.

use std::fmt;

use super::place::Place;

/// One thing to put right. It never repeats a value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The key, as a dotted path.
    pub(crate) key: String,
    /// Where its value stands; `None` where nobody gave one.
    pub(crate) place: Option<Place>,
    /// What to do, then what is wrong.
    pub(crate) advice: String,
}

/// A configuration that nothing can start with: all its problems at once.
#[derive(Debug)]
pub(crate) struct ConfigError {
    /// What to put right; at least one.
    pub(crate) problems: Vec<Problem>,
    /// Whether there was a file; without one the advice is to name it.
    pub(crate) has_file: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(formatter, "{place}: {}: {}", self.key, self.advice),
            None => write!(formatter, "{}: {}", self.key, self.advice),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.has_file {
            true => "put the configuration right (`gatebook config show --default` explains every key)",
            false => {
                "name the configuration with --config FILE (`gatebook config show --default` prints one)"
            }
        };
        formatter.write_str(advice)?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
