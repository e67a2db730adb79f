//! Changes of accounts and methods, and everything else.

use std::borrow::Cow;

use super::super::deleted_name::undeleted;
use super::super::draft::{ChangeDraft, Found, text};
use super::super::json::Json;
use super::super::tables::O365_CHANGES;
use super::fields::Fields;
use crate::rejection::Rejection;
use crate::vocabulary::{ChangeKind, Method};

/// What changed, by which method, and the property that says so.
struct Changed<'t> {
    change: ChangeKind,
    method: Option<Method>,
    detail: Option<&'t str>,
}

pub(super) fn read<'t>(fields: &Fields<'t>, operation: &'t str) -> Result<Found<'t>, Rejection<'static>> {
    // The directory ends its operations with a full stop, other services do not.
    let name = operation.strip_suffix('.').unwrap_or(operation);
    let changed = match name {
        "Update user" => fields.modified_properties.and_then(of_user),
        _ => O365_CHANGES.get(name).map(|word| Changed {
            change: word.change,
            method: word.method,
            detail: (word.change == ChangeKind::PolicyChanged).then(|| fields.target_name()).flatten(),
        }),
    };
    // What failed changed nothing.
    let Some(changed) = changed.filter(|_| fields.result_status.is_none_or(has_worked)) else {
        return Ok(Found::Skipped(Cow::Borrowed(operation)));
    };
    Ok(Found::Change(ChangeDraft {
        change: changed.change,
        occurred_at: fields.occurred_at()?,
        tenant: text(fields.organization_id),
        user_id: text(whose(fields, name, changed.change)),
        actor: text(fields.user()),
        method: changed.method,
        client_address: text(fields.client_address()),
        result_code: text(Some(operation)),
        result_detail: text(changed.detail),
        ..ChangeDraft::default()
    }))
}

fn has_worked(result_status: &str) -> bool {
    ["Success", "Succeeded", "PartiallySucceeded", "True"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(result_status))
}

/// A policy is nobody's; what users do themselves may name them as actors alone.
fn whose<'t>(fields: &Fields<'t>, name: &str, change: ChangeKind) -> Option<&'t str> {
    if change == ChangeKind::PolicyChanged {
        return None;
    }
    let is_own =
        name.starts_with("User ") || name.ends_with("(self-service)") || name.starts_with("Fraud reported");
    let whose = fields.target_user().or_else(|| fields.user().filter(|_| is_own));
    if matches!(change, ChangeKind::AccountCreated | ChangeKind::AccountDeleted) {
        return whose.map(undeleted);
    }
    whose
}

/// What the old and the new value of a property make: the change, and the method where it is one.
type Difference = Option<(ChangeKind, Option<Method>)>;
type Compare = fn(Option<Json<'_>>, Option<Json<'_>>) -> Difference;

/// What `Update user` changed: the first of its properties, in the order of weight, that is a change of ours.
fn of_user(properties: Json<'_>) -> Option<Changed<'_>> {
    let find = |name: &'static str| {
        let property = properties.elements().find(|property| property.text("Name") == Some(name))?;
        Some((property.text("Name")?, property.get("OldValue"), property.get("NewValue")))
    };
    let changes: [(&'static str, Compare); 5] = [
        ("StrongAuthenticationRequirement", requirement),
        ("StrongAuthenticationMethod", methods),
        ("StrongAuthenticationPhoneAppDetail", phone_apps),
        ("StrongAuthenticationUserDetails", details),
        ("AccountEnabled", enabled),
    ];
    changes.iter().find_map(|(name, change_of)| {
        let (detail, old, new) = find(name)?;
        let (change, method) = change_of(old, new)?;
        Some(Changed { change, method, detail: Some(detail) })
    })
}

/// Per-user state: 0 disabled, 1 enabled, 2 enforced; an empty list is disabled.
fn requirement(old: Option<Json<'_>>, new: Option<Json<'_>>) -> Difference {
    let state = |value: Option<Json<'_>>| numbers(value, "State").into_iter().max().unwrap_or_default();
    match (state(old), state(new)) {
        (old, new) if old == new => None,
        (_, 0) => Some((ChangeKind::MfaDisabled, None)),
        _ => Some((ChangeKind::MfaEnabled, None)),
    }
}

fn methods(old: Option<Json<'_>>, new: Option<Json<'_>>) -> Difference {
    let (old, new) = (numbers(old, "MethodType"), numbers(new, "MethodType"));
    let missing_in = |all: &[u32], from: &[u32]| -> Vec<u32> {
        from.iter().filter(|method| !all.contains(method)).copied().collect()
    };
    let (added, removed) = (missing_in(&old, &new), missing_in(&new, &old));
    let change = match (old.is_empty(), new.is_empty(), added.is_empty(), removed.is_empty()) {
        (true, true, _, _) => return None,
        (true, false, _, _) => ChangeKind::Enrolled,
        (false, true, _, _) => ChangeKind::Reset,
        (_, _, false, true) => ChangeKind::MethodAdded,
        (_, _, true, false) => ChangeKind::MethodRemoved,
        _ => ChangeKind::MethodChanged,
    };
    let method = match (added.as_slice(), removed.as_slice()) {
        ([one], []) | ([], [one]) => method(*one),
        _ => None,
    };
    Some((change, method))
}

/// By the numbers of `MethodType`: to the mobile phone, the office phone, another mobile phone; by the app.
fn method(method_type: u32) -> Option<Method> {
    match method_type {
        0 | 2 | 3 => Some(Method::VoiceCall),
        1 | 4 | 5 => Some(Method::TextMessage),
        6 => Some(Method::MobileAppNotification),
        7 => Some(Method::MobileAppCode),
        _ => None,
    }
}

/// The app's entry also notes each use of it: a change is another number of devices.
fn phone_apps(old: Option<Json<'_>>, new: Option<Json<'_>>) -> Difference {
    let count = |value: Option<Json<'_>>| occurrences(value, "DeviceName");
    match count(old).cmp(&count(new)) {
        std::cmp::Ordering::Less => Some((ChangeKind::MethodAdded, None)),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some((ChangeKind::MethodRemoved, None)),
    }
}

fn details(_: Option<Json<'_>>, _: Option<Json<'_>>) -> Difference {
    Some((ChangeKind::MethodChanged, None))
}

fn enabled(old: Option<Json<'_>>, new: Option<Json<'_>>) -> Difference {
    let is = |value: Option<Json<'_>>, word: &str| {
        value.and_then(Json::as_text).is_some_and(|text| text.to_ascii_lowercase().contains(word))
    };
    match (is(old, "true"), is(new, "false"), is(new, "true")) {
        (_, true, _) => Some((ChangeKind::Blocked, None)),
        (false, _, true) => Some((ChangeKind::Unblocked, None)),
        _ => None,
    }
}

/// The numbers of a key in a list of objects. The list is JSON as text; a shipper may have parsed it.
fn numbers(value: Option<Json<'_>>, key: &str) -> Vec<u32> {
    let Some(value) = value else { return Vec::new() };
    let Some(text) = value.as_text() else {
        return value.elements().filter_map(|one| u32::try_from(one.number(key)?).ok()).collect();
    };
    let quoted = format!("\"{key}\"");
    let after = text.split(quoted.as_str()).skip(1);
    after
        .filter_map(|rest| {
            let rest = rest.trim_start_matches([' ', ':', '\r', '\n', '"']);
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .collect()
}

/// How often a list of objects has a key.
fn occurrences(value: Option<Json<'_>>, key: &str) -> usize {
    let Some(value) = value else { return 0 };
    match value.as_text() {
        Some(text) => text.matches(&format!("\"{key}\"")).count(),
        None => value.elements().filter(|one| one.get(key).is_some()).count(),
    }
}
