//! The authentication log, version 2 (`duo_push`, `denied`) and version 1 (`Duo Push`, `FAILURE`).

use std::borrow::Cow;

use super::words::find;
use super::{Json, Keys, client_address, device, name, occurred_at, server_name, text};
use crate::rejection::{Reason, Rejection};
use crate::vendor::draft::{ChangeDraft, Draft, Found, missing};
use crate::vendor::tables::{DUO_FACTORS, DUO_REASONS, DUO_RESULTS};
use crate::vendor::when::{Id, When};
use crate::vendor::words::Word;
use crate::vendor::{derived_id, draft};
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Mode, Stage};

pub(super) fn read<'t>(keys: &Keys<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let words = words(keys)?;
    if is_enrollment(keys, &words) {
        return enrollment(keys, &words);
    }
    event(keys, &words).map(Found::Event)
}

/// What the record says in Duo's words. The inner option is none for a text that the table does not know.
struct Said<'t> {
    result: Word,
    factor: Option<(&'t str, Option<Word>)>,
    reason: Option<(&'t str, Option<Word>)>,
}

fn words<'t>(keys: &Keys<'t>) -> Result<Said<'t>, Rejection<'static>> {
    let result = text(keys.result).ok_or_else(|| missing("result"))?;
    let result = find(&DUO_RESULTS, result).ok_or_else(|| {
        let detail = "found another word, expected success, denied, failure, fraud or error";
        Rejection::field(Reason::UnknownResult, "result", detail)
    })?;
    let factor = text(keys.factor).map(|text| (text, find(&DUO_FACTORS, text)));
    let reason = text(keys.reason).map(|text| (text, find(&DUO_REASONS, text)));
    Ok(Said { result, factor, reason })
}

impl Said<'_> {
    fn factor_word(&self) -> Option<Word> {
        self.factor.and_then(|(_, word)| word)
    }

    fn reason_word(&self) -> Option<Word> {
        self.reason.and_then(|(_, word)| word)
    }

    /// Whether the record names a factor by which somebody was challenged, or one that nobody knows.
    fn has_factor(&self) -> bool {
        self.factor.is_some_and(|(_, word)| word.is_none_or(|word| word.method.is_some()))
    }

    /// Asking for passcodes is no attempt; Duo may log it as a denial, since nobody got in by it.
    fn result(&self) -> AuthResult {
        let result = self.result.result.unwrap_or(AuthResult::Denied);
        let is_denial = self.reason.is_some() || self.result.reason.is_some();
        match self.factor_word().and_then(|word| word.result) {
            Some(AuthResult::Pending) if result == AuthResult::Success || !is_denial => AuthResult::Pending,
            _ => result,
        }
    }

    fn denial_reason(&self) -> Option<DenialReason> {
        // Fraud is fraud, whatever else is said.
        if self.result.reason == Some(DenialReason::FraudReported) {
            return self.result.reason;
        }
        match self.reason {
            Some((_, Some(word))) => word.reason,
            Some((_, None)) => Some(DenialReason::UNKNOWN),
            None => self.result.reason,
        }
    }

    /// Who got in by a remembered device, a bypass or a trusted place was not challenged, whichever factor
    /// and reason stand beside it: a bypass code is logged as a valid passcode.
    fn assurance(&self, result: AuthResult) -> Assurance {
        let by_reason = self.reason_word().and_then(|word| word.assurance);
        let by_factor = self.factor_word().and_then(|word| word.assurance);
        let is_exception =
            |assurance: &Assurance| !matches!(assurance, Assurance::Challenged | Assurance::Unknown);
        let exception = by_reason.filter(is_exception).or_else(|| by_factor.filter(is_exception));
        match result {
            AuthResult::Pending => Assurance::Unknown,
            // Nobody was let in, so no exception was made.
            AuthResult::Denied if exception.is_some() => Assurance::Unknown,
            AuthResult::Success if exception.is_some() => exception.unwrap_or(Assurance::Unknown),
            // A reason that nobody knows may be an exception.
            AuthResult::Success if matches!(self.reason, Some((_, None))) => Assurance::Unknown,
            _ => by_reason.or(by_factor).or(self.result.assurance).unwrap_or(Assurance::Unknown),
        }
    }

    /// Before a factor was used Duo judges whether there may be a sign-in at all.
    fn stage(&self, result: AuthResult) -> Stage {
        let by_reason = self.reason_word().and_then(|word| word.stage);
        by_reason
            .filter(|_| result == AuthResult::Denied && !self.has_factor())
            .unwrap_or(Stage::SecondFactor)
    }
}

fn event<'t>(keys: &Keys<'t>, said: &Said<'t>) -> Result<Draft<'t>, Rejection<'static>> {
    let occurred_at = occurred_at(keys)?;
    let result = said.result();
    let mut draft = Draft {
        event_id: Some(Id::Made(event_id(keys, occurred_at))),
        occurred_at,
        user_id: draft::text(user(keys)),
        email: draft::text(text(keys.email)),
        result: Some(result),
        denial_reason: said.denial_reason(),
        result_code: draft::text(text(keys.result)),
        result_detail: said.reason.map(|(text, _)| Cow::Borrowed(text)),
        stage: Some(said.stage(result)),
        assurance: Some(said.assurance(result)),
        server_name: draft::text(server_name(keys)),
        client_address: draft::text(client_address(keys)),
        application: draft::text(name(keys.application).or_else(|| text(keys.integration))),
        client_app: draft::text(keys.access_device.and_then(|device| device.text("browser"))),
        attempt_id: draft::text(text(keys.txid)),
        ..Draft::default()
    };
    let device_name = keys.auth_device.and_then(|device| device.as_text().or_else(|| device.text("name")));
    let device_name = device_name.or_else(|| text(keys.device));
    note_method(&mut draft, said, device_name);
    device::note(&mut draft, device_name, keys.auth_device.and_then(|device| device.text("key")));
    if let Some((reason, None)) = said.reason {
        draft.unknown("result_detail", reason);
    }
    Ok(draft)
}

fn note_method<'t>(draft: &mut Draft<'t>, said: &Said<'t>, device_name: Option<&'t str>) {
    match said.factor {
        Some((_, Some(word))) => draft.method = word.method,
        Some((_, None)) => draft.method = Some(Method::UNKNOWN),
        None if device_name.is_some_and(device::is_webauthn_key) => draft.method = Some(Method::SecurityKey),
        None => {}
    }
    let is_let_in = draft.result == Some(AuthResult::Success)
        && !matches!(draft.assurance, Some(Assurance::Challenged | Assurance::Unknown));
    if is_let_in {
        draft.method = None;
    }
    if let Some((text, None)) = said.factor.filter(|_| draft.method == Some(Method::UNKNOWN)) {
        draft.unknown("method", text);
    }
    // Duo's texts hold passcodes to be typed at the gate.
    draft.mode = (draft.method == Some(Method::TextMessage)).then_some(Mode::OneWay);
}

/// Version 2 has a type for it. Version 1 marks it on a record of the sign-in, which stays an event where a
/// factor was used.
fn is_enrollment(keys: &Keys<'_>, said: &Said<'_>) -> bool {
    let is_type = text(keys.event_type).is_some_and(|kind| kind.eq_ignore_ascii_case("enrollment"));
    let is_new =
        keys.new_enrollment.and_then(Json::as_scalar).is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    is_type || (is_new && !said.has_factor())
}

fn enrollment<'t>(keys: &Keys<'t>, said: &Said<'t>) -> Result<Found<'t>, Rejection<'static>> {
    if said.result.result != Some(AuthResult::Success) {
        return Ok(Found::Skipped(Cow::Borrowed("enrollment failed")));
    }
    let user = user(keys);
    Ok(Found::Change(ChangeDraft {
        change: ChangeKind::Enrolled,
        occurred_at: occurred_at(keys)?,
        user_id: draft::text(user),
        actor: draft::text(user),
        method: said.factor_word().and_then(|word| word.method),
        reason: draft::text(name(keys.application).or_else(|| text(keys.integration))),
        client_address: draft::text(client_address(keys)),
        result_code: Some(Cow::Borrowed(text(keys.event_type).unwrap_or("new_enrollment"))),
        result_detail: said.reason.map(|(text, _)| Cow::Borrowed(text)),
        ..ChangeDraft::default()
    }))
}

/// The user's name, else the alias that was typed, the e-mail address, the key.
fn user<'t>(keys: &Keys<'t>) -> Option<&'t str> {
    let user_name = keys.user.and_then(|user| user.as_text().or_else(|| user.text("name")));
    user_name
        .or_else(|| text(keys.username))
        .or_else(|| text(keys.alias).filter(|alias| !alias.eq_ignore_ascii_case("unknown")))
        .or_else(|| text(keys.email))
        .or_else(|| keys.user.and_then(|user| user.text("key")))
}

/// Made of all that tells two records apart: a transaction id alone does not.
fn event_id(keys: &Keys<'_>, occurred_at: When<'_>) -> String {
    fn part<'t>(value: Option<Json<'t>>, key: &str) -> Option<&'t str> {
        value?.text(key)
    }
    derived_id(&[
        text(keys.txid),
        occurred_at.id_part().as_deref(),
        user(keys),
        part(keys.user, "key"),
        text(keys.email),
        text(keys.factor),
        text(keys.result),
        text(keys.reason),
        name(keys.application).or_else(|| text(keys.integration)),
        part(keys.application, "key"),
        client_address(keys),
        name(keys.auth_device).or_else(|| text(keys.device)),
        part(keys.auth_device, "key"),
        part(keys.auth_device, "ip"),
    ])
}
