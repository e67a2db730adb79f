//! Other names of a vendor's codes: labels and numbers.

use super::lookup::{Entry, Lookup};

/// Another name of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherName {
    /// As the vendor writes it.
    pub(crate) text: &'static str,
    /// The code that it names, in a table of words.
    pub(crate) code: &'static str,
}

/// A table of other names: lines of `code;name`. The name is last, since one begins with `#`.
pub(crate) type OtherNames = Lookup<OtherName>;

impl Entry for OtherName {
    const WHAT: &'static str = "line of a table of names";

    fn read(line: &'static str) -> Option<Self> {
        let (code, text) = line.split_once(';')?;
        Some(Self { text, code })
    }

    fn text(&self) -> &'static str {
        self.text
    }
}
