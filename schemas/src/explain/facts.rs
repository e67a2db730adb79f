//! What more there is to know of a code: statuses of Windows, errors of the NPS extension, subjects of the help desk.

use super::Explanation;
use super::index::Entry;
use super::origin::Origin;
use crate::vendor::tables;
use crate::vocabulary::{AuthResult, DenialReason};

/// Reads the table: lines of `origin;spellings;reason;what;meaning;user;administrator;url` under a head line; spellings
/// are divided by `|`, and the first is the code, whose reading is the decoders' where a table has it. Lines that begin with `#` are remarks.
///
/// # Panics
///
/// A line cannot be read: the table is compiled in, and a test reads it.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let table = include_str!("../../vocabularies/facts.csv");
    let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| read(line).unwrap_or_else(|| panic!("no line of the table of facts: {line}")))
}

fn read(line: &'static str) -> Option<Entry> {
    let parts: Vec<&'static str> = line.split(';').collect();
    let [origin, spellings, reason, what, meaning, user, administrator, url] = parts[..] else { return None };
    let spellings: Vec<_> = spellings.split('|').collect();
    let code = spellings.first()?;
    let word = tables::word(code);
    let reason = match word {
        // Two readings of a code would drift apart.
        Some(word) => {
            if reason.is_empty() {
                word.reason
            } else {
                return None;
            }
        }
        None => {
            if reason.is_empty() {
                None
            } else {
                Some(DenialReason::parse(reason)?)
            }
        }
    };
    let explanation = Explanation {
        method: word.and_then(|word| word.method),
        stage: word.and_then(|word| word.stage),
        assurance: word.and_then(|word| word.assurance),
        reason,
        result: word.map_or(reason.map(|_| AuthResult::Denied), |word| word.result),
        url,
        ..Explanation::new(code, Origin::parse(origin)?, what, meaning)
    };
    // Its own advice counts, and that for its reason where it has none.
    let advised = explanation.advised();
    let own = |own: &'static str, other| if own.is_empty() { other } else { own };
    let explanation = Explanation {
        user: own(user, advised.user),
        administrator: own(administrator, advised.administrator),
        ..explanation
    };
    Some(Entry { explanation, spellings })
}
