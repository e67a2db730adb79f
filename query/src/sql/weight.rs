//! What rows weigh once they are written down: a server holds each piece as text too, and text can be much where columns
//! are nothing (nulls, flags, the name of a column in each row of JSON).

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use crate::error::QueryError;

/// Bytes of the text of a value beside its own: quotes, commas, the word `null`.
const CELL_BYTES: usize = 8;

/// Levels of lists, structs and maps in one another, and columns with all that is in them: readers of Arrow have limits,
/// and nobody reads more.
const DEPTH_MAX: usize = 24;
const FIELDS_MAX: usize = 4_000;

/// Refuses columns that no reader takes.
pub(super) fn check_schema(schema: &Schema) -> Result<(), QueryError> {
    let refuse = |text: String| Err(QueryError::Refused(text));
    let mut fields = 0;
    let mut level: Vec<&Field> = schema.fields().iter().map(AsRef::as_ref).collect();
    for depth in 0.. {
        fields += level.len();
        if fields > FIELDS_MAX {
            return refuse(format!(
                "ask for fewer columns: at most {FIELDS_MAX} can be written, parts of columns included"
            ));
        }
        if level.is_empty() {
            break;
        }
        if depth > DEPTH_MAX {
            return refuse(format!(
                "unpack the columns: lists and structs are more than {DEPTH_MAX} levels deep"
            ));
        }
        level = level.into_iter().flat_map(|field| children(field.data_type())).collect();
    }
    Ok(())
}

fn children(data_type: &DataType) -> Vec<&Field> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item],
        DataType::Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        DataType::RunEndEncoded(_, values) => vec![values],
        _ => Vec::new(),
    }
}

/// Bytes of rows as text, about, and at least as many as they are in columns, lists left out.
pub(super) fn of(rows: &RecordBatch) -> usize {
    let names = rows.schema_ref().fields().iter().map(|field| field.name().len() + CELL_BYTES).sum::<usize>();
    names * rows.num_rows() + rows.columns().iter().map(values).sum::<usize>()
}

/// Bytes of the values of a column, in which each of a list counts.
fn values(column: &ArrayRef) -> usize {
    let cells = CELL_BYTES * column.len();
    cells
        + match column.data_type() {
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                part(lists.values(), &lists.offsets()[..])
            }
            DataType::LargeList(_) => {
                let lists = column.as_list::<i64>();
                let offsets = lists.offsets();
                let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
                values(&lists.values().slice(first, last - first))
            }
            DataType::Map(..) => {
                let maps = column.as_map();
                let entries: ArrayRef = std::sync::Arc::new(maps.entries().clone());
                part(&entries, &maps.offsets()[..])
            }
            DataType::FixedSizeList(..) => {
                let lists = column.as_fixed_size_list();
                let length = lists.value_length() as usize;
                values(&lists.values().slice(lists.offset() * length, lists.len() * length))
            }
            DataType::Struct(_) => column.as_struct().columns().iter().map(values).sum(),
            _ => column.to_data().get_slice_memory_size().unwrap_or(0),
        }
}

fn part(items: &ArrayRef, offsets: &[i32]) -> usize {
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return 0 };
    values(&items.slice(*first as usize, (last - first) as usize))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ListArray, NullArray, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn rows(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("x", column)]).expect("rows")
    }

    #[test]
    fn what_is_nothing_in_columns_weighs_as_text() {
        assert!(of(&rows(Arc::new(NullArray::new(1_000)))) >= 8_000);
        let nulls = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![None::<i32>; 1_000])]);
        assert!(of(&rows(Arc::new(nulls))) >= 8_000);
    }

    #[test]
    fn a_part_of_a_list_weighs_as_much_as_it_is() {
        let lists = (0..100).map(|_| Some(vec![Some(1); 1_000]));
        let whole = rows(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)));
        let (all, one) = (of(&whole), of(&whole.slice(50, 1)));
        assert!(one * 90 < all && all < one * 110, "{one} of {all}");
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a".repeat(100); 100]));
        assert!(of(&rows(texts)) >= 10_000);
    }

    #[test]
    fn columns_that_no_reader_takes_are_refused() {
        let nested = (0..30).fold(DataType::Int32, |inner, _| DataType::new_list(inner, true));
        let deep = Schema::new(vec![Field::new("x", nested, true)]);
        assert!(check_schema(&deep).expect_err("deep").to_string().contains("24 levels"));
        let wide: Vec<Field> =
            (0..5_000).map(|index| Field::new(format!("x{index}"), DataType::Int32, true)).collect();
        assert!(check_schema(&Schema::new(wide)).is_err());
        let usual = DataType::new_list(DataType::new_list(DataType::Utf8, true), true);
        assert!(check_schema(&Schema::new(vec![Field::new("x", usual, true)])).is_ok());
    }
}
