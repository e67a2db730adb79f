//! The vendors' names of changes: tables of operations, and what each changes.

use super::lookup::{Entry, Lookup, part};
use crate::vocabulary::{ChangeKind, Method};

/// What an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangeWord {
    /// As the vendor writes it.
    pub(crate) text: &'static str,
    pub(crate) change: ChangeKind,
    pub(crate) method: Option<Method>,
    /// What it means, for people.
    pub(crate) meaning: &'static str,
}

/// A table of operations: lines of `text;change;method;meaning`; an empty method says nothing.
pub(crate) type ChangeWords = Lookup<ChangeWord>;

impl Entry for ChangeWord {
    const WHAT: &'static str = "line of a table of changes";

    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.splitn(4, ';').map(str::trim);
        Some(Self {
            text: parts.next()?,
            change: ChangeKind::parse(parts.next()?)?,
            method: part(parts.next()?, Method::parse)?,
            meaning: parts.next()?,
        })
    }

    fn text(&self) -> &'static str {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_in_any_case() {
        let words =
            ChangeWords::read("text;change;method;meaning\n# Ours.\nReset;reset;;All, gone; at once.\n");
        let word = words.get("rESET").expect("a word");
        assert_eq!((word.text, word.change, word.method), ("Reset", ChangeKind::Reset, None));
        assert_eq!(word.meaning, "All, gone; at once.");
        assert_eq!(words.get("# Ours."), None);
    }
}
