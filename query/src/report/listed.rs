//! The list of reports.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use serde_json::json;

use super::{REPORTS, Report};
use crate::answer::Answer;
use crate::error::QueryError;
use crate::session::Session;

/// Lists the reports, a row each: `report`, `asks` in a line, `definition` in words, and its `parameters`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn reports(session: &Session) -> Result<Answer, QueryError> {
    let text = |of: &dyn Fn(&Report) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(REPORTS.iter().map(|report| of(report))))
    };
    let parameters =
        |report: &Report| report.parameters().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ");
    let columns = vec![
        ("report", text(&|report| report.name.to_owned())),
        ("asks", text(&|report| report.asks.to_owned())),
        ("definition", text(&|report| report.definition.to_owned())),
        ("parameters", text(&parameters)),
    ];
    Answer::list(session, "reports", json!({}), columns).await
}
