//! Class Authentication.

use std::borrow::Cow;

use super::Event;
use super::ours::{self, is_ours};
use super::user;
use super::words::{self, Detail};
use crate::element::Step;
use crate::rejection::{Reason, Rejection};
use crate::vendor::addresses::place;
use crate::vendor::derived_id;
use crate::vendor::draft::{Draft, Found, Text, bad_time, missing, text};
use crate::vendor::json::Json;
use crate::vendor::times::Writing;
use crate::vendor::when::{Id, When};
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// A text that may be counted by name: longer ones, and those with blanks or signs of a person's id, are
/// none.
const WORD_BYTES_MAX: usize = 48;

pub(super) fn read<'t>(event: &Event<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let user = event.user.or_else(|| event.actor.and_then(|it| it.get("user")));
    let activity = event
        .activity_id
        .and_then(Json::as_number)
        .or_else(|| event.type_uid.and_then(Json::as_number).map(|kind| kind % 100));
    let name = activity
        .filter(|id| *id != 99)
        .and_then(words::activity)
        .or_else(|| event.activity_name.and_then(Json::as_text));
    let skipped = || Ok(Found::Skipped(Cow::Borrowed(name.unwrap_or("Other"))));
    let has_factor = event.is_mfa.and_then(Json::as_flag) == Some(true)
        || event.auth_factors.into_iter().flat_map(Json::elements).next().is_some();
    match activity {
        Some(1) => {}
        Some(3 | 6) if user.is_some() => {}
        Some(2 | 4 | 5 | 7) => return skipped(),
        _ if has_factor => {}
        _ => return skipped(),
    }
    if !is_ours(event) && user.is_some_and(user::is_machine)
        || matches!(event.logon_type_id.and_then(Json::as_number), Some(0 | 4 | 5))
    {
        return Ok(Found::Skipped(Cow::Owned(format!(
            "{} of a machine or service",
            name.unwrap_or("Other")
        ))));
    }
    let is_first = matches!(activity, Some(3 | 6));
    authentication(event, user, is_first).map(Found::Event)
}

fn authentication<'t>(
    event: &Event<'t>,
    user: Option<Json<'t>>,
    is_first: bool,
) -> Result<Draft<'t>, Rejection<'static>> {
    let metadata = event.metadata;
    let of_target = |key| event.dst_endpoint.and_then(|endpoint| endpoint.text(key));
    let of_service = |key| event.service.and_then(|service| service.text(key));
    // Without the endpoint that asked, the device is the client's.
    let client = event.src_endpoint.or(event.device);
    let (first_name, last_name) = user::names(user);
    let mut draft = Draft {
        occurred_at: occurred_at(event)?,
        tenant: tenant(event),
        user_id: user.and_then(|user| user::id(user, is_ours(event))),
        first_name,
        last_name,
        email: text(user.and_then(|user| user.text("email_addr"))),
        result_code: event.status_code.and_then(Json::as_scalar),
        result_detail: text(event.status_detail.and_then(Json::as_text)),
        server_name: text(of_target("hostname").or_else(|| of_target("name"))),
        server_address: text(of_target("ip")),
        client_address: text(client.and_then(|client| client.text("ip"))),
        application: text(
            of_service("name")
                .or_else(|| of_target("svc_name"))
                .or_else(|| of_service("uid"))
                .map(application),
        ),
        client_app: text(logon_type(event)),
        protocol: text(protocol(event)),
        attempt_id: text(metadata.and_then(|metadata| metadata.text("correlation_uid"))),
        ..Draft::default()
    };
    if !ours::restore(event, &mut draft) {
        read_outcome(event, &mut draft, is_first)?;
    }
    draft.event_id = match metadata.and_then(|metadata| metadata.scalar("uid")) {
        Some(uid) => Some(Id::Own(uid)),
        None => Some(Id::Made(id(&draft))),
    };
    Ok(draft)
}

/// A service's name; of a URL, where it leads.
fn application(name: &str) -> &str {
    let is_path = || name.contains('/') && name.contains('?') && !name.contains(' ');
    if name.contains("://") || is_path() { place(name) } else { name }
}

/// Result, reason, stage, assurance and method.
fn read_outcome<'t>(
    event: &Event<'t>,
    draft: &mut Draft<'t>,
    is_first: bool,
) -> Result<(), Rejection<'static>> {
    let status = event.status.and_then(Json::as_text);
    let known = |text: Option<&str>| text.and_then(Detail::of);
    let details = [known(draft.result_code.as_deref()), known(draft.result_detail.as_deref()), known(status)];
    let word = details.iter().flatten().find_map(|detail| detail.word);
    let result = match word.and_then(|word| word.result) {
        // An interrupt before the second factor decides nothing.
        Some(AuthResult::Pending) => AuthResult::Pending,
        by_code => by_status(event.status_id.and_then(Json::as_number), status)
            .or(by_code)
            .or_else(|| by_zero(draft))
            .ok_or_else(|| match event.status_id.or(event.status) {
                Some(_) => {
                    let detail =
                        "found neither success nor failure, expected 1 or 2, or a status that says so";
                    Rejection::field(Reason::UnknownResult, "status_id", detail)
                }
                None => missing("status_id"),
            })?,
    };
    draft.result = Some(result);
    if result == AuthResult::Denied {
        // A word that says more than that it failed counts before one that does not.
        let reasons = || details.iter().flatten().filter_map(|detail| detail.reason);
        draft.denial_reason =
            reasons().find(|reason| *reason != DenialReason::Unspecified).or_else(|| reasons().next());
        if draft.denial_reason.is_none() {
            note_unknown(draft);
        }
    }
    if draft.result_code.is_none() {
        draft.result_code = text(status.filter(|status| plain_status(status).is_none()));
    }
    let has_password = read_factors(event, draft);
    let said = details.iter().flatten().find_map(|detail| detail.assurance);
    let stage = word.and_then(|word| word.stage);
    judge_proof(event, draft, said, stage, is_first, has_password);
    if draft.method.is_none() && draft.assurance != Some(Assurance::SatisfiedEarlier) {
        draft.method = word.filter(|_| result == AuthResult::Denied).and_then(|word| word.method);
    }
    Ok(())
}

/// What the event judges and proves.
fn judge_proof(
    event: &Event<'_>,
    draft: &mut Draft<'_>,
    said: Option<Assurance>,
    stage: Option<Stage>,
    is_first: bool,
    has_password: bool,
) {
    let is_mfa = event.is_mfa.and_then(Json::as_flag);
    let is_denied = draft.result == Some(AuthResult::Denied);
    let is_password = draft.method.is_none_or(|method| method == Method::Password);
    let has_second = draft.method.is_some() && !is_password && is_mfa != Some(false);
    let is_second = (has_second && !has_password) || is_factor_event(event);
    // A wrong password is no denied second factor, whatever the sign-in would have asked for next.
    let is_of_first = stage == Some(Stage::FirstFactor) || is_first_reason(draft.denial_reason);
    let is_first = is_first || (is_denied && !is_second && is_of_first);
    let proof = if is_first {
        Assurance::FirstFactorOnly
    } else if is_mfa == Some(true) || is_second || has_second {
        Assurance::Challenged
    } else if is_mfa == Some(false) || draft.method.is_some() {
        Assurance::FirstFactorOnly
    } else {
        Assurance::Unknown
    };
    draft.assurance = Some(match said {
        Some(said) if !is_first => said,
        _ => proof,
    });
    draft.stage = Some(if is_first {
        Stage::FirstFactor
    } else if is_second {
        Stage::SecondFactor
    } else if is_denied {
        stage.unwrap_or(Stage::WholeSignIn)
    } else {
        Stage::WholeSignIn
    });
    if is_first && !is_password {
        draft.method = None;
    }
    let is_used = matches!(
        draft.assurance,
        Some(Assurance::Challenged | Assurance::FirstFactorOnly | Assurance::Unknown)
    );
    if draft.result == Some(AuthResult::Success) && !is_used {
        draft.method = None;
    }
}

/// Whether the vendor's own name of the event says that it is about a second factor, as Okta's
/// `…auth_via_mfa` does.
fn is_factor_event(event: &Event<'_>) -> bool {
    let names = ["auth_via_mfa", "okta_verify", "send_factor_verify_push"];
    let code = event.metadata.and_then(|it| it.text("event_code"));
    code.is_some_and(|code| names.iter().any(|name| code.contains(name)))
}

/// Whether the reason is about the first factor.
const fn is_first_reason(reason: Option<DenialReason>) -> bool {
    use DenialReason::{UnknownUser, WrongCredentials, WrongPassword};
    matches!(reason, Some(WrongPassword | WrongCredentials | UnknownUser))
}

/// The factors: the last that is no password is the method; several are steps. Returns whether one is a password.
fn read_factors<'t>(event: &Event<'t>, draft: &mut Draft<'t>) -> bool {
    let mut steps = Vec::new();
    let mut has_password = false;
    for factor in event.auth_factors.into_iter().flat_map(Json::elements) {
        let name = factor.text("factor_type");
        let id = factor.number("factor_type_id");
        let method = words::method(id, name);
        has_password |= method == Some(Method::Password);
        let is_unknown = matches!(id, None | Some(0)) && name.is_none_or(|name| name == "Unknown");
        if is_unknown {
            continue;
        }
        steps.push(Step { method: method.or(Some(Method::Other)), detail: name, ..Step::default() });
        if method.is_none() {
            let what = name.map(Cow::Borrowed).or_else(|| factor.scalar("factor_type_id"));
            draft.unknown("method", what.as_deref().unwrap_or("other"));
        }
        if method == Some(Method::Password) && draft.method.is_some() {
            continue;
        }
        draft.method = method.or(Some(Method::Other));
        draft.phone_number = factor.text("phone_number").map(Cow::Borrowed).or(draft.phone_number.take());
        let device = factor.text_at(&["device", "uid"]).or_else(|| factor.text_at(&["device", "name"]));
        draft.authenticator_id = device.map(Cow::Borrowed).or(draft.authenticator_id.take());
    }
    if steps.len() > 1 {
        draft.steps = steps;
    }
    has_password
}

/// A code that no table knows. A detail in whole sentences may name a person: it stands in the event alone.
fn note_unknown(draft: &mut Draft<'_>) {
    let Some(said) = draft.result_code.clone().or_else(|| draft.result_detail.clone()) else { return };
    let is_word = said.len() <= WORD_BYTES_MAX && !said.contains([' ', '@', '\\', '/']);
    draft.denial_reason = Some(DenialReason::Other);
    draft.unknown("denial_reason", if is_word { &said } else { "(text)" });
}

fn by_status(id: Option<i64>, status: Option<&str>) -> Option<AuthResult> {
    match id {
        Some(1) => Some(AuthResult::Success),
        Some(2) => Some(AuthResult::Denied),
        _ => status.and_then(plain_status),
    }
}

/// A code of zero means success, where nothing else says otherwise.
fn by_zero(draft: &Draft<'_>) -> Option<AuthResult> {
    matches!(draft.result_code.as_deref(), Some("0" | "0x0" | "0x00000000")).then_some(AuthResult::Success)
}

fn plain_status(status: &str) -> Option<AuthResult> {
    let is = |words: &[&str]| words.iter().any(|word| status.eq_ignore_ascii_case(word));
    if is(&["success", "succeeded", "successful", "allowed", "allow", "ok"]) {
        Some(AuthResult::Success)
    } else if is(&["failure", "failed", "fail", "denied", "deny", "blocked", "error"]) {
        Some(AuthResult::Denied)
    } else if is(&["pending", "challenge", "challenged", "in progress", "interrupted"]) {
        Some(AuthResult::Pending)
    } else {
        None
    }
}

/// `time` is a number of milliseconds; profiles and loose producers write RFC 3339.
fn occurred_at<'t>(event: &Event<'t>) -> Result<When<'t>, Rejection<'static>> {
    let expected = "milliseconds since 1970, or RFC 3339 with a zone";
    let clocks = [event.time, event.time_dt];
    Writing::default().best(&clocks).ok_or_else(|| bad_time("time", expected))
}

/// The producer's tenant, else the cloud's account; in a cloud also that of the user.
fn tenant<'t>(event: &Event<'t>) -> Text<'t> {
    let cloud = |way: &[&str]| event.cloud.and_then(|cloud| cloud.text_at(way));
    let of_user = || {
        event.cloud?;
        let actor = event.actor.and_then(|actor| actor.get("user"));
        [event.user, actor].into_iter().flatten().find_map(|user| user.text_at(&["account", "uid"]))
    };
    let own = event.metadata.and_then(|metadata| metadata.text("tenant_uid"));
    text(
        own.or_else(|| cloud(&["account", "uid"]))
            .or_else(|| cloud(&["account_uid"]))
            .or_else(|| cloud(&["org", "uid"]))
            .or_else(|| cloud(&["account", "name"]))
            .or_else(of_user),
    )
}

fn protocol<'t>(event: &Event<'t>) -> Option<&'t str> {
    let by_id = event.auth_protocol_id.and_then(Json::as_number).and_then(words::protocol);
    by_id.or_else(|| event.auth_protocol.and_then(Json::as_text).filter(|name| !is_no_word(name)))
}

fn logon_type<'t>(event: &Event<'t>) -> Option<&'t str> {
    let by_id = event.logon_type_id.and_then(Json::as_number).and_then(words::logon_type);
    by_id.or_else(|| event.logon_type.and_then(Json::as_text).filter(|name| !is_no_word(name)))
}

/// What the schema writes where there is no name.
fn is_no_word(name: &str) -> bool {
    matches!(name, "Unknown" | "Other")
}

fn id(draft: &Draft<'_>) -> String {
    derived_id(&[
        draft.occurred_at.id_part().as_deref(),
        draft.tenant.as_deref(),
        draft.user_id.as_deref(),
        draft.result.map(AuthResult::as_str),
        draft.result_code.as_deref(),
        draft.result_detail.as_deref(),
        draft.method.map(Method::as_str),
        draft.application.as_deref(),
        draft.client_address.as_deref(),
        draft.attempt_id.as_deref(),
    ])
}
