//! What a code means: any vendor's code or text, or a word of Gatebook's own, in any spelling.
//!
//! [`explain()`] looks in the tables by which the decoders read (so that it says what Gatebook makes of a code, and cannot
//! drift from it), in a table of facts that no decoder needs (statuses of Windows, errors of the NPS extension, subjects
//! of the help desk), and among the words of [`crate::vocabulary`]. [`nearest()`] helps where nothing is found, and
//! [`reasons()`] lists every reason of a denial with what to do about it.
//!
//! It holds no sentence of a vendor: meanings and advice are Gatebook's, and each explanation names the vendor's own page.

mod advice;
mod facts;
mod index;
mod nearest;
mod origin;
mod spelling;
#[cfg(test)]
mod tests;

pub use self::nearest::{NEAREST_COUNT_MAX, nearest};
pub use self::origin::Origin;

use self::advice::Advice;
use self::index::INDEX;
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialGroup, DenialReason, Method, Stage};

/// The longest text that is looked up, in bytes: a message with a code in it, not a log.
pub const TEXT_BYTES_MAX: usize = 4096;

/// What a code means, and what can be done about it. An empty text says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The code as its vendor writes it.
    pub code: &'static str,
    /// The spelling by which it was found: the code, or another name of it, such as a label or a number.
    pub spelling: &'static str,
    /// Whose code it is.
    pub origin: Origin,
    /// What kind of code it is, such as `sign-in error` or `call result`.
    pub what: &'static str,
    /// What it means, for people.
    pub meaning: &'static str,
    /// The method that it names.
    pub method: Option<Method>,
    /// Whether the gate opened; none where it depends on more than the code, or where nobody is judged.
    pub result: Option<AuthResult>,
    /// Why the gate stayed shut; where `result` is none, the reason that a denial would have.
    pub reason: Option<DenialReason>,
    /// What it judges.
    pub stage: Option<Stage>,
    /// What it proves.
    pub assurance: Option<Assurance>,
    /// What it changes, where it is an operation.
    pub change: Option<ChangeKind>,
    /// What the user can do. Empty where nothing was denied.
    pub user: &'static str,
    /// What the administrator can do. Empty where nothing was denied.
    pub administrator: &'static str,
    /// The vendor's public documentation. Empty for Gatebook's own words.
    pub url: &'static str,
}

impl Explanation {
    /// An explanation that says no more than these.
    const fn new(code: &'static str, origin: Origin, what: &'static str, meaning: &'static str) -> Self {
        Self {
            code,
            spelling: code,
            origin,
            what,
            meaning,
            method: None,
            result: None,
            reason: None,
            stage: None,
            assurance: None,
            change: None,
            user: "",
            administrator: "",
            url: "",
        }
    }

    /// The same with the advice for its reason. What is denied without saying why has the advice for that.
    fn advised(self) -> Self {
        let unsaid = (self.result == Some(AuthResult::Denied)).then_some(DenialReason::Unspecified);
        match self.reason.or(unsaid) {
            Some(reason) => {
                let Advice { user, administrator } = advice::of(reason);
                Self { user, administrator, ..self }
            }
            None => self,
        }
    }

    /// The group of its reason.
    pub fn group(&self) -> Option<DenialGroup> {
        self.reason.map(DenialReason::group)
    }
}

/// Explains a code or text; several rows where several vendors use it, the most literal spelling first, and none where
/// nobody knows it.
///
/// Case, blanks and `_ - . ; ,` do not matter, nor does the prefix `AADSTS`, `MFA denied; ` or `MFA requirement `. A status
/// may be hexadecimal (with or without a trailing `L` or `U`, and with any zeros in front) or decimal, signed or not, as
/// 32 bits. Of a whole message, the first code in it that is known is explained. A text longer than [`TEXT_BYTES_MAX`] is
/// not looked up.
pub fn explain(text: &str) -> Vec<Explanation> {
    if text.len() > TEXT_BYTES_MAX {
        return Vec::new();
    }
    let found = INDEX.find(text);
    if !found.is_empty() {
        return found;
    }
    spelling::parts(text).map(|part| INDEX.find(part)).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Every reason of a denial, in the order of the vocabulary, with its meaning and both advices.
pub fn reasons() -> impl Iterator<Item = Explanation> {
    DenialReason::ALL.iter().map(|reason| index::of_reason(*reason))
}
