//! The report `prompted`: who was asked most often for a second factor.

#[cfg(test)]
mod tests;

use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt as _};
use datafusion::prelude::{DataFrame, col, lit};
use schemas::vocabulary::{AuthResult, DenialReason};

use super::counts::is_within;
use super::group::Group;
use super::parameters::{RANGE, ReportParameters, TENANT, filter};
use super::{About, Answering, Report, answer_as_it_comes};
use crate::attempts;
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes};
use crate::session::Session;

const LIMIT: Parameter = Parameter::new(
    "limit",
    Takes::Number { min: 1, max: 1_000_000 },
    "20",
    "So many rows at most. Default: 100.",
);

const LIMIT_DEFAULT: u64 = 100;

/// Who was asked most often for a second factor.
pub(super) const REPORT: Report = Report {
    name: "prompted",
    asks: "Who was asked most often for a second factor, and what became of it",
    definition: "A prompt is a message, call or notification that went out: as the events say, else counted. Attempts count \
                 by when they began. A row is an id as its source uses it, in canonical form: one human can have several. \
                 Most prompts come first; of equals, who sorts first by tenant, source and id.",
    parameters: &[
        RANGE,
        &[TENANT, filter(Group::Source, "gatebook", "Only attempts that this product logged."), LIMIT],
    ],
    columns: &[
        ("tenant", "string", "whose attempts these are"),
        ("source", "string", "the product that told of them"),
        ("user_key", "string", "the id in canonical form"),
        ("prompts", "integer", "messages, calls and notifications that went out"),
        ("attempts", "integer", "attempts that had at least one"),
        ("succeeded", "integer", "of these attempts, those that were let in"),
        ("declined", "integer", "those that the user declined or reported as fraud"),
        ("unanswered", "integer", "those that nobody answered"),
        ("first_at", "string", "when the first of them began"),
        ("last_at", "string", "when the last of them ended"),
    ],
    answer: prompted,
};

fn prompted<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let attempts = session.table(attempts::VIEW).await?;
        let rows = rows(attempts, parameters).map_err(|error| QueryError::while_running(error, &limits))?;
        answer_as_it_comes(session, &REPORT, parameters, About::default(), rows).await
    })
}

fn rows(attempts: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let limit = parameters.number(LIMIT.name).unwrap_or(LIMIT_DEFAULT);
    let prompted = is_within(parameters.range, "first_at").and(col("prompts").gt(lit(0)));
    let chosen = parameters.filters.choose(attempts.filter(prompted)?)?;
    let attempts = |which: Expr| count(lit(1)).filter(which).build();
    let declined = [DenialReason::UserDeclined, DenialReason::FraudReported].map(|it| lit(it.as_str()));
    let unanswered = col("denial_reason").eq(lit(DenialReason::NoResponse.as_str()));
    let groups = vec![col("tenant_id").alias("tenant"), col("source"), col("user_key")];
    let counted = vec![
        sum(col("prompts")).alias("prompts"),
        count(lit(1)).alias("attempts"),
        attempts(col("result").eq(lit(AuthResult::Success.as_str())))?.alias("succeeded"),
        attempts(col("denial_reason").in_list(declined.to_vec(), false))?.alias("declined"),
        attempts(unanswered)?.alias("unanswered"),
        min(col("first_at")).alias("first_at"),
        max(col("last_at")).alias("last_at"),
    ];
    let ascending = ["tenant", "source", "user_key"].map(|name| col(name).sort(true, false));
    let order = [col("prompts").sort(false, false)].into_iter().chain(ascending).collect();
    chosen.aggregate(groups, counted)?.sort(order)?.limit(0, usize::try_from(limit).ok())
}
