//! Which days conditions leave.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use crate::period::{DAY_US, day_number, day_start_us};

/// Whether rows of each day can pass all of these filters, where `day` is the day of the column `moment`. What cannot be
/// told is kept.
pub(crate) fn kept(
    state: &dyn Session,
    schema: SchemaRef,
    filters: &[Expr],
    days: &[NaiveDate],
    moment: &str,
) -> Result<Vec<bool>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(vec![true; days.len()]) };
    let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
    PruningPredicateBuilder::new().with_file_schema(schema).try_build(filter)?.prune(&Days { days, moment })
}

/// Days, for what is known of the moments in each.
struct Days<'a> {
    days: &'a [NaiveDate],
    moment: &'a str,
}

impl Days<'_> {
    fn values(&self, column: &Column, in_day_us: i64) -> Option<ArrayRef> {
        match column.name.as_str() {
            "day" => Some(Arc::new(Date32Array::from_iter_values(self.days.iter().copied().map(day_number)))),
            name if name == self.moment => {
                let at = |day: &NaiveDate| day_start_us(*day) + in_day_us;
                let moments = TimestampMicrosecondArray::from_iter_values(self.days.iter().map(at));
                Some(Arc::new(moments.with_timezone("UTC")))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for Days<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, 0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, DAY_US - 1)
    }

    fn num_containers(&self) -> usize {
        self.days.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
