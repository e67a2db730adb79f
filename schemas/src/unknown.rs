//! What no vocabulary and no contract knew, counted by name within bounds.

use std::collections::BTreeMap;

/// How many distinct names one count keeps: a hostile producer must not grow a segment entry without end.
const NAMES_MAX: usize = 64;

/// How many bytes of a name are kept.
const NAME_BYTES_MAX: usize = 64;

/// The unknown values and keys of a batch, as its segment entry keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownCounts {
    /// Values that an open vocabulary did not know, as `column=text`.
    pub values: NameCounts,
    /// Keys that the contract does not have; those of a step as `steps.key`.
    pub keys: NameCounts,
}

impl UnknownCounts {
    /// Whether nothing was unknown.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.keys.is_empty()
    }

    /// Adds the counts of another batch.
    pub fn merge(&mut self, other: &Self) {
        self.values.merge(&other.values);
        self.keys.merge(&other.keys);
    }
}

/// Counts by name: at most 64 names of at most 64 bytes; what exceeds that counts under
/// [`NameCounts::OTHERS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameCounts(BTreeMap<String, i64>);

impl NameCounts {
    /// The name under which all names after the 64th are counted.
    pub const OTHERS: &'static str = "(other)";

    /// Counts a name once.
    pub fn add(&mut self, name: &str) {
        self.add_count(name, 1);
    }

    /// Counts a name `count` times.
    pub fn add_count(&mut self, name: &str, count: i64) {
        let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
        if let Some(known) = self.0.get_mut(name) {
            *known += count;
            return;
        }
        let is_full = self.0.len() - usize::from(self.0.contains_key(Self::OTHERS)) >= NAMES_MAX;
        let name = if is_full { Self::OTHERS } else { name };
        *self.0.entry(name.to_owned()).or_default() += count;
    }

    /// The counts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The sum of all counts.
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in other.iter() {
            self.add_count(name, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_64th_count_together() {
        let mut counts = NameCounts::default();
        for index in 0..100 {
            counts.add(&format!("key-{index:02}"));
        }
        counts.add("key-00");
        counts.add("key-99");
        let counts: Vec<_> = counts.iter().collect();
        assert_eq!(counts.len(), 65);
        assert_eq!(counts[0], (NameCounts::OTHERS, 37));
        assert_eq!(counts[1], ("key-00", 2));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let mut counts = NameCounts::default();
        counts.add(&format!("{}ü", "x".repeat(63)));
        assert_eq!(counts.iter().next(), Some(("x".repeat(63).as_str(), 1)));
    }

    #[test]
    fn merged_counts_keep_the_total() {
        let (mut left, mut right) = (NameCounts::default(), NameCounts::default());
        for index in 0..60 {
            left.add(&format!("left-{index}"));
            right.add(&format!("right-{index}"));
        }
        left.merge(&right);
        assert_eq!(left.total(), 120);
        assert_eq!(left.iter().count(), 65);
    }
}
