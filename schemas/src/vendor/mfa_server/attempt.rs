//! Authentication attempts: rows of the activity report, and the longer record with its calls and devices.

use std::borrow::Cow;

use super::moments;
use super::results::{self, Said};
use super::row::{Key, Row};
use crate::element::Step;
use crate::rejection::{Reason, Rejection};
use crate::vendor::derived_id;
use crate::vendor::draft::{Draft, Text, missing};
use crate::vendor::when::Id;
use crate::vendor::words::plain;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};

/// A step, and what its code means.
struct Told<'t> {
    step: Step<'t>,
    said: Said<'t>,
    is_device: bool,
}

/// What the record says as a whole.
struct Verdict<'t> {
    said: Said<'t>,
    code: Text<'t>,
    result: AuthResult,
}

pub(super) fn read<'t>(row: &Row<'t>) -> Result<Draft<'t>, Rejection<'static>> {
    let mut draft = Draft {
        occurred_at: moments::TIMESTAMP.read(row)?,
        user_id: row.first_text(&[Key::Username, Key::Upn, Key::UniqueId]),
        first_name: row.text(Key::FirstName),
        last_name: row.text(Key::LastName),
        email: row.text(Key::Email),
        result_detail: row.first_text(&[Key::Detail, Key::Reason]),
        stage: Some(Stage::SecondFactor),
        server_name: row.text(Key::ServerName),
        server_address: row.text(Key::ServerIp),
        client_address: row.text(Key::ClientIp),
        application: row.text(Key::Application),
        protocol: row.text(Key::AuthenticationType).map(protocol),
        attempt_id: row.text(Key::RequestId),
        ..Draft::default()
    };
    let named = row.text(Key::Method);
    let method = named.as_deref().and_then(results::method);
    let told = steps(row, method);
    let verdict = verdict(row, &told)?;
    let word = verdict.said.word;
    draft.result = Some(verdict.result);
    draft.assurance = Some(assurance(&verdict));
    if matches!(draft.assurance, Some(Assurance::Challenged | Assurance::Unknown)) {
        draft.method = word.and_then(|word| word.method).or(method);
        if let (Some(named), None, None) = (&named, draft.method, method) {
            draft.method = Some(Method::Other);
            draft.unknown("method", named);
        }
        read_mode(row, &mut draft);
        read_devices(row, &told, &verdict.said, &mut draft);
    }
    draft.denial_reason = verdict.said.reason();
    if let (Some(code), None, None) = (&verdict.code, word, verdict.said.verdict) {
        draft.denial_reason = Some(DenialReason::Other);
        draft.unknown("result_code", code);
    }
    draft.event_id = Some(Id::Made(id(row, &draft, &verdict)));
    draft.result_code = verdict.code;
    if !told.is_empty() {
        draft.prompts = Some(prompts(&told));
    }
    draft.steps = told.into_iter().map(|told| told.step).collect();
    Ok(draft)
}

/// The primary and the backup call, further results, and the devices of the mobile app.
fn steps<'t>(row: &Row<'t>, method: Option<Method>) -> Vec<Told<'t>> {
    let mut told = Vec::new();
    let calls = [
        (Key::PrimaryResult, Key::PrimaryAuthenticated, Key::PrimaryPhoneNumber),
        (Key::BackupResult, Key::BackupAuthenticated, Key::BackupPhoneNumber),
    ];
    for (result, authenticated, phone) in calls {
        // A flag that is false in every record is no call; with a number it is one.
        if row.has(result) || (row.has(authenticated) && row.has(phone)) {
            told.push(step(row, result, authenticated, method));
        }
    }
    for item in row.results.into_iter().flat_map(|list| list.elements()) {
        let item = Row::of_json(item);
        let result = if item.has(Key::CallResult) { Key::CallResult } else { Key::Result };
        let found = step(&item, result, Key::Authenticated, method);
        let is_told = told
            .iter()
            .any(|told| (told.step.code, told.step.result) == (found.step.code, found.step.result));
        if !is_told && item.has_any(&[result, Key::Authenticated]) {
            told.push(found);
        }
    }
    let mut take_device = |device: &Row<'t>, result: Key| {
        let mut found = step(device, result, Key::Authenticated, Some(Method::MobileAppNotification));
        found.is_device = true;
        found.step.device = match device.value(Key::DeviceToken) {
            Some(super::row::Value::Text(token)) => Some(token),
            _ => None,
        };
        if found.step.code.is_some() || found.step.result.is_some() {
            told.push(found);
        }
    };
    match row.devices {
        Some(devices) => {
            devices.elements().for_each(|device| take_device(&Row::of_json(device), Key::Result))
        }
        None if row.has(Key::DeviceResult) => take_device(row, Key::DeviceResult),
        None => {}
    }
    told
}

fn step<'t>(row: &Row<'t>, result: Key, authenticated: Key, method: Option<Method>) -> Told<'t> {
    let said = row.value(result).map(Said::of).unwrap_or_default();
    let by_code = said.result(|| mode_of(row));
    let result = match (by_code, row.flag(authenticated).or(said.verdict)) {
        (Some(AuthResult::Pending), _) | (_, None) => by_code,
        (_, Some(flag)) => Some(result_of(flag)),
    };
    let reason = match (result, said.word, said.code) {
        (Some(AuthResult::Denied), None, Some(_)) if said.verdict.is_none() => Some(DenialReason::Other),
        (Some(AuthResult::Denied), ..) => said.reason().or(Some(DenialReason::Unspecified)),
        _ => None,
    };
    let is_by_method = !matches!(
        said.word.and_then(|word| word.assurance),
        Some(Assurance::SatisfiedEarlier | Assurance::Bypassed)
    );
    let method = said.word.and_then(|word| word.method).or(method).filter(|_| is_by_method);
    Told { step: Step { method, result, reason, code: said.code, ..Step::default() }, said, is_device: false }
}

/// A field for the whole attempt, and what it says.
type Whole<'t> = (Key, Said<'t>);

/// The overall flag decides, then that of the row, then what the deciding code means.
fn verdict<'t>(row: &Row<'t>, told: &[Told<'t>]) -> Result<Verdict<'t>, Rejection<'static>> {
    let whole = [Key::OverallResult, Key::CallResult, Key::Result]
        .map(|key| (key, row.value(key).map(Said::of).unwrap_or_default()));
    let [(_, overall), (_, call), (_, plain)] = &whole;
    let flag = row.flag(Key::OverallAuthenticated).or(overall.verdict).or(row.flag(Key::Authenticated));
    let (said, code) = deciding(row, &whole, told, flag.map(result_of));
    let by_code = said.result(|| mode_of(row));
    let by_step = || told.iter().rev().find(|told| told.said.code == said.code)?.step.result;
    let in_words = || call.verdict.or(plain.verdict).map(result_of);
    let result = match by_code {
        // Nothing but a later event decides.
        Some(AuthResult::Pending) => by_code,
        _ => flag.map(result_of).or(by_code).or_else(by_step).or_else(in_words),
    };
    match result {
        Some(result) => Ok(Verdict { said, code, result }),
        None if said.is_known() => {
            Err(undecided("Authenticated", "a code that another field has to decide, and none that does"))
        }
        None if code.is_some() => {
            Err(undecided("Call Result", "a code that is not known, and no flag beside it"))
        }
        None => Err(missing("Call Result")),
    }
}

/// The code that says most of the attempt: a known one of the whole; an unknown one, which no call's may
/// stand for; that of the last step that agrees with the verdict; what else there is.
fn deciding<'t>(
    row: &Row<'t>,
    whole: &[Whole<'t>; 3],
    told: &[Told<'t>],
    verdict: Option<AuthResult>,
) -> (Said<'t>, Text<'t>) {
    let is_there = |(key, said): &&Whole<'_>| row.has(*key) && said.verdict.is_none();
    let of_whole = |(key, said): &Whole<'t>| (*said, row.text(*key));
    let of_step = |told: &Told<'t>| (told.said, told.said.code.map(Cow::Borrowed));
    let agrees = |told: &&Told<'_>| verdict.is_none_or(|verdict| told.step.result == Some(verdict));
    let known =
        |is_device| told.iter().rev().filter(move |told| told.is_device == is_device && told.said.is_known());
    let whole_code =
        whole.iter().find(|(_, said)| said.is_known()).or_else(|| whole[..2].iter().find(is_there));
    if let Some(code) = whole_code {
        return of_whole(code);
    }
    let step = known(false).find(agrees).or_else(|| known(true).find(agrees)).or_else(|| known(false).next());
    if let Some(step) = step {
        return of_step(step);
    }
    let rest = whole.iter().find(is_there).or_else(|| whole.iter().find(|(key, _)| row.has(*key)));
    rest.map(of_whole).or_else(|| told.last().map(of_step)).unwrap_or_default()
}

fn undecided(field: &'static str, found: &str) -> Rejection<'static> {
    Rejection::field(Reason::UnknownResult, field, format!("found {found}, expected a verdict"))
}

const fn result_of(is_authenticated: bool) -> AuthResult {
    if is_authenticated { AuthResult::Success } else { AuthResult::Denied }
}

/// What the code proves; nothing where the flag contradicts it, but that a challenge was shown.
fn assurance(verdict: &Verdict<'_>) -> Assurance {
    let Some(word) = verdict.said.word else { return Assurance::Unknown };
    let is_meant = word.result.is_none_or(|result| result == verdict.result);
    match word.assurance {
        Some(Assurance::Challenged) if verdict.result != AuthResult::Success => Assurance::Challenged,
        Some(assurance) if is_meant => assurance,
        _ => Assurance::Unknown,
    }
}

/// The column of a mode that this method has.
fn mode_column(row: &Row<'_>, method: Option<Method>) -> Key {
    let key = match method {
        Some(Method::VoiceCall) => Key::PhoneCallMode,
        Some(Method::TextMessage) if row.has(Key::TextMessageDirection) => Key::TextMessageDirection,
        Some(Method::TextMessage) => Key::TextMessageMode,
        Some(Method::MobileAppNotification) => Key::MobileAppMode,
        Some(Method::OathToken) => Key::OathTokenMode,
        _ => Key::Mode,
    };
    if row.has(key) { key } else { Key::Mode }
}

/// The mode that decides what a PIN means: a call's, since the two codes that depend on it are a call's.
fn mode_of(row: &Row<'_>) -> Option<Mode> {
    row.text(mode_column(row, Some(Method::VoiceCall))).as_deref().and_then(results::mode)
}

fn read_mode(row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(text) = row.text(mode_column(row, draft.method)) else { return };
    draft.mode = results::mode(&text);
    if draft.mode.is_none() {
        draft.mode = Some(Mode::Other);
        draft.unknown("mode", &text);
    }
}

/// The number that was called or texted, or the device that was asked.
fn read_devices<'t>(row: &Row<'t>, told: &[Told<'t>], decided: &Said<'t>, draft: &mut Draft<'t>) {
    match draft.method {
        Some(Method::VoiceCall | Method::TextMessage) => {
            let backup = || row.phone(Key::BackupCountryCode, Key::BackupPhoneNumber, Key::BackupExtension);
            let primary =
                || row.phone(Key::PrimaryCountryCode, Key::PrimaryPhoneNumber, Key::PrimaryExtension);
            let plain = || row.phone(Key::CountryCode, Key::PhoneNumber, Key::Extension);
            // The backup is called where the primary call failed.
            let is_backup = row.has(Key::BackupResult) || row.flag(Key::BackupAuthenticated) == Some(true);
            draft.phone_number = if is_backup { backup() } else { None }.or_else(primary).or_else(plain);
        }
        Some(Method::MobileAppNotification | Method::MobileAppCode) => {
            // The device whose answer decided, else one that agrees, else any.
            let devices = || told.iter().filter(|told| told.step.device.is_some());
            let device = devices()
                .find(|told| told.step.code.is_some() && told.step.code == decided.code)
                .or_else(|| devices().find(|told| told.step.result == draft.result))
                .or_else(|| devices().next())
                .and_then(|told| told.step.device);
            draft.device_token = row.text(Key::DeviceToken).or_else(|| device.map(Cow::Borrowed));
        }
        _ => {}
    }
}

/// Challenges that the steps show; a request to several devices is one.
fn prompts(told: &[Told<'_>]) -> i32 {
    let is_shown =
        |told: &&Told<'_>| told.said.word.is_some_and(|word| word.assurance == Some(Assurance::Challenged));
    let calls = told.iter().filter(|told| !told.is_device).filter(is_shown);
    let is_call_told = calls.clone().any(|told| told.step.method == Some(Method::MobileAppNotification));
    let devices = told.iter().filter(|told| told.is_device && !is_call_told).filter(is_shown).take(1);
    i32::try_from(calls.chain(devices).count()).unwrap_or(i32::MAX)
}

/// The house's word for how a server was asked, else the source's.
fn protocol(text: Cow<'_, str>) -> Cow<'_, str> {
    match plain(&text).as_str() {
        "radius" => Cow::Borrowed("radius"),
        "ldap" => Cow::Borrowed("ldap"),
        "adfs" => Cow::Borrowed("adfs"),
        "iis" | "iisnative" | "iisform" | "iisformbased" | "http" => Cow::Borrowed("iis"),
        "rdgateway" | "remotedesktopgateway" => Cow::Borrowed("rd-gateway"),
        "nps" | "npsextension" => Cow::Borrowed("nps"),
        _ => text,
    }
}

fn id(row: &Row<'_>, draft: &Draft<'_>, verdict: &Verdict<'_>) -> String {
    let at_us = draft.occurred_at.id_part();
    let texts = [
        Key::RequestId,
        Key::Method,
        Key::Application,
        Key::PrimaryPhoneNumber,
        Key::PrimaryResult,
        Key::BackupPhoneNumber,
        Key::BackupResult,
        Key::PhoneNumber,
        Key::ServerName,
        Key::ClientIp,
        Key::DeviceToken,
    ]
    .map(|key| row.text(key));
    let mut parts = [None; 15];
    let verdict =
        [at_us.as_deref(), draft.user_id.as_deref(), verdict.code.as_deref(), Some(verdict.result.as_str())];
    for (part, text) in parts.iter_mut().zip(verdict.into_iter().chain(texts.iter().map(Option::as_deref))) {
        *part = text;
    }
    derived_id(&parts)
}
