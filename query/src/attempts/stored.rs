//! The rows of attempts, stored or not stored yet, at one version of the book.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    Expr, LogicalPlanBuilder, ScalarUDF, TableProviderFilterPushDown, TableType, cast,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{col, lit};
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use lake::projections::{PartKind, ROW};
use projections::{ProjectError, Unstored, attempt_schema};
use schemas::DAY_US;
use schemas::arrays::numbers;
use tokio::sync::OnceCell;

use super::repeated_keys::{self, RepeatedKeys};
use crate::basis::Basis;
use crate::function::telling;

/// The rows of attempts at one version of the book.
pub(crate) struct StoredAttempts {
    basis: Arc<Basis>,
    schema: SchemaRef,
    unstored: OnceCell<Arc<Unstored>>,
}

impl StoredAttempts {
    pub(crate) fn new(basis: Arc<Basis>) -> Self {
        let columns = attempt_schema().fields().iter().cloned().chain([day_field()]).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(columns));
        Self { basis, schema, unstored: OnceCell::new() }
    }

    /// The rows that are not stored, and the table of those that are.
    pub(crate) async fn unstored(&self) -> Result<Arc<Unstored>> {
        let find = async || {
            let Basis { sums, repeats, rules, .. } = &*self.basis;
            let table = self.basis.table().await;
            let table = table.map_err(|error| external(ProjectError::from(error)))?;
            let totals = sums.get().await.map_err(|error| external(ProjectError::from(error)))?;
            let unstored = Unstored::at(self.basis.book(), totals, repeats, rules, table).await;
            unstored.map(Arc::new).map_err(external)
        };
        self.unstored.get_or_try_init(find).await.map(Arc::clone)
    }

    /// The days on which attempts began.
    pub(crate) async fn days(&self) -> Result<BTreeSet<NaiveDate>> {
        let unstored = self.unstored().await?;
        let mut days = BTreeSet::new();
        if let Some(table) = &unstored.table {
            let parts = table.parts().map_err(|error| external(ProjectError::from(error)))?;
            let attempts = parts.into_iter().filter(|part| part.kind == PartKind::Attempt);
            days.extend(attempts.map(|part| part.day));
        }
        for rows in &unstored.rows {
            let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
            days.extend(
                first
                    .values()
                    .iter()
                    .filter_map(|at_us| Some(DateTime::from_timestamp_micros(*at_us)?.date_naive())),
            );
        }
        Ok(days)
    }

    /// The keys that several attempts have which began on these days.
    pub(super) async fn repeated_keys(
        &self,
        days: &BTreeSet<NaiveDate>,
        user: Option<&str>,
    ) -> Result<RepeatedKeys> {
        repeated_keys::find(&*self.unstored().await?, days, user).await.map_err(external)
    }

    /// The rows of a table, as this one has them.
    fn plan(
        &self,
        table: Arc<dyn TableProvider>,
        is_void: &ScalarUDF,
        filters: &[Expr],
    ) -> Result<LogicalPlanBuilder> {
        let columns = self.schema.fields().iter();
        // The engine's own types of text would differ between the two.
        let columns =
            columns.map(|field| cast(col(field.name()), field.data_type().clone()).alias(field.name()));
        let rows = LogicalPlanBuilder::scan("rows", provider_as_source(table), None)?
            .filter(is_void.call(vec![col(ROW)]).is_not_true())?
            .project(columns)?;
        filters.iter().try_fold(rows, |rows, filter| rows.filter(filter.clone()))
    }
}

impl fmt::Debug for StoredAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAttempts")
            .field("book_version", &self.basis.book().version())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for StoredAttempts {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let unstored = self.unstored().await?;
        let known = Arc::clone(&unstored);
        let is_void = telling("is_void", vec![DataType::Int64], move |columns| {
            let rows = columns[0].as_primitive::<Int64Type>().values().iter();
            rows.map(|row| Some(known.voided.contains(row.cast_unsigned()))).collect()
        });
        let rows = unstored.rows.iter().map(with_day).collect::<Result<Vec<_>>>()?;
        let rows = MemTable::try_new(Arc::clone(&self.schema), vec![rows])?;
        let mut plan = self.plan(Arc::new(rows), &is_void, filters)?;
        if let Some(table) = &unstored.table {
            table.table().update_datafusion_session(state)?;
            let config = DeltaScanConfig::new_from_session(state).with_wrap_partition_values(false);
            let snapshot = table.table().snapshot()?.snapshot().clone();
            let stored: Arc<dyn TableProvider> = Arc::new(DeltaScanNext::new(snapshot, config)?);
            let is_attempt = col("kind").eq(lit(PartKind::Attempt.as_str()));
            let attempts = LogicalPlanBuilder::scan("projections", provider_as_source(stored), None)?
                .filter(is_attempt)?;
            let attempts: Arc<dyn TableProvider> = Arc::new(ViewTable::new(attempts.build()?, None));
            plan = plan.union(self.plan(attempts, &is_void, filters)?.build()?)?;
        }
        if let Some(projection) = projection {
            plan = plan.project(projection.iter().map(|index| col(self.schema.field(*index).name())))?;
        }
        state.create_physical_plan(&plan.build()?).await
    }
}

fn external(error: ProjectError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn day_field() -> Arc<Field> {
    Arc::new(Field::new("day", DataType::Date32, true))
}

/// Rows with the day on which each attempt began, as the table's partitions tell it.
fn with_day(rows: &RecordBatch) -> Result<RecordBatch> {
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let days =
        Date32Array::from_iter_values(first.values().iter().map(|at_us| at_us.div_euclid(DAY_US) as i32));
    let fields: Vec<_> = rows.schema_ref().fields().iter().cloned().chain([day_field()]).collect();
    let columns = rows.columns().iter().cloned().chain([Arc::new(days) as ArrayRef]).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
