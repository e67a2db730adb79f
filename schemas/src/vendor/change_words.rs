//! The vendors' names of changes: tables of operations, and what each changes.

use std::collections::HashMap;

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

/// A table of a vendor's operations, looked up in any ASCII case.
#[derive(Debug)]
pub(crate) struct ChangeWords {
    by_text: HashMap<String, ChangeWord>,
}

impl ChangeWords {
    /// Reads a table: lines of `text;change;method;meaning` under a head line; an empty method says nothing.
    /// Lines that begin with `#` are remarks.
    ///
    /// # Panics
    ///
    /// A part is no word of ours: the tables are compiled in, and a test reads each.
    pub(crate) fn read(table: &'static str) -> Self {
        let words =
            table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
                let word = word(line).unwrap_or_else(|| panic!("no line of a table of changes: {line}"));
                (word.text.to_ascii_lowercase(), word)
            });
        Self { by_text: words.collect() }
    }

    /// What an operation changes, by its name in any ASCII case.
    pub(crate) fn get(&self, text: &str) -> Option<ChangeWord> {
        self.by_text.get(&text.to_ascii_lowercase()).copied()
    }
}

fn word(line: &'static str) -> Option<ChangeWord> {
    let mut parts = line.splitn(4, ';').map(str::trim);
    let (text, change, method, meaning) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(ChangeWord {
        text,
        change: ChangeKind::parse(change)?,
        method: if method.is_empty() { None } else { Some(Method::parse(method)?) },
        meaning,
    })
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
