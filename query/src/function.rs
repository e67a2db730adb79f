//! Functions of SQL that tell something of each row, by what the process knows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// A function of these columns that is true or false for each row. It is no other function's equal.
pub(crate) fn telling(
    name: &str,
    types: Vec<DataType>,
    tell: impl Fn(&[ArrayRef]) -> BooleanArray + Send + Sync + 'static,
) -> ScalarUDF {
    trying(name, types, move |columns| Ok(tell(columns)))
}

/// The same, of columns that may not be what they should.
pub(crate) fn trying(
    name: &str,
    types: Vec<DataType>,
    tell: impl Fn(&[ArrayRef]) -> Result<BooleanArray, ArrowError> + Send + Sync + 'static,
) -> ScalarUDF {
    let of_columns = move |arguments: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        Ok(ColumnarValue::Array(Arc::new(tell(&columns)?)))
    };
    create_udf(name, types, DataType::Boolean, Volatility::Immutable, Arc::new(of_columns))
}
