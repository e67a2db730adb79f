//! The product whose log format a topic carries.

/// The product whose log format a topic carries: key `source` of `[[topics]]`, and the column of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Gatebook's own contract: one JSON object a record ([`crate::gatebook`]).
    Gatebook,
    /// Microsoft Azure Multi-Factor Authentication Server: activity report, authentication attempts.
    MfaServer,
    /// Microsoft Entra: sign-in and audit logs.
    Entra,
    /// Duo Security: authentication, telephony, administrator and activity logs.
    Duo,
    /// Okta: System Log.
    Okta,
    /// Keycloak: events of a listener, or of the server's log.
    Keycloak,
    /// Microsoft 365: unified audit log.
    O365,
    /// AWS CloudTrail: console sign-ins.
    CloudTrail,
    /// OCSF Authentication (class 3002), of any producer.
    Ocsf,
}

/// What it means when a source gives the same id again, with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameId {
    /// Another event: the id is one of a transaction, or was used again.
    NewEvent,
    /// A later state of the same event: the last one counts, and the earlier ones stay as evidence.
    Supersedes,
}

impl Source {
    /// Every source.
    pub const ALL: &'static [Self] = &[
        Self::Gatebook,
        Self::MfaServer,
        Self::Entra,
        Self::Duo,
        Self::Okta,
        Self::Keycloak,
        Self::O365,
        Self::CloudTrail,
        Self::Ocsf,
    ];

    /// The source as it stands in the configuration and in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gatebook => "gatebook",
            Self::MfaServer => "mfa-server",
            Self::Entra => "entra",
            Self::Duo => "duo",
            Self::Okta => "okta",
            Self::Keycloak => "keycloak",
            Self::O365 => "o365",
            Self::CloudTrail => "cloudtrail",
            Self::Ocsf => "ocsf",
        }
    }

    /// Reads a source; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str() == text)
    }

    /// Whether its records never say whose they are, so that the topic's `tenant` has to.
    pub const fn names_no_tenant(self) -> bool {
        match self {
            Self::Gatebook | Self::Entra | Self::Keycloak | Self::O365 | Self::CloudTrail | Self::Ocsf => {
                false
            }
            Self::MfaServer | Self::Duo | Self::Okta => true,
        }
    }

    /// What it means when the same id comes again with other content. It is applied when events are read.
    pub const fn same_id(self) -> SameId {
        match self {
            // A sign-in is logged when it is interrupted, and again with its end.
            Self::Entra => SameId::Supersedes,
            Self::Gatebook
            | Self::MfaServer
            | Self::Duo
            | Self::Okta
            | Self::Keycloak
            | Self::O365
            | Self::CloudTrail
            | Self::Ocsf => SameId::NewEvent,
        }
    }
}
