//! Changes of devices, passwords and their rules, and everything else.

use std::borrow::Cow;

use super::super::draft::{ChangeDraft, Found, text};
use super::super::json::Json;
use super::super::tables::CLOUDTRAIL_CHANGES;
use super::{identity, occurred_at};
use crate::rejection::Rejection;
use crate::vocabulary::ChangeKind;

/// The services whose events the table means: others have operations of the same names.
const SOURCES: [&str; 5] = ["iam.", "signin.", "sso.", "sso-directory.", "identitystore."];

/// What users do to themselves without being named in the request.
const OWN: [&str; 3] = ["ChangePassword", "PasswordUpdated", "PasswordRecoveryCompleted"];

pub(super) fn read<'t>(json: Json<'t>, name: &'t str) -> Result<Found<'t>, Rejection<'static>> {
    let skipped = Ok(Found::Skipped(Cow::Borrowed(name)));
    let Some(word) = CLOUDTRAIL_CHANGES.get(name) else { return skipped };
    let source = json.text("eventSource").unwrap_or_default();
    if !SOURCES.iter().any(|begin| source.starts_with(begin)) || has_failed(json, name) {
        return skipped;
    }
    let user = match word.change {
        ChangeKind::PolicyChanged => None,
        _ if OWN.contains(&name) => identity::requested_user(json).or(text(identity::user(json))),
        _ => identity::requested_user(json),
    };
    let device = json
        .text_at(&["requestParameters", "serialNumber"])
        .or_else(|| json.text_at(&["responseElements", "virtualMFADevice", "serialNumber"]));
    Ok(Found::Change(ChangeDraft {
        change: word.change,
        occurred_at: occurred_at(json)?,
        tenant: identity::tenant(json),
        user_id: user,
        actor: text(identity::user(json)),
        method: word.method.or(device.map(identity::device_method)),
        client_address: text(json.text("sourceIPAddress")),
        result_code: text(Some(name)),
        result_detail: text(device),
        ..ChangeDraft::default()
    }))
}

/// What failed changed nothing: an error, or `Failure` of a sign-in page.
fn has_failed(json: Json<'_>, name: &str) -> bool {
    json.text("errorCode").is_some() || json.text_at(&["responseElements", name]) == Some("Failure")
}
