//! What a vendor's reader found, before it is judged.

use std::borrow::Cow;

use super::json::Json;
use super::when::{Id, When};
use crate::element::Step;
use crate::rejection::{Reason, Rejection};
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Mode, Stage};

/// A text of the record, or one that was made of it.
pub(crate) type Text<'t> = Option<Cow<'t, str>>;

/// What an element of a record is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one lives on the stack for one element")]
pub(crate) enum Found<'t> {
    Event(Draft<'t>),
    Change(ChangeDraft<'t>),
    /// Well formed, and neither; by the source's own kind.
    Skipped(Cow<'t, str>),
    /// A row around a record: the key under which it keeps the record, and the record, as it is or as a text of JSON.
    Wrapped(&'static str, Json<'t>),
    /// It has no key of the source's own: what it wraps counts, and where that is nothing, it is skipped by this kind.
    Foreign(Cow<'t, str>),
}

/// An event as a vendor's reader found it. What stands here is judged in one place, for all vendors alike.
#[derive(Debug, Default)]
pub(crate) struct Draft<'t> {
    /// Needed.
    pub(crate) event_id: Option<Id<'t>>,
    pub(crate) occurred_at: When<'t>,
    /// As the source names the tenant; the configuration may map it, or give one where the source does not.
    pub(crate) tenant: Text<'t>,
    /// `unknown` where there is none: an authentication is never rejected for it.
    pub(crate) user_id: Text<'t>,
    pub(crate) first_name: Text<'t>,
    pub(crate) last_name: Text<'t>,
    pub(crate) email: Text<'t>,
    pub(crate) phone_number: Text<'t>,
    pub(crate) device_token: Text<'t>,
    pub(crate) method: Option<Method>,
    pub(crate) mode: Option<Mode>,
    /// Needed.
    pub(crate) result: Option<AuthResult>,
    /// Where the result is denied; else it is left out.
    pub(crate) denial_reason: Option<DenialReason>,
    pub(crate) result_code: Text<'t>,
    pub(crate) result_detail: Text<'t>,
    /// A sign-in as a whole where the reader says nothing.
    pub(crate) stage: Option<Stage>,
    /// Unknown where the reader says nothing.
    pub(crate) assurance: Option<Assurance>,
    pub(crate) prompts: Option<i32>,
    pub(crate) steps: Vec<Step<'t>>,
    pub(crate) server_name: Text<'t>,
    /// As the source writes it.
    pub(crate) server_address: Text<'t>,
    /// As the source writes it.
    pub(crate) client_address: Text<'t>,
    pub(crate) application: Text<'t>,
    pub(crate) client_app: Text<'t>,
    pub(crate) protocol: Text<'t>,
    pub(crate) authenticator_id: Text<'t>,
    pub(crate) sender: Text<'t>,
    pub(crate) attempt_id: Text<'t>,
    /// What a table did not know, as `column=text`.
    pub(crate) unknown_values: Vec<String>,
}

/// A change as a vendor's reader found it.
#[derive(Debug)]
pub(crate) struct ChangeDraft<'t> {
    pub(crate) change: ChangeKind,
    pub(crate) occurred_at: When<'t>,
    pub(crate) tenant: Text<'t>,
    /// Whose account or method; `unknown` where the source does not say.
    pub(crate) user_id: Text<'t>,
    /// Who did it.
    pub(crate) actor: Text<'t>,
    pub(crate) method: Option<Method>,
    /// What was said of it.
    pub(crate) reason: Text<'t>,
    /// Until when it holds.
    pub(crate) until: When<'t>,
    /// How long it holds from when it occurred, where nothing says until when.
    pub(crate) lasts_us: Option<i64>,
    pub(crate) client_address: Text<'t>,
    pub(crate) result_code: Text<'t>,
    pub(crate) result_detail: Text<'t>,
}

impl Default for ChangeDraft<'_> {
    fn default() -> Self {
        Self {
            change: ChangeKind::Other,
            occurred_at: When::Unsaid,
            tenant: None,
            user_id: None,
            actor: None,
            method: None,
            reason: None,
            until: When::Unsaid,
            lasts_us: None,
            client_address: None,
            result_code: None,
            result_detail: None,
        }
    }
}

impl Draft<'_> {
    /// Notes a text that a table of this column did not know.
    pub(crate) fn unknown(&mut self, column: &str, text: &str) {
        self.unknown_values.push(format!("{column}={text}"));
    }
}

/// The kind by which an element is skipped that has no key of the source's own.
pub(crate) const UNKNOWN_SHAPE: &str = "unknown-shape";

/// An element without a key of the source's own.
pub(crate) const fn foreign<'t>() -> Found<'t> {
    Found::Foreign(Cow::Borrowed(UNKNOWN_SHAPE))
}

/// A borrowed text.
pub(crate) fn text(text: Option<&str>) -> Text<'_> {
    text.map(Cow::Borrowed)
}

/// A field that has to be there is not.
pub(crate) fn missing(field: &'static str) -> Rejection<'static> {
    Rejection::field(Reason::MissingField, field, "found nothing, expected a value")
}

/// A time that cannot be read.
pub(crate) fn bad_time(field: &'static str, expected: &'static str) -> Rejection<'static> {
    Rejection::field(Reason::BadTime, field, format!("found another text, expected {expected}"))
}

/// A row that keeps no record where one should be.
pub(crate) fn no_json(field: &'static str) -> Rejection<'static> {
    Rejection::field(Reason::NotJson, field, "found another text, expected a record in JSON")
}
