//! What can be done about a denial, by its reason.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::vocabulary::DenialReason;

/// What can be done about it, in a sentence each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) user: &'static str,
    pub(super) administrator: &'static str,
}

/// Lines of `reason;user;administrator` under a head line; those that begin with `#` are remarks.
static REASONS: LazyLock<HashMap<DenialReason, Advice>> = LazyLock::new(|| {
    let table = include_str!("../../vocabularies/reasons.csv");
    let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| read(line).unwrap_or_else(|| panic!("no line of the table of reasons: {line}")))
        .collect()
});

/// The advice for a reason; a test demands a line for each.
pub(super) fn of(reason: DenialReason) -> Advice {
    REASONS.get(&reason).copied().unwrap_or_default()
}

fn read(line: &'static str) -> Option<(DenialReason, Advice)> {
    let mut parts = line.split(';');
    let reason = DenialReason::parse(parts.next()?)?;
    let advice = Advice { user: parts.next()?, administrator: parts.next()? };
    parts.next().is_none().then_some((reason, advice))
}
