//! Tables of a vendor's texts, compiled in, and looked up in any ASCII case.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use ahash::RandomState;

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
    by_text: HashMap<AnyCase<'static>, E, RandomState>,
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
        let by_text: HashMap<_, _, _> = all.iter().map(|entry| (AnyCase(entry.text()), *entry)).collect();
        assert_eq!(by_text.len(), all.len(), "a text stands twice in a table of {}s", E::WHAT);
        Self { by_text, all }
    }

    /// What the text stands for, in any ASCII case.
    pub(crate) fn get(&self, text: &str) -> Option<E> {
        self.by_text.get(&AnyCase(text)).copied()
    }

    /// All lines, in the order of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &E> {
        self.all.iter()
    }
}

/// A text that equals those that differ in the case of ASCII letters alone: it is found without a copy in lower case,
/// since each event looks several up.
#[derive(Debug, Clone, Copy)]
struct AnyCase<'a>(&'a str);

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

impl Hash for AnyCase<'_> {
    /// Eight bytes at a time, without the bit that tells a letter's case; that it tells other signs apart, too, costs a
    /// comparison at most.
    fn hash<H: Hasher>(&self, state: &mut H) {
        const NO_CASE: u64 = !0x2020_2020_2020_2020;
        let (words, rest) = self.0.as_bytes().as_chunks::<8>();
        for word in words {
            state.write_u64(u64::from_le_bytes(*word) & NO_CASE);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        state.write_u64(u64::from_le_bytes(last) & NO_CASE);
    }
}

/// Reads a part of a line by a vocabulary of ours: `Some(None)` where it says nothing, `None` where it is no word.
pub(super) fn part<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}
