//! The tables of identities and of persons that SQL sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{max, min, sum};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;

use super::learner::{Identity, Learner, Rule, SourceId};
use crate::arrays::{Texts, column, list, lists, moments, numbers, texts};
use crate::folded::{self, Fold};

/// A column's name, and what it means.
type Column = (&'static str, &'static str);

/// A table of people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) columns: &'static [Column],
    arrays: fn(&[Identity]) -> Vec<ArrayRef>,
}

/// Every id that a source used, and whose it is.
pub(crate) const IDENTITIES: Table = Table {
    name: "identities",
    about: "every id that a source used, whose it is and by which rule: out of counted_events",
    columns: &[
        ("tenant_id", "Whose this is."),
        ("person", "The person's name: the first of their addresses, else the id and its source."),
        ("source", "The product that uses the id."),
        ("user_key", "The id in canonical form."),
        ("user_ids", "The spellings in which it came."),
        (
            "rule",
            "Why it is this person's: address (the id is one), email (an event gave both), unmatched (it stands for itself).",
        ),
        ("first_seen_at", "The first event with it."),
        ("last_seen_at", "The last event with it."),
        ("events", "How many events gave it."),
    ],
    arrays: identity_arrays,
};

/// Every person.
pub(crate) const PERSONS: Table = Table {
    name: "persons",
    about: "every person who was seen, with the ids that are theirs: out of counted_events",
    columns: &[
        ("tenant_id", "Whose this is."),
        ("person", "The person's name: the first of their addresses, else the id and its source."),
        ("sources", "The products that told of the person."),
        ("user_keys", "The person's ids in canonical form."),
        ("matched", "Whether an address is known: an unmatched id may be somebody who is counted already."),
        ("first_seen_at", "The first event."),
        ("last_seen_at", "The last event."),
        ("events", "How many events there were."),
    ],
    arrays: person_arrays,
};

/// A table of people over the events that count.
#[derive(Debug)]
pub(crate) struct People {
    table: Table,
    schema: SchemaRef,
    attempts: Arc<dyn TableProvider>,
}

impl People {
    pub(crate) fn new(table: Table, attempts: Arc<dyn TableProvider>) -> Self {
        Self { table, schema: schema(&table), attempts }
    }
}

#[async_trait]
impl TableProvider for People {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Links go over sources, and never over tenants.
        Ok(folded::push_down(filters, &["tenant_id"]))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = folded::filtered("attempts", &self.attempts, filters)?;
        let counted = vec![
            min(col("first_at")).alias("first_at"),
            max(col("last_at")).alias("last_at"),
            sum(col("events")).alias("events"),
        ];
        let plan = plan.aggregate(TEXTS.iter().chain(&LISTS).map(|name| col(*name)), counted)?.build()?;
        let table = self.table;
        let make = move || -> Box<dyn Fold> {
            Box::new(Learning { table, learner: Learner::default(), found: Vec::new() })
        };
        folded::plan(
            vec![state.create_physical_plan(&plan).await?],
            self.schema(),
            Arc::new(make),
            projection,
        )
    }
}

const TEXTS: [&str; 3] = ["tenant_id", "source", "user_key"];

const LISTS: [&str; 2] = ["user_ids", "emails"];

struct Learning {
    table: Table,
    learner: Learner,
    found: Vec<Identity>,
}

impl Fold for Learning {
    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &TEXTS)?;
        let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
        let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
        let events = numbers::<Int64Type>(rows, "events")?;
        let [user_ids, emails] = LISTS.map(|name| column(rows, name));
        let (user_ids, emails) = (user_ids?, emails?);
        for row in 0..rows.num_rows() {
            let needed = |index| texts.needed(index, row).to_owned();
            let id = SourceId { tenant_id: needed(0), source: needed(1), user_key: needed(2) };
            let range_us = (first.value(row), last.value(row));
            let (user_ids, emails) = (list(user_ids, row)?, list(emails, row)?);
            // Each spelling, and each address; the events are counted once.
            let none_left = std::iter::repeat(0);
            let counts = std::iter::once(events.value(row)).chain(none_left);
            let spellings = user_ids.iter().map(|user_id| (user_id.as_str(), None));
            let addresses =
                emails.iter().filter_map(|email| Some((user_ids.first()?.as_str(), Some(email.as_str()))));
            for ((user_id, email), count) in spellings.chain(addresses).zip(counts) {
                self.learner.take(id.clone(), user_id, email, range_us, count);
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        self.found = std::mem::take(&mut self.learner).finish();
    }

    fn ready(&self) -> usize {
        self.found.len()
    }

    fn take_out(&mut self) -> Result<RecordBatch, ArrowError> {
        let found = std::mem::take(&mut self.found);
        RecordBatch::try_new(schema(&self.table), (self.table.arrays)(&found))
    }
}

fn schema(table: &Table) -> SchemaRef {
    let fields = table.columns.iter().zip((table.arrays)(&[]));
    let fields = fields.map(|((name, _), array)| Field::new(*name, array.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn identity_arrays(found: &[Identity]) -> Vec<ArrayRef> {
    vec![
        texts(found.iter().map(|it| it.id.tenant_id.as_str())),
        texts(found.iter().map(|it| it.person.as_str())),
        texts(found.iter().map(|it| it.id.source.as_str())),
        texts(found.iter().map(|it| it.id.user_key.as_str())),
        lists(found.iter().map(|it| it.seen.user_ids.iter().map(String::as_str).collect())),
        texts(found.iter().map(|it| it.rule.as_str())),
        moments(found.iter().map(|it| it.seen.first_at_us)),
        moments(found.iter().map(|it| it.seen.last_at_us)),
        Arc::new(Int64Array::from_iter_values(found.iter().map(|it| it.seen.events))),
    ]
}

fn person_arrays(found: &[Identity]) -> Vec<ArrayRef> {
    let mut persons: BTreeMap<(&str, &str), Vec<&Identity>> = BTreeMap::new();
    for identity in found {
        let whose = (identity.id.tenant_id.as_str(), identity.person.as_str());
        persons.entry(whose).or_default().push(identity);
    }
    let all = || persons.values();
    let set = |of: fn(&Identity) -> &str| {
        lists(all().map(|ids| ids.iter().map(|id| of(id)).collect::<BTreeSet<_>>().into_iter().collect()))
    };
    let is_matched = |ids: &Vec<&Identity>| Some(ids.iter().any(|id| id.rule != Rule::Unmatched));
    vec![
        texts(persons.keys().map(|(tenant_id, _)| *tenant_id)),
        texts(persons.keys().map(|(_, person)| *person)),
        set(|id| &id.id.source),
        set(|id| &id.id.user_key),
        Arc::new(all().map(is_matched).collect::<BooleanArray>()),
        moments(all().map(|ids| ids.iter().filter_map(|id| id.seen.first_at_us).min())),
        moments(all().map(|ids| ids.iter().filter_map(|id| id.seen.last_at_us).max())),
        Arc::new(Int64Array::from_iter_values(all().map(|ids| ids.iter().map(|id| id.seen.events).sum()))),
    ]
}
