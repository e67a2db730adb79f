//! What a check says.

use std::collections::BTreeMap;

use crate::check::Findings;
use crate::partition::PartitionId;
use crate::totals::PartitionTotals;

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// The version of the book that was checked.
    pub version: u64,
    /// Files that the log names.
    pub files: u64,
    /// Rows that were read, of every kind.
    pub rows: u64,
    /// Each partition that the book has heard of.
    pub partitions: BTreeMap<PartitionId, CheckedPartition>,
    /// Where an invariant does not hold.
    pub findings: Findings,
}

/// What the book says of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPartition {
    /// The sums over its segments.
    pub totals: PartitionTotals,
    /// Rows that were removed since.
    pub removed: i64,
    /// Events that a later decoder read anew, as they were read before.
    pub superseded: i64,
}

impl CheckReport {
    /// Whether every invariant holds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}
