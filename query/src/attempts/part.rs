//! A part of all persons, by a hash of their names.

use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// The function of SQL that tells whether an event is of a part of the persons.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OfPart {
    part: u64,
    parts: u64,
    signature: Signature,
}

impl OfPart {
    pub(super) fn new(part: u64, parts: u64) -> Self {
        Self { part, parts, signature: Signature::exact(vec![DataType::Utf8; 3], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OfPart {
    fn name(&self) -> &str {
        "is_of_part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // The same for all parts: each person is of one.
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [tenants, sources, keys] = [0, 1, 2].map(|index| columns[index].as_string::<i32>());
        let is_of_part = |row: usize| {
            let person = (tenants.value(row), sources.value(row), keys.value(row));
            Some(hasher.hash_one(person) % self.parts == self.part)
        };
        Ok(ColumnarValue::Array(Arc::new((0..tenants.len()).map(is_of_part).collect::<BooleanArray>())))
    }
}
