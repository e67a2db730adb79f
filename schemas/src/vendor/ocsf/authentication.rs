//! Class Authentication.

use std::borrow::Cow;

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

pub(super) fn read<'t>(event: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let user = event.get("user").or_else(|| event.at(&["actor", "user"]));
    let activity = event.number("activity_id").or_else(|| event.number("type_uid").map(|kind| kind % 100));
    let name =
        activity.filter(|id| *id != 99).and_then(words::activity).or_else(|| event.text("activity_name"));
    let skipped = || Ok(Found::Skipped(Cow::Borrowed(name.unwrap_or("Other"))));
    let has_factor = event.flag("is_mfa") == Some(true) || event.items("auth_factors").next().is_some();
    match activity {
        Some(1) => {}
        Some(3 | 6) if user.is_some() => {}
        Some(2 | 4 | 5 | 7) => return skipped(),
        _ if has_factor => {}
        _ => return skipped(),
    }
    if user.is_some_and(user::is_machine) || matches!(event.number("logon_type_id"), Some(0 | 4 | 5)) {
        return Ok(Found::Skipped(Cow::Owned(format!(
            "{} of a machine or service",
            name.unwrap_or("Other")
        ))));
    }
    let is_first = matches!(activity, Some(3 | 6));
    authentication(event, user, is_first).map(Found::Event)
}

fn authentication<'t>(
    event: Json<'t>,
    user: Option<Json<'t>>,
    is_first: bool,
) -> Result<Draft<'t>, Rejection<'static>> {
    let metadata = event.get("metadata");
    let of = |way: &[&str]| text(event.text_at(way));
    let first_of = |ways: &[&[&str]]| ways.iter().find_map(|way| event.text_at(way));
    let (first_name, last_name) = user::names(user);
    let mut draft = Draft {
        occurred_at: occurred_at(event)?,
        tenant: tenant(event),
        user_id: user.and_then(|user| user::id(user, is_ours(event))),
        first_name,
        last_name,
        email: text(user.and_then(|user| user.text("email_addr"))),
        result_code: event.scalar("status_code"),
        result_detail: of(&["status_detail"]),
        server_name: first_of(&[&["dst_endpoint", "hostname"], &["dst_endpoint", "name"]]).map(Cow::Borrowed),
        server_address: of(&["dst_endpoint", "ip"]),
        // Without the endpoint that asked, the device is the client's.
        client_address: of(if event.get("src_endpoint").is_some() {
            &["src_endpoint", "ip"]
        } else {
            &["device", "ip"]
        }),
        application: first_of(&[&["service", "name"], &["dst_endpoint", "svc_name"], &["service", "uid"]])
            .map(|name| Cow::Borrowed(application(name))),
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
    event: Json<'t>,
    draft: &mut Draft<'t>,
    is_first: bool,
) -> Result<(), Rejection<'static>> {
    let status = event.text("status");
    let known = |text: Option<&str>| text.and_then(Detail::of);
    let details = [known(draft.result_code.as_deref()), known(draft.result_detail.as_deref()), known(status)];
    let word = details.iter().flatten().find_map(|detail| detail.word);
    let result = match word.and_then(|word| word.result) {
        // An interrupt before the second factor decides nothing.
        Some(AuthResult::Pending) => AuthResult::Pending,
        by_code => by_status(event.number("status_id"), status)
            .or(by_code)
            .or_else(|| by_zero(draft))
            .ok_or_else(|| match event.get("status_id").or_else(|| event.get("status")) {
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
    read_factors(event, draft);
    let said = details.iter().flatten().find_map(|detail| detail.assurance);
    judge_proof(event, draft, said, word.and_then(|word| word.stage), is_first);
    if draft.method.is_none() && draft.assurance != Some(Assurance::SatisfiedEarlier) {
        draft.method = word.filter(|_| result == AuthResult::Denied).and_then(|word| word.method);
    }
    Ok(())
}

/// What the event judges and proves.
fn judge_proof(
    event: Json<'_>,
    draft: &mut Draft<'_>,
    said: Option<Assurance>,
    stage: Option<Stage>,
    is_first: bool,
) {
    let is_mfa = event.flag("is_mfa");
    let is_denied = draft.result == Some(AuthResult::Denied);
    let is_password = draft.method.is_none_or(|method| method == Method::Password);
    let has_password =
        event.items("auth_factors").filter_map(method_of).any(|method| method == Method::Password);
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
fn is_factor_event(event: Json<'_>) -> bool {
    let names = ["auth_via_mfa", "okta_verify", "send_factor_verify_push"];
    let code = event.text_at(&["metadata", "event_code"]);
    code.is_some_and(|code| names.iter().any(|name| code.contains(name)))
}

/// Whether the reason is about the first factor.
const fn is_first_reason(reason: Option<DenialReason>) -> bool {
    use DenialReason::{UnknownUser, WrongCredentials, WrongPassword};
    matches!(reason, Some(WrongPassword | WrongCredentials | UnknownUser))
}

/// The factors: the last that is no password is the method; several are steps.
fn read_factors<'t>(event: Json<'t>, draft: &mut Draft<'t>) {
    let mut steps = Vec::new();
    for factor in event.items("auth_factors") {
        let name = factor.text("factor_type");
        let method = method_of(factor);
        let is_unknown = matches!(factor.number("factor_type_id"), None | Some(0))
            && name.is_none_or(|name| name == "Unknown");
        if is_unknown {
            continue;
        }
        steps.push(Step { method: method.or(Some(Method::Other)), detail: name, ..Step::default() });
        if method.is_none_or(|method| method == Method::Other) {
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
}

fn method_of(factor: Json<'_>) -> Option<Method> {
    words::method(factor.number("factor_type_id"), factor.text("factor_type"))
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
fn occurred_at(event: Json<'_>) -> Result<When<'_>, Rejection<'static>> {
    let expected = "milliseconds since 1970, or RFC 3339 with a zone";
    let clocks = [event.get("time"), event.get("time_dt")];
    Writing::default().best(&clocks).ok_or_else(|| bad_time("time", expected))
}

/// The producer's tenant, else the cloud's account; in a cloud also that of the user.
fn tenant<'t>(event: Json<'t>) -> Text<'t> {
    let ways: &[&[&str]] = &[
        &["metadata", "tenant_uid"],
        &["cloud", "account", "uid"],
        &["cloud", "account_uid"],
        &["cloud", "org", "uid"],
        &["cloud", "account", "name"],
    ];
    let of_user: &[&[&str]] = &[&["user", "account", "uid"], &["actor", "user", "account", "uid"]];
    let of_user = if event.get("cloud").is_some() { of_user } else { &[] };
    text(ways.iter().chain(of_user).find_map(|way| event.text_at(way)))
}

fn protocol<'t>(event: Json<'t>) -> Option<&'t str> {
    let by_id = event.number("auth_protocol_id").and_then(words::protocol);
    by_id.or_else(|| event.text("auth_protocol").filter(|name| !is_no_word(name)))
}

fn logon_type<'t>(event: Json<'t>) -> Option<&'t str> {
    let by_id = event.number("logon_type_id").and_then(words::logon_type);
    by_id.or_else(|| event.text("logon_type").filter(|name| !is_no_word(name)))
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
