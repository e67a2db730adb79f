//! Parameters as they are declared: the command line, the HTTP API and its document are made from these.

use crate::report::Group;

/// A parameter, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, in lower case with underscores.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// A value that would do.
    pub example: &'static str,
    /// One line: what it is for, and its default.
    pub about: &'static str,
    /// Whether nothing is answered without it.
    pub is_required: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// RFC 3339, or a local date or date-time.
    Moment,
    /// The IANA name of a time zone.
    Zone,
    /// Any of these groups, comma-separated, each once.
    Groups(&'static [Group]),
    /// A value that is one of a group's words, where its vocabulary is closed; any number of times.
    Filter(Group),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text that is not empty.
    Text,
    /// What names a person, which is never part of a URL: text that is not empty.
    Person,
    /// A whole number.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

impl Parameter {
    /// A parameter that may be left out.
    #[must_use]
    pub const fn new(name: &'static str, takes: Takes, example: &'static str, about: &'static str) -> Self {
        Self { name, takes, example, about, is_required: false }
    }

    /// The same, and nothing is answered without it.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// Whether it may be given any number of times.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        matches!(self.takes, Takes::Filter(_))
    }

    /// Whether it names a person, and so is taken from no URL.
    #[must_use]
    pub const fn is_personal(&self) -> bool {
        matches!(self.takes, Takes::Person)
    }

    /// The words of which it takes one; none where it takes any text.
    #[must_use]
    pub fn words(&self) -> Option<Vec<&'static str>> {
        match self.takes {
            Takes::Filter(group) => group.words(),
            Takes::Word(words) => Some(words.to_vec()),
            Takes::Groups(groups) => Some(groups.iter().map(|group| group.as_str()).collect()),
            _ => None,
        }
    }
}
