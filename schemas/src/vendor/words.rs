//! The vendors' words: tables of codes and texts, and how each is read.

use super::lookup::{Entry, Lookup, part};
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

/// A table of words: lines of `text;method;result;reason;stage;assurance;meaning`; an empty part says nothing.
pub(crate) type Words = Lookup<Word>;

impl Entry for Word {
    const WHAT: &'static str = "line of a table of words";

    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.splitn(7, ';').map(str::trim);
        Some(Self {
            text: parts.next()?,
            method: part(parts.next()?, Method::parse)?,
            result: part(parts.next()?, AuthResult::parse)?,
            reason: part(parts.next()?, DenialReason::parse)?,
            stage: part(parts.next()?, Stage::parse)?,
            assurance: part(parts.next()?, Assurance::parse)?,
            meaning: parts.next()?,
        })
    }

    fn text(&self) -> &'static str {
        self.text
    }
}

/// The letters and digits of a text in lower case: exports write one name in many ways.
pub(crate) fn plain(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    letters.extend(
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())),
    );
    letters
}
