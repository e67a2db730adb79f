//! An element that should have decoded and did not.

use std::borrow::Cow;

use crate::vocabulary::vocabulary;

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
    /// The element's part of a record that wraps several; none where it is the record.
    pub raw: Option<&'a [u8]>,
}

impl<'a> Rejection<'a> {
    /// A rejection of a record as a whole.
    pub(crate) fn whole(reason: Reason, detail: impl Into<Cow<'a, str>>) -> Self {
        Self { reason, field: None, detail: detail.into(), raw: None }
    }

    /// A rejection for one field.
    pub(crate) fn field(reason: Reason, field: &'a str, detail: impl Into<Cow<'a, str>>) -> Self {
        Self { reason, field: Some(field), detail: detail.into(), raw: None }
    }
}

vocabulary! {
    /// Why an element is a rejection. The codes are stable: scripts and alerts match them.
    Reason {
        /// The value is no JSON text (RFC 8259), has bytes after it, or starts with a byte order mark.
        NotJson = "not-json",
        /// The value is not UTF-8.
        NotUtf8 = "not-utf8",
        /// No value: a tombstone or zero bytes.
        Empty = "empty",
        /// Valid JSON, but no object, or a field of another type.
        WrongType = "wrong-type",
        /// A required field is absent, null or an empty text.
        MissingField = "missing-field",
        /// `result` is not one of its words.
        UnknownResult = "unknown-result",
        /// A time is not RFC 3339 with a zone.
        BadTime = "bad-time",
        /// The time is too far from the Kafka timestamp, or that from the clock.
        ImplausibleTime = "implausible-time",
        /// An address is neither IPv4 nor IPv6.
        BadAddress = "bad-address",
        /// A record over 1 MiB, a field over 8 KiB, or too many steps.
        TooLong = "too-long",
        /// The record contradicts itself: a key twice, a reason of denial without a denial.
        Contradiction = "contradiction",
    }
}
