//! The table of attempts that SQL sees.

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use async_trait::async_trait;
use chrono::Utc;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::functions_nested::expr_fn::array_length;
use datafusion::logical_expr::{
    Expr, LogicalPlan, ScalarUDF, SortExpr, TableProviderFilterPushDown, TableType, cast, when,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{col, lit};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::attempter::{Attempter, Person, Rules, Step};
use super::columns::{Row, batch, schema};
use super::part::OfPart;
use crate::arrays::{Texts, numbers};
use crate::folded::{self, Fold};

/// The view's name.
pub(crate) const VIEW: &str = "attempts";

/// What a row of it is.
pub(crate) const ABOUT: &str =
    "what one person did, as one source tells it, to pass one gate once: out of counted_events";

/// Columns that all events of an attempt have in common: conditions on these choose events.
const COMMON: &[&str] = &["tenant_id", "source", "user_key"];

/// Columns of an event that attempts are made of.
const TEXTS: [&str; 14] = [
    "tenant_id",
    "source",
    "user_key",
    "event_id",
    "attempt_id",
    "user_id",
    "application",
    "server_name",
    "client_ip",
    "method",
    "result",
    "denial_reason",
    "stage",
    "assurance",
];

/// Events that are sorted in memory at a time, about 100 MiB: of a larger book a part of the persons after the other.
const SLICE_ROWS: u64 = if cfg!(test) { 100 } else { 1 << 18 };

/// The attempts of all events that count.
#[derive(Debug)]
pub(crate) struct Attempts {
    counted_events: Arc<dyn TableProvider>,
    /// How many events there are, copies among them.
    rows: u64,
}

impl Attempts {
    pub(crate) fn new(counted_events: Arc<dyn TableProvider>, rows: u64) -> Self {
        Self { counted_events, rows }
    }
}

#[async_trait]
impl TableProvider for Attempts {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(folded::push_down(filters, COMMON))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let now = state.execution_props().query_execution_start_time.unwrap_or_else(Utc::now);
        let now_us = now.timestamp_micros();
        // A condition on the person leaves few events.
        let names_person =
            filters.iter().any(|filter| filter.column_refs().iter().any(|it| it.name == "user_key"));
        let rows = if names_person { 0 } else { self.rows };
        let parts = rows.div_ceil(SLICE_ROWS).max(1);
        let mut slices = Vec::new();
        for part in 0..parts {
            let plan = self.slice(filters, part, parts)?;
            slices.push(state.create_physical_plan(&plan).await?);
        }
        let make = move || -> Box<dyn Fold> { Box::new(Attempting::new(Rules::default(), now_us)) };
        folded::plan(slices, schema(), Arc::new(make), projection)
    }
}

impl Attempts {
    /// The events of a part of all persons, in the order in which they are folded.
    fn slice(&self, filters: &[Expr], part: u64, parts: u64) -> Result<LogicalPlan> {
        let mut plan = folded::filtered("counted_events", &self.counted_events, filters)?;
        if parts > 1 {
            let of_part = ScalarUDF::new_from_impl(OfPart::new(part, parts));
            plan = plan.filter(of_part.call(COMMON.iter().map(|name| col(*name)).collect()))?;
        }
        let steps = cast(array_length(col("steps")), DataType::Int64).alias("steps");
        // The engine's own texts would hold on to all texts of the batch that they were read with, sorted or not.
        let texts = TEXTS.iter().map(|name| cast(col(*name), DataType::Utf8).alias(*name));
        let wanted = texts.chain([col("occurred_at"), col("prompts"), steps]);
        plan.project(wanted)?.sort(order())?.build()
    }
}

/// Person by person, and of each in the order of time. Of events at the same moment a challenge comes first and what let
/// the person in last; then what they say decides, never how they came, so that any order of arrival gives the same.
fn order() -> Vec<SortExpr> {
    let rank = when(col("result").eq(lit(AuthResult::Pending.as_str())), lit(0))
        .when(col("result").eq(lit(AuthResult::Denied.as_str())), lit(1))
        .otherwise(lit(2))
        .unwrap_or(lit(0));
    let by = |name: &str| col(name).sort(true, true);
    let content = ["event_id", "denial_reason", "method", "stage", "assurance", "server_name", "application"];
    [by("tenant_id"), by("source"), by("user_key"), by("occurred_at"), rank.sort(true, true)]
        .into_iter()
        .chain(content.map(by))
        .collect()
}

/// Folds events that come person by person.
struct Attempting {
    attempts: Attempter,
    /// Tenant, source and user key of the person whose turn it is.
    person: Option<[String; 3]>,
    rows: Vec<Row>,
}

impl Attempting {
    fn new(rules: Rules, now_us: i64) -> Self {
        Self { attempts: Attempter::new(rules, now_us), person: None, rows: Vec::new() }
    }

    fn turn_to(&mut self, person: Person<'_>) {
        let names = [person.tenant_id, person.source, person.user_key];
        if self.person.as_ref().is_none_or(|last| *last != names) {
            self.end();
            self.person = Some(names.map(str::to_owned));
        }
    }
}

impl Fold for Attempting {
    fn take_in(&mut self, events: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(events, &TEXTS)?;
        let moments = numbers::<TimestampMicrosecondType>(events, "occurred_at")?;
        let prompts = numbers::<Int32Type>(events, "prompts")?;
        let steps = numbers::<Int64Type>(events, "steps")?;
        for row in 0..events.num_rows() {
            let value = |index| texts.get(index, row);
            let needed = |index| texts.needed(index, row);
            let person = Person { tenant_id: needed(0), source: needed(1), user_key: needed(2) };
            self.turn_to(person);
            let step = Step {
                person,
                at_us: moments.value(row),
                event_id: needed(3),
                attempt_id: value(4),
                user_id: needed(5),
                application: value(6),
                server: value(7),
                client_ip: value(8),
                method: value(9).and_then(Method::parse),
                // The book holds no other words; one of a later version decides nothing here.
                result: value(10).and_then(AuthResult::parse).unwrap_or(AuthResult::Pending),
                reason: value(11).and_then(DenialReason::parse),
                stage: value(12).and_then(Stage::parse).unwrap_or(Stage::UNKNOWN),
                assurance: value(13).and_then(Assurance::parse).unwrap_or(Assurance::UNKNOWN),
                prompts: prompts.is_valid(row).then(|| prompts.value(row)),
                steps: if steps.is_valid(row) { steps.value(row) } else { 0 },
            };
            let rows = &mut self.rows;
            self.attempts.take(&step, &mut |attempt| rows.push(Row::of(person, attempt)));
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some([tenant_id, source, user_key]) = self.person.take() else { return };
        let person = Person { tenant_id: &tenant_id, source: &source, user_key: &user_key };
        let rows = &mut self.rows;
        self.attempts.end_person(&mut |attempt| rows.push(Row::of(person, attempt)));
    }

    fn ready(&self) -> usize {
        self.rows.len()
    }

    fn take_out(&mut self) -> Result<RecordBatch, ArrowError> {
        batch(&std::mem::take(&mut self.rows))
    }
}
