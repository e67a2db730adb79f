//! What a sign-in proves, and why it was denied: the code, the steps and the status's text together.

use std::borrow::Cow;

use super::super::draft::{Draft, Text, text};
use super::super::json::Json;
use super::super::tables::ENTRA_METHODS;
use super::super::words::Word;
use super::slots::{Slots, as_text};
use super::status::Status;
use super::steps::{Setting, Steps, Telling};
use super::words::Said;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

/// The application under which the NPS extension and the AD FS adapter ask for the second factor alone.
const SECOND_FACTOR_APPLICATION: &str = "981f26a1-7f43-403b-a875-f8b09b8cd720";

/// Issuers that ask for the second factor alone.
const SECOND_FACTOR_ISSUERS: &[&str] = &["NPSExtension", "ADFederationServicesMFAAdapter"];

/// What the record says beside its code.
pub(super) struct Facts<'t> {
    pub(super) steps: Steps<'t>,
    /// What `status.additionalDetails` says.
    said: Option<Said>,
    details: Text<'t>,
    requirement: Option<&'t str>,
    is_single: bool,
    is_second_only: bool,
    /// A token was presented, or no person was there to be asked.
    is_silent: bool,
    /// A mail protocol handed a password over, and cannot show a token.
    is_legacy: bool,
    mfa_method: Option<Method>,
    mfa_number: Text<'t>,
    app_device: Option<&'t str>,
}

impl<'t> Facts<'t> {
    pub(super) fn read(slots: &Slots<'t>, status: &Status<'t>, draft: &mut Draft<'t>) -> Self {
        let requirement = as_text(slots.requirement);
        let is_single =
            requirement.is_some_and(|text| text.eq_ignore_ascii_case("singleFactorAuthentication"));
        let is_second_only = as_text(slots.application_id) == Some(SECOND_FACTOR_APPLICATION)
            || as_text(slots.application).is_some_and(|name| name.starts_with("Azure Multi-Factor Auth "))
            || as_text(slots.token_issuer).is_some_and(|issuer| SECOND_FACTOR_ISSUERS.contains(&issuer));
        let setting = Setting { is_single, is_second_only };
        let steps = Steps::read(slots.steps, setting, status.reason.as_deref(), draft);
        let is_interactive = slots.is_interactive.and_then(Json::as_scalar);
        let category = as_text(slots.category).unwrap_or_default();
        let is_silent = is_interactive.is_some_and(|flag| flag.eq_ignore_ascii_case("false"))
            || category.eq_ignore_ascii_case("NonInteractiveUserSignInLogs")
            || as_text(slots.incoming_token).is_some_and(|token| token != "none");
        let (mfa_method, mfa_number) = mfa_detail(slots, draft);
        Self {
            steps,
            said: status.details.as_deref().map(Said::read),
            details: status.details.clone(),
            requirement,
            is_single,
            is_second_only,
            is_silent,
            is_legacy: is_legacy(slots),
            mfa_method,
            mfa_number,
            app_device: slots.app_device.and_then(|device| device.text("deviceId")),
        }
    }

    /// Whether the status itself says that the second factor was denied.
    pub(super) fn says_denied(&self) -> bool {
        match self.said {
            Some(Said::Denied) => true,
            Some(Said::Known(word)) => word.result == Some(AuthResult::Denied),
            _ => false,
        }
    }

    pub(super) fn succeed(&self, draft: &mut Draft<'t>) {
        let of_text = self.said.and_then(Said::word).and_then(|word| word.assurance);
        let mut assurance = self.steps.proof.or(of_text).unwrap_or_else(|| self.by_requirement());
        if assurance == Assurance::SatisfiedEarlier && self.is_single && self.is_legacy && self.has_password()
        {
            // The claim is one that the service gave itself: one factor was asked for, and a password given.
            assurance = Assurance::FirstFactorOnly;
        }
        draft.assurance = Some(assurance);
        draft.stage = Some(if self.is_second_only { Stage::SecondFactor } else { Stage::WholeSignIn });
        if assurance == Assurance::Challenged {
            self.by(self.steps.proved.or_else(|| self.steps.certificate_alone()), draft);
        } else {
            draft.method = self.steps.first.and_then(|first| first.method);
        }
        draft.result_detail =
            self.details.clone().or_else(|| text(self.steps.proved.and_then(|step| step.detail)));
    }

    fn has_password(&self) -> bool {
        self.steps.first.is_some_and(|first| first.method == Some(Method::Password))
    }

    /// Where neither the steps nor the status say how the second factor was met.
    fn by_requirement(&self) -> Assurance {
        let is_multi =
            self.requirement.is_some_and(|text| text.eq_ignore_ascii_case("multiFactorAuthentication"));
        if self.is_second_only {
            Assurance::Challenged
        } else if self.is_single {
            Assurance::FirstFactorOnly
        } else if is_multi && self.is_silent {
            Assurance::SatisfiedEarlier
        } else if is_multi && (self.mfa_method.is_some() || self.steps.certificate_alone().is_some()) {
            Assurance::Challenged
        } else if self.requirement.is_none() && self.steps.first.is_some() && self.steps.is_first_alone {
            Assurance::FirstFactorOnly
        } else {
            Assurance::Unknown
        }
    }

    pub(super) fn wait(&self, word: Option<Word>, draft: &mut Draft<'t>) {
        let stage = word.and_then(|word| word.stage).unwrap_or(Stage::WholeSignIn);
        draft.stage = Some(stage);
        let of_text = self.said.and_then(Said::word).and_then(|word| word.assurance);
        let is_shown = self.steps.shown.is_some();
        draft.assurance = match stage {
            // A step may say that it went right: it is open all the same.
            Stage::SecondFactor if is_shown => Some(Assurance::Challenged),
            Stage::SecondFactor => word.and_then(|word| word.assurance),
            _ => self.steps.proof.or(of_text),
        };
        if draft.assurance == Some(Assurance::Challenged) {
            self.by(self.steps.proved.or(self.steps.shown), draft);
        } else if stage != Stage::SecondFactor {
            let first = self.steps.first.and_then(|first| first.method);
            draft.method = word.and_then(|word| word.method).or(first);
        }
    }

    pub(super) fn deny(&self, word: Option<Word>, status: &Status<'t>, draft: &mut Draft<'t>) {
        let of_code = word.and_then(|word| word.reason);
        let is_second = word.and_then(|word| word.stage) == Some(Stage::SecondFactor);
        let explained = if of_code.is_none() { self.explanation(draft) } else { None };
        let unexplained = if word.is_some() { DenialReason::Unspecified } else { DenialReason::Other };
        draft.denial_reason = Some(of_code.or(explained.and_then(|why| why.reason)).unwrap_or(unexplained));
        if let (None, Some(code)) = (word, status.code.as_deref()) {
            draft.unknown("denial_reason", code);
        }
        if word.map(|word| word.text) == Some("50053") && is_malicious(status) {
            draft.denial_reason = Some(DenialReason::LocationRestricted);
        }
        let said_stage = explained.and_then(|why| why.stage);
        let stage = word.and_then(|word| word.stage).or(said_stage).unwrap_or(Stage::WholeSignIn);
        draft.stage = Some(if self.is_second_only { Stage::SecondFactor } else { stage });
        draft.assurance = Some(match (explained, stage) {
            (Some(why), _) => why.assurance.unwrap_or(Assurance::Unknown),
            (None, Stage::SecondFactor) => word.and_then(|word| word.assurance).unwrap_or(Assurance::Unknown),
            // A second factor that was given beside it was not judged, and the refused first one proves nothing.
            (None, Stage::FirstFactor) if !self.is_second_only => {
                let unsaid = if self.is_single { Assurance::FirstFactorOnly } else { Assurance::Unknown };
                word.and_then(|word| word.assurance).unwrap_or(unsaid)
            }
            (None, _) if self.is_single => self.steps.proof.unwrap_or(Assurance::FirstFactorOnly),
            (None, _) => self.steps.proof.or_else(|| word?.assurance).unwrap_or(Assurance::Unknown),
        });
        if is_second || stage == Stage::SecondFactor {
            self.by(self.steps.denied.or(self.steps.shown), draft);
            draft.method = draft.method.or_else(|| explained?.method);
        } else if let (Some(Assurance::Challenged), Some(proved), None) =
            (draft.assurance, self.steps.proved, word.and_then(|word| word.method))
        {
            // Refused after a second factor was given.
            self.by(Some(proved), draft);
        } else {
            let first = self.steps.first.and_then(|first| first.method);
            draft.method = word.and_then(|word| word.method).or(first);
        }
    }

    /// Why the second factor was denied: what the last such step says, else what the status says.
    fn explanation(&self, draft: &mut Draft<'t>) -> Option<Word> {
        if let Some(denied) = self.steps.denied {
            draft.result_detail = text(denied.detail);
            let word = denied.detail.and_then(|detail| Said::read(detail).word());
            if word.is_some_and(|word| word.result == Some(AuthResult::Denied)) {
                return word;
            }
            if denied.reason == Some(DenialReason::Other)
                && self.said.is_none_or(|said| said.word().is_none())
            {
                return Some(other());
            }
        }
        match self.said? {
            Said::Known(word) if word.result == Some(AuthResult::Denied) => {
                draft.result_detail = self.details.clone();
                Some(word)
            }
            Said::Denied => {
                draft.result_detail = self.details.clone();
                draft.unknown("denial_reason", self.details.as_deref().unwrap_or_default());
                Some(other())
            }
            _ => None,
        }
    }

    /// The method of the step that tells, and which device or number it used.
    fn by(&self, telling: Option<Telling<'t>>, draft: &mut Draft<'t>) {
        let method = telling.and_then(|telling| telling.method);
        draft.method = method.or(self.mfa_method);
        let used = telling.and_then(|telling| telling.used).map(Cow::Borrowed);
        match draft.method {
            Some(Method::VoiceCall | Method::TextMessage) => {
                draft.phone_number = used.or_else(|| self.mfa_number.clone()).filter(|used| is_number(used));
            }
            Some(Method::MobileAppNotification | Method::MobileAppCode) => {
                draft.authenticator_id = text(self.app_device).or(used);
            }
            Some(Method::OathToken | Method::SecurityKey) => draft.authenticator_id = used,
            _ => {}
        }
    }
}

/// Mail protocols and services that know a password and nothing else, as `clientAppUsed` names them.
pub const LEGACY_CLIENTS: &[&str] = &[
    "Authenticated SMTP",
    "SMTP",
    "IMAP",
    "IMAP4",
    "POP",
    "POP3",
    "Exchange ActiveSync",
    "Exchange Web Services",
    "Exchange Online PowerShell",
    "Outlook Anywhere (RPC over HTTP)",
    "MAPI Over HTTP",
    "Offline Address Book",
    "AutoDiscover",
    "Reporting Web Services",
    "Other clients",
];

/// The agents of Exchange Online, which signs in for them.
const LEGACY_AGENTS: &[&str] = &["BAV2ROPC", "CBAInPROD"];

fn is_legacy(slots: &Slots<'_>) -> bool {
    let is_one_of = |slot: Option<Json<'_>>, names: &[&str]| {
        as_text(slot).is_some_and(|text| names.iter().any(|name| text.eq_ignore_ascii_case(name)))
    };
    is_one_of(slots.client_app, LEGACY_CLIENTS) || is_one_of(slots.user_agent, LEGACY_AGENTS)
}

/// Denied for a reason that no table knows.
fn other() -> Word {
    Word {
        text: "",
        method: None,
        result: Some(AuthResult::Denied),
        reason: Some(DenialReason::Other),
        stage: Some(Stage::SecondFactor),
        assurance: Some(Assurance::Challenged),
        meaning: "",
    }
}

/// The method of `mfaDetail`, and its number. It may be one of an earlier sign-in: used only where a
/// challenge was.
fn mfa_detail<'t>(slots: &Slots<'t>, draft: &mut Draft<'t>) -> (Option<Method>, Text<'t>) {
    let Some(detail) = slots.mfa_detail else { return (None, None) };
    let (method, number) = if detail.is_object() {
        (text(detail.text("authMethod")), text(detail.text("authDetail")))
    } else {
        let owned = |text: Option<&str>| text.map(|text| Cow::Owned(text.to_owned()));
        let look = |detail: Json<'_>| (owned(detail.text("authMethod")), owned(detail.text("authDetail")));
        detail.look(look).unwrap_or_default()
    };
    let Some(method) = method else { return (None, number) };
    let word = ENTRA_METHODS.get(&method);
    if word.is_none() {
        draft.unknown("method", &method);
    }
    (word.map_or(Some(Method::Other), |word| word.method), number)
}

/// The address is known for attacks; the account is not locked.
fn is_malicious(status: &Status<'_>) -> bool {
    status.reason.as_deref().is_some_and(|reason| reason.contains("malicious"))
}

/// A telephone number, masked or not.
fn is_number(text: &str) -> bool {
    text.starts_with(['+', '(']) || text.bytes().filter(u8::is_ascii_digit).count() >= 2
}
