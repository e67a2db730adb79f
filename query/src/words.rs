//! The words of the vocabularies, explained.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use schemas::vocabulary::DenialReason;

use crate::answer::Answer;
use crate::error::QueryError;
use crate::session::Session;

/// Lists every reason of a denial: `reason`, `reason_group`, `meaning`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn reasons(session: &Session) -> Result<Answer, QueryError> {
    let all = || DenialReason::ALL.iter();
    let text = |of: fn(&DenialReason) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all().map(of)))
    };
    let columns = vec![
        ("reason", text(|reason| reason.as_str())),
        ("reason_group", text(|reason| reason.group().as_str())),
        ("meaning", text(|reason| reason.meaning())),
    ];
    Answer::list(session, "reasons", columns).await
}
