//! Whose code it is.

use crate::source::Source;

/// Whose code it is: a source that Gatebook decodes, or a part of a system whose codes people meet beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A source's own code; [`Source::Gatebook`] for the words of Gatebook's vocabularies.
    Source(Source),
    /// Statuses and settings of Windows.
    Windows,
    /// The extension of Network Policy Server (RADIUS) for Microsoft Entra's second factor.
    NpsExtension,
}

impl Origin {
    /// The origin in one word: the source's own, `windows` or `nps-extension`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source(source) => source.as_str(),
            Self::Windows => "windows",
            Self::NpsExtension => "nps-extension",
        }
    }

    /// The product's name, for people.
    pub const fn product(self) -> &'static str {
        match self {
            Self::Source(Source::Gatebook) => "Gatebook",
            Self::Source(Source::MfaServer) => "Microsoft MFA Server",
            Self::Source(Source::Entra) => "Microsoft Entra",
            Self::Source(Source::Duo) => "Duo Security",
            Self::Source(Source::Okta) => "Okta",
            Self::Source(Source::Keycloak) => "Keycloak",
            Self::Source(Source::O365) => "Microsoft 365",
            Self::Source(Source::CloudTrail) => "AWS CloudTrail",
            Self::Source(Source::Ocsf) => "OCSF",
            Self::Windows => "Microsoft Windows",
            Self::NpsExtension => "Microsoft NPS extension",
        }
    }

    /// The source, where it is one.
    pub const fn source(self) -> Option<Source> {
        if let Self::Source(source) = self { Some(source) } else { None }
    }

    /// Reads an origin by its word.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let other = [Self::Windows, Self::NpsExtension].into_iter().find(|other| other.as_str() == text);
        other.or_else(|| Source::parse(text).map(Self::Source))
    }
}
