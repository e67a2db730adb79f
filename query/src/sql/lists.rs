//! What there is to know before one writes SQL: the limits, the tables and the functions.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt64Array};
use schemas::COLUMNS;
use serde_json::json;

use super::functions::FUNCTIONS;
use super::limits::SqlLimits;
use crate::answer::Answer;
use crate::attempts;
use crate::error::QueryError;
use crate::ocsf;
use crate::people::{self, IDENTITIES, PERSONS};
use crate::session::Session;
use crate::sign_ins;
use crate::views::tables;

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
    Answer::list(session, "sql-limits", json!({}), columns).await
}

/// What the partition column means.
const DAY: &str =
    "The UTC day of `occurred_at`, or of the commit where there is none: the folder of the file.";

/// Lists the columns of each table: `table`, `about` the table, `column`, its SQL `type`, its `meaning`, and whether it
/// `prunes`: with a condition on it, files are skipped.
///
/// # Errors
///
/// The book cannot be read.
pub async fn sql_tables(session: &Session) -> Result<Answer, QueryError> {
    let mut rows: Vec<(&str, &str, String, String, &str, bool)> = Vec::new();
    for (table, about) in tables() {
        for field in session.table(table).await?.schema().fields() {
            let name = field.name().as_str();
            let own = own_columns(table);
            let (meaning, prunes) = if let Some(own) = own {
                let column = own.iter().find(|(column, _)| *column == name);
                (column.map_or("", |(_, doc)| *doc), ["tenant_id", "user_key", ocsf::PRUNES].contains(&name))
            } else if name == "day" {
                (DAY, true)
            } else {
                let column = COLUMNS.iter().find(|column| column.name == name);
                (column.map_or("", |column| column.doc), lake::STATISTICS_COLUMNS.contains(&name))
            };
            rows.push((table, about, name.to_owned(), field.data_type().to_string(), meaning, prunes));
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("table", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("about", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
        ("column", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2)))),
        ("type", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.3)))),
        ("meaning", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.4)))),
        ("prunes", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.5))))),
    ];
    Answer::list(session, "sql-tables", json!({}), columns).await
}

/// The columns of a table that is made of others, with their meanings.
fn own_columns(table: &str) -> Option<Vec<(&'static str, &'static str)>> {
    let of_people = [IDENTITIES, PERSONS].into_iter().find(|people| people.name == table);
    match table {
        attempts::VIEW => Some(attempts::COLUMNS.to_vec()),
        sign_ins::VIEW => Some(sign_ins::COLUMNS.to_vec()),
        ocsf::VIEW => Some(ocsf::columns().iter().map(|column| (column.name, column.doc)).collect()),
        people::VIEW => Some(people::COLUMNS.to_vec()),
        _ => of_people.map(|people| people.columns.to_vec()),
    }
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
    Answer::list(session, "sql-functions", json!({}), columns).await
}
