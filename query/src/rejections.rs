//! The list of rejections: what could not be read, without its bytes.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::concat;
use datafusion::logical_expr::cast;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::{Kind, Reason};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::coverage::Question;
use crate::error::QueryError;
use crate::parameter::{ParameterError, parse_moment};
use crate::session::{Session, moment_literal};

/// Which rejections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RejectionsParameters {
    /// Only those of this reason.
    pub reason: Option<Reason>,
    /// Only those that Kafka received from this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Only those that Kafka received before this moment.
    pub to: Option<DateTime<Utc>>,
    /// So many at most.
    pub limit: Option<u32>,
}

impl RejectionsParameters {
    /// The names of the parameters.
    pub const NAMES: &'static [&'static str] = &["reason", "from", "to", "limit"];

    /// Reads parameters as a person types them, by name. Local times are in UTC.
    ///
    /// # Errors
    ///
    /// Names the parameter, what it takes, and an example.
    pub fn parse<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        for (name, value) in given {
            let error = |expected: String, example: &str| ParameterError {
                name: name.to_owned().into(),
                expected,
                example: example.to_owned(),
            };
            let is_second = match name {
                "reason" => {
                    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == value.trim()).copied();
                    let words =
                        || Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
                    let reason =
                        reason.ok_or_else(|| error(format!("give one of {}", words()), "bad-time"))?;
                    parameters.reason.replace(reason).is_some()
                }
                "from" => parameters.from.replace(parse_moment("from", value, Tz::UTC)?).is_some(),
                "to" => parameters.to.replace(parse_moment("to", value, Tz::UTC)?).is_some(),
                "limit" => {
                    let limit = value.trim().parse().ok().filter(|limit| *limit > 0);
                    let limit =
                        limit.ok_or_else(|| error("give a number of rows from 1 on".to_owned(), "100"))?;
                    parameters.limit.replace(limit).is_some()
                }
                _ => {
                    let advice = format!("use any of {}", Self::NAMES.join(", "));
                    return Err(ParameterError::unknown(name, &advice, "limit=100"));
                }
            };
            if is_second {
                return Err(ParameterError::twice(name, value));
            }
        }
        Ok(parameters)
    }

    fn to_json(self) -> Value {
        let moment = |at: DateTime<Utc>| json!(at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let given = [
            ("reason", self.reason.map(|reason| json!(reason.as_str()))),
            ("from", self.from.map(moment)),
            ("to", self.to.map(moment)),
            ("limit", self.limit.map(|limit| json!(limit))),
        ];
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Lists rejections, the newest first: `place` (`TOPIC:PARTITION:OFFSET:ELEMENT`), `received_at`, `reason`,
/// `field`, `detail`, `redacted`.
///
/// # Errors
///
/// The book cannot be read.
pub async fn rejections(session: &Session, parameters: &RejectionsParameters) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let failed = |error| QueryError::while_running(error, &limits);
    let frame = frame(session.view(Kind::Rejection).await?, parameters).map_err(failed)?;
    let batches = frame.execute_stream().await.map_err(failed)?;
    let question = Question::List { list: "rejections", parameters: parameters.to_json() };
    Ok(Answer::new(session.coverage("UTC", None, question).await?, batches, limits))
}

fn frame(rejections: DataFrame, parameters: &RejectionsParameters) -> Result<DataFrame, DataFusionError> {
    let moment = |at: DateTime<Utc>| lit(moment_literal(at.timestamp_micros()));
    let wanted = [
        parameters.reason.map(|reason| col("reason").eq(lit(reason.as_str()))),
        parameters.from.map(|from| col("received_at").gt_eq(moment(from))),
        parameters.to.map(|to| col("received_at").lt(moment(to))),
    ];
    let frame = wanted.into_iter().flatten().try_fold(rejections, DataFrame::filter)?;
    let text = |name: &str| cast(col(name), arrow::datatypes::DataType::Utf8);
    let mut place = vec![col("kafka_topic")];
    for name in ["kafka_partition", "kafka_offset", "element_index"] {
        place.extend([lit(":"), text(name)]);
    }
    let frame = frame.sort(vec![
        col("received_at").sort(false, false),
        col("kafka_topic").sort(true, false),
        col("kafka_partition").sort(true, false),
        col("kafka_offset").sort(false, false),
        col("element_index").sort(true, false),
    ])?;
    let frame = frame.limit(0, parameters.limit.map(|limit| limit as usize))?;
    let columns = ["received_at", "reason", "field", "detail", "redacted"].map(col);
    frame.select([concat(place).alias("place")].into_iter().chain(columns).collect::<Vec<_>>())
}
