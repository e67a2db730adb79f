//! The table of sign-ins that SQL sees.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array as _, ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::functions_nested::expr_fn::{array_distinct, array_sort, make_array};
use datafusion::logical_expr::{
    BinaryExpr, Expr, JoinType, LogicalPlanBuilder, Operator, TableProviderFilterPushDown, TableType, cast,
};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{col, lit};
use schemas::vocabulary::Assurance;

use super::joiner::{Attempt, JoinedBy, SignIn, WITHIN_US, join};
use crate::arrays::{Texts, column, list, lists, moments, numbers, texts};
use crate::folded::{self, Fold};
use crate::period::DAY_US;

/// The view's name.
pub(crate) const VIEW: &str = "sign_ins";

/// What a row of it is.
pub(crate) const ABOUT: &str = "the attempts that several sources logged about the same thing, told once";

/// The names, and what they mean.
#[rustfmt::skip]
pub(crate) const COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "Whose sign-in this is."),
    ("person", "Who, as in persons."),
    ("first_at", "When its first event happened."),
    ("last_at", "When its last event happened."),
    ("sources", "The products that told of it."),
    ("attempts", "How many attempts it is made of: one of each source."),
    ("event_ids", "Which events."),
    ("application", "What was entered, as the source says that signed the person in."),
    ("client_ip", "The client's address, as the same source says."),
    ("methods", "The methods that were tried, by any source."),
    ("result", "How it ended, as the source says that signed the person in: success, denied, open or undecided."),
    ("denial_reason", "Why it was denied."),
    ("assurance", "The strongest that any source proves."),
    ("joined_by", "By what its attempts were joined: key (an id in common) or inferred (person, application and two minutes); null for a single attempt."),
    ("day", "The UTC day of first_at."),
];

/// The sign-ins of all attempts.
#[derive(Debug)]
pub(crate) struct SignIns {
    attempts: Arc<dyn TableProvider>,
    identities: Arc<dyn TableProvider>,
}

impl SignIns {
    pub(crate) fn new(attempts: Arc<dyn TableProvider>, identities: Arc<dyn TableProvider>) -> Self {
        Self { attempts, identities }
    }
}

#[async_trait]
impl TableProvider for SignIns {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // A condition on these drops whole persons; one on the time leaves enough around it to join what belongs together.
        let whole = folded::push_down(filters, &["tenant_id", "person"]);
        let pushed = |(filter, whole): (&&Expr, TableProviderFilterPushDown)| match whole {
            TableProviderFilterPushDown::Unsupported if widened(filter).is_some() => {
                TableProviderFilterPushDown::Inexact
            }
            whole => whole,
        };
        Ok(filters.iter().zip(whole).map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters: Vec<Expr> =
            filters.iter().map(|filter| widened(filter).unwrap_or_else(|| filter.clone())).collect();
        let filters = filters.as_slice();
        let [alone, others] = self.whose(state, filters).await?;
        // Whoever one source alone knows has nothing to join: each attempt is a sign-in.
        let alone = self.attempts_of(alone, filters)?.project(single_columns())?.build()?;
        let wanted = TEXTS.iter().chain(&["first_at", "last_at", "methods", "event_ids"]);
        let others = self
            .attempts_of(others, filters)?
            .project(wanted.map(|name| col(*name)))?
            .sort(["tenant_id", "person", "first_at"].map(|name| col(name).sort(true, true)))?
            .build()?;
        let make = || -> Box<dyn Fold> { Box::new(Joining::default()) };
        let others = vec![state.create_physical_plan(&others).await?];
        let others = folded::plan(others, schema(), Arc::new(make), projection)?;
        let alone = match projection {
            Some(projection) => {
                let columns = projection.iter().map(|index| col(COLUMNS[*index].0));
                LogicalPlanBuilder::from(alone).project(columns)?.build()?
            }
            None => alone,
        };
        UnionExec::try_new(vec![state.create_physical_plan(&alone).await?, others])
    }
}

impl SignIns {
    /// Whose each id is: ids of persons whom one source alone knows, and those of others.
    async fn whose(&self, state: &dyn Session, filters: &[Expr]) -> Result<[Arc<dyn TableProvider>; 2]> {
        // Links never go over tenants.
        let of_tenants =
            filters.iter().filter(|filter| filter.column_refs().iter().all(|it| it.name == "tenant_id"));
        let of_tenants: Vec<Expr> = of_tenants.cloned().collect();
        let plan = self.identities.scan(state, None, &of_tenants, None).await?;
        let mut sources: HashMap<[String; 2], (String, bool)> = HashMap::new();
        let batches = collect(plan, state.task_ctx()).await?;
        let names = ["tenant_id", "person", "source"];
        for batch in &batches {
            let texts = Texts::of(batch, &names)?;
            for row in 0..batch.num_rows() {
                let [tenant, person, source] = [0, 1, 2].map(|index| texts.needed(index, row).to_owned());
                let (first, has_others) = sources.entry([tenant, person]).or_insert((source.clone(), false));
                *has_others |= *first != source;
            }
        }
        let mut parts: [Vec<RecordBatch>; 2] = Default::default();
        for batch in &batches {
            let texts = Texts::of(batch, &names)?;
            let has_others = |row: usize| {
                let whose = [0, 1].map(|index| texts.needed(index, row).to_owned());
                sources.get(&whose).is_some_and(|(_, has_others)| *has_others)
            };
            let has_others: BooleanArray = (0..batch.num_rows()).map(|row| Some(has_others(row))).collect();
            parts[0].push(filter_record_batch(batch, &not(&has_others)?)?);
            parts[1].push(filter_record_batch(batch, &has_others)?);
        }
        let [alone, others] = parts.map(|part| MemTable::try_new(self.identities.schema(), vec![part]));
        Ok([Arc::new(alone?), Arc::new(others?)])
    }

    /// The attempts of these ids, each with whose it was when it began.
    fn attempts_of(&self, whose: Arc<dyn TableProvider>, filters: &[Expr]) -> Result<LogicalPlanBuilder> {
        let attempts = provider_as_source(Arc::clone(&self.attempts));
        let attempts = LogicalPlanBuilder::scan("attempts", attempts, None)?.build()?;
        let keys = (vec!["id_tenant", "id_source", "id_key"], vec!["tenant_id", "source", "user_key"]);
        // The ids first: of two tables to be joined the engine holds the first one in memory.
        let plan = LogicalPlanBuilder::scan("identities", provider_as_source(whose), None)?
            .project([
                col("tenant_id").alias("id_tenant"),
                col("source").alias("id_source"),
                col("user_key").alias("id_key"),
                col("person"),
                col("valid_from"),
                col("valid_to"),
            ])?
            .join(attempts, JoinType::Inner, keys, None)?;
        let has_begun = col("valid_from").is_null().or(col("first_at").gt_eq(col("valid_from")));
        let has_not_ended = col("valid_to").is_null().or(col("first_at").lt(col("valid_to")));
        let plan = plan.filter(has_begun.and(has_not_ended))?;
        filters.iter().try_fold(plan, |plan, filter| plan.filter(filter.clone()))
    }
}

/// How far around a range attempts are read: a day without a pause of two minutes is a robot's.
const AROUND_US: i64 = DAY_US;

/// A condition on the time of a sign-in, for the attempts of which it may be made; none for any other condition.
fn widened(filter: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    let (column, op, value) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
        (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
        _ => return None,
    };
    let later = match op {
        Operator::Gt | Operator::GtEq => -1,
        Operator::Lt | Operator::LtEq => 1,
        _ => return None,
    };
    let value = match (column.name.as_str(), value) {
        ("first_at", ScalarValue::TimestampMicrosecond(Some(at_us), zone)) => {
            let at_us = at_us.checked_add(later * AROUND_US)?;
            ScalarValue::TimestampMicrosecond(Some(at_us), zone.clone())
        }
        ("day", ScalarValue::Date32(Some(day))) => ScalarValue::Date32(Some(day.checked_add(later as i32)?)),
        _ => return None,
    };
    Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(col(column.name.as_str())), op, Box::new(lit(value)))))
}

/// The columns of a sign-in that is one attempt.
fn single_columns() -> Vec<Expr> {
    let schema = schema();
    let column = |(name, _): &(&'static str, _)| {
        let data_type =
            schema.field_with_name(name).map_or(DataType::Null, |field| field.data_type().clone());
        let made = match *name {
            "sources" => make_array(vec![col("source")]),
            "attempts" => lit(1_i64),
            "event_ids" => array_sort(array_distinct(col("event_ids")), lit("ASC"), lit("NULLS LAST")),
            "methods" => array_sort(array_distinct(col("methods")), lit("ASC"), lit("NULLS LAST")),
            "joined_by" => lit(ScalarValue::Utf8(None)),
            name => col(name),
        };
        cast(made, data_type).alias(*name)
    };
    COLUMNS.iter().map(column).collect()
}

const TEXTS: [&str; 9] = [
    "tenant_id",
    "person",
    "source",
    "attempt_id",
    "application",
    "client_ip",
    "result",
    "denial_reason",
    "assurance",
];

/// Attempts that follow each other so closely that any of them may be of one sign-in: a robot's are joined in pieces.
const ATTEMPTS_MAX: usize = 10_000;

/// Joins attempts that come person by person, and of each in the order of time.
#[derive(Default)]
struct Joining {
    /// Tenant and name of the person whose turn it is.
    person: Option<[String; 2]>,
    /// Those that may be of one sign-in.
    attempts: Vec<Attempt>,
    /// When the last of them ended.
    last_at_us: i64,
    rows: Vec<([String; 2], SignIn)>,
}

impl Fold for Joining {
    fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &TEXTS)?;
        let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
        let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
        let (methods, event_ids) = (column(rows, "methods")?, column(rows, "event_ids")?);
        for row in 0..rows.num_rows() {
            let value = |index| texts.get(index, row).map(str::to_owned);
            let needed = |index| texts.needed(index, row).to_owned();
            let person = [needed(0), needed(1)];
            let is_far = first.value(row).saturating_sub(self.last_at_us) > WITHIN_US;
            if self.person.as_ref() != Some(&person) || is_far || self.attempts.len() >= ATTEMPTS_MAX {
                self.end();
                self.person = Some(person);
            }
            self.last_at_us = self.last_at_us.max(last.value(row));
            self.attempts.push(Attempt {
                source: needed(2),
                first_at_us: first.value(row),
                last_at_us: last.value(row),
                attempt_id: value(3),
                event_ids: list(event_ids, row)?,
                application: value(4),
                client_ip: value(5),
                result: needed(6),
                denial_reason: value(7),
                assurance: texts.get(8, row).and_then(Assurance::parse).unwrap_or(Assurance::UNKNOWN),
                methods: list(methods, row)?,
            });
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(person) = self.person.take() else { return };
        self.last_at_us = i64::MIN;
        let joined = join(std::mem::take(&mut self.attempts));
        self.rows.extend(joined.into_iter().map(|sign_in| (person.clone(), sign_in)));
    }

    fn ready(&self) -> usize {
        self.rows.len()
    }

    fn take_out(&mut self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(schema(), arrays(&std::mem::take(&mut self.rows)))
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = COLUMNS.iter().zip(arrays(&[]));
        let fields = fields.map(|((name, _), array)| Field::new(*name, array.data_type().clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

fn arrays(rows: &[([String; 2], SignIn)]) -> Vec<ArrayRef> {
    let all = || rows.iter().map(|(_, sign_in)| sign_in);
    let decided = |of: fn(&Attempt) -> Option<&str>| -> ArrayRef {
        Arc::new(all().map(|sign_in| of(sign_in.deciding()?)).collect::<StringArray>())
    };
    let set = |of: fn(&Attempt) -> Vec<&str>| {
        lists(all().map(|it| it.attempts.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()))
    };
    vec![
        texts(rows.iter().map(|([tenant_id, _], _)| tenant_id.as_str())),
        texts(rows.iter().map(|([_, person], _)| person.as_str())),
        moments(all().map(|it| Some(it.first_at_us()))),
        moments(all().map(|it| Some(it.last_at_us()))),
        set(|attempt| vec![attempt.source.as_str()]),
        Arc::new(Int64Array::from_iter_values(all().map(|it| it.attempts.len() as i64))),
        set(|attempt| attempt.event_ids.iter().map(String::as_str).collect()),
        decided(|attempt| attempt.application.as_deref()),
        decided(|attempt| attempt.client_ip.as_deref()),
        set(|attempt| attempt.methods.iter().map(String::as_str).collect()),
        decided(|attempt| Some(&attempt.result)),
        decided(|attempt| attempt.denial_reason.as_deref()),
        texts(all().map(|it| it.assurance().as_str())),
        Arc::new(all().map(|it| it.joined_by.map(JoinedBy::as_str)).collect::<StringArray>()),
        Arc::new(Date32Array::from_iter_values(all().map(|it| it.first_at_us().div_euclid(DAY_US) as i32))),
    ]
}
