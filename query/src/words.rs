//! The words of the vocabularies, explained.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
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
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, false)))
        .map_err(|error| QueryError::while_running(error.into(), &limits))?;
    let coverage = session.coverage("UTC", Question::List { list: "reasons", parameters: json!({}) }).await?;
    Ok(Answer::of_rows(coverage, rows, limits))
}
