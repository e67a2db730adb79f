//! Prompts to register a second factor, and why people were asked, as far as the source tells.

use arrow::array::RecordBatch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::string::expr_fn::{contains, lower};
use datafusion::prelude::{col, lit};
use schemas::arrays::{Texts, numbers};

use super::super::changed::place;
use super::super::counts::in_range;
use super::super::parameters::ReportParameters;
use crate::error::QueryError;
use crate::session::Session;

/// Codes by which sources say that somebody was asked to register.
const CODES: &[&str] = &[
    "50072",
    "50079",
    "50203",
    "UserStrongAuthEnrollmentRequiredInterrupt",
    "UserStrongAuthEnrollmentRequired",
];

/// Texts by which they say so.
const SAYINGS: &[&str] = &["registration prompted", "registration required", "register security info"];

/// What texts tell of the cause, the first that is found: a word of it, and the cause.
const CAUSES: &[(&str, &str)] = &[
    ("conditional access", "conditional-access"),
    ("password reset", "self-service-password-reset"),
    ("sspr", "self-service-password-reset"),
    ("hello", "windows-hello"),
    ("device registration", "device-registration"),
    ("device join", "device-registration"),
    ("registering a device", "device-registration"),
    ("registration policy", "registration-policy"),
    ("registration campaign", "registration-policy"),
    ("identity protection", "registration-policy"),
    ("method disabled", "method-disabled"),
    ("method was disabled", "method-disabled"),
    ("enabled by an administrator", "enabled-by-administrator"),
    ("per-user", "enabled-by-administrator"),
    ("administrator", "enabled-by-administrator"),
];

const NOT_TOLD: &str = "not-told";

/// The code of the prompt that a registration campaign shows, which is a policy for registering.
const CAMPAIGN: &str = "50203";

const TEXTS: [&str; 10] = [
    "tenant_id",
    "source",
    "user_id",
    "user_key",
    "method",
    "client_ip",
    "result_code",
    "result_detail",
    "application",
    "kafka_topic",
];

/// The events by which somebody was asked to register.
pub(super) struct Prompts(Vec<RecordBatch>);

/// One of them.
pub(super) struct Prompt<'p> {
    pub(super) tenant_id: &'p str,
    pub(super) source: &'p str,
    pub(super) user_id: &'p str,
    pub(super) user_key: &'p str,
    pub(super) method: Option<&'p str>,
    pub(super) client_ip: Option<&'p str>,
    pub(super) code: Option<&'p str>,
    pub(super) detail: Option<&'p str>,
    pub(super) at_us: i64,
    pub(super) cause: &'static str,
    pub(super) place: String,
}

impl Prompts {
    pub(super) async fn read(session: &Session, parameters: &ReportParameters) -> Result<Self, QueryError> {
        let limits = session.limits();
        let events = session.counted_events().await?;
        let read = async || {
            let detail = || lower(coalesce(vec![col("result_detail"), lit("")]));
            let says = SAYINGS.iter().map(|saying| contains(detail(), lit(*saying)));
            let is_code = col("result_code").in_list(CODES.iter().map(|code| lit(*code)).collect(), false);
            let is_prompt = says.fold(is_code.is_true(), |one, other| one.or(other));
            let events = parameters.filters.choose(events.filter(in_range(parameters.range))?)?;
            let places = ["kafka_partition", "kafka_offset", "element_index"];
            let columns = TEXTS.into_iter().chain(["occurred_at"]).chain(places);
            let sorted = ["occurred_at", "source", "kafka_topic"].into_iter().chain(places);
            events
                .filter(is_prompt)?
                .select(columns.map(col).collect::<Vec<_>>())?
                .sort(sorted.map(|name| col(name).sort(true, true)).collect())?
                .limit(0, Some(limits.groups + 1))?
                .collect()
                .await
        };
        read().await.map(Self).map_err(|error| QueryError::while_running(error, &limits))
    }

    pub(super) fn each(&self, mut take: impl FnMut(&Prompt<'_>)) -> Result<(), ArrowError> {
        for rows in &self.0 {
            let texts = Texts::of(rows, &TEXTS)?;
            let at = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
            for row in 0..rows.num_rows() {
                let get = |index| texts.get(index, row);
                take(&Prompt {
                    tenant_id: texts.needed(0, row),
                    source: texts.needed(1, row),
                    user_id: texts.needed(2, row),
                    user_key: texts.needed(3, row),
                    method: get(4),
                    client_ip: get(5),
                    code: get(6),
                    detail: get(7),
                    at_us: at.value(row),
                    cause: cause(get(6), get(7), get(8)),
                    place: place(rows, texts.needed(9, row), row)?,
                });
            }
        }
        Ok(())
    }
}

/// Why somebody was asked, as far as the source tells in its text or by the application that asked.
fn cause(code: Option<&str>, detail: Option<&str>, application: Option<&str>) -> &'static str {
    let said = [detail, application].map(|text| text.unwrap_or_default().to_lowercase()).join(" ");
    let found = CAUSES.iter().find(|(word, _)| said.contains(word)).map(|(_, cause)| *cause);
    let campaign = (code == Some(CAMPAIGN)).then_some("registration-policy");
    found.or(campaign).unwrap_or(NOT_TOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_what_the_source_tells() {
        for (code, detail, application, expected) in [
            (Some("50079"), Some("Due to a Conditional Access policy"), None, "conditional-access"),
            (Some("50079"), None, Some("Device Registration Service"), "device-registration"),
            (Some("50072"), None, Some("Microsoft password reset service"), "self-service-password-reset"),
            (Some("50203"), None, None, "registration-policy"),
            (Some("50072"), Some("User needs to enroll"), Some("Payroll"), "not-told"),
        ] {
            assert_eq!(cause(code, detail, application), expected, "{code:?} {detail:?} {application:?}");
        }
    }
}
