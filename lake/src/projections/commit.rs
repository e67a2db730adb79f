//! What the table of projections has taken in, and how it takes in more: in one commit, or not at all.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use deltalake_core::kernel::Transaction;
use deltalake_core::protocol::{DeltaOperation, SaveMode};

use super::{Part, Projections, ProjectionsError};
use crate::failpoint::failpoint;
use crate::partition::PartitionId;

/// Marks that go with a commit: how far, by which rules, and the last number that was given to rows.
const BOOK_VERSION: &str = "gatebook-projections:book-version";
const RULES: &str = "gatebook-projections:rules";
const LAYER: &str = "gatebook-projections:layer";

/// What the table has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The version of the book.
    pub book_version: u64,
    /// What stands for the rules by which rows were made.
    pub rules: i64,
    /// The number of the last commit that added rows.
    pub layer: i64,
}

/// What one commit changes.
#[derive(Debug)]
pub struct Refreshed {
    /// Whose parts are over, those with them that were merged meanwhile.
    pub over: Over,
    /// Parts that were stored.
    pub added: Vec<Part>,
    /// Where the table stands then.
    pub standing: Standing,
    /// The next offset of each partition that is taken in then.
    pub offsets: BTreeMap<PartitionId, i64>,
}

/// Rows that are over as a whole.
#[derive(Debug)]
pub enum Over {
    /// Those of attempts that began on these UTC days. What adds up stays: the same commit takes away from it.
    Days(BTreeSet<NaiveDate>),
    /// All.
    Everything,
}

impl Over {
    fn has(&self, part: &Part) -> bool {
        match self {
            Self::Days(days) => !part.kind.adds_up() && days.contains(&part.day),
            Self::Everything => true,
        }
    }
}

impl Projections {
    /// What is taken in; none before anything was.
    pub async fn standing(&mut self) -> Result<Option<Standing>, ProjectionsError> {
        let book_version = self.table.transaction_version(BOOK_VERSION).await?;
        let rules = self.table.transaction_version(RULES).await?;
        let layer = self.table.transaction_version(LAYER).await?;
        let (Some(book_version), Some(rules), Some(layer)) = (book_version, rules, layer) else {
            return Ok(None);
        };
        Ok(Some(Standing { book_version: u64::try_from(book_version).unwrap_or(0), rules, layer }))
    }

    /// The next offset of a partition that is not taken in yet; none if it was never heard of.
    pub async fn next_offset(&mut self, partition: &PartitionId) -> Result<Option<i64>, ProjectionsError> {
        Ok(self.table.transaction_version(&partition.app_id()).await?)
    }

    /// Takes this in, in one commit, if the table still stands where `before` says.
    pub async fn commit(
        &mut self,
        before: Option<Standing>,
        refreshed: Refreshed,
    ) -> Result<(), ProjectionsError> {
        self.refresh().await?;
        if self.standing().await? != before {
            return Err(ProjectionsError::Overtaken);
        }
        let Refreshed { over, added, standing, offsets } = refreshed;
        let removed = self.parts()?.into_iter().filter(|part| over.has(part));
        let removes = removed.filter_map(|part| part.remove_action(true));
        let actions = removes.chain(added.iter().filter_map(Part::add_action)).collect();
        let book_version = i64::try_from(standing.book_version).unwrap_or(i64::MAX);
        let marks = [(BOOK_VERSION, book_version), (RULES, standing.rules), (LAYER, standing.layer)];
        let marks = marks.map(|(mark, version)| Transaction::new(mark, version));
        let offsets = offsets.iter().map(|(id, next)| Transaction::new(id.app_id(), *next));
        let transactions = marks.into_iter().chain(offsets).collect();
        failpoint("projections-before-commit");
        let committed = self.table.commit(actions, transactions, append()).await;
        failpoint("projections-after-commit");
        if let Err(error) = committed {
            // A commit can stand although it reported an error.
            self.refresh().await?;
            let active: HashSet<_> = self.parts()?.into_iter().map(|part| part.path).collect();
            // Another process may have come to the same standing, with rows that have other numbers.
            let is_ours = added.iter().all(|part| active.contains(&part.path));
            return match self.standing().await? {
                found if found == Some(standing) && is_ours => Ok(()),
                found if found == before => Err(error.into()),
                _ => Err(ProjectionsError::Overtaken),
            };
        }
        Ok(())
    }
}

fn append() -> DeltaOperation {
    DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(vec!["kind".to_owned(), "day".to_owned()]),
        predicate: None,
    }
}
