//! Okta: the System Log.
//!
//! A record is a LogEvent, a list of them, one in a wrapper, such as that of EventBridge (`detail`), or those of
//! an event hook (`data.events`). `uuid` is unique, and a LogEvent never changes: the same id with other
//! content is a new event.
//!
//! The event type says what was judged; `debugData.factor` says by which authenticator, and it may be the
//! password. The person is the actor, unless the actor is a system: then the target. A sign-in, an
//! application opened and a policy satisfied say nothing of a second factor, unless Okta names the methods of
//! the session and their times.

mod factor;
mod log_event;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::factor::Factor;
use self::log_event::{DebugData, LogEvent, Targets, login_of};
use super::change_words::ChangeWord;
use super::draft::{ChangeDraft, Draft, Found, bad_time, foreign, missing, text};
use super::json::Json;
use super::tables::{OKTA_AUTHENTICATIONS, OKTA_CHANGES, OKTA_OUTCOMES, OKTA_PUSH_ANSWERS, OKTA_REASONS};
use super::times::Writing;
use super::when::{Id, When};
use super::words::Word;
use super::{Vendor, derived_id};
use crate::element::Step;
use crate::rejection::{Reason, Rejection};
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialGroup, DenialReason, Method, Stage};

pub(super) const VENDOR: Vendor =
    Vendor { decoder: "okta/2", lists: &[&["data", "events"]], read, read_text: None };

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let event = LogEvent::of(json);
    let Some(event_type) = event.event_type else { return Ok(foreign()) };
    if let Some(kind) = OKTA_AUTHENTICATIONS.get(event_type) {
        return authentication(&event, event_type, kind);
    }
    match OKTA_CHANGES.get(event_type) {
        Some(word) => change(&event, event_type, word),
        None => Ok(Found::Skipped(Cow::Borrowed(event_type))),
    }
}

/// For what an authenticator is checked where nobody signs in.
const OTHER_INTENTS: [&str; 2] = ["CREDENTIAL_ENROLLMENT", "CREDENTIAL_RECOVERY"];

/// The agents of Okta's app on the phone, which answers pushes from an address of its own.
const PHONE_AGENTS: [&str; 2] = ["com.okta.android.auth", "com.okta.mobile"];

fn authentication<'t>(
    event: &LogEvent<'t>,
    event_type: &'t str,
    kind: Word,
) -> Result<Found<'t>, Rejection<'static>> {
    let result_text = event.result().ok_or_else(|| missing("outcome.result"))?;
    let Some(outcome) = OKTA_OUTCOMES.get(result_text) else {
        let detail = "found another word, expected one of Okta's results";
        return Err(Rejection::field(Reason::UnknownResult, "outcome.result", detail));
    };
    let reason_word = event.reason().and_then(|reason| OKTA_REASONS.get(head(reason)));
    let Some(result) = result(kind, outcome, reason_word) else {
        return Ok(Found::Skipped(Cow::Owned(format!("{event_type}:{result_text}"))));
    };
    // A policy that lets in or asks for more decides nothing of its own.
    if result != AuthResult::Denied && event_type == "policy.evaluate_sign_on" {
        return Ok(Found::Skipped(Cow::Borrowed(event_type)));
    }
    let (data, targets) = (event.debug_data(), event.targets());
    if let Some(intent) = data.factor_intent.filter(|intent| OTHER_INTENTS.contains(intent)) {
        return Ok(Found::Skipped(Cow::Owned(format!("{event_type} ({intent})"))));
    }
    let mut draft = common(event, event_type, &data, &targets)?;
    draft.result = Some(result);
    draft.protocol = text(protocol(event_type, data.sign_on_mode));
    let factor = factor::factor(event, &data, &targets);
    if kind.stage == Some(Stage::SecondFactor) {
        second_factor(&mut draft, kind, factor, &data);
    } else {
        sign_in(&mut draft, kind, &data);
    }
    // FastPass may sign in on the phone itself.
    if draft.method != Some(Method::SecurityKey) && is_by_phone(event) {
        draft.client_address = None;
    }
    if result == AuthResult::Denied {
        deny(&mut draft, event, &Denial { kind, outcome, reason_word, factor, data });
    }
    if kind.result == Some(AuthResult::Pending) {
        draft.prompts = (result == AuthResult::Pending).then_some(1);
        draft.phone_number = text(data.phone_number);
    }
    Ok(Found::Event(draft))
}

/// The result by the event type where that alone decides, by the reason where it is an interrupt, else by the
/// outcome. None where nothing is decided.
fn result(kind: Word, outcome: Word, reason: Option<Word>) -> Option<AuthResult> {
    match (kind.result, outcome.result?) {
        (Some(AuthResult::Pending), AuthResult::Success) => Some(AuthResult::Pending),
        (Some(AuthResult::Denied), _) => Some(AuthResult::Denied),
        (_, AuthResult::Denied) => reason.and_then(|word| word.result).or(Some(AuthResult::Denied)),
        (_, result) => Some(result),
    }
}

/// What every event has.
fn common<'t>(
    event: &LogEvent<'t>,
    event_type: &'t str,
    data: &DebugData<'t>,
    targets: &Targets<'t>,
) -> Result<Draft<'t>, Rejection<'static>> {
    let browser = event.client.and_then(|client| client.text_at(&["userAgent", "browser"]));
    let person = event.actor_person().or_else(|| targets.user.or(targets.app_user).and_then(login_of));
    let attempt_id = event.attempt_id(data);
    let id = || {
        derived_id(&[
            Some(event_type),
            event.published.and_then(Json::as_text),
            person,
            attempt_id,
            event.result(),
            event.reason(),
        ])
    };
    Ok(Draft {
        event_id: Some(event.uuid.map_or_else(|| Id::Made(id()), |id| Id::Own(Cow::Borrowed(id)))),
        occurred_at: published(event)?,
        user_id: text(person),
        result_code: Some(Cow::Borrowed(event_type)),
        result_detail: text(event.reason().or(event.result())),
        client_address: text(event.client.and_then(|client| client.text("ipAddress"))),
        application: text(targets.application),
        client_app: text(browser.filter(|browser| *browser != "UNKNOWN")),
        authenticator_id: text(targets.authenticator.and_then(|target| target.text("id"))),
        attempt_id: text(attempt_id),
        ..Draft::default()
    })
}

/// Whether Okta's app wrote to Okta, and not the device that was signing in.
fn is_by_phone(event: &LogEvent<'_>) -> bool {
    let agent = event.client.and_then(|client| client.text_at(&["userAgent", "rawUserAgent"]));
    agent.is_some_and(|agent| PHONE_AGENTS.iter().any(|phone| agent.contains(phone)))
}

/// An authenticator was checked. A password is a first factor though the event type says MFA.
fn second_factor<'t>(draft: &mut Draft<'t>, kind: Word, factor: Option<Factor<'t>>, data: &DebugData<'t>) {
    let word = factor.and_then(|factor| factor.word);
    draft.stage = word.and_then(|word| word.stage).or(kind.stage);
    draft.method = kind.method.or(word.and_then(|word| word.method));
    if let Some(factor) = factor {
        if factor.word.is_none() {
            draft.unknown("method", factor.text);
            draft.method = Some(kind.method.unwrap_or(Method::UNKNOWN));
        }
        draft.steps.push(Step {
            method: draft.method,
            result: draft.result,
            code: Some(factor.text),
            detail: data.number_answer.or(data.push_answer),
            ..Step::default()
        });
    }
    if draft.result == Some(AuthResult::Success) {
        draft.assurance = kind.assurance.or(word.and_then(|word| word.assurance));
    }
    if !matches!(draft.assurance, None | Some(Assurance::Challenged | Assurance::FirstFactorOnly)) {
        draft.method = None;
    }
}

/// A sign-in as a whole, or its first factor.
fn sign_in<'t>(draft: &mut Draft<'t>, kind: Word, data: &DebugData<'t>) {
    (draft.stage, draft.method) = (kind.stage, kind.method);
    if draft.result == Some(AuthResult::Success) {
        let session = || factor::session_assurance(data, draft.occurred_at.at_us());
        let (assurance, method) = kind.assurance.map_or_else(session, |assurance| (assurance, kind.method));
        (draft.assurance, draft.method) = (Some(assurance), method);
    }
    draft.steps = factor::session_steps(data);
}

/// What a denial is explained by.
struct Denial<'t> {
    kind: Word,
    outcome: Word,
    reason_word: Option<Word>,
    factor: Option<Factor<'t>>,
    data: DebugData<'t>,
}

fn deny<'t>(draft: &mut Draft<'t>, event: &LogEvent<'t>, denial: &Denial<'t>) {
    let reason = denial_reason(denial, event.reason());
    draft.denial_reason = Some(reason);
    if let (Some(reason), None) = (event.reason(), denial.reason_word) {
        // The rest of a sentence may name a person.
        draft.unknown("result_detail", head(reason));
    }
    if let Some(step) = draft.steps.first_mut().filter(|step| step.result == Some(AuthResult::Denied)) {
        step.reason = Some(reason);
    }
    let word = denial.reason_word;
    let factor_word = denial.factor.and_then(|factor| factor.word);
    if draft.stage == Some(Stage::WholeSignIn) {
        // What was wrong may be named beside it.
        let wrong =
            factor_word.filter(|_| word.and_then(|word| word.reason) == Some(DenialReason::WrongCredentials));
        draft.stage = wrong.or(word).and_then(|word| word.stage).or(draft.stage);
        draft.method = draft.method.or(wrong.and_then(|word| word.method));
    }
    draft.method = draft.method.or(word.and_then(|word| word.method));
    draft.assurance = (draft.stage == Some(Stage::SecondFactor) && denial.is_of_a_challenge(reason))
        .then_some(Assurance::Challenged);
}

impl Denial<'_> {
    /// Whether the person was asked for a second factor that is known, or for one that they declined or left
    /// unanswered.
    fn is_of_a_challenge(&self, reason: DenialReason) -> bool {
        if self.kind.result == Some(AuthResult::Pending) {
            return false;
        }
        let is_known = self.factor.is_some_and(|factor| factor.word.is_some());
        let is_answer = is_known && matches!(reason.group(), DenialGroup::User | DenialGroup::Other);
        let words = [Some(self.kind), self.reason_word, Some(self.outcome)];
        is_answer || words.into_iter().flatten().any(|word| word.assurance == Some(Assurance::Challenged))
    }
}

/// The outcome where it is a reason, then what the event type says, then the person's answer to the push,
/// then the reason, which means by the factor what the factor says.
fn denial_reason(denial: &Denial<'_>, reason: Option<&str>) -> DenialReason {
    if let Some(reason) = denial.outcome.reason {
        return reason;
    }
    let is_sending = denial.kind.result == Some(AuthResult::Pending);
    if is_sending && denial.outcome.text == "DENY" {
        return DenialReason::Throttled;
    }
    let said = denial.reason_word.and_then(|word| word.reason);
    if let Some(reason) = denial.kind.reason {
        let is_told = !is_sending && denial.kind.result.is_none();
        return said.filter(|_| is_told).unwrap_or(reason);
    }
    let answers = [denial.data.push_answer, denial.data.number_answer].into_iter().flatten();
    let answer = answers.filter_map(|answer| OKTA_PUSH_ANSWERS.get(answer)).find_map(|word| word.reason);
    let by_factor = denial.factor.and_then(|factor| factor.word?.reason);
    match (answer, said) {
        (Some(reason), _) => reason,
        (None, Some(DenialReason::WrongCredentials)) => by_factor.unwrap_or(DenialReason::WrongCredentials),
        (None, Some(reason)) => reason,
        (None, None) if reason.is_some() => DenialReason::UNKNOWN,
        (None, None) if denial.outcome.text == "DENY" => DenialReason::DeniedByPolicy,
        (None, None) => DenialReason::Unspecified,
    }
}

fn protocol<'t>(event_type: &str, sign_on_mode: Option<&'t str>) -> Option<&'t str> {
    match (event_type, sign_on_mode) {
        ("user.authentication.auth_via_radius", _) => Some("radius"),
        ("system.ldapi.bind", _) => Some("ldap"),
        ("user.authentication.auth_via_inbound_SAML", _) => Some("saml"),
        (_, Some("SAML 2.0" | "SAML 1.1")) => Some("saml"),
        (_, Some("OpenID Connect")) => Some("oidc"),
        (_, Some("WS-Federation")) => Some("ws-fed"),
        (_, mode) => mode,
    }
}

/// Okta documents UTC; some log platforms leave the Z out.
const TIMES: Writing = Writing { in_utc: true, month_first: false };

fn published<'t>(event: &LogEvent<'t>) -> Result<When<'t>, Rejection<'static>> {
    TIMES.when(event.published).ok_or_else(|| bad_time("published", "a date and time in UTC"))
}

/// The part of a sentence that names no person.
fn head(reason: &str) -> &str {
    let end = reason.find(['\'', '"', '[', '(', '$', ':', '@', '<']).unwrap_or(reason.len());
    let (head, rest) = reason.split_at(end);
    // The word before an @ is a name.
    let head = if rest.starts_with('@') { head.rsplit_once(' ').map_or("", |(head, _)| head) } else { head };
    head.trim_end()
}

fn change<'t>(
    event: &LogEvent<'t>,
    event_type: &'t str,
    word: ChangeWord,
) -> Result<Found<'t>, Rejection<'static>> {
    let outcome = event.result().and_then(|result| OKTA_OUTCOMES.get(result));
    // A lock is logged as a failure: of the sign-in that led to it.
    let is_lock = word.change == ChangeKind::Blocked && event_type.starts_with("user.account.lock");
    if let Some(outcome) = outcome.filter(|outcome| outcome.result != Some(AuthResult::Success) && !is_lock) {
        return Ok(Found::Skipped(Cow::Owned(format!("{event_type}:{}", outcome.text))));
    }
    let (data, targets) = (event.debug_data(), event.targets());
    let user_id = match word.change {
        ChangeKind::PolicyChanged => None,
        _ => targets.user.and_then(login_of).or_else(|| event.actor_person()),
    };
    let policy = match (targets.policy, targets.policy_rule) {
        (Some(policy), Some(rule)) => Some(Cow::Owned(format!("{policy}: {rule}"))),
        (policy, rule) => text(policy.or(rule)),
    };
    Ok(Found::Change(ChangeDraft {
        change: word.change,
        occurred_at: published(event)?,
        user_id: text(user_id),
        actor: text(event.actor_name()),
        method: word.method.or_else(|| changed_method(event, event_type, &data, &targets)),
        reason: text(event.reason()).or(policy),
        client_address: text(event.client.and_then(|client| client.text("ipAddress"))),
        result_code: Some(Cow::Borrowed(event_type)),
        result_detail: text(event.display_message),
        ..ChangeDraft::default()
    }))
}

fn changed_method(
    event: &LogEvent<'_>,
    event_type: &str,
    data: &DebugData<'_>,
    targets: &Targets<'_>,
) -> Option<Method> {
    if !event_type.contains(".factor.") || event_type.ends_with(".reset_all") {
        return None;
    }
    let by_factor = || factor::factor(event, data, targets)?.word?.method;
    event.reason().and_then(factor::factor_in).or_else(by_factor)
}
