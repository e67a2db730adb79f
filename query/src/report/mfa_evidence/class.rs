//! What a period proves of a person.

use schemas::vocabulary::Assurance;

/// What a period proves of a person, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Proves(Assurance),
    NoSignIn,
    NotEnabled,
    NotInDirectory,
}

impl Class {
    /// Every class: as sign-ins prove, the strongest first, and then those of whom no sign-in counts.
    pub(super) const ALL: &'static [Self] = &[
        Self::Proves(Assurance::Challenged),
        Self::Proves(Assurance::External),
        Self::Proves(Assurance::SatisfiedEarlier),
        Self::Proves(Assurance::Exempt),
        Self::Proves(Assurance::Bypassed),
        Self::Proves(Assurance::FirstFactorOnly),
        Self::Proves(Assurance::Unknown),
        Self::NoSignIn,
        Self::NotEnabled,
        Self::NotInDirectory,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Proves(assurance) => assurance.as_str(),
            Self::NoSignIn => "no-sign-in",
            Self::NotEnabled => "not-enabled",
            Self::NotInDirectory => "not-in-directory",
        }
    }

    /// Whether a directory enables the person in the range.
    pub(super) const fn is_enabled(self) -> bool {
        matches!(self, Self::Proves(_) | Self::NoSignIn)
    }
}
