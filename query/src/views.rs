//! The tables that SQL sees: a view of the book for each kind of entry, and the events that count.

use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{SessionContext, col, lit};
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use lake::Book;
use schemas::Kind;

use crate::attempts::{self, Attempts, StoredAttempts};
use crate::exceptions::KnownExceptions;
use crate::ocsf;
use crate::people::{self, IDENTITIES, Known, Listed, PERSONS, People};
use crate::repeats::{self, CountedEvents};
use crate::sign_ins::{self, SignIns};

/// The name of a kind's view.
pub(crate) const fn view_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "events",
        Kind::Change => "changes",
        Kind::Rejection => "rejections",
        Kind::Superseded => "superseded",
        Kind::Segment => "segments",
        Kind::Removal => "removals",
    }
}

/// The tables that SQL sees, each with what its rows are.
pub(crate) fn tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_kinds = Kind::ALL.iter().map(|kind| (view_name(*kind), about_view(*kind)));
    let of_people = [&IDENTITIES, &PERSONS].map(|table| (table.name, table.about));
    [(repeats::VIEW, repeats::ABOUT), (attempts::VIEW, attempts::ABOUT), (sign_ins::VIEW, sign_ins::ABOUT)]
        .into_iter()
        .chain(of_people)
        .chain([(people::VIEW, people::ABOUT)])
        .chain(of_kinds)
        .chain([(ocsf::VIEW, ocsf::ABOUT)])
}

/// Whether what a table shows depends on the directory.
pub(crate) fn is_of_directory(table: &str) -> bool {
    [sign_ins::VIEW, IDENTITIES.name, PERSONS.name, people::VIEW].contains(&table)
}

/// What a row of a kind's view is.
const fn about_view(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "every delivery of an authentication event, copies and superseded states among them",
        Kind::Change => "what happened to accounts and methods",
        Kind::Rejection => "what could not be read, with its bytes and its reason",
        Kind::Superseded => "events that a later decoder read anew",
        Kind::Segment => "which offsets a commit added, with their counts",
        Kind::Removal => "what was taken out of the book, and why",
    }
}

/// Registers a view for each kind: the kind's columns and, last, `day`. The filter on `kind` chooses
/// files by their partition values alone, so no other kind's file is opened.
///
/// `events` shows every delivery of an event, and `counted_events` those that count ([`crate::repeats`]). Returned is what
/// knows whose an id is.
pub(crate) fn register(
    context: &SessionContext,
    book: &Book,
    known: &Arc<Known>,
    exceptions: &Arc<KnownExceptions>,
    attempts: Arc<StoredAttempts>,
) -> Result<Arc<People>> {
    let stored = attempts;
    let state = context.state();
    book.table().update_datafusion_session(&state)?;
    let provider = provider(book, &state)?;
    let identities = Arc::new(People::new(IDENTITIES, stored.clone(), Arc::clone(known)));
    for kind in Kind::ALL {
        let columns = kind
            .schema()
            .fields()
            .iter()
            .map(|field| col(field.name()))
            .chain([col("day")])
            .collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::scan("book", provider_as_source(Arc::clone(&provider)), None)?
            .filter(col("kind").eq(lit(kind.as_str())))?
            .project(columns)?
            .build()?;
        let view: Arc<dyn TableProvider> = Arc::new(ViewTable::new(plan, None));
        if *kind == Kind::Event {
            let counted: Arc<dyn TableProvider> =
                Arc::new(CountedEvents::new(book, Arc::clone(&view), Arc::clone(exceptions)));
            context.register_table(ocsf::VIEW, ocsf::view(Arc::clone(&counted))?)?;
            let attempts = Arc::new(Attempts::new(Arc::clone(&stored)));
            let persons = Arc::new(People::new(PERSONS, stored.clone(), Arc::clone(known)));
            let sign_ins = SignIns::new(attempts.clone(), identities.clone());
            context.register_table(attempts::VIEW, attempts)?;
            context.register_table(sign_ins::VIEW, Arc::new(sign_ins))?;
            context.register_table(IDENTITIES.name, identities.clone())?;
            context.register_table(PERSONS.name, persons)?;
            context.register_table(people::VIEW, Arc::new(Listed::new(Arc::clone(known))))?;
            context.register_table(repeats::VIEW, counted)?;
        }
        context.register_table(view_name(*kind), view)?;
    }
    Ok(identities)
}

/// Delta-rs's own reader of the book, which skips files by the partition values and statistics in the log.
fn provider(book: &Book, session: &dyn Session) -> Result<Arc<dyn TableProvider>> {
    // Partition values as plain columns: dictionaries as join keys have panicked in dynamic filters.
    let config = DeltaScanConfig::new_from_session(session).with_wrap_partition_values(false);
    let snapshot = book.table().snapshot()?.snapshot().clone();
    Ok(Arc::new(DeltaScanNext::new(snapshot, config)?))
}
