//! The vendors' words: tables of codes and texts, and how each is read.

use std::collections::HashMap;

use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// How a vendor's code or text is read. What it leaves open is not said by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// As the vendor writes it.
    pub(crate) text: &'static str,
    pub(crate) method: Option<Method>,
    pub(crate) result: Option<AuthResult>,
    pub(crate) reason: Option<DenialReason>,
    pub(crate) stage: Option<Stage>,
    pub(crate) assurance: Option<Assurance>,
    /// What it means, for people.
    pub(crate) meaning: &'static str,
}

/// A table of a vendor's words, looked up in any ASCII case.
#[derive(Debug)]
pub(crate) struct Words {
    /// As the vendor writes them: found so without a copy.
    as_written: HashMap<&'static str, Word>,
    by_text: HashMap<String, Word>,
}

impl Words {
    /// Reads a table: lines of `text;method;result;reason;stage;assurance;meaning` under a head line; an empty part says
    /// nothing. Lines that begin with `#` are remarks.
    ///
    /// # Panics
    ///
    /// A part is no word of ours: the tables are compiled in, and a test reads each.
    pub(crate) fn read(table: &'static str) -> Self {
        let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let words =
            lines.map(|line| word(line).unwrap_or_else(|| panic!("no line of a table of words: {line}")));
        let as_written: HashMap<_, _> = words.map(|word| (word.text, word)).collect();
        let by_text = as_written.values().map(|word| (word.text.to_ascii_lowercase(), *word)).collect();
        Self { as_written, by_text }
    }

    /// The word, in any ASCII case.
    pub(crate) fn get(&self, text: &str) -> Option<Word> {
        if let Some(word) = self.as_written.get(text) {
            return Some(*word);
        }
        self.by_text.get(&text.to_ascii_lowercase()).copied()
    }

    /// All words.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Word> {
        self.by_text.values()
    }
}

/// The letters and digits of a text in lower case: exports write one name in many ways.
pub(crate) fn plain(text: &str) -> String {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric);
    letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

fn word(line: &'static str) -> Option<Word> {
    let mut parts = line.splitn(7, ';').map(str::trim);
    let text = parts.next()?;
    let (method, result, reason) = (parts.next()?, parts.next()?, parts.next()?);
    let (stage, assurance, meaning) = (parts.next()?, parts.next()?, parts.next()?);
    /// `Some(None)` where nothing is said, `None` where it is no word.
    fn read<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { parse(text).map(Some) }
    }
    Some(Word {
        text,
        method: read(method, Method::parse)?,
        result: read(result, AuthResult::parse)?,
        reason: read(reason, DenialReason::parse)?,
        stage: read(stage, Stage::parse)?,
        assurance: read(assurance, Assurance::parse)?,
        meaning,
    })
}
