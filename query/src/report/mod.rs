//! The named reports: questions with typed parameters, each with one true number.
//!
//! A report stands in [`REPORTS`] with its name, what it asks in a line, its definition in words, its parameters and its
//! columns: the command line, the HTTP API, its document and the printed pages are made from that table.
//!
//! A report that counts does so by quarter hour of UTC in the engine ([`counts`]), and folds the counts into the local
//! periods and the groups that were asked for ([`keys`]): every zone's clock changes on quarter hours.

mod activity;
mod asked;
mod changed;
mod changes;
mod counts;
mod denials;
mod exceptions;
mod filter;
mod group;
mod keys;
mod license_usage;
mod listed;
mod made;
mod mfa_evidence;
mod migration;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod pages_tests;
mod parameters;
mod people_parameters;
mod person;
mod prompted;
#[cfg(test)]
mod proved;
mod sentence;
mod server_status;
mod settled;
mod suspicious;
mod telephony;
#[cfg(test)]
mod tests;
mod text;
mod throttling;
#[cfg(test)]
mod throttling_tests;
mod usage;
mod user_trail;
#[cfg(test)]
mod world;

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::prelude::DataFrame;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream;
use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) use counts::in_range;
pub use filter::Filters;
pub use group::Group;
pub use listed::reports;
pub use parameters::{FILTERS, RANGE, ReportParameters};
pub use settled::{Settled, Unsettled};

use made::Made;

use crate::answer::Answer;
use crate::coverage::{Coverage, Question};
use crate::error::QueryError;
use crate::parameter::{Parameter, ParameterError, TimeRange};
use crate::session::Session;

/// A named report.
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// What it asks, in a line.
    pub asks: &'static str,
    /// What is counted or listed, in words.
    pub definition: &'static str,
    /// What it takes.
    pub(crate) parameters: &'static [&'static [Parameter]],
    /// What its rows have beside the groups.
    pub columns: &'static [Column],
    pub(crate) answer: AnswerFn,
}

/// A column of rows: name, JSON type, meaning.
pub type Column = (&'static str, &'static str, &'static str);

/// Columns that name a person.
const PERSONAL_COLUMNS: &[&str] = &["person", "user_id", "user_key", "actor"];

type AnswerFn = for<'a> fn(&'a Session, &'a ReportParameters) -> Answering<'a>;

/// An answer that is being made.
type Answering<'a> = BoxFuture<'a, Result<Answer, QueryError>>;

/// How much there was.
pub const USAGE: &Report = &usage::REPORT;

/// Every report, in the order in which they are listed.
pub const REPORTS: &[&Report] = &[
    &usage::REPORT,
    &denials::REPORT,
    &prompted::REPORT,
    &user_trail::REPORT,
    &activity::REPORT,
    &exceptions::REPORT,
    &mfa_evidence::REPORT,
    &license_usage::REPORT,
    &changes::REPORT,
    &suspicious::REPORT,
    &throttling::REPORT,
    &telephony::REPORT,
    &migration::REPORT,
    &server_status::REPORT,
];

impl Report {
    /// The report of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        REPORTS.iter().copied().find(|report| report.name == name)
    }

    /// What it takes, in the order in which it is told.
    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + Clone + use<> {
        self.parameters.iter().copied().flatten()
    }

    /// Whether its rows name people, or it takes what names one.
    #[must_use]
    pub fn names_people(&self) -> bool {
        self.columns.iter().any(|(name, ..)| PERSONAL_COLUMNS.contains(name))
            || self.parameters().any(Parameter::is_personal)
    }

    /// What it can be grouped by.
    pub fn groups(&self) -> &'static [Group] {
        let groups = self.parameters().find_map(|parameter| match parameter.takes {
            crate::Takes::Groups(groups) => Some(groups),
            _ => None,
        });
        groups.unwrap_or_default()
    }

    /// Reads its parameters as a person types them, by name; each but the filters at most once.
    ///
    /// # Errors
    ///
    /// Names the parameter, what it takes, and an example.
    pub fn parse<'a>(
        &self,
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: DateTime<Utc>,
    ) -> Result<ReportParameters, ParameterError> {
        ReportParameters::parse(self.parameters(), given, now)
    }

    /// Answers it. The same question to the same version is answered once.
    ///
    /// # Errors
    ///
    /// The book cannot be read, or a limit is reached.
    pub async fn answer(
        &self,
        session: &Session,
        parameters: &ReportParameters,
    ) -> Result<Answer, QueryError> {
        if !session.is_over(parameters.range.to, parameters.now) {
            return (self.answer)(session, parameters).await;
        }
        let asked = (self.name, serde_json::to_string(parameters).expect("texts and numbers are JSON"));
        if let Some(answer) = session.told().get(&asked) {
            return Ok(answer);
        }
        let answer = (self.answer)(session, parameters).await?;
        session.told().keep(asked, &answer);
        Ok(answer)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Report").field(&self.name).finish()
    }
}

impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// What is told of an answer beside its rows.
#[derive(Debug, Default)]
struct About {
    /// Which time it covers, where that is more than the range that was asked for.
    covered: Option<TimeRange>,
    assurance_unknown: Option<i64>,
    /// Whether it depends on what directories say.
    asks_directory: bool,
    /// Where the next page begins.
    next_cursor: Option<String>,
    /// How many persons there are of each class.
    population: Option<BTreeMap<&'static str, i64>>,
    /// The thresholds that decided.
    thresholds: Option<Value>,
}

/// Rows that were folded, as an answer.
async fn answer(
    session: &Session,
    report: &'static Report,
    parameters: &ReportParameters,
    about: About,
    rows: Result<RecordBatch, ArrowError>,
) -> Result<Answer, QueryError> {
    let rows = rows.map_err(|error| QueryError::while_running(error.into(), &session.limits()))?;
    Ok(Answer::of_rows(coverage(session, report, parameters, about).await?, rows))
}

/// Rows that the engine gives as they come, as an answer.
async fn answer_as_it_comes(
    session: &Session,
    report: &'static Report,
    parameters: &ReportParameters,
    about: About,
    rows: DataFrame,
) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let rows = rows.execute_stream().await.map_err(|error| QueryError::while_running(error, &limits))?;
    Ok(Answer::new(coverage(session, report, parameters, about).await?, rows, limits))
}

/// Rows that are made of those that the engine gives, as they come, after those that were made before.
async fn answer_as_made(
    session: &Session,
    report: &'static Report,
    parameters: &ReportParameters,
    about: About,
    mut made: Made,
    rows: DataFrame,
    mut make: impl FnMut(&mut Made, &RecordBatch) -> Result<(), ArrowError> + Send + 'static,
) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let failed = move |error| QueryError::while_running(error, &limits);
    let first = made.finish().map_err(|error| failed(error.into()))?;
    let schema = first.schema();
    let rows = rows.execute_stream().await.map_err(failed)?;
    let rows = rows.map(move |batch| {
        make(&mut made, &batch.map_err(failed)?).map_err(|error| failed(error.into()))?;
        made.finish().map_err(|error| failed(error.into()))
    });
    let rows = stream::iter([Ok(first)]).chain(rows).boxed();
    Ok(Answer::of_stream(coverage(session, report, parameters, about).await?, schema, rows))
}

async fn coverage(
    session: &Session,
    report: &'static Report,
    parameters: &ReportParameters,
    about: About,
) -> Result<Coverage, QueryError> {
    let About { covered, assurance_unknown, asks_directory, next_cursor, population, thresholds } = about;
    let settled = settled::settled(session, parameters).await?;
    let parameters = parameters.clone();
    let covered = covered.unwrap_or(parameters.range);
    let tz = parameters.tz;
    let question = Question::Report {
        report,
        parameters,
        assurance_unknown,
        next_cursor,
        population,
        thresholds,
        settled,
    };
    let coverage = session.coverage(tz.name(), Some(covered), question).await?;
    let directory_version = if asks_directory { session.directory_version() } else { None };
    Ok(Coverage { directory_version, ..coverage })
}
