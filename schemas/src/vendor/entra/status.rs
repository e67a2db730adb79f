//! What the status of a sign-in says: its code decides.

use std::borrow::Cow;

use super::super::draft::{Text, missing};
use super::super::json::Json;
use super::super::tables::ENTRA_ERRORS;
use super::super::words::Word;
use super::slots::Slots;
use crate::rejection::{Reason, Rejection};
use crate::vocabulary::AuthResult;

/// The status of a sign-in, as it stands.
#[derive(Debug, Default)]
pub(super) struct Status<'t> {
    /// A number, or a word where the record has no number.
    pub(super) code: Text<'t>,
    /// Why it failed; Entra writes `Other.` where it did not.
    pub(super) reason: Text<'t>,
    /// What else is said, often of the second factor.
    pub(super) details: Text<'t>,
}

/// What a code means.
pub(super) enum Verdict {
    /// The sign-in got this far; the word is none where the code is not known.
    Person(AuthResult, Option<Word>),
    /// A client did something wrong, and no person is judged.
    Nobody,
}

impl<'t> Status<'t> {
    pub(super) fn read(slots: &Slots<'t>) -> Self {
        let mut status = match slots.status {
            Some(json) if json.is_object() => Self {
                code: json.scalar("errorCode"),
                reason: json.text("failureReason").map(Cow::Borrowed),
                details: json.text("additionalDetails").map(Cow::Borrowed),
            },
            Some(json) => {
                json.look(Self::owned).unwrap_or_else(|| Self { code: json.as_scalar(), ..Self::default() })
            }
            None => Self::default(),
        };
        let result_type = || slots.result_type.and_then(Json::as_scalar);
        let signature = || slots.result_signature.and_then(Json::as_text).filter(|text| *text != "None");
        let result = || signature().or_else(|| slots.result.and_then(Json::as_text)).map(Cow::Borrowed);
        status.code = status.code.or_else(result_type).or_else(result);
        status
    }

    fn owned(json: Json<'_>) -> Self {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Self {
            code: owned(json.scalar("errorCode")),
            reason: owned(json.text("failureReason").map(Cow::Borrowed)),
            details: owned(json.text("additionalDetails").map(Cow::Borrowed)),
        }
    }

    pub(super) fn verdict(&self) -> Result<Verdict, Rejection<'static>> {
        let code = self.code.as_deref().ok_or_else(|| missing("status.errorCode"))?;
        let number = number(code);
        if let Some(word) = ENTRA_ERRORS.get(number) {
            return Ok(word.result.map_or(Verdict::Nobody, |result| Verdict::Person(result, Some(word))));
        }
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let is_protocol = judges_no_person(number);
            return Ok(if is_protocol { Verdict::Nobody } else { Verdict::Person(AuthResult::Denied, None) });
        }
        let is = |words: &[&str]| words.iter().any(|word| code.eq_ignore_ascii_case(word));
        if is(&["success", "succeeded"]) {
            Ok(Verdict::Person(AuthResult::Success, ENTRA_ERRORS.get("0")))
        } else if is(&["failure", "failed"]) {
            Ok(Verdict::Person(AuthResult::Denied, Some(FAILURE)))
        } else if is(&["interrupted"]) {
            Ok(Verdict::Person(AuthResult::Pending, None))
        } else {
            let detail = "found another text, expected a code of digits, Success, Failure or Interrupted";
            Err(Rejection::field(Reason::UnknownResult, "status.errorCode", detail))
        }
    }
}

/// The bare number of a code, which people also write as `AADSTS50074`.
pub(super) fn number(code: &str) -> &str {
    let is_prefixed = code.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("AADSTS"));
    if is_prefixed { &code[6..] } else { code }
}

/// A status that says denied and nothing else.
const FAILURE: Word = Word {
    text: "Failure",
    method: None,
    result: Some(AuthResult::Denied),
    reason: None,
    stage: None,
    assurance: None,
    meaning: "The sign-in failed.",
};

/// Families of codes that are about what a client sent: grants, secrets, SAML and OAuth parameters.
fn judges_no_person(number: &str) -> bool {
    const FAMILIES: &[&str] = &[
        "28", "7000", "7001", "7002", "7003", "750", "76", "9000", "9001", "9002", "9003", "9004", "9010",
        "9011",
    ];
    number.len() >= 5 && FAMILIES.iter().any(|family| number.starts_with(family))
}
