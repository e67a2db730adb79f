//! What a decoder emits for each entry of a record.

use crate::rejection::Rejection;
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Mode, Stage};

/// One entry of a record, as a decoder read it. It borrows from the record and from the decoder.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "elements live on the stack for one call and are never stored")]
pub enum Element<'a> {
    /// It decoded into one authentication event.
    Event(Event<'a>),
    /// It tells of the life of an account or a method.
    Change(Change<'a>),
    /// It should have decoded and did not.
    Rejection(Rejection<'a>),
    /// It is well formed and none of these; of the source's own kind that is named. Counted, not kept.
    Skipped(&'a str),
}

impl<'a> Element<'a> {
    pub(crate) const fn is_rejection(&self) -> bool {
        matches!(self, Self::Rejection(_))
    }

    /// Says which part of the record it is; none where it is the whole record, or that is not kept.
    pub(crate) fn with_raw<'b>(self, raw: Option<&'b [u8]>) -> Element<'b>
    where
        'a: 'b,
    {
        match self {
            Self::Event(event) => Element::Event(Event { raw, ..event }),
            Self::Change(change) => Element::Change(Change { raw, ..change }),
            Self::Rejection(rejection) => Element::Rejection(Rejection { raw, ..rejection }),
            Self::Skipped(kind) => Element::Skipped(kind),
        }
    }
}

/// One authentication event: every column that a decoder may set. `None` is null in the book.
///
/// Texts are as the source wrote them, unless a field says otherwise. It may hold personal data: never log
/// one.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Unique id of this event.
    pub event_id: &'a str,
    /// When the gate decided, in microseconds since 1970 UTC; finer digits are cut off.
    pub occurred_at_us: i64,
    /// Whose event this is.
    pub tenant_id: &'a str,
    /// The user's id as the source gives it.
    pub user_id: &'a str,
    /// The user's first name.
    pub first_name: Option<&'a str>,
    /// The user's last name.
    pub last_name: Option<&'a str>,
    /// The user's e-mail address.
    pub email: Option<&'a str>,
    /// The number of a voice call or a text message.
    pub phone_number: Option<&'a str>,
    /// The device token of the mobile app.
    pub device_token: Option<&'a str>,
    /// Canonical form of `user_id`, for joining: a UPN or e-mail address in lower case, else as it is.
    pub user_key: &'a str,
    /// By which method.
    pub method: Option<Method>,
    /// In which mode of the method.
    pub mode: Option<Mode>,
    /// Whether the gate opened.
    pub result: AuthResult,
    /// Why it stayed shut; present exactly when `result` is denied.
    pub denial_reason: Option<DenialReason>,
    /// The source's own result code.
    pub result_code: Option<&'a str>,
    /// The source's own result text.
    pub result_detail: Option<&'a str>,
    /// What the event judges.
    pub stage: Stage,
    /// What the event proves.
    pub assurance: Assurance,
    /// How many challenges the element says were shown; never negative.
    pub prompts: Option<i32>,
    /// What the element tells of its steps, in order; empty for most.
    pub steps: &'a [Step<'a>],
    /// The authentication server's name.
    pub server_name: Option<&'a str>,
    /// The authentication server's address in canonical form (RFC 5952).
    pub server_ip: Option<&'a str>,
    /// What a vocabulary did not know, each as `column=text`; empty for most.
    pub unknown_values: &'a [String],
    /// The client's address in canonical form (RFC 5952).
    pub client_ip: Option<&'a str>,
    /// What was entered.
    pub application: Option<&'a str>,
    /// With which kind of client.
    pub client_app: Option<&'a str>,
    /// How: radius, ldap, saml, …
    pub protocol: Option<&'a str>,
    /// Which token or device answered.
    pub authenticator_id: Option<&'a str>,
    /// The number or short code that a call or text came from.
    pub sender: Option<&'a str>,
    /// The source's key of one attempt.
    pub attempt_id: Option<&'a str>,
    /// The element's bytes, where they are kept; from a decoder, its part of a record that wraps several.
    pub raw: Option<&'a [u8]>,
}

/// What happened to an account or to a method: every column that a decoder may set. It may hold personal data: never
/// log one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// What changed.
    pub change: ChangeKind,
    /// When, in microseconds since 1970 UTC.
    pub occurred_at_us: i64,
    /// Whose change this is.
    pub tenant_id: &'a str,
    /// The user whose account or method it is, as the source gives it.
    pub user_id: &'a str,
    /// Canonical form of `user_id`, for joining.
    pub user_key: &'a str,
    /// Who made the change.
    pub actor: Option<&'a str>,
    /// The method that was changed.
    pub method: Option<Method>,
    /// What was said of it.
    pub reason: Option<&'a str>,
    /// Until when it holds, in microseconds since 1970 UTC.
    pub until_us: Option<i64>,
    /// The address it was made from, in canonical form (RFC 5952).
    pub client_ip: Option<&'a str>,
    /// The source's own code of what happened.
    pub result_code: Option<&'a str>,
    /// The source's own text.
    pub result_detail: Option<&'a str>,
    /// As [`Event::raw`].
    pub raw: Option<&'a [u8]>,
}

/// One step of an event that tells of its steps. Every part is optional: sources differ in what they tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step<'a> {
    /// When, in microseconds since 1970 UTC.
    pub at_us: Option<i64>,
    /// By which method.
    pub method: Option<Method>,
    /// How the step ended.
    pub result: Option<AuthResult>,
    /// Why it was denied.
    pub reason: Option<DenialReason>,
    /// The source's own code.
    pub code: Option<&'a str>,
    /// The source's own text.
    pub detail: Option<&'a str>,
    /// The device token that took part: personal, switched by [`crate::Fields::device_token`].
    pub device: Option<&'a str>,
}
