//! A directory's file: who is who and who is enabled when, as comma-separated values.
//!
//! The columns are `person`, `ids`, `directory`, `enabled_from` and `enabled_to`, in any order; the last three may be
//! absent. Several rows of one person are several periods: a person is enabled in all of them together, so that periods may
//! overlap, and an id is theirs by the rows that list it.
//!
//! What is wrong names its line and column and never repeats a value: these are personal.

mod problem;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder};

pub use self::problem::{FileProblem, FileProblems};
use crate::maps::Maps;
use crate::moment;
use crate::source::Source;
use crate::user_key;

/// Rows of a file, and of all directories together: they are held in memory where persons are asked for, 3 KB each with four
/// ids, and a process for SQL must have room for them beside its work.
pub const LISTINGS_MAX: usize = 250_000;

/// Bytes of a name or an id.
const TEXT_BYTES_MAX: usize = 1_024;

/// Ids of one row.
const IDS_MAX: usize = 1_000;

/// A row of a directory: a person, ids of theirs, and when they are enabled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listing {
    /// What the directory calls the person, in the form of a `user_key`.
    pub person: String,
    /// Without repeats, sorted.
    pub ids: Vec<ListedId>,
    /// When the person is enabled.
    pub enabled: Enabled,
}

/// An id that a directory lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListedId {
    /// The source in which the id is meant; none for every source of the tenant.
    pub source: Option<String>,
    /// The id in canonical form.
    pub user_key: String,
}

/// A period, in microseconds since 1970 UTC: from a moment on, until before another one. None is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enabled {
    /// The first moment in it.
    pub from_us: Option<i64>,
    /// The first moment after it.
    pub to_us: Option<i64>,
}

/// What a file says: the rows of each directory that it names, sorted and without repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryFile {
    /// By the directory's name.
    pub directories: BTreeMap<String, Vec<Listing>>,
}

/// Reads a directory's file. `directory` names that of rows that name none, or of a file without that column.
///
/// Ids are brought into the form of a `user_key`, as those of events are. A person whose name is an address has it as an id.
///
/// # Errors
///
/// Everything that is wrong, as far as it can be told at once: a file is right as a whole or not taken.
pub fn read_directory_file(
    bytes: &[u8],
    directory: Option<&str>,
    maps: &Maps,
) -> Result<DirectoryFile, FileProblems> {
    let mut problems = FileProblems::default();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        problems.add(1, None, "save the file as UTF-8: it is UTF-16");
        return Err(problems);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut row = ByteRecord::new();
    let mut columns = None;
    let mut rows = Vec::new();
    loop {
        match reader.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            // What is in memory is read, and cells may be of any number.
            Err(_) => {
                problems.add(1, None, "save the file as comma-separated values: it cannot be read");
                break;
            }
        }
        let line = row.position().map_or(1, csv::Position::line);
        let Some(columns) = &columns else {
            match Columns::read(&row, directory.is_some(), line, &mut problems) {
                Some(found) => columns = Some(found),
                None => return Err(problems),
            }
            continue;
        };
        if rows.len() == LISTINGS_MAX {
            problems.add(line, None, "split the file by directory: it has more than 250,000 rows");
            break;
        }
        let reading = Reading { columns, row: &row, line, directory, maps };
        rows.extend(reading.listing(&mut problems));
    }
    if columns.is_none() {
        problems.add(1, None, "begin with a line of the columns, person,ids,directory,enabled_from,enabled_to: the file is empty");
    }
    check_claims(&rows, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut file = DirectoryFile::default();
    for (_, directory, listing) in rows {
        file.directories.entry(directory).or_default().push(listing);
    }
    for listings in file.directories.values_mut() {
        listings.sort_unstable();
        listings.dedup();
    }
    Ok(file)
}

/// A row that was read: its line, its directory, and what it says.
type Row = (u64, String, Listing);

/// By column: its place in a row.
struct Columns {
    person: usize,
    ids: usize,
    directory: Option<usize>,
    enabled_from: Option<usize>,
    enabled_to: Option<usize>,
    count: usize,
}

impl Columns {
    fn read(head: &ByteRecord, is_named: bool, line: u64, problems: &mut FileProblems) -> Option<Self> {
        const NAMES: [&str; 5] = ["person", "ids", "directory", "enabled_from", "enabled_to"];
        let mut places = [None; 5];
        let before = problems.count();
        for (place, cell) in head.iter().enumerate() {
            let name = String::from_utf8_lossy(cell).trim().to_lowercase();
            match NAMES.iter().position(|known| *known == name) {
                Some(known) if places[known].is_some() => {
                    problems.add(line, Some(NAMES[known]), "name each column once");
                }
                Some(known) => places[known] = Some(place),
                None if head.len() == 1 && name.contains(';') => {
                    problems.add(
                        line,
                        None,
                        "separate the columns by commas: these are separated by semicolons",
                    );
                }
                // The head holds no person's data, and its author must find the column.
                None => {
                    let advice = format!(
                        "leave column {} out, which is \"{}\": the columns are {}",
                        place + 1,
                        name.escape_debug(),
                        NAMES.join(", ")
                    );
                    problems.add(line, None, advice);
                }
            }
        }
        let [person, ids, directory, enabled_from, enabled_to] = places;
        if problems.count() == before {
            for (name, place) in [("person", person), ("ids", ids)] {
                if place.is_none() {
                    problems.add(
                        line,
                        Some(name),
                        "begin the file with a line of the columns, this one among them",
                    );
                }
            }
            if directory.is_none() && !is_named {
                problems.add(
                    line,
                    Some("directory"),
                    "add this column, or name the directory of the whole file",
                );
            }
        }
        let found =
            Self { person: person?, ids: ids?, directory, enabled_from, enabled_to, count: head.len() };
        (problems.count() == before).then_some(found)
    }
}

/// A row that is read.
struct Reading<'a> {
    columns: &'a Columns,
    row: &'a ByteRecord,
    line: u64,
    directory: Option<&'a str>,
    maps: &'a Maps,
}

impl Reading<'_> {
    fn listing(&self, problems: &mut FileProblems) -> Option<Row> {
        if self.row.len() != self.columns.count {
            let advice = format!(
                "give {} cells, as many as there are columns, and close every quote: there are {}",
                self.columns.count,
                self.row.len()
            );
            problems.add(self.line, None, advice);
            return None;
        }
        let before = problems.count();
        let person = self.text("person", Some(self.columns.person), problems);
        let ids = self.text("ids", Some(self.columns.ids), problems);
        let named = self.text("directory", self.columns.directory, problems);
        let from_us = self.moment("enabled_from", self.columns.enabled_from, problems);
        let to_us = self.moment("enabled_to", self.columns.enabled_to, problems);
        if person.is_empty() && problems.count() == before {
            problems.add(self.line, Some("person"), "give a name or number of the person: it is empty");
        }
        let directory = match self.directory {
            Some(directory) if !named.is_empty() && named != directory => {
                let advice = "name the directory that is asked for, or none: the row is of another one";
                problems.add(self.line, Some("directory"), advice);
                directory
            }
            Some(directory) => directory,
            None => named,
        };
        if directory.is_empty() && problems.count() == before {
            problems.add(
                self.line,
                Some("directory"),
                "name the directory, in the row or for the whole file: it is empty",
            );
        }
        if from_us.zip(to_us).is_some_and(|(from_us, to_us)| from_us >= to_us) {
            let advice = "give a later day: the person is enabled until before this one, and it is not after enabled_from";
            problems.add(self.line, Some("enabled_to"), advice);
        }
        let person = self.maps.user_key(person).into_owned();
        let ids = self.ids(ids, &person, problems);
        let listing = Listing { person, ids, enabled: Enabled { from_us, to_us } };
        (problems.count() == before).then(|| (self.line, directory.to_owned(), listing))
    }

    /// The trimmed text of a cell; empty where the column is absent or the text is none.
    fn text(&self, name: &'static str, place: Option<usize>, problems: &mut FileProblems) -> &str {
        let cell = place.and_then(|place| self.row.get(place)).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(cell) else {
            problems.add(self.line, Some(name), "save the file as UTF-8: this is none");
            return "";
        };
        let text = text.trim();
        if text.contains(char::is_control) {
            problems.add(
                self.line,
                Some(name),
                "close the quote, or leave the line break out: no value has one",
            );
            return "";
        }
        if name != "ids" && text.len() > TEXT_BYTES_MAX {
            problems.add(self.line, Some(name), "give a shorter text: it has more than 1,024 bytes");
            return "";
        }
        text
    }

    fn moment(&self, name: &'static str, place: Option<usize>, problems: &mut FileProblems) -> Option<i64> {
        let text = self.text(name, place, problems);
        if text.is_empty() {
            return None;
        }
        let found = day(text).or_else(|| moment::parse(text));
        if found.is_none() {
            let advice = "give a day or a moment with its zone, such as 2026-03-01 or 2026-03-01T08:00:00Z, or nothing";
            problems.add(self.line, Some(name), advice);
        }
        found
    }

    /// The ids of a cell: separated by semicolons where there is one, so that an id can have a blank, else by blanks.
    fn ids(&self, cell: &str, person: &str, problems: &mut FileProblems) -> Vec<ListedId> {
        let is_separator =
            |letter: char| if cell.contains(';') { letter == ';' } else { letter.is_whitespace() };
        let written = cell.split(is_separator).map(str::trim).filter(|id| !id.is_empty());
        let mut ids: Vec<ListedId> = written.flat_map(|id| listed(id, self.maps)).collect();
        if ids.iter().any(|id| id.user_key.is_empty()) {
            problems.add(
                self.line,
                Some("ids"),
                "write an id behind the source and its colon: there is none",
            );
        }
        if ids.iter().any(|id| id.user_key.len() > TEXT_BYTES_MAX) {
            problems.add(self.line, Some("ids"), "give shorter ids: one has more than 1,024 bytes");
        }
        if user_key::is_upn(person) {
            ids.push(ListedId { source: None, user_key: person.to_owned() });
        }
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > IDS_MAX {
            problems.add(
                self.line,
                Some("ids"),
                "spread the ids over several rows of the person: there are more than 1,000",
            );
        }
        ids
    }
}

/// Reads `id`, or `source:id`. What stands before a colon and is no source belongs to the id.
///
/// One that the map of domains changes is listed as it is written too: so it stands in events that came before the map, and
/// in those of sources that the map does not concern.
fn listed(text: &str, maps: &Maps) -> impl Iterator<Item = ListedId> {
    let of_source = text.split_once(':').and_then(|(source, id)| Some((Source::parse(source)?, id.trim())));
    let (source, id) = of_source.map_or((None, text), |(source, id)| (Some(source.as_str().to_owned()), id));
    let user_key = maps.user_key(id).into_owned();
    let written = (id.contains('\\') && user_key != id).then(|| id.to_owned());
    [Some(user_key), written]
        .into_iter()
        .flatten()
        .map(move |user_key| ListedId { source: source.clone(), user_key })
}

/// Reads a day, which begins at midnight UTC.
fn day(text: &str) -> Option<i64> {
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    moment::of([number(year, 4)?, number(month, 2)?, number(day, 2)?], [0; 3], 0, 0)
}

/// When who is listed with an id, and in which line.
type Claim<'r> = (Enabled, &'r str, u64);

/// Within one directory an id is one person's at a time.
fn check_claims(rows: &[Row], problems: &mut FileProblems) {
    let mut claims: BTreeMap<(&str, &ListedId), Vec<Claim<'_>>> = BTreeMap::new();
    for (line, directory, listing) in rows {
        for id in &listing.ids {
            let claim = (listing.enabled, listing.person.as_str(), *line);
            claims.entry((directory, id)).or_default().push(claim);
        }
    }
    for claims in claims.values_mut() {
        claims.sort_unstable();
        let mut latest: Option<(i64, &str, u64)> = None;
        for (enabled, person, line) in claims.iter().copied() {
            let (from_us, to_us) = (enabled.from_us.unwrap_or(i64::MIN), enabled.to_us.unwrap_or(i64::MAX));
            // Until the first conflict, all that hold an id at a moment are one person.
            match latest {
                Some((until_us, other, other_line)) if from_us < until_us => {
                    if other != person {
                        let advice = format!(
                            "list the id with one person at a time: line {other_line} lists one of these for another \
                             person in the same period"
                        );
                        problems.add(line, Some("ids"), advice);
                        break;
                    }
                    if to_us > until_us {
                        latest = Some((to_us, person, line));
                    }
                }
                _ => latest = Some((to_us, person, line)),
            }
        }
    }
}
