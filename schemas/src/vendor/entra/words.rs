//! Entra's texts of steps, and what they say.

use super::super::tables::{ENTRA_DENIED, ENTRA_SATISFIED};
use super::super::words::Word;

/// What a text says of a step or of a sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    Known(Word),
    /// It says that the second factor was denied, and why in words that no table knows.
    Denied,
    Unknown,
}

impl Said {
    pub(super) fn word(self) -> Option<Word> {
        if let Self::Known(word) = self { Some(word) } else { None }
    }

    /// Reads `MFA denied; user declined the authentication`, `MFA requirement satisfied by …`, `Correct
    /// password`.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim().trim_end_matches('.');
        if let Some(why) = after(text, "MFA denied") {
            let why = why.trim_start_matches([';', ',', ':', ' ']);
            return ENTRA_DENIED
                .get(why)
                .or_else(|| ENTRA_SATISFIED.get(why))
                .map_or(Self::Denied, Self::Known);
        }
        let bare = after(text, "MFA requirement ").or_else(|| after(text, "MFA ")).unwrap_or(text);
        // Behind a semicolon stands a remark.
        let head = bare.split_once(';').map_or(bare, |(head, _)| head);
        let word = ENTRA_SATISFIED.get(head);
        word.or_else(|| ENTRA_DENIED.get(head)).map_or(Self::Unknown, Self::Known)
    }
}

/// What stands behind this beginning, in any ASCII case.
fn after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let head = text.get(..beginning.len())?;
    head.eq_ignore_ascii_case(beginning).then(|| &text[beginning.len()..])
}
