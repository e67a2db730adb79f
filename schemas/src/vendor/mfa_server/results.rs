//! What MFA Server's own words mean.

use super::row::Value;
use crate::vendor::tables::{MFA_SERVER_METHODS, MFA_SERVER_NAMES, MFA_SERVER_RESULTS};
use crate::vendor::words::{Word, plain};
use crate::vocabulary::{AuthResult, DenialReason, Method, Mode};

/// What a field says of a result: a code, or a verdict in other words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'t> {
    /// As the source writes it.
    pub(super) code: Option<&'t str>,
    /// None where the table does not know the code.
    pub(super) word: Option<Word>,
    /// Yes or no, where it is no code.
    pub(super) verdict: Option<bool>,
}

impl<'t> Said<'t> {
    pub(super) fn of(value: Value<'t>) -> Self {
        match value {
            Value::Text(text) => {
                let word = word(text);
                Self { code: Some(text), word, verdict: if word.is_none() { value.flag() } else { None } }
            }
            Value::Number(number) => {
                let name = MFA_SERVER_NAMES.get(&number.to_string());
                Self {
                    code: name.map(|name| name.text),
                    word: name.and_then(|name| MFA_SERVER_RESULTS.get(name.code)),
                    verdict: None,
                }
            }
            Value::Flag(verdict) => Self { verdict: Some(verdict), ..Self::default() },
        }
    }

    /// Whether the table knows the code.
    pub(super) fn is_known(&self) -> bool {
        self.word.is_some()
    }

    /// What the code alone says of the person, with the user's mode where it depends on that.
    pub(super) fn result(&self, mode: impl FnOnce() -> Option<Mode>) -> Option<AuthResult> {
        let word = self.word?;
        word.result.or_else(|| {
            // The two whose meaning the mode turns round: # alone, and a PIN. Whether a PIN was right the
            // code does not say.
            match (word.text, mode()?) {
                ("SUCCESS_NO_PIN", Mode::Standard) => Some(AuthResult::Success),
                ("SUCCESS_NO_PIN", Mode::Pin) | ("SUCCESS_WITH_PIN", Mode::Standard) => {
                    Some(AuthResult::Denied)
                }
                _ => None,
            }
        })
    }

    /// Why a denial was one: nothing where the code calls it a success.
    pub(super) fn reason(&self) -> Option<DenialReason> {
        self.word.filter(|word| word.result != Some(AuthResult::Success)).and_then(|word| word.reason)
    }
}

/// The result of this code or label, in any ASCII case.
fn word(text: &str) -> Option<Word> {
    let by_label = || MFA_SERVER_NAMES.get(text).and_then(|name| MFA_SERVER_RESULTS.get(name.code));
    MFA_SERVER_RESULTS.get(text).or_else(by_label)
}

/// A method in any spelling; none where the table does not know it.
pub(super) fn method(text: &str) -> Option<Method> {
    MFA_SERVER_METHODS.get(&plain(text))?.method
}

/// A mode or direction in any spelling.
pub(super) fn mode(text: &str) -> Option<Mode> {
    Some(match plain(text).as_str() {
        "standard" | "otp" => Mode::Standard,
        "pin" | "otppin" => Mode::Pin,
        "oneway" => Mode::OneWay,
        "twoway" => Mode::TwoWay,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::other_names::OtherName;

    #[test]
    fn each_result_says_all_that_it_can() {
        for word in MFA_SERVER_RESULTS.all() {
            let Word { text, stage, assurance, meaning, .. } = *word;
            assert!(stage.is_some() && assurance.is_some() && !meaning.is_empty(), "{text}");
            let is_let_in = matches!(word.result, Some(AuthResult::Success | AuthResult::Pending));
            assert_eq!(word.reason.is_none(), is_let_in, "{text}");
        }
    }

    #[test]
    fn each_name_is_one_of_a_result() {
        for OtherName { text, code } in MFA_SERVER_NAMES.all() {
            assert!(MFA_SERVER_RESULTS.get(code).is_some(), "{text}");
            assert!(MFA_SERVER_RESULTS.get(text).is_none(), "{text}");
        }
    }
}
