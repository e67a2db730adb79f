//! The table of attempts that SQL sees.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ScalarUDF, TableProviderFilterPushDown, TableType, when};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{col, lit};
use schemas::DAY_US;
use schemas::vocabulary::DenialReason;

use super::columns::{COLUMNS, schema};
use super::repeated_keys::RepeatedKeys;
use super::stored::StoredAttempts;
use crate::days::kept;
use crate::folded::filtered;
use crate::function::telling;
use crate::look_up;
use crate::session::moment_literal;

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
        let keys = if names.contains(&"joined_by") {
            self.repeated_keys(state, filters).await?
        } else {
            RepeatedKeys::default()
        };
        let came_before = came_before(keys);
        let plan = filtered("stored", &stored, filters)?;
        let plan = plan.project(names.into_iter().map(|name| column(name, now, &came_before).alias(name)))?;
        state.create_physical_plan(&plan.build()?).await
    }
}

impl Attempts {
    /// The keys that several attempts have of those that the filters leave, and of those on the day before.
    async fn repeated_keys(&self, state: &dyn Session, filters: &[Expr]) -> Result<RepeatedKeys> {
        let days: Vec<NaiveDate> = self.stored.days().await?.into_iter().collect();
        let kept = kept(state, self.stored.schema(), filters, &days, "first_at")?;
        let before = |day: &NaiveDate| [Some(*day), day.pred_opt()];
        let kept = days.iter().zip(kept).filter(|(_, kept)| *kept);
        let days = kept.flat_map(|(day, _)| before(day)).flatten().collect();
        let users = look_up::users(filters).map(|users| users.keys).filter(|keys| keys.len() == 1);
        let user = users.as_ref().and_then(|keys| keys.first());
        self.stored.repeated_keys(&days, user.map(String::as_str)).await
    }
}

/// A column of the view, made of the stored ones.
fn column(name: &str, now: DateTime<Utc>, came_before: &ScalarUDF) -> Expr {
    let now = lit(moment_literal(now.timestamp_micros()));
    let is_expired = col("answerable_until").lt(now);
    let no_response = lit(DenialReason::NoResponse.as_str());
    let made = match name {
        "result" => when(is_expired, lit("denied"))
            .when(col("answerable_until").is_not_null(), lit("open"))
            .otherwise(col("result")),
        "denial_reason" => when(is_expired, no_response).otherwise(col("denial_reason")),
        "inferred" => Ok(is_expired.is_true()),
        "joined_by" => {
            let came_before = came_before.call(vec![col("key_hash"), col("first_at")]);
            when(col("attempt_id").is_null().and(col("events").gt(lit(1_i64))), lit("inferred"))
                .when(col("attempt_id").is_null(), lit(ScalarValue::Utf8(None)))
                .when(came_before, lit("key-and-gap"))
                .otherwise(lit("key"))
        }
        _ => Ok(col(name)),
    };
    made.unwrap_or_else(|_| col(name))
}

/// The function of SQL that tells whether an attempt's key came before, on the same UTC day or the one before.
fn came_before(all: RepeatedKeys) -> ScalarUDF {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    telling("came_before", vec![DataType::Int64, moment], move |columns| {
        let keys = columns[0].as_primitive::<Int64Type>();
        let at = columns[1].as_primitive::<TimestampMicrosecondType>();
        let came_before = |row: usize| {
            let at_us = at.value(row);
            let from_us = (at_us.div_euclid(DAY_US) - 1) * DAY_US;
            let moments = keys.is_valid(row).then(|| all.get(&keys.value(row))).flatten();
            Some(moments.is_some_and(|moments| moments.iter().any(|it| (from_us..at_us).contains(it))))
        };
        (0..at.len()).map(came_before).collect()
    })
}
