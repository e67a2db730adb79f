//! The steps of a sign-in (`authenticationDetails`), and what they prove.

use super::super::draft::Draft;
use super::super::json::{Json, first};
use super::super::tables::ENTRA_METHODS;
use super::super::words::Word;
use super::TIMES;
use super::words::Said;
use crate::element::Step;
use crate::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Stage};

/// What is known of the sign-in when its steps are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// One factor was asked for.
    pub(super) is_single: bool,
    /// The row is about the second factor alone.
    pub(super) is_second_only: bool,
}

/// A step that matters for the event.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Telling<'t> {
    pub(super) method: Option<Method>,
    pub(super) reason: Option<DenialReason>,
    /// How the step ended, in the source's words.
    pub(super) detail: Option<&'t str>,
    /// The device or the number that the step used.
    pub(super) used: Option<&'t str>,
}

/// What the steps say.
#[derive(Debug, Default)]
pub(super) struct Steps<'t> {
    pub(super) steps: Vec<Step<'t>>,
    /// Challenges that were shown; none where there are no steps.
    pub(super) prompts: Option<i32>,
    /// The best proof among the steps that got through.
    pub(super) proof: Option<Assurance>,
    /// The last step that proved a second factor now.
    pub(super) proved: Option<Telling<'t>>,
    /// The last step of the second factor that was denied.
    pub(super) denied: Option<Telling<'t>>,
    /// The last step of the first factor.
    pub(super) first: Option<Telling<'t>>,
    /// The last challenge that was shown.
    pub(super) shown: Option<Telling<'t>>,
    /// Every step was one of the first factor.
    pub(super) is_first_alone: bool,
    /// Every step was by a certificate.
    is_certificate_alone: bool,
    passed_first: bool,
}

impl<'t> Steps<'t> {
    /// Reads the steps; what no table knew is noted in the draft. A text that repeats the status is known.
    pub(super) fn read(
        json: Option<Json<'t>>,
        setting: Setting,
        status: Option<&str>,
        draft: &mut Draft<'t>,
    ) -> Self {
        let mut steps = Self { is_first_alone: true, is_certificate_alone: true, ..Self::default() };
        let Some(json) = json else { return steps };
        if json.is_list() {
            json.elements().for_each(|step| steps.add(&Raw::read(step), setting, status, draft));
        } else if let Some(whole) = json.as_text() {
            json.look(|list| {
                list.elements()
                    .for_each(|step| steps.add(&Raw::read(step).in_text(whole), setting, status, draft));
            });
        }
        steps
    }

    fn add(&mut self, raw: &Raw<'t>, setting: Setting, status: Option<&str>, draft: &mut Draft<'t>) {
        let said = raw.detail.map_or(Said::Unknown, Said::read);
        let word = said.word();
        let method_word = raw.method.and_then(|method| ENTRA_METHODS.get(method));
        if let (Some(method), None) = (raw.method, method_word) {
            draft.unknown("steps.method", method);
        }
        if let (Some(detail), None) = (raw.detail, word)
            && status != Some(detail)
        {
            draft.unknown("steps.reason", detail);
        }
        let place = Place::of(raw, method_word, word, setting, self.passed_first);
        let result = result(raw.succeeded, said);
        let is_denied = result == Some(AuthResult::Denied);
        let unknown_method = raw.method.filter(|_| method_word.is_none()).map(|_| Method::Other);
        let telling = Telling {
            method: method_word.map_or(unknown_method, |word| word.method).or_else(|| word?.method),
            reason: is_denied.then(|| reason(raw, said)).flatten(),
            detail: raw.detail,
            used: raw.method_detail,
        };
        self.steps.push(Step {
            at_us: raw.at.and_then(|at| TIMES.read(at)?.at_us()),
            method: telling.method,
            result,
            reason: telling.reason,
            code: None,
            detail: raw.detail,
            device: raw.method_detail.filter(|_| is_app(telling.method)),
        });
        let is_shown = place.is_challenge && is_shown(word, result);
        self.prompts = Some(self.prompts.unwrap_or(0) + i32::from(is_shown));
        self.is_first_alone &= place.is_first;
        self.is_certificate_alone &= method_word.is_some_and(|word| CERTIFICATES.contains(&word.text));
        if place.is_first || place.is_by_first {
            self.first = Some(telling);
            self.passed_first |= result == Some(AuthResult::Success);
        }
        // A step by a password can speak of the second factor: then it does not name the second's method.
        let of_text = word.and_then(|word| word.method);
        let method = if place.is_by_first { of_text } else { telling.method };
        let telling = Telling { method, ..telling };
        if is_shown {
            self.shown = Some(telling);
        }
        if is_denied && !place.is_first {
            self.denied = Some(telling);
        }
        if result == Some(AuthResult::Success) {
            self.prove(place.proof(method_word, word), telling);
        }
    }

    /// The step by a certificate, where nothing else was asked for: then it met whatever was demanded.
    pub(super) fn certificate_alone(&self) -> Option<Telling<'t>> {
        self.first.filter(|_| self.is_certificate_alone && self.passed_first)
    }

    fn prove(&mut self, proof: Option<Assurance>, telling: Telling<'t>) {
        if proof == Some(Assurance::Challenged) {
            self.proved = Some(telling);
        }
        if rank(proof) > rank(self.proof) {
            self.proof = proof;
        }
    }
}

/// Certificates as the table of methods writes them: one or two factors, as the tenant's rule says.
const CERTIFICATES: &[&str] = &["X.509 Certificate", "Certificate", "Certificate-based authentication"];

/// A step as it stands.
#[derive(Debug, Default)]
struct Raw<'t> {
    method: Option<&'t str>,
    method_detail: Option<&'t str>,
    at: Option<&'t str>,
    requirement: Option<&'t str>,
    detail: Option<&'t str>,
    succeeded: Option<bool>,
}

impl<'t> Raw<'t> {
    fn read(json: Json<'t>) -> Self {
        let mut raw = Self::default();
        for (key, value) in json.entries() {
            match key {
                "authenticationMethod" => first(&mut raw.method, value.as_text()),
                "authenticationMethodDetail" => first(&mut raw.method_detail, value.as_text()),
                "authenticationStepDateTime" => first(&mut raw.at, value.as_text()),
                "authenticationStepRequirement" => first(&mut raw.requirement, value.as_text()),
                "authenticationStepResultDetail" => first(&mut raw.detail, value.as_text()),
                "succeeded" => first(&mut raw.succeeded, flag(value)),
                _ => {}
            }
        }
        raw
    }

    /// The same, borrowed from the text that holds it; a part that the text writes with escapes is left out.
    fn in_text<'w>(&self, whole: &'w str) -> Raw<'w> {
        let place = |part: Option<&str>| {
            let part = part?;
            let start = whole.find(part)?;
            whole.get(start..start + part.len())
        };
        Raw {
            method: place(self.method),
            method_detail: place(self.method_detail),
            at: place(self.at),
            requirement: place(self.requirement),
            detail: place(self.detail),
            succeeded: self.succeeded,
        }
    }

    /// Whether the step says which factor it was for.
    fn is_for(&self, factor: &str) -> bool {
        let requirement = self.requirement.unwrap_or_default();
        requirement.get(..factor.len()).is_some_and(|head| head.eq_ignore_ascii_case(factor))
    }
}

/// Where a step stands in the sign-in.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// It was for the first factor alone.
    is_first: bool,
    /// It was by a method and says that it was for the second factor.
    is_second: bool,
    /// It is by a method of the first factor, and does not say that it was for the second.
    is_by_first: bool,
    /// It asks the person for something that is more than a first factor.
    is_challenge: bool,
}

impl Place {
    fn of(
        raw: &Raw<'_>,
        method: Option<Word>,
        said: Option<Word>,
        setting: Setting,
        passed_first: bool,
    ) -> Self {
        // A policy's name may stand with each step, the password's among them.
        let is_password = method.is_some_and(|word| word.method == Some(Method::Password));
        let says_second = raw.is_for("multi") || raw.is_for("second") || setting.is_second_only;
        let is_second = says_second && !is_password;
        let said_stage = said.and_then(|word| word.stage);
        // Some records call every step primary; and where one factor is asked for, the first step is that
        // one.
        let says_primary = raw.is_for("primary") || (raw.requirement.is_none() && setting.is_single);
        let is_primary = !is_second && !passed_first && says_primary;
        let method_stage = method.and_then(|word| word.stage);
        let is_by_first = !is_second && method_stage == Some(Stage::FirstFactor);
        let is_first = match (said_stage, method_stage) {
            (Some(Stage::FirstFactor), _) => true,
            (Some(Stage::SecondFactor), _) | (_, Some(Stage::WholeSignIn)) => false,
            (_, Some(Stage::FirstFactor)) => !is_second,
            (_, Some(_)) => is_primary,
            (_, None) => is_primary || (raw.method.is_none() && !is_second),
        };
        let assurance = method.and_then(|word| word.assurance);
        let is_asking = matches!(assurance, None | Some(Assurance::Challenged));
        let is_challenge = !is_first && !is_by_first && raw.method.is_some() && is_asking;
        Self { is_first, is_second: is_second && raw.method.is_some(), is_by_first, is_challenge }
    }

    /// What the step proves, if it got through.
    fn proof(self, method: Option<Word>, said: Option<Word>) -> Option<Assurance> {
        let of_text = said.and_then(|word| word.assurance);
        let of_method = match method.and_then(|word| word.assurance) {
            Some(Assurance::Challenged) => (!self.is_first).then_some(Assurance::Challenged),
            Some(Assurance::SatisfiedEarlier) => (!self.is_first).then_some(Assurance::SatisfiedEarlier),
            Some(other) => Some(other),
            None => (self.is_second && !self.is_first).then_some(Assurance::Challenged),
        };
        match (of_method, of_text) {
            // What was proved before, or by others, was not proved now, whatever the text says.
            (Some(weak), None | Some(Assurance::Challenged)) => Some(weak),
            (of_method, of_text) => of_text.or(of_method),
        }
    }
}

/// The text decides where it denies or leaves open; else the flag does.
fn result(succeeded: Option<bool>, said: Said) -> Option<AuthResult> {
    match (said, succeeded) {
        (Said::Denied, _) => Some(AuthResult::Denied),
        (Said::Known(Word { result: Some(open @ (AuthResult::Denied | AuthResult::Pending)), .. }), _) => {
            Some(open)
        }
        (_, Some(true)) => Some(AuthResult::Success),
        (_, Some(false)) => Some(AuthResult::Denied),
        (said, None) => said.word()?.result,
    }
}

fn reason(raw: &Raw<'_>, said: Said) -> Option<DenialReason> {
    match said {
        Said::Known(word) => word.reason,
        _ => raw.detail.map(|_| DenialReason::Other),
    }
}

/// A claim, a skip and a challenge that could not be delivered were not shown to the person.
fn is_shown(said: Option<Word>, result: Option<AuthResult>) -> bool {
    let Some(word) = said else { return true };
    match result {
        Some(AuthResult::Denied) => {
            let is_delivery = word.reason.map(DenialReason::group) == Some(DenialGroup::Delivery);
            word.result != Some(AuthResult::Denied) || (word.assurance.is_some() && !is_delivery)
        }
        Some(AuthResult::Pending) => word.stage.is_none(),
        _ => matches!(word.assurance, None | Some(Assurance::Challenged)),
    }
}

fn rank(proof: Option<Assurance>) -> u8 {
    match proof {
        Some(Assurance::Challenged) => 5,
        Some(Assurance::External) => 4,
        Some(Assurance::SatisfiedEarlier) => 3,
        Some(Assurance::Bypassed) => 2,
        Some(Assurance::Exempt) => 1,
        _ => 0,
    }
}

fn is_app(method: Option<Method>) -> bool {
    matches!(method, Some(Method::MobileAppNotification | Method::MobileAppCode))
}

/// A flag, also where it is written as a text.
fn flag(value: Json<'_>) -> Option<bool> {
    let text = value.as_scalar()?;
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "succeeded", "success"]) {
        Some(true)
    } else if is(["false", "failed", "failure"]) {
        Some(false)
    } else {
        None
    }
}
