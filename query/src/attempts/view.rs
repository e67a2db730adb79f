//! The table of attempts that SQL sees.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use async_trait::async_trait;
use chrono::Utc;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::functions_nested::expr_fn::array_length;
use datafusion::logical_expr::{
    Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, cast as cast_to, when,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{col, lit};
use futures::{Stream, StreamExt as _, stream};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::columns::{Row, batch, schema};
use super::fold::{Fold, Person, Rules, Step};

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

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// The attempts of all events that count.
#[derive(Debug)]
pub(crate) struct Attempts {
    counted_events: Arc<dyn TableProvider>,
}

impl Attempts {
    pub(crate) fn new(counted_events: Arc<dyn TableProvider>) -> Self {
        Self { counted_events }
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
        let is_common =
            |filter: &&Expr| filter.column_refs().iter().all(|column| COMMON.contains(&column.name.as_str()));
        let pushed = |filter: &&Expr| {
            if is_common(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let events = provider_as_source(Arc::clone(&self.counted_events));
        let mut plan = LogicalPlanBuilder::scan("counted_events", events, None)?;
        for filter in filters {
            plan = plan.filter(filter.clone())?;
        }
        let steps = cast_to(array_length(col("steps")), DataType::Int64).alias("steps");
        let wanted = TEXTS.iter().map(|name| col(*name)).chain([col("occurred_at"), col("prompts"), steps]);
        let plan = plan.project(wanted)?.sort(order())?.build()?;
        let now = state.execution_props().query_execution_start_time.unwrap_or_else(Utc::now);
        let partition = Folded {
            events: state.create_physical_plan(&plan).await?,
            rules: Arc::new(Rules::default()),
            now_us: now.timestamp_micros(),
            schema: schema(),
        };
        let exec = StreamingTableExec::try_new(
            schema(),
            vec![Arc::new(partition)],
            projection,
            Vec::new(),
            false,
            limit,
        )?;
        Ok(Arc::new(exec))
    }
}

/// Person by person, and of each in the order of time. Of events at the same moment a challenge comes first and what let
/// the person in last; then what they say decides, never how they came, so that any order of arrival gives the same.
fn order() -> Vec<datafusion::logical_expr::SortExpr> {
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

/// Events that are folded as they come.
struct Folded {
    events: Arc<dyn ExecutionPlan>,
    rules: Arc<Rules>,
    now_us: i64,
    schema: SchemaRef,
}

impl fmt::Debug for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folded").finish_non_exhaustive()
    }
}

impl PartitionStream for Folded {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let events = execute_stream(Arc::clone(&self.events), context);
        let (rules, now_us) = (Arc::clone(&self.rules), self.now_us);
        let folded = stream::once(async move { events.map(|events| fold(events, rules, now_us)) });
        let folded = folded.flat_map(|folded| match folded {
            Ok(folded) => folded.boxed(),
            Err(error) => stream::once(async move { Err(error) }).boxed(),
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), folded))
    }
}

/// Folds events in their order into batches of attempts.
fn fold(
    events: SendableRecordBatchStream,
    rules: Arc<Rules>,
    now_us: i64,
) -> impl Stream<Item = Result<RecordBatch>> {
    let state = (events, Folding::new(rules, now_us), false);
    stream::try_unfold(state, |(mut events, mut folding, has_ended)| async move {
        if has_ended {
            return Ok(None);
        }
        let mut has_ended = false;
        while !has_ended && folding.rows.len() < BATCH_ROWS {
            match events.next().await.transpose()? {
                Some(rows) => folding.take_in(&rows)?,
                None => {
                    folding.end_person();
                    has_ended = true;
                }
            }
        }
        let rows = batch(&std::mem::take(&mut folding.rows))?;
        Ok(Some((rows, (events, folding, has_ended))))
    })
}

/// A fold that goes on from batch to batch.
struct Folding {
    fold: Fold,
    /// Tenant, source and user key of the person who is folded.
    person: Option<[String; 3]>,
    rows: Vec<Row>,
}

impl Folding {
    fn new(rules: Arc<Rules>, now_us: i64) -> Self {
        Self { fold: Fold::new(rules, now_us), person: None, rows: Vec::new() }
    }

    fn take_in(&mut self, events: &RecordBatch) -> Result<(), ArrowError> {
        let texts = TEXTS.map(|name| text(events, name));
        let texts = texts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let number = |name: &str| {
            events.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        let moments = number("occurred_at")?.as_primitive::<TimestampMicrosecondType>();
        let prompts = number("prompts")?.as_primitive::<Int32Type>();
        let steps = number("steps")?.as_primitive::<Int64Type>();
        for row in 0..events.num_rows() {
            let value = |index: usize| texts[index].is_valid(row).then(|| texts[index].value(row));
            let needed = |index: usize| value(index).unwrap_or_default();
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
            let (rows, whose) = (&mut self.rows, person);
            self.fold.take(&step, &mut |attempt| rows.push(row_of(whose, attempt)));
        }
        Ok(())
    }

    fn turn_to(&mut self, person: Person<'_>) {
        let names = [person.tenant_id, person.source, person.user_key];
        if self.person.as_ref().is_none_or(|last| *last != names) {
            self.end_person();
            self.person = Some(names.map(str::to_owned));
        }
    }

    fn end_person(&mut self) {
        let Some([tenant_id, source, user_key]) = self.person.take() else { return };
        let person = Person { tenant_id: &tenant_id, source: &source, user_key: &user_key };
        let rows = &mut self.rows;
        self.fold.end_person(&mut |attempt| rows.push(row_of(person, attempt)));
    }
}

fn row_of(person: Person<'_>, attempt: super::fold::Attempt) -> Row {
    Row {
        tenant_id: person.tenant_id.to_owned(),
        source: person.source.to_owned(),
        user_key: person.user_key.to_owned(),
        attempt,
    }
}

fn text(events: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    let column =
        events.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?;
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}
