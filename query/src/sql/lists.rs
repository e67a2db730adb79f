//! What there is to know before one writes SQL: the limits, the tables and the functions.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt64Array};
use schemas::{COLUMNS, Kind};

use super::functions::FUNCTIONS;
use super::limits::SqlLimits;
use crate::answer::Answer;
use crate::error::QueryError;
use crate::session::Session;
use crate::views::{about_view, view_name};

/// Lists the limits of free SQL: `name` in the configuration, `value`, `unit`, `meaning`, `advice`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn sql_limits(session: &Session, limits: &SqlLimits) -> Result<Answer, QueryError> {
    let told = limits.told();
    let text = |of: fn(&super::limits::Told) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(told.iter().map(of)))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("name", text(|told| told.name)),
        ("value", Arc::new(UInt64Array::from_iter_values(told.iter().map(|told| told.value)))),
        ("unit", text(|told| told.unit)),
        ("meaning", text(|told| told.meaning)),
        ("advice", text(|told| told.advice)),
    ];
    Answer::list(session, "sql-limits", columns).await
}

/// Lists the columns of each table: `table`, `about` the table, `column`, its SQL `type`, its `meaning`, and whether it
/// `prunes`: with a condition on it, files are skipped.
///
/// # Errors
///
/// The book cannot be read.
pub async fn sql_tables(session: &Session) -> Result<Answer, QueryError> {
    let mut rows: Vec<(&str, &str, String, String, &str, bool)> = Vec::new();
    for kind in Kind::ALL {
        let (table, about) = (view_name(*kind), about_view(*kind));
        for column in COLUMNS.iter().filter(|column| column.is_in(*kind)) {
            let column_type = column.column_type.arrow_type().to_string();
            let prunes = lake::STATISTICS_COLUMNS.contains(&column.name);
            rows.push((table, about, column.name.to_owned(), column_type, column.doc, prunes));
        }
        let meaning =
            "The UTC day of `occurred_at`, or of the commit where there is none: the folder of the file.";
        rows.push((table, about, "day".to_owned(), "Date32".to_owned(), meaning, true));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("table", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("about", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
        ("column", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2)))),
        ("type", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.3)))),
        ("meaning", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.4)))),
        ("prunes", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.5))))),
    ];
    Answer::list(session, "sql-tables", columns).await
}

/// Lists the functions that may be called: `function`, `about` its group.
///
/// # Errors
///
/// The book cannot be read.
pub async fn sql_functions(session: &Session) -> Result<Answer, QueryError> {
    let of_group = |(about, names): &(&'static str, &[&'static str])| {
        let about = *about;
        names.iter().map(move |name| (*name, about)).collect::<Vec<_>>()
    };
    let all: Vec<_> = FUNCTIONS.iter().flat_map(of_group).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("function", Arc::new(StringArray::from_iter_values(all.iter().map(|row| row.0)))),
        ("about", Arc::new(StringArray::from_iter_values(all.iter().map(|row| row.1)))),
    ];
    Answer::list(session, "sql-functions", columns).await
}
