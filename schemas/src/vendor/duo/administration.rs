//! The administrator log, the offline enrollment log and the activity log: what was done to accounts, methods
//! and policies, and how administrators signed in.
//!
//! What an operation did stands in a description, which is JSON in a text and now and then broken: then what
//! can be read of it counts, and the operation's name decides.

use std::borrow::Cow;

use super::details::Details;
use super::words::{self, find};
use super::{Keys, client_address, device, name, occurred_at, server_name, text};
use crate::gatebook::FIELD_BYTES_MAX;
use crate::rejection::Rejection;
use crate::vendor::derived_id;
use crate::vendor::draft::{ChangeDraft, Draft, Found, Text};
use crate::vendor::tables::DUO_FACTORS;
use crate::vendor::when::Id;
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};

/// An operation, of either log.
struct Operation<'t> {
    name: &'t str,
    id: Option<&'t str>,
    actor: Option<&'t str>,
    /// The user that it was done to, where the record says so.
    user: Option<&'t str>,
    /// What else it was done to: a policy, a token.
    object: Option<&'t str>,
    details: Details,
    old_status: Option<String>,
    /// The text of the details.
    told: Option<&'t str>,
    has_failed: bool,
}

/// Reads a record of the administrator or the offline enrollment log.
pub(super) fn read_administrator<'t>(keys: &Keys<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let name = text(keys.action).unwrap_or_default();
    let (actor, object) = (text(keys.username), text(keys.object));
    let starts = |prefixes: &[&str]| {
        prefixes
            .iter()
            .any(|prefix| name.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix)))
    };
    let user = if starts(&["o2fa_", "admin_lockout", "admin_self_", "activation_"]) {
        // What people do or suffer themselves; the object, if any, is the same person or an application.
        actor
    } else if starts(&["user_", "bypass_", "deregister_", "device_change_", "password_", "admin_"]) {
        object.filter(|object| !device::is_phone_number(object))
    } else {
        None
    };
    let operation = Operation {
        name,
        id: None,
        actor,
        user,
        object: object.filter(|_| user != object),
        details: Details::of(keys.description),
        old_status: None,
        told: text(keys.description),
        has_failed: false,
    };
    operation.read(keys)
}

/// Reads a record of the activity log.
pub(super) fn read_activity<'t>(keys: &Keys<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let action = keys.action.and_then(|action| action.as_text().or_else(|| action.text("name")));
    let (actor, target) = (name(keys.actor), name(keys.target));
    let target_kind = keys.target.and_then(|target| target.text("type")).unwrap_or_default();
    let is_self = keys.actor.and_then(|actor| actor.text("type")) == Some("user");
    let user = match target_kind {
        "user" | "user_bypass" | "admin" => target,
        _ if is_self => actor,
        _ => None,
    };
    let told = keys.target.and_then(|target| target.get("details"));
    let old = keys.old_target.and_then(|target| target.get("details"));
    let outcome = keys.outcome.and_then(|outcome| outcome.as_text().or_else(|| outcome.text("result")));
    let mut details = Details::of(told);
    details.add(Details::of(keys.action.and_then(|action| action.get("details"))));
    let operation = Operation {
        name: action.unwrap_or("activity"),
        id: text(keys.activity_id),
        actor,
        user,
        object: target.filter(|_| user != target),
        details,
        old_status: Details::of(old).status,
        told: text(told),
        has_failed: outcome.is_some_and(|outcome| outcome.eq_ignore_ascii_case("failure")),
    };
    operation.read(keys)
}

impl<'t> Operation<'t> {
    fn read(self, keys: &Keys<'t>) -> Result<Found<'t>, Rejection<'static>> {
        let is = |name: &str| self.name.eq_ignore_ascii_case(name);
        if is("admin_login") && !self.has_failed {
            return self.sign_in(keys, AuthResult::Success, Stage::WholeSignIn);
        }
        if is("admin_login") || is("admin_login_error") {
            return self.sign_in(keys, AuthResult::Denied, Stage::WholeSignIn);
        }
        if is("admin_2fa_error") {
            return self.sign_in(keys, AuthResult::Denied, Stage::SecondFactor);
        }
        let action = words::action(self.name);
        match self.by_details().or(action.change) {
            None => Ok(Found::Skipped(Cow::Borrowed(self.name))),
            Some(_) if self.has_failed => Ok(Found::Skipped(Cow::Owned(format!("{} failed", self.name)))),
            Some(change) => self.change(keys, change, action.method),
        }
    }

    /// An update says in its details what it did.
    fn by_details(&self) -> Option<ChangeKind> {
        let is = |name: &str| self.name.eq_ignore_ascii_case(name);
        if is("group_update") || is("group_create") {
            return self.details.status.as_ref().map(|_| ChangeKind::PolicyChanged);
        }
        if !is("user_update") && !is("admin_update") {
            return None;
        }
        let old_status = self.old_status.as_deref().unwrap_or_default();
        let by_status = self.details.status.as_deref().and_then(|status| match status {
            _ if status == old_status => None,
            "bypass" => Some(ChangeKind::BypassGranted),
            "disabled" | "locked out" | "locked_out" | "locked" | "pending deletion" => {
                Some(ChangeKind::Blocked)
            }
            "active" if old_status == "bypass" => Some(ChangeKind::BypassEnded),
            "active" => Some(ChangeKind::Unblocked),
            _ => None,
        });
        // What cannot be read, and a status that is not known, may be a change of ours.
        let is_unclear = self.details.is_garbled
            || self.details.status.as_deref().is_some_and(|status| status != old_status);
        by_status.or(self.details.devices).or(is_unclear.then_some(ChangeKind::Other))
    }

    fn change(
        self,
        keys: &Keys<'t>,
        change: ChangeKind,
        method: Option<Method>,
    ) -> Result<Found<'t>, Rejection<'static>> {
        let occurred_at = occurred_at(keys)?;
        let valid_us =
            self.details.valid_secs.filter(|secs| *secs > 0).and_then(|secs| secs.checked_mul(1_000_000));
        let by_factor = self.details.factor.as_deref().and_then(|factor| find(&DUO_FACTORS, factor));
        let object = self.object.filter(|object| !device::is_phone_number(object));
        let told_user = self.details.user.or(self.details.email);
        let user = self.user.map(Cow::Borrowed).or(told_user.map(Cow::Owned));
        Ok(Found::Change(ChangeDraft {
            change,
            occurred_at,
            // A policy is nobody's.
            user_id: user.filter(|_| change != ChangeKind::PolicyChanged),
            actor: self.actor.map(Cow::Borrowed),
            method: method.or(by_factor.and_then(|word| word.method)),
            reason: object.map(Cow::Borrowed),
            lasts_us: valid_us.filter(|_| change == ChangeKind::BypassGranted),
            client_address: client_address(keys)
                .map(Cow::Borrowed)
                .or(self.details.ip_address.map(Cow::Owned)),
            result_code: Some(Cow::Borrowed(self.name)),
            result_detail: told(self.told),
            ..ChangeDraft::default()
        }))
    }

    /// A sign-in of an administrator to the panel.
    fn sign_in(
        self,
        keys: &Keys<'t>,
        result: AuthResult,
        stage: Stage,
    ) -> Result<Found<'t>, Rejection<'static>> {
        let occurred_at = occurred_at(keys)?;
        let details = self.details;
        // A text that is no error of Duo's wording may say anything: it stands in the event and in no count.
        let is_wording = details.error.is_some();
        let error =
            details.error.or_else(|| self.told.filter(|told| !told.starts_with('{')).map(str::to_owned));
        let error_word =
            error.as_deref().filter(|_| result == AuthResult::Denied).and_then(words::admin_error);
        let factor = details.factor.as_deref().map(|text| (text, find(&DUO_FACTORS, text)));
        let event_id = self.id.map_or_else(
            || {
                let at = occurred_at.id_part();
                let parts = [Some(self.name), at.as_deref(), self.actor, self.told, self.object];
                Id::Made(derived_id(&parts))
            },
            |id| Id::Own(Cow::Borrowed(id)),
        );
        let is_second = stage == Stage::SecondFactor;
        let assurance = match (result, factor) {
            (AuthResult::Success, Some((_, word))) => word.and_then(|word| word.assurance),
            (AuthResult::Success, None) => without_factor(details.primary_auth_method.as_deref()),
            _ if is_second => Some(Assurance::Challenged),
            _ => error_word.and_then(|word| word.assurance),
        };
        let mut draft = Draft {
            event_id: Some(event_id),
            occurred_at,
            user_id: self.actor.map(Cow::Borrowed).or(details.email.clone().map(Cow::Owned)),
            email: details.email.map(Cow::Owned),
            method: factor.and_then(|(_, word)| word.map_or(Some(Method::UNKNOWN), |word| word.method)),
            result: Some(result),
            denial_reason: match (&error, error_word) {
                (_, Some(word)) => word.reason,
                (Some(_), None) => Some(DenialReason::UNKNOWN),
                (None, None) => None,
            },
            result_code: Some(Cow::Borrowed(self.name)),
            result_detail: error.clone().or(details.primary_auth_method).map(Cow::Owned),
            stage: Some(if is_second {
                stage
            } else {
                error_word.and_then(|word| word.stage).unwrap_or(stage)
            }),
            assurance,
            server_name: server_name(keys).map(Cow::Borrowed),
            client_address: client_address(keys).map(Cow::Borrowed).or(details.ip_address.map(Cow::Owned)),
            application: Some(Cow::Borrowed("Duo Admin Panel")),
            ..Draft::default()
        };
        if let (Some(Method::Other), Some((text, _))) = (draft.method, factor) {
            draft.unknown("method", text);
        }
        if let (AuthResult::Denied, true, Some(error), None) = (result, is_wording, &error, error_word) {
            draft.unknown("result_detail", error);
        }
        if matches!(draft.method, Some(Method::VoiceCall | Method::TextMessage)) {
            draft.phone_number = details.device.filter(|it| device::is_phone_number(it)).map(Cow::Owned);
        }
        Ok(Found::Event(draft))
    }
}

/// What a sign-in without a second factor of Duo's proves.
fn without_factor(primary_auth_method: Option<&str>) -> Option<Assurance> {
    let primary = primary_auth_method?;
    if primary.eq_ignore_ascii_case("password") {
        return Some(Assurance::FirstFactorOnly);
    }
    let is_single_sign_on =
        ["single sign-on", "saml", "sso"].iter().any(|it| primary.eq_ignore_ascii_case(it));
    is_single_sign_on.then_some(Assurance::External)
}

/// The details as they came, as far as a column holds them: a policy's can be long.
fn told(text: Option<&str>) -> Text<'_> {
    let text = text.filter(|text| *text != "{}")?;
    Some(Cow::Borrowed(&text[..text.floor_char_boundary(FIELD_BYTES_MAX)]))
}
