//! Sign-ins.

use std::borrow::Cow;

use super::super::addresses::place;
use super::super::derived_id;
use super::super::draft::{Draft, Found, missing, text};
use super::super::json::Json;
use super::super::tables::{CLOUDTRAIL_ERRORS, CLOUDTRAIL_FACTORS};
use super::super::when::Id;
use super::super::words::Word;
use super::{identity, occurred_at};
use crate::element::Step;
use crate::rejection::Rejection;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// What stands for the address where a service of AWS itself asked.
const OWN_ADDRESS: &str = "AWS Internal";

/// The events that are sign-ins or parts of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    ConsoleLogin,
    CheckMfa,
    CredentialChallenge,
    CredentialVerification,
    UserAuthentication,
}

pub(super) fn of(event_name: &str) -> Option<SignIn> {
    match event_name {
        "ConsoleLogin" => Some(SignIn::ConsoleLogin),
        "CheckMfa" => Some(SignIn::CheckMfa),
        "CredentialChallenge" => Some(SignIn::CredentialChallenge),
        "CredentialVerification" => Some(SignIn::CredentialVerification),
        "UserAuthentication" => Some(SignIn::UserAuthentication),
        _ => None,
    }
}

pub(super) fn read<'t>(
    json: Json<'t>,
    name: &'t str,
    event: SignIn,
) -> Result<Found<'t>, Rejection<'static>> {
    let has_worked = outcome(json, name, event)?;
    if !has_worked && matches!(event, SignIn::CheckMfa | SignIn::CredentialChallenge) {
        // No challenge was shown.
        return Ok(Found::Skipped(Cow::Borrowed(name)));
    }
    let additional = json.get("additionalEventData");
    let of_additional = |key: &str| additional.and_then(|additional| additional.text(key));
    let mut draft = Draft {
        occurred_at: occurred_at(json)?,
        tenant: identity::tenant(json),
        user_id: text(identity::user(json)),
        result: Some(if has_worked { AuthResult::Success } else { AuthResult::Denied }),
        result_code: text(outcome_text(json, name)),
        result_detail: text(json.text("errorMessage")),
        client_address: text(json.text("sourceIPAddress").filter(|address| *address != OWN_ADDRESS)),
        application: text(of_additional("LoginTo").map(place).or_else(|| json.text("eventSource"))),
        client_app: text(json.text("userAgent")),
        attempt_id: text(of_additional("AuthWorkflowID")),
        ..Draft::default()
    };
    match event {
        SignIn::ConsoleLogin => {
            console_login(&mut draft, json, of_additional("MFAUsed"), of_additional("MFAIdentifier"))
        }
        SignIn::CheckMfa => {
            challenge(&mut draft, of_additional("MfaType"));
            draft.stage = Some(Stage::SecondFactor);
            draft.prompts = Some(1);
        }
        SignIn::CredentialChallenge => challenge(&mut draft, of_additional("CredentialType")),
        SignIn::CredentialVerification => verification(&mut draft, of_additional("CredentialType")),
        SignIn::UserAuthentication => whole(&mut draft, of_additional("CredentialType").unwrap_or_default()),
    }
    draft.event_id = Some(event_id(json, name, &draft));
    Ok(Found::Event(draft))
}

/// Whether it says success: in `responseElements`, for Identity Center in `serviceEventDetails`.
fn outcome(json: Json<'_>, name: &str, event: SignIn) -> Result<bool, Rejection<'static>> {
    let said = outcome_text(json, name);
    if let Some(said) = said {
        let is = |word: &str| said.eq_ignore_ascii_case(word);
        match (is("Success"), is("Failure") || is("Failed")) {
            (true, _) => return Ok(true),
            (_, true) => return Ok(false),
            _ => {}
        }
    } else if json.text("errorMessage").or_else(|| json.text("errorCode")).is_some() {
        return Ok(false);
    }
    Err(missing(match event {
        SignIn::ConsoleLogin => "responseElements.ConsoleLogin",
        SignIn::CheckMfa => "responseElements.CheckMfa",
        SignIn::CredentialChallenge => "serviceEventDetails.CredentialChallenge",
        SignIn::CredentialVerification => "serviceEventDetails.CredentialVerification",
        SignIn::UserAuthentication => "serviceEventDetails.UserAuthentication",
    }))
}

fn outcome_text<'t>(json: Json<'t>, name: &str) -> Option<&'t str> {
    ["responseElements", "serviceEventDetails"].iter().find_map(|key| {
        let holder = json.get(key)?;
        // Flattened by a shipper: `{ConsoleLogin=Success}`, `{"ConsoleLogin":"Success"}`.
        holder.text(name).or_else(|| flat_value(holder.as_text()?, name))
    })
}

fn flat_value<'t>(flat: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = flat.split_once(name)?;
    let rest = rest.trim_start_matches(['"', ':', '=', ' ']);
    let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|value| !value.is_empty())
}

fn console_login<'t>(draft: &mut Draft<'t>, json: Json<'t>, mfa_used: Option<&str>, device: Option<&'t str>) {
    let is_challenged = mfa_used.is_some_and(|used| used.eq_ignore_ascii_case("yes"));
    let is_unchallenged = mfa_used.is_some_and(|used| used.eq_ignore_ascii_case("no"));
    if let (Some(used), false) = (mfa_used, is_challenged || is_unchallenged) {
        draft.unknown("assurance", used);
    }
    if identity::is_federated(json) && !is_challenged {
        draft.assurance = Some(Assurance::External);
        draft.protocol =
            json.text_at(&["additionalEventData", "SamlProviderArn"]).map(|_| Cow::Borrowed("saml"));
    } else if is_challenged {
        draft.assurance = Some(Assurance::Challenged);
        draft.method = device.map(identity::device_method);
        draft.authenticator_id = text(device);
    } else if is_unchallenged {
        draft.assurance = Some(Assurance::FirstFactorOnly);
        draft.method = Some(Method::Password);
    }
    if draft.result == Some(AuthResult::Denied) {
        console_denial(draft, json, is_challenged);
    }
}

fn console_denial(draft: &mut Draft<'_>, json: Json<'_>, is_challenged: bool) {
    let word = json.text("errorMessage").and_then(|message| CLOUDTRAIL_ERRORS.get(message));
    if !is_challenged {
        // A refusal proves nothing.
        draft.assurance = None;
    }
    match (word, json.text("errorMessage")) {
        // The text is the same for a wrong code: which of them was wrong, it does not say.
        (Some(word), _) if is_challenged && word.reason == Some(DenialReason::WrongCredentials) => {
            draft.denial_reason = Some(DenialReason::Unspecified);
        }
        (Some(word), _) => {
            draft.denial_reason = word.reason;
            draft.stage = word.stage;
        }
        (None, Some(message)) => {
            draft.denial_reason = Some(DenialReason::Other);
            draft.unknown("denial_reason", message);
        }
        (None, None) => draft.denial_reason = Some(DenialReason::Unspecified),
    }
}

/// A challenge that was shown.
fn challenge(draft: &mut Draft<'_>, factor: Option<&str>) {
    draft.result = Some(AuthResult::Pending);
    factor_word(draft, factor);
    draft.prompts = (draft.stage == Some(Stage::SecondFactor)).then_some(1);
}

/// An answer to a challenge.
fn verification(draft: &mut Draft<'_>, factor: Option<&str>) {
    if let Some(word) = factor_word(draft, factor) {
        draft.denial_reason = word.reason;
        draft.assurance = word.assurance;
    }
    if draft.stage == Some(Stage::SecondFactor) {
        draft.assurance = Some(Assurance::Challenged);
    } else if draft.stage == Some(Stage::FirstFactor) && draft.result == Some(AuthResult::Success) {
        draft.assurance = Some(Assurance::FirstFactorOnly);
    }
}

/// The whole, with all factors that were right: `PASSWORD,TOTP`. The second factor speaks for it.
fn whole<'t>(draft: &mut Draft<'t>, factors: &'t str) {
    let is_success = draft.result == Some(AuthResult::Success);
    let factors = || factors.split(',').map(str::trim).filter(|factor| !factor.is_empty());
    let is_list = factors().count() > 1;
    let mut best = (None, None);
    for factor in factors() {
        let word = factor_word(draft, Some(factor));
        if is_success && is_list {
            let result = Some(AuthResult::Success);
            draft.steps.push(Step { method: draft.method, result, code: Some(factor), ..Step::default() });
        }
        let assurance = match word.map(|word| (word.assurance, word.stage)) {
            Some((Some(assurance), _)) => assurance,
            Some((None, Some(Stage::SecondFactor))) => Assurance::Challenged,
            Some(_) => Assurance::FirstFactorOnly,
            None => Assurance::Unknown,
        };
        if matches!(best.1, None | Some(Assurance::FirstFactorOnly)) {
            best = (draft.method, Some(assurance));
        }
    }
    (draft.method, draft.assurance) = best;
    draft.stage = Some(Stage::WholeSignIn);
    if !is_success {
        draft.denial_reason = Some(DenialReason::Unspecified);
    }
}

/// Sets method and stage by the factor. What the table does not know is noted.
fn factor_word(draft: &mut Draft<'_>, factor: Option<&str>) -> Option<Word> {
    let factor = factor?;
    let word = CLOUDTRAIL_FACTORS.get(factor);
    if word.is_none() {
        draft.unknown("method", factor);
    }
    (draft.method, draft.stage) = match word {
        Some(word) => (word.method, word.stage),
        None => (Some(Method::Other), Some(Stage::Other)),
    };
    word
}

fn event_id<'t>(json: Json<'t>, name: &str, draft: &Draft<'t>) -> Id<'t> {
    let own = json.text("eventID").map(|id| Id::Own(Cow::Borrowed(id)));
    own.unwrap_or_else(|| {
        Id::Made(derived_id(&[
            Some(name),
            json.text("eventTime"),
            draft.tenant.as_deref(),
            draft.user_id.as_deref(),
            draft.client_address.as_deref(),
            draft.result_code.as_deref(),
            draft.result_detail.as_deref(),
            json.text_at(&["additionalEventData", "CredentialType"]),
        ]))
    })
}
