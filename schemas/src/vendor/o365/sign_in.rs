//! Sign-ins.

use std::borrow::Cow;

use super::super::derived_id;
use super::super::draft::{Draft, Found, missing, text};
use super::super::json::Json;
use super::super::tables::{ENTRA_ERRORS, O365_LOGON_ERRORS};
use super::super::when::Id;
use super::super::words::Word;
use super::fields::{Extended, Fields};
use crate::rejection::Rejection;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// Which service logged a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Entra's token service; what its operation claims.
    Token(Claim),
    /// OrgId, before it: the operation says how, the status whether.
    OrgId,
}

/// What an operation claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    LoggedIn,
    LoginFailed,
    /// The operation is the error's name.
    Error,
}

/// How a sign-in is judged.
#[derive(Debug, Default)]
struct Verdict<'t> {
    result: Option<AuthResult>,
    reason: Option<DenialReason>,
    word: Option<Word>,
    /// A text that no table knows: column and text.
    unknown: Option<(&'static str, Cow<'t, str>)>,
}

/// The service of an operation that is a sign-in.
pub(super) fn service(operation: &str) -> Option<Service> {
    match operation {
        "UserLoggedIn" => Some(Service::Token(Claim::LoggedIn)),
        "UserLoginFailed" => Some(Service::Token(Claim::LoginFailed)),
        _ if is_orgid(operation) => Some(Service::OrgId),
        _ if operation.contains(' ') => None,
        _ => O365_LOGON_ERRORS.get(operation).map(|_| Service::Token(Claim::Error)),
    }
}

/// Such as `PasswordLogonInitialAuthUsingPassword`, `ForeignRealmIndexLogonCookieCopyUsingDAToken`.
fn is_orgid(operation: &str) -> bool {
    ["PasswordLogon", "ForeignRealmIndexLogon"].iter().any(|begin| operation.starts_with(begin))
}

pub(super) fn read<'t>(
    fields: &Fields<'t>,
    operation: &'t str,
    service: Service,
) -> Result<Found<'t>, Rejection<'static>> {
    let extended = fields.extended();
    if let Some(request_type) = extended.request_type.filter(|request_type| is_sign_out(request_type)) {
        return Ok(Found::Skipped(Cow::Borrowed(request_type)));
    }
    let verdict = match service {
        Service::Token(claim) => token_verdict(fields, &extended, operation, claim),
        Service::OrgId => orgid_verdict(fields, &extended)?,
    };
    let Some(result) = verdict.result else {
        let name = fields.logon_error.or(verdict.word.map(|word| word.text));
        return Ok(Found::Skipped(Cow::Borrowed(name.unwrap_or(operation))));
    };
    let mut draft = Draft {
        occurred_at: fields.occurred_at()?,
        tenant: text(fields.organization_id),
        user_id: text(fields.user()),
        result: Some(result),
        denial_reason: verdict.reason,
        result_code: result_code(fields),
        result_detail: text(result_detail(fields, &extended, operation, service)),
        stage: verdict.word.and_then(|word| word.stage),
        assurance: verdict.word.and_then(|word| word.assurance),
        method: verdict.word.and_then(|word| word.method),
        client_address: text(fields.client_address()),
        application: text(fields.application_id.or(fields.application)),
        client_app: text(fields.browser().or(extended.user_agent).or(fields.client)),
        protocol: text(extended.request_type.and_then(protocol)),
        attempt_id: text(fields.inter_systems_id),
        ..Draft::default()
    };
    if let Some((column, unknown)) = verdict.unknown {
        draft.unknown(column, &unknown);
    }
    factors(&mut draft, &extended, operation, service);
    draft.event_id = Some(match fields.id {
        Some(id) => Id::Own(Cow::Borrowed(id)),
        None => Id::Made(made_id(&draft, fields)),
    });
    Ok(Found::Event(draft))
}

fn token_verdict<'t>(
    fields: &Fields<'t>,
    extended: &Extended<'t>,
    operation: &'t str,
    claim: Claim,
) -> Verdict<'t> {
    let number = fields.error_number.as_deref().filter(|number| *number != "0");
    let name = fields.logon_error.or((claim == Claim::Error).then_some(operation));
    let known = number
        .and_then(|number| O365_LOGON_ERRORS.get(number).or_else(|| ENTRA_ERRORS.get(number)))
        .or_else(|| name.and_then(|name| O365_LOGON_ERRORS.get(name)));
    if let Some(word) = known {
        return of_word(word);
    }
    let is_denied = claim != Claim::LoggedIn || name.is_some() || says_failed(fields, extended);
    let unknown = name.map(Cow::Borrowed).or_else(|| number.and_then(|_| fields.error_number.clone()));
    // A page that asks for consent: what came of the sign-in is another record.
    let is_page = extended.request_type.is_some_and(|it| it.starts_with("PrivacyConsent:"));
    match unknown {
        None if is_denied && is_page => plain(AuthResult::Pending),
        None if is_denied => denied(DenialReason::Unspecified),
        None if extended.request_type == Some("SAS:BeginAuth") => plain(AuthResult::Pending),
        None => plain(AuthResult::Success),
        Some(error) if is_denied && !is_page => {
            Verdict { unknown: Some(("denial_reason", error)), ..denied(DenialReason::Other) }
        }
        // An interrupt that no table knows: it decides nothing.
        Some(error) => Verdict { unknown: Some(("result_code", error)), ..plain(AuthResult::Pending) },
    }
}

/// Where neither number nor name of an error is given: what is left.
fn says_failed(fields: &Fields<'_>, extended: &Extended<'_>) -> bool {
    let is_failed =
        |status: &str| status.eq_ignore_ascii_case("failed") || status.eq_ignore_ascii_case("failure");
    fields.error_number.is_none()
        && (fields.result_status.is_some_and(is_failed)
            || matches!(extended.result_status_detail, Some("UserError" | "ServerError")))
}

fn denied<'t>(reason: DenialReason) -> Verdict<'t> {
    Verdict { result: Some(AuthResult::Denied), reason: Some(reason), ..Verdict::default() }
}

fn plain<'t>(result: AuthResult) -> Verdict<'t> {
    Verdict { result: Some(result), ..Verdict::default() }
}

fn of_word<'t>(word: Word) -> Verdict<'t> {
    Verdict { result: word.result, reason: word.reason, word: Some(word), unknown: None }
}

fn orgid_verdict<'t>(
    fields: &Fields<'t>,
    extended: &Extended<'t>,
) -> Result<Verdict<'t>, Rejection<'static>> {
    let name = fields.logon_error.or_else(|| extended.login_error.map(error_name));
    if let Some(name) = name {
        return Ok(match O365_LOGON_ERRORS.get(name) {
            Some(word) => of_word(word),
            None => Verdict {
                unknown: Some(("denial_reason", Cow::Borrowed(name))),
                ..denied(DenialReason::Other)
            },
        });
    }
    let status = fields.result_status.map(str::to_ascii_lowercase);
    match (fields.login_status.as_deref(), status.as_deref()) {
        (Some("0"), _) | (None, Some("success" | "succeeded")) => Ok(plain(AuthResult::Success)),
        (Some(_), _) | (None, Some("failed" | "failure")) => Ok(denied(DenialReason::Unspecified)),
        _ => Err(missing("ResultStatus")),
    }
}

/// The name in `-2147217390;PP_E_BAD_PASSWORD;The entered …`.
fn error_name(login_error: &str) -> &str {
    login_error.split(';').map(str::trim).find(|part| part.starts_with("PP_")).unwrap_or(login_error)
}

fn result_code<'t>(fields: &Fields<'t>) -> Option<Cow<'t, str>> {
    fields.error_number.clone().or_else(|| fields.login_status.clone()).or_else(|| text(fields.result_status))
}

fn result_detail<'t>(
    fields: &Fields<'t>,
    extended: &Extended<'t>,
    operation: &'t str,
    service: Service,
) -> Option<&'t str> {
    let named = matches!(service, Service::OrgId | Service::Token(Claim::Error)).then_some(operation);
    fields.logon_error.or(extended.login_error).or(named).or(extended.result_status_detail)
}

/// A sign-out is logged as `UserLoggedIn` as well.
fn is_sign_out(request_type: &str) -> bool {
    let has = |word: &str| {
        request_type.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    has("logout") || has("signout") || has("logoff")
}

fn protocol(request_type: &str) -> Option<&'static str> {
    let (controller, _) = request_type.split_once(':')?;
    match controller {
        "OAuth2" => Some("oidc"),
        "Saml2" => Some("saml"),
        "WsFederation" | "OrgIdWsFederation" => Some("ws-federation"),
        "OrgIdWsTrust2" | "WindowsAuthenticationController" => Some("ws-trust"),
        _ => None,
    }
}

/// What the record tells of factors: method and assurance.
fn factors(draft: &mut Draft<'_>, extended: &Extended<'_>, operation: &str, service: Service) {
    let request_type = extended.request_type.unwrap_or_default();
    let is_success = draft.result == Some(AuthResult::Success);
    if service == Service::OrgId {
        orgid_factors(draft, operation, is_success);
    }
    if draft.stage == Some(Stage::SecondFactor) {
        // `UserAuthenticationMethod` tells of the first factor.
        return;
    }
    if request_type.starts_with("SAS:") {
        // The service that checks second factors: which one, it does not say.
        match draft.result {
            Some(AuthResult::Success) => draft.assurance = Some(Assurance::Challenged),
            _ => draft.stage = Some(Stage::SecondFactor),
        }
        return;
    }
    if let Some(bits) = extended.user_authentication_method {
        primary(draft, bits, is_success, request_type.starts_with("Login:"));
    }
    if is_success && extended.user_agent.is_some_and(|agent| LEGACY_AGENTS.contains(&agent)) {
        draft.assurance = Some(Assurance::FirstFactorOnly);
        draft.method = Some(Method::Password);
    }
}

/// Mail protocols that hand a password over to the service, which then signs in for them.
const LEGACY_AGENTS: [&str; 2] = ["BAV2ROPC", "CBAInPROD"];

fn orgid_factors(draft: &mut Draft<'_>, operation: &str, is_success: bool) {
    let is_federated = operation.starts_with("ForeignRealm") || operation.contains("FederatedToken");
    if is_federated && is_success {
        draft.assurance = Some(Assurance::External);
    }
    if operation.ends_with("UsingPassword") {
        draft.method = Some(Method::Password);
    }
}

/// Password in the cloud, by an agent on premises, by its hash; and the mark of a staged roll-out.
const PASSWORD_BITS: i64 = 1 | 8 | 16;
const ROLL_OUT_BIT: i64 = 256;
const PHONE_SIGN_IN_BIT: i64 = 64;
const TEXT_MESSAGE_BIT: i64 = 1 << 20;
/// Windows Hello for Business, macOS platform credential, passkey.
const KEY_BITS: i64 = 1 << 18 | 1 << 23 | 1 << 25;
/// Temporary access pass, QR codes, certificate, code by e-mail: known, and no method of ours.
const OTHER_BITS: i64 = 2 | 1 << 19 | 1 << 21 | 1 << 24 | 1 << 27;
/// Seamless sign-on: no factor was asked for.
const SEAMLESS_BIT: i64 = 4;

/// The primary method, by the bits of `UserAuthenticationMethod`. Microsoft does not document them: their
/// meaning was found by others, by comparison with Entra's own log (Sekoia.io, 2025).
fn primary(draft: &mut Draft<'_>, text: &str, is_success: bool, is_now: bool) {
    let Ok(bits) = text.parse::<i64>() else { return draft.unknown("method", text) };
    let has = |wanted: i64| bits & wanted != 0;
    let known = PASSWORD_BITS
        | ROLL_OUT_BIT
        | PHONE_SIGN_IN_BIT
        | TEXT_MESSAGE_BIT
        | KEY_BITS
        | OTHER_BITS
        | SEAMLESS_BIT;
    let method = if has(KEY_BITS) {
        Some(Method::SecurityKey)
    } else if has(PHONE_SIGN_IN_BIT) {
        Some(Method::MobileAppNotification)
    } else if has(TEXT_MESSAGE_BIT) {
        Some(Method::TextMessage)
    } else if has(OTHER_BITS) {
        Some(Method::Other)
    } else if has(PASSWORD_BITS) {
        Some(Method::Password)
    } else {
        None
    };
    if bits & !known != 0 {
        draft.unknown("method", text);
    }
    draft.method = draft.method.or(method);
    let is_strong = has(KEY_BITS | PHONE_SIGN_IN_BIT);
    if is_success && is_strong {
        // Later requests of the session repeat how it began.
        draft.assurance = Some(if is_now { Assurance::Challenged } else { Assurance::SatisfiedEarlier });
        if !is_now {
            draft.method = None;
        }
    }
}

/// For a record without `Id`.
fn made_id(draft: &Draft<'_>, fields: &Fields<'_>) -> String {
    derived_id(&[
        fields.creation_time.and_then(Json::as_text),
        fields.operation,
        draft.user_id.as_deref(),
        draft.result_code.as_deref(),
        draft.client_address.as_deref(),
        draft.application.as_deref(),
        fields.inter_systems_id,
    ])
}
