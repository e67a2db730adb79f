//! The product whose log format a topic carries.

/// The product whose log format a topic carries: key `source` of `[[topics]]`, and the column of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Gatebook's own contract: one JSON object a record ([`crate::gatebook`]).
    Gatebook,
    /// Duo Security: authentication, telephony, administrator and activity logs.
    Duo,
}

impl Source {
    /// Every source.
    pub const ALL: &'static [Self] = &[Self::Gatebook, Self::Duo];

    /// The source as it stands in the configuration and in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gatebook => "gatebook",
            Self::Duo => "duo",
        }
    }

    /// Reads a source; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str() == text)
    }

    /// Whether its records never say whose they are, so that the topic's `tenant` has to.
    pub const fn names_no_tenant(self) -> bool {
        match self {
            Self::Gatebook => false,
            Self::Duo => true,
        }
    }
}
