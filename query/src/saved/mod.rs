//! Saved reports: what is asked again and again, of a time that moves along, and when.
//!
//! A [`Saved`] is a report with parameters and a range such as `last-month`, which [`Relative`] makes a range of moments
//! of at a given moment. A [`Schedule`] says at which moments it is due. Each of them has one range, and each range has one
//! name, which the files of its answer bear. Nothing here reads a clock or a disk.

mod names;
mod read;
mod relative;
mod schedule;
#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

pub use self::read::{SavedProblem, read_saved};
use self::relative::Relative;
pub use self::schedule::{DUES_MAX, Schedule, When};
use crate::output::Format;
use crate::parameter::{ParameterError, TimeRange};
use crate::report::{Report, ReportParameters};

/// A saved report.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its name, of which the names of its files begin.
    pub name: String,
    /// What is asked.
    pub report: &'static Report,
    /// The zone of its range, its local days and its schedule.
    pub tz: Tz,
    /// How the answers are written.
    pub formats: Vec<Format>,
    /// The folder for the answers, as it was given; none where they only go to the terminal.
    pub output: Option<String>,
    /// When it is due by itself.
    pub schedule: Option<Schedule>,
    /// The range, where it moves along.
    range: Option<Relative>,
    /// The other parameters, by name.
    given: Vec<(String, String)>,
}

/// A question of a saved report at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedQuestion {
    /// What is asked.
    pub parameters: ReportParameters,
    /// The range's name, in the names of files.
    pub period: String,
}

impl Saved {
    /// What is asked at a moment.
    ///
    /// # Errors
    ///
    /// A parameter cannot be read. What [`read_saved`] gave can be read at every moment of our time.
    pub fn question(&self, now: DateTime<Utc>) -> Result<SavedQuestion, ParameterError> {
        let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let range = self.range.map(|range| range.at(now, self.tz));
        let range = range.map(|TimeRange { from, to }| [("from", moment(from)), ("to", moment(to))]);
        let range = range.iter().flatten().map(|(name, value)| (*name, value.as_str()));
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters = self.report.parse(range.chain([("tz", self.tz.name())]).chain(given), now)?;
        let period = names::of(parameters.range, self.tz);
        Ok(SavedQuestion { parameters, period })
    }

    /// The name of the file of an answer.
    #[must_use]
    pub fn file_name(&self, period: &str, format: Format) -> String {
        format!("{}.{period}.{}", self.name, format.as_str())
    }

    /// The range as it was given.
    #[must_use]
    pub fn range_text(&self) -> String {
        self.range.map_or_else(|| "as given".to_owned(), |range| range.to_string())
    }
}
