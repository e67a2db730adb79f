//! An element that should have decoded and did not.

use std::borrow::Cow;

/// An element that should have decoded and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// Why, as a stable code.
    pub reason: Reason,
    /// The key that was at fault, where one was; one of the contract's own names, such as `occurred_at` or
    /// `steps.at`.
    pub field: Option<&'a str>,
    /// What was expected or found, for a person. It never repeats a value of the record.
    pub detail: Cow<'a, str>,
}

impl<'a> Rejection<'a> {
    /// A rejection of a record as a whole.
    pub(crate) fn whole(reason: Reason, detail: impl Into<Cow<'a, str>>) -> Self {
        Self { reason, field: None, detail: detail.into() }
    }

    /// A rejection for one field.
    pub(crate) fn field(reason: Reason, field: &'a str, detail: impl Into<Cow<'a, str>>) -> Self {
        Self { reason, field: Some(field), detail: detail.into() }
    }
}

/// Why an element is a rejection. The codes are stable: scripts and alerts match them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The value is no JSON text (RFC 8259), has bytes after it, or starts with a byte order mark.
    NotJson,
    /// The value is not UTF-8.
    NotUtf8,
    /// No value: a tombstone or zero bytes.
    Empty,
    /// Valid JSON, but no object, or a field of another type.
    WrongType,
    /// A required field is absent, null or an empty text.
    MissingField,
    /// `result` is not one of its words.
    UnknownResult,
    /// A time is not RFC 3339 with a zone.
    BadTime,
    /// The time is too far from the Kafka timestamp, or that from the clock.
    ImplausibleTime,
    /// An address is neither IPv4 nor IPv6.
    BadAddress,
    /// A record over 1 MiB, a field over 8 KiB, or too many steps.
    TooLong,
    /// The record contradicts itself: a key twice, a reason of denial without a denial.
    Contradiction,
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::NotJson,
        Self::NotUtf8,
        Self::Empty,
        Self::WrongType,
        Self::MissingField,
        Self::UnknownResult,
        Self::BadTime,
        Self::ImplausibleTime,
        Self::BadAddress,
        Self::TooLong,
        Self::Contradiction,
    ];

    /// The code as it stands in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotUtf8 => "not-utf8",
            Self::Empty => "empty",
            Self::WrongType => "wrong-type",
            Self::MissingField => "missing-field",
            Self::UnknownResult => "unknown-result",
            Self::BadTime => "bad-time",
            Self::ImplausibleTime => "implausible-time",
            Self::BadAddress => "bad-address",
            Self::TooLong => "too-long",
            Self::Contradiction => "contradiction",
        }
    }
}
