//! What a report can be grouped by.

use schemas::Source;
use schemas::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Stage};

use crate::period::Grain;

/// What a report can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// The local quarter hour.
    QuarterHour,
    /// The local hour.
    Hour,
    /// The local day.
    Day,
    /// The local week, from Monday on.
    Week,
    /// The local month.
    Month,
    /// By which method.
    Method,
    /// How it ended.
    Result,
    /// Why it was denied.
    Reason,
    /// The group of that reason.
    ReasonGroup,
    /// The authentication server's name.
    Server,
    /// Whose event.
    Tenant,
    /// The product that logged it.
    Source,
    /// What the event proves.
    Assurance,
    /// What the event judges.
    Stage,
}

impl Group {
    /// Every group.
    pub const ALL: &'static [Self] = &[
        Self::QuarterHour,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Method,
        Self::Result,
        Self::Reason,
        Self::ReasonGroup,
        Self::Server,
        Self::Tenant,
        Self::Source,
        Self::Assurance,
        Self::Stage,
    ];

    /// The group's name, as a parameter and as a column of the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QuarterHour => "quarter_hour",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Method => "method",
            Self::Result => "result",
            Self::Reason => "reason",
            Self::ReasonGroup => "reason_group",
            Self::Server => "server",
            Self::Tenant => "tenant",
            Self::Source => "source",
            Self::Assurance => "assurance",
            Self::Stage => "stage",
        }
    }

    /// Reads a group's name; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.as_str() == text)
    }

    /// The words of its vocabulary; none where any text may be its value, and of a time group.
    #[must_use]
    pub fn words(self) -> Option<Vec<&'static str>> {
        fn all<T: Copy>(all: &[T], as_str: fn(T) -> &'static str) -> Option<Vec<&'static str>> {
            Some(all.iter().map(|word| as_str(*word)).collect())
        }
        match self {
            Self::Method => all(Method::ALL, Method::as_str),
            Self::Result => all(AuthResult::ALL, AuthResult::as_str),
            Self::Reason => all(DenialReason::ALL, DenialReason::as_str),
            Self::ReasonGroup => all(DenialGroup::ALL, DenialGroup::as_str),
            Self::Source => all(Source::ALL, Source::as_str),
            Self::Assurance => all(Assurance::ALL, Assurance::as_str),
            Self::Stage => all(Stage::ALL, Stage::as_str),
            Self::QuarterHour
            | Self::Hour
            | Self::Day
            | Self::Week
            | Self::Month
            | Self::Server
            | Self::Tenant => None,
        }
    }

    /// For a time group, how long its periods are.
    pub(crate) const fn grain(self) -> Option<Grain> {
        match self {
            Self::QuarterHour => Some(Grain::QuarterHour),
            Self::Hour => Some(Grain::Hour),
            Self::Day => Some(Grain::Day),
            Self::Week => Some(Grain::Week),
            Self::Month => Some(Grain::Month),
            _ => None,
        }
    }

    /// Whether only denied events have it.
    pub(crate) const fn is_reason(self) -> bool {
        matches!(self, Self::Reason | Self::ReasonGroup)
    }

    /// The column of `events` that the group is read from; none for a time group.
    pub(crate) const fn column(self) -> Option<&'static str> {
        match self {
            Self::QuarterHour | Self::Hour | Self::Day | Self::Week | Self::Month => None,
            Self::Method => Some("method"),
            Self::Result => Some("result"),
            Self::Reason | Self::ReasonGroup => Some("denial_reason"),
            Self::Server => Some("server_name"),
            Self::Tenant => Some("tenant_id"),
            Self::Source => Some("source"),
            Self::Assurance => Some("assurance"),
            Self::Stage => Some("stage"),
        }
    }
}
