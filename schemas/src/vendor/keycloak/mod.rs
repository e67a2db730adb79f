//! Keycloak: events and administration events.
//!
//! A record is the JSON of an event listener or of the administration API, or a line of the server's log:
//! alone, or as the `message` of a JSON layout. Lines have keys with values in quotes, those of old servers
//! without. An event has an id of its own in JSON; else the id is made of what the record says. Same id,
//! other content: a new event.
//!
//! The tenant is the realm. The person is the user name, else the id. A sign-in says nothing of a second
//! factor unless its details do; errors that judge the request of a client, and no person, are skipped.

mod entry;
mod line;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::entry::Entry;
use self::line::Line;
use super::change_words::ChangeWord;
use super::draft::{ChangeDraft, Draft, Found, Text, foreign};
use super::json::Json;
use super::part::Part;
use super::tables::{KEYCLOAK_CHANGES, KEYCLOAK_CREDENTIALS, KEYCLOAK_ERRORS, KEYCLOAK_EVENTS};
use super::when::Id;
use super::words::Word;
use super::{Take, Vendor, derived_id};
use crate::rejection::Rejection;
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};

pub(super) const VENDOR: Vendor =
    Vendor { decoder: "keycloak/2", lists: &[&["events"]], read, read_text: Some(read_text) };

/// Lines of the log that tell of no event.
const LOG_LINE: &str = "log-line";

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let entry = Entry::of_json(json);
    if entry.is_foreign() {
        return Ok(foreign());
    }
    entry.unwrapped().map_or(Ok(Found::Skipped(Cow::Borrowed(LOG_LINE))), judge)
}

fn read_text(text: &str, take: &mut Take<'_>) {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let found = match Line::of(line) {
            Some(line) => judge(Entry::of_line(&line)),
            None => Ok(Found::Skipped(Cow::Borrowed(LOG_LINE))),
        };
        take(Part::Line(None, line), found);
    }
}

fn judge(mut entry: Entry<'_>) -> Result<Found<'_>, Rejection<'static>> {
    if let Some(operation) = entry.operation.take() {
        return administration(entry, &operation);
    }
    let Some(kind) = entry.kind.take() else { return Ok(foreign()) };
    if let Some(event) = KEYCLOAK_EVENTS.get(&kind) {
        return authentication(entry, kind, event);
    }
    match change(&kind, &entry) {
        Some(word) => user_change(entry, kind, word),
        None => Ok(Found::Skipped(kind)),
    }
}

fn authentication<'t>(
    mut entry: Entry<'t>,
    kind: Cow<'t, str>,
    event: Word,
) -> Result<Found<'t>, Rejection<'static>> {
    let is_denied = event.result == Some(AuthResult::Denied);
    let error = entry.error.take().filter(|_| is_denied);
    let error_word = error.as_deref().and_then(|error| KEYCLOAK_ERRORS.get(error));
    if let (Some(error), Some(Word { result: None, .. })) = (&error, error_word) {
        return Ok(Found::Skipped(Cow::Owned(format!("{kind}:{error}"))));
    }
    let mut draft = Draft {
        occurred_at: entry.occurred_at()?,
        result: event.result,
        stage: event.stage,
        ..Draft::default()
    };
    let credential = credential(&entry);
    if is_denied {
        deny(&mut draft, &entry, credential, error_word, error.as_deref());
    } else {
        let (assurance, method) = assurance(&entry, event, credential);
        (draft.assurance, draft.method) = (Some(assurance), method);
    }
    draft.tenant = entry.tenant();
    draft.attempt_id = entry.code_id.take().or(entry.session_id.take()).or(entry.auth_session_id.take());
    draft.protocol = entry.auth_method.take().map(protocol);
    draft.authenticator_id = entry.selected_credential_id.take().or(entry.passkey_id.take());
    draft.user_id = entry.person();
    draft.application = entry.client_id.take();
    draft.client_address = entry.address.take();
    draft.server_name = entry.server_name.take();
    draft.result_detail = error;
    draft.result_code = Some(kind);
    draft.event_id = Some(entry.id.take().map_or_else(|| Id::Made(id_of(&draft)), Id::Own));
    Ok(Found::Event(draft))
}

fn id_of(draft: &Draft<'_>) -> String {
    derived_id(&[
        draft.result_code.as_deref(),
        draft.occurred_at.id_part().as_deref(),
        draft.tenant.as_deref(),
        draft.user_id.as_deref(),
        draft.application.as_deref(),
        draft.attempt_id.as_deref(),
        draft.client_address.as_deref(),
        draft.result_detail.as_deref(),
    ])
}

/// The credential that was checked, where the details name one. The form for one-time codes names the one it
/// checks, and the form for passwords does not.
fn credential(entry: &Entry<'_>) -> Option<Word> {
    let named = entry.credential_type.as_deref().and_then(|kind| KEYCLOAK_CREDENTIALS.get(kind));
    if named.is_some_and(|word| word.stage == Some(Stage::SecondFactor)) {
        return named;
    }
    if entry.passkey_id.is_some() || entry.has_webauthn_error {
        return KEYCLOAK_CREDENTIALS.get("webauthn");
    }
    let code = entry.selected_credential_id.as_ref().and_then(|_| KEYCLOAK_CREDENTIALS.get("otp"));
    code.or(named)
}

/// What a sign-in proves.
fn assurance(entry: &Entry<'_>, event: Word, credential: Option<Word>) -> (Assurance, Option<Method>) {
    if let Some(Word { assurance: Some(assurance), method, .. }) = credential {
        return (assurance, method);
    }
    let claims = [entry.amr.as_deref(), entry.acr.as_deref()].into_iter().flatten();
    let words = claims.flat_map(|claim| claim.split(|letter: char| !letter.is_ascii_alphanumeric()));
    let mut password = None;
    for word in words.filter_map(|word| KEYCLOAK_CREDENTIALS.get(word)) {
        match word.assurance {
            Some(Assurance::Challenged) => return (Assurance::Challenged, word.method),
            Some(assurance) => password = Some((assurance, word.method)),
            None => {}
        }
    }
    let external = (event.assurance == Some(Assurance::External) || entry.identity_provider.is_some())
        .then_some((Assurance::External, None));
    let unsaid = (Assurance::Unknown, credential.and_then(|word| word.method));
    external.or(password).unwrap_or(unsaid)
}

fn deny(
    draft: &mut Draft<'_>,
    entry: &Entry<'_>,
    credential: Option<Word>,
    error_word: Option<Word>,
    error: Option<&str>,
) {
    let Some(word) = error_word else {
        draft.denial_reason = Some(match error {
            Some(_) => DenialReason::UNKNOWN,
            None => DenialReason::Unspecified,
        });
        if let Some(error) = error {
            draft.unknown("result_detail", error);
        }
        return;
    };
    draft.denial_reason = word.reason;
    draft.stage = word.stage.or(draft.stage);
    if word.text != "invalid_user_credentials" {
        return;
    }
    match credential {
        Some(word) if word.stage == Some(Stage::SecondFactor) => {
            (draft.denial_reason, draft.stage, draft.method) = (word.reason, word.stage, word.method);
            draft.assurance = Some(Assurance::Challenged);
        }
        // A user who is known had the name right.
        _ if entry.user_id.is_some() => draft.method = Some(Method::Password),
        _ => draft.denial_reason = Some(DenialReason::WrongCredentials),
    }
}

fn protocol(auth_method: Cow<'_, str>) -> Cow<'_, str> {
    if auth_method == "openid-connect" { Cow::Borrowed("oidc") } else { auth_method }
}

fn user_change<'t>(
    mut entry: Entry<'t>,
    kind: Cow<'t, str>,
    word: ChangeWord,
) -> Result<Found<'t>, Rejection<'static>> {
    let is_lockout = kind.starts_with("USER_DISABLED_BY_");
    let occurred_at = entry.occurred_at()?;
    let credential = entry.credential_type.take().or(entry.required_action.take());
    let method = word.method.or_else(|| credential_method(credential.as_deref()));
    let tenant = entry.tenant();
    let user_id = entry.person();
    let actor = entry.impersonator.take().or_else(|| user_id.clone()).filter(|_| !is_lockout);
    Ok(Found::Change(ChangeDraft {
        change: word.change,
        occurred_at,
        tenant,
        user_id,
        actor,
        method,
        reason: entry.reason.take(),
        client_address: entry.address.take(),
        result_detail: credential,
        result_code: Some(kind),
        ..ChangeDraft::default()
    }))
}

/// By the type of a credential, or by the action that sets one up: `webauthn-register`, `CONFIGURE_TOTP`.
fn credential_method(kind: Option<&str>) -> Option<Method> {
    let kind = kind?;
    let named = KEYCLOAK_CREDENTIALS.get(kind).and_then(|word| word.method);
    named.or(match kind {
        "webauthn-register" | "webauthn-register-passwordless" => Some(Method::SecurityKey),
        "CONFIGURE_TOTP" => Some(Method::OathToken),
        "CONFIGURE_RECOVERY_AUTHN_CODES" => Some(Method::Other),
        "UPDATE_PASSWORD" => Some(Method::Password),
        _ => None,
    })
}

/// What an event changes, if it does.
fn change(kind: &str, entry: &Entry<'_>) -> Option<ChangeWord> {
    let is_password = entry.credential_type.as_deref() == Some("password");
    match kind {
        "UPDATE_CREDENTIAL" if is_password => KEYCLOAK_CHANGES.get("UPDATE_PASSWORD"),
        // Servers before 24 log a key or recovery codes so.
        "CUSTOM_REQUIRED_ACTION" => credential_method(entry.required_action.as_deref())
            .and_then(|_| KEYCLOAK_CHANGES.get("UPDATE_CREDENTIAL")),
        _ => KEYCLOAK_CHANGES.get(kind),
    }
}

/// What an administrator did.
fn administration<'t>(mut entry: Entry<'t>, operation: &str) -> Result<Found<'t>, Rejection<'static>> {
    let resource_type = entry.resource_type.take().unwrap_or_default();
    let name = format!("{operation} {resource_type}");
    if let Some(error) = &entry.error {
        return Ok(Found::Skipped(Cow::Owned(format!("{name}:{error}"))));
    }
    let path = entry.resource_path.take().unwrap_or_default();
    let Some((change, method)) =
        administered(operation, &resource_type, &path, entry.representation.as_deref())
    else {
        return Ok(Found::Skipped(Cow::Owned(name)));
    };
    Ok(Found::Change(ChangeDraft {
        change,
        occurred_at: entry.occurred_at()?,
        user_id: user_of(&path),
        tenant: entry.tenant(),
        actor: entry.person(),
        method,
        client_address: entry.address.take(),
        result_code: Some(Cow::Owned(name)),
        result_detail: Some(path),
        ..ChangeDraft::default()
    }))
}

/// The id behind `users/`.
fn user_of<'t>(path: &str) -> Text<'t> {
    let mut parts = path.split('/').skip_while(|part| *part != "users").skip(1);
    parts.next().map(|id| Cow::Owned(id.to_owned()))
}

fn administered(
    operation: &str,
    resource_type: &str,
    path: &str,
    representation: Option<&str>,
) -> Option<(ChangeKind, Option<Method>)> {
    use ChangeKind::*;
    match resource_type {
        "AUTH_FLOW"
        | "AUTH_EXECUTION"
        | "AUTH_EXECUTION_FLOW"
        | "AUTHENTICATOR_CONFIG"
        | "REQUIRED_ACTION"
        | "REQUIRED_ACTION_CONFIG" => return Some((PolicyChanged, None)),
        "USER_LOGIN_FAILURE" => return (operation == "DELETE").then_some((Unblocked, None)),
        "USER" => {}
        _ => return None,
    }
    let mut parts = path.split('/').skip_while(|part| *part != "users").skip(2);
    Some(match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => {
            let compact = |text: &str| text.replace(' ', "").contains(r#""enabled":false"#);
            let is_disabled = operation == "UPDATE" && representation.is_some_and(compact);
            let change = match operation {
                "CREATE" => AccountCreated,
                "DELETE" => AccountDeleted,
                _ if is_disabled => Blocked,
                _ => Other,
            };
            (change, None)
        }
        (Some("reset-password"), ..) => (PasswordChanged, Some(Method::Password)),
        (Some("remove-totp"), ..) => (MethodRemoved, Some(Method::OathToken)),
        (Some("disable-credential-types"), ..) => (MethodRemoved, None),
        (Some("credentials"), Some(_), None) if operation != "UPDATE" => (MethodRemoved, None),
        (Some("impersonation" | "federated-identity"), ..) => (Other, None),
        _ => return None,
    })
}
