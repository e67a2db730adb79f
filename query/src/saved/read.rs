//! Reading the file of saved reports. Everything that is wrong with it is told at once: which entry, which key, what to
//! give.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use toml::{Table, Value};

use super::Saved;
use super::relative::{Relative, WORDS};
use super::schedule::{Every, Schedule, When};
use crate::output::Format;
use crate::parameter::parse_tz;
use crate::report::{REPORTS, Report};

/// Bytes of a name, of which names of files are made.
const NAME_BYTES_MAX: usize = 64;

const KEYS: &[&str] = &["name", "report", "range", "tz", "parameters", "formats", "output", "schedule"];
const SCHEDULE_KEYS: &[&str] = &["every", "at", "when"];

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedProblem {
    /// The entry's name, or its place in the file where it has none.
    pub entry: String,
    /// The key; empty where it is about all of the entry.
    pub key: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for SavedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, key, advice } = self;
        if key.is_empty() { write!(f, "{entry}: {advice}") } else { write!(f, "{entry}: {key}: {advice}") }
    }
}

/// Reads a file of saved reports. `now` is a moment at which each is tried.
///
/// # Errors
///
/// All that is wrong.
pub fn read_saved(text: &str, now: DateTime<Utc>) -> Result<Vec<Saved>, Vec<SavedProblem>> {
    let mut problems = Vec::new();
    let mut saved = Vec::new();
    for (index, entry) in entries(text, &mut problems).iter().enumerate() {
        let name = entry.get("name").and_then(Value::as_str);
        let place = name.map_or_else(|| format!("[[reports]] number {}", index + 1), str::to_owned);
        let mut entry = Entry { place, table: entry, problems: &mut problems };
        saved.extend(entry.read(now));
    }
    let mut names = HashSet::new();
    for Saved { name, .. } in &saved {
        if !names.insert(name) {
            let advice = "give each its own name: two have this one".to_owned();
            problems.push(SavedProblem { entry: name.clone(), key: "name".to_owned(), advice });
        }
    }
    if problems.is_empty() { Ok(saved) } else { Err(problems) }
}

fn entries(text: &str, problems: &mut Vec<SavedProblem>) -> Vec<Table> {
    let mut file = |advice: String| {
        problems.push(SavedProblem { entry: "the file".to_owned(), key: String::new(), advice });
    };
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error
                .span()
                .map_or(1, |span| 1 + text.get(..span.start).unwrap_or(text).matches('\n').count());
            file(format!("write line {line} as TOML; {}", error.message().replace('\n', ", ")));
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for (name, value) in table {
        match value {
            Value::Array(all) if name == "reports" && all.iter().all(Value::is_table) => {
                entries.extend(all.into_iter().filter_map(|entry| match entry {
                    Value::Table(entry) => Some(entry),
                    _ => None,
                }));
            }
            _ => {
                file(format!("write [[reports]], in two brackets, once for each; {name:?} is something else"))
            }
        }
    }
    entries
}

struct Entry<'a> {
    place: String,
    table: &'a Table,
    problems: &'a mut Vec<SavedProblem>,
}

impl Entry<'_> {
    fn read(&mut self, now: DateTime<Utc>) -> Option<Saved> {
        let before = self.problems.len();
        for key in self.table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problem(key, format!("use one of {}", KEYS.join(", ")));
        }
        let name = self.name();
        let report = self.report();
        let tz = self.tz();
        let range = self.range();
        let given = self.given();
        let formats = self.formats();
        let output = self.text("output").filter(|output| self.reaches(output));
        let schedule = self.schedule();
        if schedule.is_some() {
            if output.is_none() && !self.has_problem("output") {
                self.problem("output", "give the folder for the files that the schedule makes".to_owned());
            }
            if range.is_none() && !self.has_problem("range") {
                self.problem("range", format!("give a range that moves along with the schedule: {WORDS}"));
            }
        }
        if self.problems.len() > before {
            return None;
        }
        let saved = Saved { name: name?, report: report?, tz, formats, output, schedule, range, given };
        // What the report says of its parameters, before anybody waits for it.
        if let Err(error) = saved.question(now) {
            let key = if error.name == "tz" { "tz".to_owned() } else { format!("parameters.{}", error.name) };
            self.problem(&key, format!("{}; for example {:?}", error.expected, error.example));
            return None;
        }
        Some(saved)
    }

    fn problem(&mut self, key: &str, advice: String) {
        self.problems.push(SavedProblem { entry: self.place.clone(), key: key.to_owned(), advice });
    }

    fn has_problem(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.entry == self.place && problem.key == key)
    }

    /// A text that is not empty.
    fn text(&mut self, key: &str) -> Option<String> {
        match self.table.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.problem(key, "give a text in quotes that is not empty".to_owned());
                None
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        let name = self.text("name");
        let fits = |name: &str| {
            let fit =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
            name.len() <= NAME_BYTES_MAX && name.bytes().all(fit)
        };
        match name {
            Some(name) if fits(&name) => Some(name),
            None if self.has_problem("name") => None,
            _ => {
                let advice = format!(
                    "give a name of at most {NAME_BYTES_MAX} small letters, digits, - and _: names of files are made of it"
                );
                self.problem("name", advice);
                None
            }
        }
    }

    fn report(&mut self) -> Option<&'static Report> {
        let name = self.text("report");
        let report = name.as_deref().and_then(Report::named);
        if report.is_none() && !self.has_problem("report") {
            let names: Vec<&str> = REPORTS.iter().map(|report| report.name).collect();
            self.problem("report", format!("give one of {}", names.join(", ")));
        }
        report
    }

    fn tz(&mut self) -> Tz {
        let text = self.text("tz");
        parse_tz(text.as_deref()).unwrap_or_else(|error| {
            self.problem("tz", format!("{}; for example {:?}", error.expected, error.example));
            Tz::UTC
        })
    }

    fn range(&mut self) -> Option<Relative> {
        let text = self.text("range")?;
        let range = Relative::parse(&text);
        if range.is_none() {
            self.problem("range", format!("give one of {WORDS}"));
        }
        range
    }

    /// The report's own parameters; a list gives one several times.
    fn given(&mut self) -> Vec<(String, String)> {
        let parameters = match self.table.get("parameters") {
            None => return Vec::new(),
            Some(Value::Table(parameters)) => parameters,
            Some(_) => {
                self.problem("parameters", "write a table of names and values: { by = \"day\" }".to_owned());
                return Vec::new();
            }
        };
        let mut given = Vec::new();
        for (name, value) in parameters {
            let key = format!("parameters.{name}");
            let outside = match name.as_str() {
                "tz" => Some("write tz beside the entry's name, not among its parameters"),
                "from" | "to" if self.table.contains_key("range") => {
                    Some("leave it out, or `range`: both say which time")
                }
                _ => None,
            };
            if let Some(advice) = outside {
                self.problem(&key, advice.to_owned());
                continue;
            }
            let values = match value {
                Value::Array(values) => values.iter().collect(),
                value => vec![value],
            };
            for value in values {
                match value {
                    Value::String(text) => given.push((name.clone(), text.clone())),
                    Value::Integer(number) => given.push((name.clone(), number.to_string())),
                    _ => self.problem(
                        &key,
                        "give a text in quotes, a whole number, or a list of these".to_owned(),
                    ),
                }
            }
        }
        given
    }

    fn formats(&mut self) -> Vec<Format> {
        let values = match self.table.get("formats") {
            None => return vec![Format::Csv],
            Some(Value::Array(values)) => values.as_slice(),
            Some(_) => &[],
        };
        let formats: Option<Vec<Format>> =
            values.iter().map(|value| Format::parse(value.as_str()?)).collect();
        let mut formats = formats.unwrap_or_default();
        if formats.is_empty() {
            let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
            self.problem("formats", format!("give a list of any of {}", names.join(", ")));
        }
        let mut seen = Vec::new();
        formats.retain(|format| {
            let is_new = !seen.contains(format);
            seen.push(*format);
            is_new
        });
        formats
    }

    /// Whether this build reaches a place. Folders are all that it reaches.
    fn reaches(&mut self, output: &str) -> bool {
        let Some((scheme, rest)) = output.split_once("://") else { return true };
        let advice = match scheme {
            "file" if rest.starts_with('/') => return true,
            "file" => "give a whole path after file://".to_owned(),
            _ => format!(
                "give a folder, or mount the store as one: this build has no client for {scheme}://, only for folders"
            ),
        };
        self.problem("output", advice);
        false
    }

    fn schedule(&mut self) -> Option<Schedule> {
        let table = match self.table.get("schedule")? {
            Value::Table(table) => table,
            _ => {
                let advice = "write a table: { every = \"day\", at = \"06:00\" }".to_owned();
                self.problem("schedule", advice);
                return None;
            }
        };
        for key in table.keys().filter(|key| !SCHEDULE_KEYS.contains(&key.as_str())) {
            self.problem(&format!("schedule.{key}"), format!("use one of {}", SCHEDULE_KEYS.join(", ")));
        }
        let every = table.get("every").and_then(Value::as_str);
        let every = Every::ALL.iter().find(|(name, _)| Some(*name) == every).map(|(_, every)| *every);
        let Some(every) = every else {
            self.problem("schedule.every", "give \"hour\", \"day\", \"week\" or \"month\"".to_owned());
            return None;
        };
        let at = match table.get("at") {
            None => Some(NaiveTime::MIN),
            Some(at) => at.as_str().and_then(|at| time(at, every)),
        };
        if at.is_none() {
            let advice = match every {
                Every::Hour => "give the minute of the hour: \":05\"",
                _ => "give a local time in hours and minutes: \"06:00\"",
            };
            self.problem("schedule.at", advice.to_owned());
        }
        let when = match table.get("when").map(Value::as_str) {
            None => Some(When::Due),
            Some(Some("due")) => Some(When::Due),
            Some(Some("settled")) => Some(When::Settled),
            Some(_) => None,
        };
        if when.is_none() {
            self.problem("schedule.when", "give \"due\" or \"settled\"".to_owned());
        }
        Some(Schedule { every, at: at?, when: when? })
    }
}

/// `06:00`; of an hour `:05`.
fn time(text: &str, every: Every) -> Option<NaiveTime> {
    let text = match every {
        Every::Hour => format!("00{}", text.strip_prefix("00").unwrap_or(text)),
        _ => text.to_owned(),
    };
    let fits =
        text.len() == 5 && text.bytes().enumerate().all(|(at, byte)| (at == 2) != byte.is_ascii_digit());
    NaiveTime::parse_from_str(&text, "%H:%M").ok().filter(|_| fits)
}
