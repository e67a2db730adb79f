//! The table of attempts that SQL sees.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{array_agg, count};
use datafusion::logical_expr::{
    ColumnarValue, Expr, JoinType, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TableProviderFilterPushDown, TableType, Volatility, when,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{col, lit};
use schemas::DAY_US;
use schemas::vocabulary::DenialReason;

use super::columns::{COLUMNS, schema};
use super::stored::StoredAttempts;
use crate::days::kept;
use crate::folded::filtered;
use crate::session::day_literal;

/// The view's name.
pub(crate) const VIEW: &str = "attempts";

/// What a row of it is.
pub(crate) const ABOUT: &str =
    "what one person did, as one source tells it, to pass one gate once: out of counted_events";

/// Columns that are made when they are read: they depend on the clock, or on other attempts.
const MADE: &[&str] = &["result", "denial_reason", "inferred", "joined_by"];

/// The attempts of all events that count.
#[derive(Debug)]
pub(crate) struct Attempts {
    stored: Arc<StoredAttempts>,
}

impl Attempts {
    pub(crate) fn new(stored: Arc<StoredAttempts>) -> Self {
        Self { stored }
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
        let is_stored =
            |filter: &&Expr| filter.column_refs().iter().all(|column| !MADE.contains(&column.name.as_str()));
        let pushed = |filter: &&Expr| {
            if is_stored(filter) {
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
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let now = state.execution_props().query_execution_start_time.unwrap_or_else(Utc::now);
        let all: Vec<usize> = (0..COLUMNS.len()).collect();
        let names: Vec<&str> = projection.unwrap_or(&all).iter().map(|index| COLUMNS[*index].0).collect();
        let stored: Arc<dyn TableProvider> = self.stored.clone();
        let mut plan = filtered("stored", &stored, filters)?;
        if names.contains(&"joined_by") {
            let keys = self.repeated_keys(state, filters).await?;
            plan = plan.join(keys, JoinType::Left, (vec!["key_hash"], vec!["repeated"]), None)?;
        }
        let plan = plan.project(names.into_iter().map(|name| column(name, now).alias(name)))?;
        state.create_physical_plan(&plan.build()?).await
    }
}

impl Attempts {
    /// The keys that several attempts have which the filters leave or which came a day before, and when these began.
    async fn repeated_keys(&self, state: &dyn Session, filters: &[Expr]) -> Result<LogicalPlan> {
        let days: Vec<NaiveDate> = self.stored.days().await?.into_iter().collect();
        let kept = kept(state, self.stored.schema(), filters, &days, "first_at")?;
        let before = |day: &NaiveDate| [Some(*day), day.pred_opt()];
        let days: BTreeSet<NaiveDate> = days
            .iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .flat_map(|(day, _)| before(day))
            .flatten()
            .collect();
        let of_person = |filter: &&Expr| {
            let columns = filter.column_refs();
            columns.iter().all(|column| ["tenant_id", "source", "user_key"].contains(&column.name.as_str()))
        };
        let of_persons: Vec<Expr> = filters.iter().filter(of_person).cloned().collect();
        let stored: Arc<dyn TableProvider> = self.stored.clone();
        let days = days.into_iter().map(|day| lit(day_literal(day))).collect();
        filtered("stored", &stored, &of_persons)?
            .filter(col("key_hash").is_not_null())?
            .filter(col("day").in_list(days, false))?
            .aggregate(
                vec![col("key_hash")],
                vec![count(lit(1)).alias("attempts"), array_agg(col("first_at")).alias("moments")],
            )?
            .filter(col("attempts").gt(lit(1)))?
            .project(vec![col("key_hash").alias("repeated"), col("moments")])?
            .build()
    }
}

/// A column of the view, made of the stored ones.
fn column(name: &str, now: DateTime<Utc>) -> Expr {
    let now = lit(ScalarValue::TimestampMicrosecond(Some(now.timestamp_micros()), Some("UTC".into())));
    let is_expired = col("answerable_until").lt(now);
    let no_response = lit(DenialReason::NoResponse.as_str());
    let made = match name {
        "result" => when(is_expired, lit("denied"))
            .when(col("answerable_until").is_not_null(), lit("open"))
            .otherwise(col("result")),
        "denial_reason" => when(is_expired, no_response).otherwise(col("denial_reason")),
        "inferred" => Ok(is_expired.is_true()),
        "joined_by" => {
            let came_before = ScalarUDF::new_from_impl(CameBefore::new());
            let came_before = came_before.call(vec![col("first_at"), col("moments")]);
            when(col("attempt_id").is_null().and(col("events").gt(lit(1_i64))), lit("inferred"))
                .when(col("attempt_id").is_null(), lit(ScalarValue::Utf8(None)))
                .when(came_before, lit("key-and-gap"))
                .otherwise(lit("key"))
        }
        _ => Ok(col(name)),
    };
    made.unwrap_or_else(|_| col(name))
}

/// The function of SQL that tells whether one of several moments lies before another, on the same UTC day or the one before.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CameBefore {
    signature: Signature,
}

impl CameBefore {
    fn new() -> Self {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let moments = DataType::new_list(moment.clone(), true);
        Self { signature: Signature::exact(vec![moment, moments], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CameBefore {
    fn name(&self) -> &str {
        "came_before"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let at = columns[0].as_primitive::<TimestampMicrosecondType>();
        let all = columns[1].as_list::<i32>();
        let came_before = |row: usize| {
            let at_us = at.value(row);
            let from_us = (at_us.div_euclid(DAY_US) - 1) * DAY_US;
            let moments: Option<ArrayRef> = all.is_valid(row).then(|| all.value(row));
            Some(moments.is_some_and(|moments| {
                let moments = moments.as_primitive::<TimestampMicrosecondType>();
                moments.iter().flatten().any(|moment_us| moment_us < at_us && moment_us >= from_us)
            }))
        };
        Ok(ColumnarValue::Array(Arc::new((0..at.len()).map(came_before).collect::<BooleanArray>())))
    }
}
