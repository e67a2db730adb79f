//! Where an invariant does not hold.

use std::collections::BTreeMap;

use crate::check::Invariant;

/// Findings of one invariant that are kept to be shown; all are counted. One broken file can be guilty of
/// millions, and the first hundred tell what happened.
pub const FINDINGS_SHOWN_MAX: usize = 100;

/// A place where an invariant does not hold. It never repeats a value of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What does not hold.
    pub invariant: Invariant,
    /// A file; or a topic id, partition and offset or range of offsets.
    pub place: String,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
}

/// What was found: the first of each invariant, and how many of each there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    shown: Vec<Finding>,
    counts: BTreeMap<Invariant, u64>,
}

impl Findings {
    /// How often the invariant does not hold.
    #[must_use]
    pub fn count(&self, invariant: Invariant) -> u64 {
        self.counts.get(&invariant).copied().unwrap_or(0)
    }

    /// The first [`FINDINGS_SHOWN_MAX`] of each invariant, in the order of [`Invariant::ALL`].
    pub fn shown(&self) -> impl Iterator<Item = &Finding> {
        Invariant::ALL
            .iter()
            .flat_map(|&invariant| self.shown.iter().filter(move |finding| finding.invariant == invariant))
    }

    /// Whether every invariant holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Counts a finding; its texts are made only if it will be shown.
    pub(super) fn add<Place, Found, Expected>(
        &mut self,
        invariant: Invariant,
        texts: impl FnOnce() -> (Place, Found, Expected),
    ) where
        Place: ToString,
        Found: ToString,
        Expected: ToString,
    {
        let count = self.counts.entry(invariant).or_default();
        *count += 1;
        if *count <= FINDINGS_SHOWN_MAX as u64 {
            let (place, found, expected) = texts();
            let (place, found, expected) = (place.to_string(), found.to_string(), expected.to_string());
            self.shown.push(Finding { invariant, place, found, expected });
        }
    }
}
