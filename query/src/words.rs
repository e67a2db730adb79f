//! The words of the vocabularies, explained.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use schemas::vocabulary::DenialReason;
use serde_json::json;

use crate::answer::Answer;
use crate::coverage::Question;
use crate::error::QueryError;
use crate::session::Session;

/// Lists every reason of a denial: `reason`, `reason_group`, `meaning`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn reasons(session: &Session) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let all = || DenialReason::ALL.iter();
    let columns: [(&str, ArrayRef); 3] = [
        ("reason", Arc::new(StringArray::from_iter_values(all().map(|reason| reason.as_str())))),
        (
            "reason_group",
            Arc::new(StringArray::from_iter_values(all().map(|reason| reason.group().as_str()))),
        ),
        ("meaning", Arc::new(StringArray::from_iter_values(all().map(|reason| reason.meaning())))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, false)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| QueryError::while_running(error.into(), &limits))?;
    let coverage = session.coverage("UTC", Question::List { list: "reasons", parameters: json!({}) }).await?;
    Ok(Answer::of_rows(coverage, rows, limits))
}
