//! The tables of identities and of persons that SQL sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{max, min, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{col, lit, when};

use super::claims::Claims;
use super::kept::KeptOwners;
use super::known::Known;
use super::learner::{Identity, Learner, SourceId};
use super::owners::Owners;
use super::period::period;
use crate::arrays::{Texts, column, list, lists, moments, numbers, texts};
use crate::folded::{self, Fold};
use crate::sums::{Numbers, Row};

/// A column's name, and what it means.
type Column = (&'static str, &'static str);

const PERSON: &str = "The person's name: as a directory calls them, else the first of their addresses, else the id and its source.";

/// A table of people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) columns: &'static [Column],
    arrays: fn(&[Identity], &Claims) -> Vec<ArrayRef>,
}

/// Every id that a source used, and whose it is.
pub(crate) const IDENTITIES: Table = Table {
    name: "identities",
    about: "every id that a source used, whose it is and by which rule: out of counted_events and the directory",
    columns: &[
        ("tenant_id", "Whose this is."),
        ("person", PERSON),
        ("source", "The product that uses the id."),
        ("user_key", "The id in canonical form."),
        ("user_ids", "The spellings in which it came."),
        (
            "rule",
            "Why it is this person's: directory (one lists it), address (the id is one), domain-map (the configuration made it \
             one), email (an event gave both); or why it stands for itself: cut (an operator said so), conflict (directories \
             list it, or what it hangs on, for several persons), unmatched.",
        ),
        ("valid_from", "From when on it is this person's; null for ever before."),
        (
            "valid_to",
            "Until before when it is this person's; null for ever after. An id that one after the other has is in several rows.",
        ),
        ("first_seen_at", "The first event with it in this time."),
        ("last_seen_at", "The last event with it in this time."),
        ("events", "How many events gave it in this time."),
    ],
    arrays: identity_arrays,
};

/// Every person.
pub(crate) const PERSONS: Table = Table {
    name: "persons",
    about: "every person who was seen or stands in a directory, with the ids that are theirs: out of counted_events and the directory",
    columns: &[
        ("tenant_id", "Whose this is."),
        ("person", PERSON),
        ("sources", "The products that told of the person."),
        ("user_keys", "The person's ids in canonical form."),
        (
            "matched",
            "Whether a rule says who this is: an unmatched id may be somebody who is counted already.",
        ),
        ("directories", "The directories that list the person; none for one who is known from events alone."),
        (
            "enabled",
            "When directories say that the person is enabled: periods FROM/TO in UTC that do not touch, without TO itself; .. is open.",
        ),
        ("first_seen_at", "The first event; null for one who was never seen."),
        ("last_seen_at", "The last event; null for one who was never seen."),
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
    known: Arc<Known>,
}

impl People {
    pub(crate) fn new(table: Table, attempts: Arc<dyn TableProvider>, known: Arc<Known>) -> Self {
        Self { table, schema: schema(&table), attempts, known }
    }

    /// Whose each id is, of the tenants that the filters leave.
    pub(crate) async fn whose(&self, state: &dyn Session, filters: &[Expr]) -> Result<Owners> {
        let claims = self.known.claims().await?;
        let mut learner = Learner::new(Arc::clone(&claims));
        for batch in self.read(state, &claims, filters).await? {
            take_in(&mut learner, &batch)?;
        }
        let (identities, addresses) = learner.finish_with_addresses();
        Ok(Owners::new(claims, identities, addresses))
    }

    /// The same, of all tenants, out of the sums of persons.
    pub(crate) async fn whose_by_sums(
        &self,
        state: &dyn Session,
        kept: &KeptOwners,
        months: &BTreeMap<NaiveDate, Arc<[Row]>>,
        numbers: impl Fn(&mut dyn FnMut(&Numbers)),
    ) -> Result<Arc<Owners>> {
        let claims = self.known.claims().await?;
        let reused: Vec<Expr> = claims.reused().into_iter().map(lit).collect();
        let reused = if reused.is_empty() {
            Vec::new()
        } else {
            self.read(state, &claims, &[col("user_key").in_list(reused, false)]).await?
        };
        Ok(kept.learn((claims, self.known.version()), months, numbers, &reused).await?)
    }

    /// The ids and addresses that were seen together.
    async fn read(&self, state: &dyn Session, claims: &Claims, filters: &[Expr]) -> Result<Vec<RecordBatch>> {
        let plan = state.create_physical_plan(&self.seen(claims, filters)?).await?;
        collect(plan, state.task_ctx()).await
    }

    /// The ids and addresses that were seen together.
    fn seen(&self, claims: &Claims, filters: &[Expr]) -> Result<LogicalPlan> {
        let plan = folded::filtered("attempts", &self.attempts, filters)?;
        let counted = vec![
            min(col("first_at")).alias("first_at"),
            max(col("last_at")).alias("last_at"),
            sum(col("events")).alias("events"),
        ];
        let mut keys: Vec<Expr> = TEXTS.iter().chain(&LISTS).map(|name| col(*name)).collect();
        let reused: Vec<Expr> = claims.reused().into_iter().map(lit).collect();
        if !reused.is_empty() {
            // Of an id that belongs to one after the other, each attempt counts by the moment when it began.
            keys.push(when(col("user_key").in_list(reused, false), col("first_at")).end()?.alias("moment"));
        }
        plan.aggregate(keys, counted)?.build()
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
        // Links go over sources, and never over tenants. What is dropped early is no event: persons who stand in a directory
        // alone are chosen afterwards.
        let pushed = folded::push_down(filters, &["tenant_id"]).into_iter();
        let early = |pushed| match pushed {
            TableProviderFilterPushDown::Exact => TableProviderFilterPushDown::Inexact,
            other => other,
        };
        Ok(pushed.map(early).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let claims = self.known.claims().await?;
        let plan = self.seen(&claims, filters)?;
        let table = self.table;
        let make = move || -> Box<dyn Fold> {
            let learner = Some(Learner::new(Arc::clone(&claims)));
            Box::new(Learning { table, claims: Arc::clone(&claims), learner, found: None })
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
    claims: Arc<Claims>,
    /// Until everything is taken in.
    learner: Option<Learner>,
    /// What was learned, until it is taken out.
    found: Option<Vec<Identity>>,
}

impl Fold for Learning {
    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        self.learner.as_mut().map_or(Ok(()), |learner| take_in(learner, rows))
    }

    fn end(&mut self) {
        self.found = self.learner.take().map(Learner::finish);
    }

    fn ready(&self) -> usize {
        self.found.as_ref().map_or(0, Vec::len)
    }

    fn take_out(&mut self) -> Result<RecordBatch, ArrowError> {
        // The persons of a directory are rows where nobody was seen.
        match self.found.take() {
            Some(found) => {
                RecordBatch::try_new(schema(&self.table), (self.table.arrays)(&found, &self.claims))
            }
            None => Ok(RecordBatch::new_empty(schema(&self.table))),
        }
    }
}

/// Takes in ids and addresses that were seen together.
pub(super) fn take_in(learner: &mut Learner, rows: &RecordBatch) -> Result<(), ArrowError> {
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
            learner.take(id.clone(), user_id, email, Some(range_us), count);
        }
    }
    Ok(())
}

fn schema(table: &Table) -> SchemaRef {
    let fields = table.columns.iter().zip((table.arrays)(&[], &Claims::default()));
    let fields = fields.map(|((name, _), array)| Field::new(*name, array.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn identity_arrays(found: &[Identity], _: &Claims) -> Vec<ArrayRef> {
    vec![
        texts(found.iter().map(|it| it.id.tenant_id.as_str())),
        texts(found.iter().map(|it| it.person.as_str())),
        texts(found.iter().map(|it| it.id.source.as_str())),
        texts(found.iter().map(|it| it.id.user_key.as_str())),
        lists(found.iter().map(|it| it.seen.user_ids.iter().map(String::as_str).collect())),
        texts(found.iter().map(|it| it.rule.as_str())),
        moments(found.iter().map(|it| it.valid.from_us)),
        moments(found.iter().map(|it| it.valid.to_us)),
        moments(found.iter().map(|it| it.seen.first_at_us)),
        moments(found.iter().map(|it| it.seen.last_at_us)),
        Arc::new(Int64Array::from_iter_values(found.iter().map(|it| it.seen.events))),
    ]
}

fn person_arrays(found: &[Identity], claims: &Claims) -> Vec<ArrayRef> {
    let mut persons: BTreeMap<(&str, &str), Vec<&Identity>> = BTreeMap::new();
    for (tenant_id, person) in claims.persons().keys() {
        persons.insert((tenant_id, person), Vec::new());
    }
    for identity in found {
        let whose = (identity.id.tenant_id.as_str(), identity.person.as_str());
        persons.entry(whose).or_default().push(identity);
    }
    let listed: Vec<_> = persons
        .keys()
        .map(|(tenant_id, person)| claims.persons().get(&((*tenant_id).to_owned(), (*person).to_owned())))
        .collect();
    let all = || persons.values();
    let set = |of: fn(&Identity) -> &str| {
        // An id that belongs to one after the other is theirs in whose time it was seen.
        let seen = all().map(|ids| ids.iter().filter(|id| id.seen.events > 0).map(|id| of(id)));
        lists(seen.map(|ids| ids.collect::<BTreeSet<_>>().into_iter().collect()))
    };
    let is_matched = all()
        .zip(&listed)
        .map(|(ids, listed)| Some(listed.is_some() || ids.iter().any(|id| id.rule.is_match())));
    let enabled: Vec<Vec<String>> = listed
        .iter()
        .map(|listed| listed.map_or(Vec::new(), |it| it.enabled.iter().copied().map(period).collect()))
        .collect();
    let directories = listed
        .iter()
        .map(|listed| listed.map_or(Vec::new(), |it| it.directories.iter().map(String::as_str).collect()));
    vec![
        texts(persons.keys().map(|(tenant_id, _)| *tenant_id)),
        texts(persons.keys().map(|(_, person)| *person)),
        set(|id| &id.id.source),
        set(|id| &id.id.user_key),
        Arc::new(is_matched.collect::<BooleanArray>()),
        lists(directories),
        lists(enabled.iter().map(|periods| periods.iter().map(String::as_str).collect())),
        moments(all().map(|ids| ids.iter().filter_map(|id| id.seen.first_at_us).min())),
        moments(all().map(|ids| ids.iter().filter_map(|id| id.seen.last_at_us).max())),
        Arc::new(Int64Array::from_iter_values(all().map(|ids| ids.iter().map(|id| id.seen.events).sum()))),
    ]
}
