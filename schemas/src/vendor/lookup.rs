//! Tables of a vendor's texts, compiled in, and looked up in any ASCII case.

use std::collections::HashMap;

/// A line of a table: what one of the vendor's texts stands for.
pub(crate) trait Entry: Copy {
    /// What a line of the table is, for the message about one that cannot be read.
    const WHAT: &'static str;

    /// Reads a line; none where a part is no word of ours.
    fn read(line: &'static str) -> Option<Self>;

    /// As the vendor writes it.
    fn text(&self) -> &'static str;
}

/// A table of a vendor's texts.
#[derive(Debug)]
pub(crate) struct Lookup<E> {
    /// As the vendor writes them: found so without a copy.
    as_written: HashMap<&'static str, E>,
    by_text: HashMap<String, E>,
    /// In the order of the table.
    all: Vec<E>,
}

impl<E: Entry> Lookup<E> {
    /// Reads a table: a head line, then a line for each text. Lines that begin with `#` are remarks.
    ///
    /// # Panics
    ///
    /// A line cannot be read, or a text stands twice: the tables are compiled in, and a test reads each.
    pub(crate) fn read(table: &'static str) -> Self {
        let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| E::read(line).unwrap_or_else(|| panic!("no {}: {line}", E::WHAT)));
        let all: Vec<E> = entries.collect();
        let as_written = all.iter().map(|entry| (entry.text(), *entry)).collect();
        let by_text: HashMap<_, _> =
            all.iter().map(|entry| (entry.text().to_ascii_lowercase(), *entry)).collect();
        assert_eq!(by_text.len(), all.len(), "a text stands twice in a table of {}s", E::WHAT);
        Self { as_written, by_text, all }
    }

    /// What the text stands for, in any ASCII case.
    pub(crate) fn get(&self, text: &str) -> Option<E> {
        if let Some(entry) = self.as_written.get(text) {
            return Some(*entry);
        }
        self.by_text.get(&text.to_ascii_lowercase()).copied()
    }

    /// All lines, in the order of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &E> {
        self.all.iter()
    }
}

/// Reads a part of a line by a vocabulary of ours: `Some(None)` where it says nothing, `None` where it is no word.
pub(super) fn part<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}
