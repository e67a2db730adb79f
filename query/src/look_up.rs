//! The events of a few people, looked up in each file by its sorted rows: nothing else of the file is decoded.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lake::{ActiveFile, Book, Users};

use crate::period::day_number;

/// Of more people, all files are better read as a whole.
const USERS_MAX: usize = 64;

/// The column that no file holds, but its place in the table tells.
const DAY: &str = "day";

/// Whose rows conditions leave, where they leave those of few users alone.
pub(crate) fn users(filters: &[Expr]) -> Option<Users> {
    let of = |column| filters.iter().filter_map(|filter| values(filter, column)).min_by_key(BTreeSet::len);
    let keys = of("user_key").filter(|keys| keys.len() <= USERS_MAX)?;
    Some(Users { keys, tenants: of("tenant_id") })
}

/// The values that a condition leaves of a column; none where it leaves more than it names.
fn values(condition: &Expr, column: &str) -> Option<BTreeSet<String>> {
    let is_it = |expr: &Expr| matches!(expr, Expr::Column(it) if it.name == column);
    let text = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let value = if is_it(left) { text(right) } else { text(left).filter(|_| is_it(right)) };
            value.map(|value| BTreeSet::from([value]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (mut one, other) = (values(left, column)?, values(right, column)?);
            one.extend(other);
            Some(one)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let sides = [left, right].map(|side| values(side, column));
            sides.into_iter().flatten().min_by_key(BTreeSet::len)
        }
        Expr::InList(InList { expr, list, negated: false }) if is_it(expr) => list.iter().map(text).collect(),
        _ => None,
    }
}

/// The events of some users, in the columns of a view.
pub(crate) struct EventsOf {
    book: Book,
    files: Vec<ActiveFile>,
    users: Arc<Users>,
    schema: SchemaRef,
}

impl EventsOf {
    /// In these files of the book.
    pub(crate) fn new(book: &Book, files: Vec<ActiveFile>, users: Users, schema: SchemaRef) -> Self {
        Self { book: book.clone(), files, users: Arc::new(users), schema }
    }
}

impl fmt::Debug for EventsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsOf").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for EventsOf {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => self.schema(),
        };
        let count = state.config().target_partitions().max(1);
        let partition = |index| -> Arc<dyn PartitionStream> {
            Arc::new(Partition {
                book: self.book.clone(),
                files: self.files.iter().skip(index).step_by(count).cloned().collect(),
                users: Arc::clone(&self.users),
                schema: Arc::clone(&schema),
            })
        };
        let partitions = (0..count).map(partition).collect();
        Ok(Arc::new(StreamingTableExec::try_new(
            Arc::clone(&schema),
            partitions,
            None,
            Vec::new(),
            false,
            None,
        )?))
    }
}

/// Some of the files.
struct Partition {
    book: Book,
    files: Vec<ActiveFile>,
    users: Arc<Users>,
    schema: SchemaRef,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (book, users, schema) = (self.book.clone(), Arc::clone(&self.users), Arc::clone(&self.schema));
        let rows = stream::iter(self.files.clone()).then(move |file| {
            let (book, users, schema) = (book.clone(), Arc::clone(&users), Arc::clone(&schema));
            async move {
                let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                let rows = book.rows_of_users(&file, users, &columns).await.map_err(failed)?;
                Ok::<_, DataFusionError>(
                    rows.map(move |rows| in_columns(&rows.map_err(failed)?, &file, &schema)),
                )
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows.try_flatten()))
    }
}

fn failed(error: lake::ReadError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Rows of a file in the columns that are asked for.
fn in_columns(rows: &RecordBatch, file: &ActiveFile, schema: &SchemaRef) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef> {
        let day = file.day.filter(|_| field.name() == DAY);
        let column: ArrayRef = match (rows.column_by_name(field.name()), day) {
            (_, Some(day)) => Arc::new(Date32Array::from(vec![day_number(day); count])),
            (Some(column), None) => Arc::clone(column),
            // The file is older than the column.
            (None, None) => new_null_array(field.data_type(), count),
        };
        if column.data_type() == field.data_type() {
            Ok(column)
        } else {
            Ok(cast(&column, field.data_type())?)
        }
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn keys(filters: &[Expr]) -> Option<Vec<String>> {
        users(filters).map(|users| users.keys.into_iter().collect())
    }

    #[test]
    fn few_users_are_found_in_conditions_and_nothing_else_is_taken_for_them() {
        let is = |key: &str| col("user_key").eq(lit(key));
        assert_eq!(keys(&[is("ada")]), Some(vec!["ada".into()]));
        assert_eq!(keys(&[lit("ada").eq(col("user_key"))]), Some(vec!["ada".into()]));
        assert_eq!(keys(&[is("ada").or(is("bob"))]), Some(vec!["ada".into(), "bob".into()]));
        let list = |negated| col("user_key").in_list(vec![lit("ada"), lit("bob")], negated);
        assert_eq!(
            keys(&[list(false).and(col("source").eq(lit("duo")))]),
            Some(vec!["ada".into(), "bob".into()])
        );
        assert_eq!(keys(&[list(false), is("bob")]), Some(vec!["bob".into()]));
        for other in [
            list(true),
            is("ada").or(col("source").eq(lit("duo"))),
            col("user_key").gt(lit("ada")),
            col("user_id").eq(lit("ada")),
            col("user_key").eq(col("user_id")),
        ] {
            assert_eq!(keys(std::slice::from_ref(&other)), None, "{other}");
        }
        let many = (0..=USERS_MAX).map(|index| lit(index.to_string())).collect();
        assert_eq!(keys(&[col("user_key").in_list(many, false)]), None);
        let of = users(&[is("ada").and(col("tenant_id").eq(lit("acme")))]).expect("users");
        assert_eq!(of.tenants, Some(BTreeSet::from(["acme".to_owned()])));
    }
}
