//! The sums at one version of the book: what the table holds, and what it lacks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::error::DataFusionError;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use lake::projections::{Part, PartKind, Projections};
use projections::ProjectError;
use projections::sums::{EventSums, SumRows};
use tokio::sync::OnceCell;

use super::coded::{Coded, Decoder};
use super::kept::Kept;
use super::persons::{Months, Row};
use super::slots::Slots;
use crate::attempts::StoredAttempts;
use crate::basis::Basis;
use crate::error::QueryError;
use crate::limits::Limits;

/// Parts that are decoded at a time.
const READS_MAX: usize = 2;

/// The sums at one version of the book, found out when they are first asked for.
pub(crate) struct StoredSums {
    basis: Arc<Basis>,
    kept: Arc<Kept>,
    attempts: Arc<StoredAttempts>,
    events: OnceCell<Option<Arc<AtVersion>>>,
    attempt_sums: OnceCell<Option<Arc<AtVersion>>>,
}

/// What adds up to the sums of one version.
pub(crate) struct AtVersion {
    table: Projections,
    parts: Vec<Part>,
    unstored: Vec<SumRows>,
}

impl AtVersion {
    fn new(table: Projections, unstored: Vec<SumRows>) -> Result<Self, ProjectError> {
        let mut parts = table.parts()?;
        parts.retain(|part| part.kind.adds_up());
        Ok(Self { table, parts, unstored })
    }

    /// The months of which there is anything.
    pub(crate) fn months(&self) -> impl Iterator<Item = NaiveDate> {
        let months: BTreeSet<NaiveDate> = self
            .parts
            .iter()
            .map(|part| part.day)
            .chain(self.unstored.iter().map(|part| part.month))
            .collect();
        months.into_iter()
    }
}

impl StoredSums {
    pub(crate) fn new(basis: Arc<Basis>, kept: Arc<Kept>, attempts: Arc<StoredAttempts>) -> Self {
        Self { basis, kept, attempts, events: OnceCell::new(), attempt_sums: OnceCell::new() }
    }

    /// The attempts one by one, as they are stored or made.
    pub(crate) fn each_attempt(&self) -> Arc<StoredAttempts> {
        Arc::clone(&self.attempts)
    }

    /// The sums of attempts; none where nothing is kept that is of use for this version.
    pub(crate) async fn attempts(&self, limits: &Limits) -> Result<Option<Arc<AtVersion>>, QueryError> {
        let unstored = self.attempts.unstored().await;
        let unstored = unstored.map_err(|error| QueryError::while_running(error, limits))?;
        let find = async || {
            let Some(table) = &unstored.table else { return Ok::<_, ProjectError>(None) };
            Ok(Some(Arc::new(AtVersion::new(table.clone(), unstored.sums.clone())?)))
        };
        let found = self.attempt_sums.get_or_try_init(find).await;
        found.cloned().map_err(|error| failed(error, limits))
    }

    /// The sums of events; none where nothing is kept that is of use for this version.
    pub(crate) async fn events(&self, limits: &Limits) -> Result<Option<Arc<AtVersion>>, QueryError> {
        let found = self.events.get_or_try_init(|| self.find_events()).await;
        found.cloned().map_err(|error| failed(error, limits))
    }

    async fn find_events(&self) -> Result<Option<Arc<AtVersion>>, ProjectError> {
        let Basis { sums, repeats, rules, .. } = &*self.basis;
        let Some(table) = self.basis.table().await? else { return Ok(None) };
        let found = EventSums::at(self.basis.book(), sums.get().await?, repeats, rules, table).await?;
        let Some(EventSums { table, rows }) = found else {
            return Ok(None);
        };
        Ok(Some(Arc::new(AtVersion::new(table, rows)?)))
    }

    /// What of the sums lies in these slots, decoded, as it is at a moment: of a kind by quarter hour, and of one by day.
    pub(crate) async fn parts(
        &self,
        sums: &AtVersion,
        [by_quarter, by_day]: [PartKind; 2],
        slots: &Slots,
        now_us: i64,
        limits: &Limits,
    ) -> Result<Vec<Arc<Coded>>, QueryError> {
        let is_asked = |kind: PartKind, month: NaiveDate| {
            slots.months.get(&month).is_some_and(|month| {
                kind == by_quarter && month.has_quarters() || kind == by_day && month.has_days()
            })
        };
        self.decoded(sums, is_asked, now_us).await.map_err(|error| failed(error, limits))
    }

    /// The sums of persons in a month.
    pub(super) async fn persons(
        &self,
        sums: &AtVersion,
        month: NaiveDate,
        limits: &Limits,
    ) -> Result<Arc<[Row]>, QueryError> {
        let is_asked = |kind: PartKind, of: NaiveDate| kind == PartKind::PersonsByMonth && of == month;
        let parts: Vec<_> = sums.parts.iter().filter(|part| is_asked(part.kind, part.day)).collect();
        let unstored = sums.unstored.iter().filter(|rows| is_asked(rows.kind, rows.month));
        let unstored: Vec<_> = unstored.map(|rows| &rows.rows).collect();
        let rows = self.kept.persons.month(month, &sums.table, &parts, &unstored).await;
        rows.map_err(|error| failed(error, limits))
    }

    /// What is kept of persons.
    pub(crate) fn persons_kept(&self) -> &Months {
        &self.kept.persons
    }

    async fn decoded(
        &self,
        sums: &AtVersion,
        is_asked: impl Fn(PartKind, NaiveDate) -> bool,
        now_us: i64,
    ) -> Result<Vec<Arc<Coded>>, ProjectError> {
        let mut reads = Vec::new();
        for part in sums.parts.iter().filter(|part| is_asked(part.kind, part.day)) {
            reads.push(self.kept.part(&sums.table, part, now_us).boxed());
        }
        let mut all = Vec::new();
        for SumRows { kind, month, rows } in
            sums.unstored.iter().filter(|rows| is_asked(rows.kind, rows.month))
        {
            if let Some(mut decoder) = Decoder::new(*kind, *month) {
                decoder.take_in(rows)?;
                all.extend(decoder.finish(now_us).at(now_us));
            }
        }
        let read: Vec<_> = stream::iter(reads).buffer_unordered(READS_MAX).try_collect().await?;
        all.extend(read.into_iter().flatten());
        Ok(all)
    }
}

fn failed(error: ProjectError, limits: &Limits) -> QueryError {
    QueryError::while_running(DataFusionError::External(Box::new(error)), limits)
}

impl fmt::Debug for StoredSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSums")
            .field("book_version", &self.basis.book().version())
            .finish_non_exhaustive()
    }
}
