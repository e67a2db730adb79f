//! The named reports: questions with typed parameters, each with one true number.
//!
//! A report counts events by quarter hour of UTC in the engine ([`counts`]), and folds the counts into the local
//! periods and the groups that were asked for ([`keys`]): every zone's clock changes on quarter hours.

mod counts;
mod denials;
mod filter;
mod group;
mod keys;
mod parameters;
mod settled;
#[cfg(test)]
mod tests;
mod usage;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use serde::Serialize;

pub(crate) use counts::in_range;
pub use denials::denials;
pub use filter::Filters;
pub use group::Group;
pub use parameters::ReportParameters;
pub use settled::{Settled, Unsettled};
pub use usage::usage;

use crate::answer::Answer;
use crate::coverage::Question;
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::session::Session;

/// A named report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// [`usage()`]
    Usage,
    /// [`denials()`]
    Denials,
}

impl Report {
    /// The report's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Denials => "denials",
        }
    }

    /// Answers the report.
    ///
    /// # Errors
    ///
    /// As the report's own function.
    pub async fn answer(
        self,
        session: &Session,
        parameters: &ReportParameters,
    ) -> Result<Answer, QueryError> {
        match self {
            Self::Usage => usage(session, parameters).await,
            Self::Denials => denials(session, parameters).await,
        }
    }
}

/// Rows that were folded from the events of a range, as an answer.
async fn answer(
    session: &Session,
    report: Report,
    parameters: &ReportParameters,
    covered: TimeRange,
    rows: Result<RecordBatch, ArrowError>,
    assurance_unknown: Option<i64>,
) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let rows = rows.map_err(|error| QueryError::while_running(error.into(), &limits))?;
    let settled = settled::settled(session, parameters).await?;
    let question = Question::Report { report, parameters: parameters.clone(), assurance_unknown, settled };
    let coverage = session.coverage(parameters.tz.name(), Some(covered), question).await?;
    Ok(Answer::of_rows(coverage, rows))
}
