//! Who did it, and with which device.

use std::borrow::Cow;

use super::super::draft::Text;
use super::super::json::Json;
use crate::vocabulary::Method;

/// What stands for a name that was typed and does not exist: it may have been a password.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// How IAM names the root user in its requests.
const ROOT_IN_REQUESTS: &str = "AWS ROOT USER";
const ROOT: &str = "root";

/// The account whose trail it is.
pub(super) fn tenant(json: Json<'_>) -> Text<'_> {
    json.scalar("recipientAccountId").or_else(|| json.get("userIdentity")?.scalar("accountId"))
}

/// The person: by name; of a role the name of its session, which the provider chose; `root`; else an id.
pub(super) fn user(json: Json<'_>) -> Option<&str> {
    let additional = || json.text_at(&["additionalEventData", "UserName"]);
    let Some(identity) = json.get("userIdentity") else { return additional().and_then(shown) };
    if identity.text("type") == Some("Root") {
        return Some(ROOT);
    }
    if let Some(session) = session_name(identity) {
        return Some(session);
    }
    match identity.text("userName").or_else(additional) {
        Some(name) => shown(name),
        None => identity.text_at(&["onBehalfOf", "userId"]).or_else(|| last(identity.text("arn")?, '/')),
    }
}

fn shown(name: &str) -> Option<&str> {
    (name != HIDDEN).then_some(name)
}

/// Behind the last sign.
fn last(text: &str, sign: char) -> Option<&str> {
    text.rsplit_once(sign).map(|(_, last)| last).filter(|last| !last.is_empty())
}

/// `arn:aws:sts::…:assumed-role/ROLE/SESSION`, or `ID:SESSION` as the principal.
fn session_name(identity: Json<'_>) -> Option<&str> {
    if !matches!(
        identity.text("type"),
        Some("AssumedRole" | "FederatedUser" | "SAMLUser" | "WebIdentityUser")
    ) {
        return None;
    }
    last(identity.text("arn").unwrap_or_default(), '/')
        .or_else(|| last(identity.text("principalId").unwrap_or_default(), ':'))
}

/// Of whom a request speaks.
pub(super) fn requested_user(json: Json<'_>) -> Text<'_> {
    let request = json.get("requestParameters")?;
    if request.text("userName") == Some(ROOT_IN_REQUESTS) {
        return Some(Cow::Borrowed(ROOT));
    }
    let of_request = request.text("userName").and_then(shown).or_else(|| request.text("userId"));
    // Identity Center hides the name of a user who is made, and answers with the id.
    let answers: [&[&str]; 2] = [&["responseElements", "userId"], &["responseElements", "user", "userId"]];
    of_request.or_else(|| answers.iter().find_map(|way| json.text_at(way))).map(Cow::Borrowed)
}

/// Whether another provider vouched for the person, so that AWS asked for nothing.
pub(super) fn is_federated(json: Json<'_>) -> bool {
    let of_type = json.text_at(&["userIdentity", "type"]);
    matches!(
        of_type,
        Some(
            "AssumedRole" | "FederatedUser" | "SAMLUser" | "WebIdentityUser" | "IdentityCenterUser" | "Role"
        )
    ) || json.text_at(&["additionalEventData", "SamlProviderArn"]).is_some()
}

/// By a device's ARN (`…:u2f/…`, `…:mfa/…`) or a hardware token's serial number.
pub(super) fn device_method(serial_number: &str) -> Method {
    if serial_number.contains(":u2f/") || serial_number.contains(":fido/") {
        Method::SecurityKey
    } else {
        Method::OathToken
    }
}
