//! An entry of the audit log becomes a change, or is skipped by its operation.

use std::borrow::Cow;

use super::super::change_words::ChangeWord;
use super::super::deleted_name::undeleted;
use super::super::draft::{ChangeDraft, Found, bad_time, text};
use super::super::json::Json;
use super::super::tables::ENTRA_CHANGES;
use super::super::when::When;
use super::TIMES;
use super::slots::{Slots, as_text};
use crate::rejection::Rejection;
use crate::vocabulary::{ChangeKind, Method};

#[derive(Debug, Clone, Copy)]
struct Operation {
    change: ChangeKind,
    method: Option<Method>,
}

impl Operation {
    fn of(word: ChangeWord) -> Self {
        Self { change: word.change, method: word.method }
    }
}

/// What a pass is called in the reasons; the operation speaks of security info.
const PASS: &str = "temporary access pass";

pub(super) fn read<'t>(slots: &Slots<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let names = [slots.activity, slots.operation];
    let Some(name) = names.into_iter().find_map(as_text) else {
        return Ok(Found::Skipped(Cow::Borrowed("AuditLogs")));
    };
    let user = slots.targets.and_then(|targets| targets.elements().find(|target| is_user(*target)));
    let known = names.into_iter().find_map(|name| ENTRA_CHANGES.get(as_text(name)?)).map(Operation::of);
    let found = known.or_else(|| if is_update(name) { of_properties(user?) } else { None });
    let Some(mut operation) = found else { return Ok(Found::Skipped(Cow::Borrowed(name))) };
    if let Some(result) = as_text(slots.result).filter(|result| !result.eq_ignore_ascii_case("success")) {
        return Ok(Found::Skipped(Cow::Owned(format!("{name} ({result})"))));
    }
    let reasons = [slots.result_reason, slots.result_description];
    let said = reasons.into_iter().find_map(as_text);
    if let Some(said) = said {
        operation = refine(operation, &said.to_ascii_lowercase());
    }
    let initiator = slots.initiated_by;
    let by_user = initiator.and_then(|by| by.get("user"));
    let by_app = || {
        initiator?
            .get("app")
            .and_then(|app| app.text("displayName").or_else(|| app.text("servicePrincipalId")))
    };
    let policy = || slots.targets?.elements().find_map(|target| target.text("displayName"));
    let is_policy = operation.change == ChangeKind::PolicyChanged;
    let mut whose = user.and_then(name_of).or_else(|| by_user.filter(|_| is_own(name)).and_then(name_of));
    if matches!(operation.change, ChangeKind::AccountCreated | ChangeKind::AccountDeleted) {
        whose = whose.map(undeleted);
    }
    Ok(Found::Change(ChangeDraft {
        change: operation.change,
        occurred_at: occurred_at(slots)?,
        tenant: slots.tenant(),
        user_id: text(whose),
        actor: text(by_user.and_then(name_of).or_else(by_app)),
        method: operation.method,
        reason: text(if is_policy { policy() } else { None }.or(said)),
        client_address: text(by_user.and_then(|user| user.text("ipAddress")))
            .or_else(|| slots.client_address()),
        result_code: text(Some(name)),
        result_detail: text(said),
        ..ChangeDraft::default()
    }))
}

fn occurred_at<'t>(slots: &Slots<'t>) -> Result<When<'t>, Rejection<'static>> {
    let clocks = [slots.activity_at, slots.time, slots.time_generated];
    TIMES.best(&clocks).ok_or_else(|| bad_time("activityDateTime", "ISO 8601 in UTC"))
}

/// What the reason adds: which method it was, and that a pass is a way past the second factor.
fn refine(operation: Operation, said: &str) -> Operation {
    use ChangeKind::{
        AppPasswordAdded, AppPasswordRemoved, BypassEnded, BypassGranted, MethodAdded, MethodChanged,
        MethodRemoved,
    };
    let is_of_methods = matches!(operation.change, MethodAdded | MethodChanged | MethodRemoved);
    if !is_of_methods {
        return operation;
    }
    let is_removed = operation.change == MethodRemoved;
    if said.contains(PASS) {
        return Operation { change: if is_removed { BypassEnded } else { BypassGranted }, method: None };
    }
    if said.contains("app password") {
        let change = if is_removed { AppPasswordRemoved } else { AppPasswordAdded };
        return Operation { change, method: Some(Method::Password) };
    }
    Operation { method: operation.method.or_else(|| method(said)), ..operation }
}

/// The method that a reason names, such as `User registered Mobile Phone SMS`.
fn method(said: &str) -> Option<Method> {
    const NAMES: &[(&str, Method)] = &[
        ("fido", Method::SecurityKey),
        ("passkey", Method::SecurityKey),
        ("security key", Method::SecurityKey),
        ("windows hello", Method::SecurityKey),
        ("hardware oath", Method::OathToken),
        ("hardware token", Method::OathToken),
        ("app with notification", Method::MobileAppNotification),
        ("phone sign-in", Method::MobileAppNotification),
        ("app with code", Method::MobileAppCode),
        ("software oath", Method::OathToken),
        ("oath", Method::OathToken),
        ("authenticator", Method::MobileAppNotification),
        ("sms", Method::TextMessage),
        ("call", Method::VoiceCall),
        ("phone", Method::VoiceCall),
        ("email", Method::Other),
        ("certificate", Method::Other),
        ("question", Method::Other),
    ];
    NAMES.iter().find(|(name, _)| said.contains(name)).map(|(_, method)| *method)
}

fn is_update(name: &str) -> bool {
    name.eq_ignore_ascii_case("Update user")
}

/// What an update of a user says of the second factor: the demand for it (per user), or that all methods
/// were cleared.
fn of_properties(user: Json<'_>) -> Option<Operation> {
    user.items("modifiedProperties").find_map(|property| {
        let (old, new) =
            (property.text("oldValue").unwrap_or("[]"), property.text("newValue").unwrap_or("[]"));
        let is_empty = |value: &str| matches!(value, "[]" | "\"\"" | "\"[]\"");
        let change = match property.text("displayName")? {
            "StrongAuthenticationRequirement" if old == new => return None,
            "StrongAuthenticationRequirement" if is_empty(new) || new.contains("\"State\":0") => {
                ChangeKind::MfaDisabled
            }
            "StrongAuthenticationRequirement" => ChangeKind::MfaEnabled,
            "StrongAuthenticationMethod" if is_empty(new) && !is_empty(old) => ChangeKind::Reset,
            _ => return None,
        };
        Some(Operation { change, method: None })
    })
}

/// What a person does to their own account, and where some records name no target.
fn is_own(name: &str) -> bool {
    ["User ", "Fraud ", "Suspicious "].iter().any(|beginning| name.starts_with(beginning))
        || name.ends_with("(self-service)")
}

fn is_user(target: Json<'_>) -> bool {
    target.text("type").is_some_and(|kind| kind.eq_ignore_ascii_case("User"))
        || target.text("userPrincipalName").is_some()
}

fn name_of<'t>(user: Json<'t>) -> Option<&'t str> {
    user.text("userPrincipalName").or_else(|| user.text("id"))
}
