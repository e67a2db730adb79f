//! A sign-in of a person becomes an event.

use std::borrow::Cow;

use super::super::derived_id;
use super::super::draft::{Draft, Found, bad_time, text};
use super::super::json::Json;
use super::super::when::{Id, When};
use super::TIMES;
use super::facts::Facts;
use super::slots::{Slots, as_text};
use super::status::{Status, Verdict, number};
use crate::rejection::Rejection;
use crate::vocabulary::{AuthResult, Stage};

/// Whom Entra names that knows nobody.
const NO_USER: &str = "00000000-0000-0000-0000-000000000000";

/// The kind of a program's sign-in; none where a person signs in.
pub(super) fn program<'t>(slots: &Slots<'t>) -> Option<&'t str> {
    let mut kinds = slots.event_types?.elements().filter_map(Json::as_text).peekable();
    let first = *kinds.peek()?;
    let is_program = |kind: &str| matches!(kind, "servicePrincipal" | "managedIdentity");
    kinds.all(is_program).then_some(first)
}

/// Whether a person typed a name: a service such as Exchange Online signs in for them, in a row of its own.
pub(super) fn names_person(slots: &Slots<'_>) -> bool {
    [slots.sign_in_name, slots.alternate_name].into_iter().filter_map(as_text).any(|name| name.contains('@'))
}

pub(super) fn read<'t>(slots: &Slots<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let has_name =
        [slots.user_name, slots.sign_in_name, slots.user_id].iter().any(|slot| as_text(*slot).is_some());
    if !has_name && !names_person(slots) && as_text(slots.program_id).is_some() {
        return Ok(Found::Skipped(Cow::Borrowed("servicePrincipal")));
    }
    let status = Status::read(slots);
    let (result, word) = match status.verdict()? {
        Verdict::Person(result, word) => (result, word),
        Verdict::Nobody => {
            let code = status.code.as_deref().unwrap_or_default();
            return Ok(Found::Skipped(Cow::Owned(format!("AADSTS{}", number(code)))));
        }
    };
    let mut draft = outline(slots)?;
    draft.result_code = status.code.clone();
    let facts = Facts::read(slots, &status, &mut draft);
    // Before 2020 the status of an interrupt also said that the second factor was denied.
    let is_second = word.and_then(|word| word.stage) == Some(Stage::SecondFactor);
    let is_refused = result == AuthResult::Pending && is_second && facts.says_denied();
    let result = if is_refused { AuthResult::Denied } else { result };
    draft.result = Some(result);
    match result {
        AuthResult::Success => facts.succeed(&mut draft),
        AuthResult::Pending => facts.wait(word, &mut draft),
        AuthResult::Denied => facts.deny(word, &status, &mut draft),
    }
    if draft.result_detail.is_none() {
        let reason = status.reason.clone().filter(|reason| reason != "Other.");
        let description = || as_text(slots.result_description).map(Cow::Borrowed);
        draft.result_detail = reason.or_else(description).or_else(|| status.details.clone());
    }
    draft.steps = facts.steps.steps;
    draft.prompts = facts.steps.prompts;
    name(slots, &mut draft);
    Ok(Found::Event(draft))
}

/// What needs no judgement.
fn outline<'t>(slots: &Slots<'t>) -> Result<Draft<'t>, Rejection<'static>> {
    let user_id = as_text(slots.user_id).filter(|id| *id != NO_USER);
    let names = [slots.user_name, slots.sign_in_name, slots.alternate_name].into_iter().find_map(as_text);
    let applications = [slots.application, slots.entered, slots.application_id];
    let issuer = as_text(slots.token_issuer).unwrap_or_default();
    let is_adfs = issuer.starts_with("ADFederationServices");
    let is_nps = issuer == "NPSExtension";
    let protocol = match as_text(slots.protocol) {
        _ if is_adfs => Some("adfs"),
        _ if is_nps => Some("radius"),
        Some("none" | "unknownFutureValue") | None => None,
        Some("saml20") => Some("saml"),
        Some("wsFederation") => Some("ws-federation"),
        Some("oAuth2") => Some("oauth2"),
        Some("deviceCode") => Some("device-code"),
        other => other,
    };
    Ok(Draft {
        occurred_at: occurred_at(slots)?,
        tenant: slots.tenant(),
        user_id: text(names.or(user_id)),
        client_address: slots.client_address(),
        application: text(applications.into_iter().find_map(as_text)),
        client_app: text(as_text(slots.client_app)),
        protocol: text(protocol),
        attempt_id: text(as_text(slots.original_request).or_else(|| as_text(slots.correlation))),
        server_name: text(if is_adfs || is_nps { server(slots) } else { None }),
        ..Draft::default()
    })
}

/// `createdDateTime` is when the sign-in began; the envelope's `time` may be minutes later.
fn occurred_at<'t>(slots: &Slots<'t>) -> Result<When<'t>, Rejection<'static>> {
    let clocks = [slots.created_at, slots.time, slots.time_generated];
    TIMES.best(&clocks).ok_or_else(|| bad_time("createdDateTime", "ISO 8601 in UTC"))
}

/// The server on the premises that asked, else its farm.
fn server<'t>(slots: &Slots<'t>) -> Option<&'t str> {
    let details = slots.processing.into_iter().flat_map(Json::elements);
    let mut names = details.filter(|detail| detail.text("key") == Some("Server name"));
    names.find_map(|detail| detail.text("value")).or_else(|| as_text(slots.token_issuer_name))
}

/// The request's id; one made of what the record says where it has none.
fn name<'t>(slots: &Slots<'t>, draft: &mut Draft<'t>) {
    let made = || {
        let time = as_text(slots.created_at).or_else(|| as_text(slots.time));
        let parts = [time, as_text(slots.correlation), as_text(slots.address), as_text(slots.application_id)];
        let made = [draft.user_id.as_deref(), draft.application.as_deref(), draft.result_code.as_deref()];
        Id::Made(derived_id(&[parts.as_slice(), made.as_slice()].concat()))
    };
    draft.event_id = Some(as_text(slots.id).map_or_else(made, |id| Id::Own(Cow::Borrowed(id))));
}
