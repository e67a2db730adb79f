//! The report `exceptions`: who was let in without a challenge, how, and who had allowed it.

mod grants;
mod legacy;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::functions_nested::expr_fn::{array_has, cardinality};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Expr, cast};
use datafusion::prelude::{DataFrame, col, lit};
use schemas::arrays::{Texts, numbers};

use super::asked::read_bounded;
use super::counts::is_within;
use super::group::Group;
use super::made::Made;
use super::parameters::{RANGE, ReportParameters, TENANT, filter};
use super::people_parameters::{APPLICATION, SOURCE, chosen, tenants};
use super::{About, Answering, Column, Report, answer};
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes};
use crate::session::Session;
use crate::sign_ins;

const METHOD: Parameter = filter(Group::Method, "password", "Only what was tried by this method.");

/// What a row is about: first sign-ins, then what events alone tell, then grants.
const KINDS: &[&str] = &[
    "satisfied-earlier",
    "exempt",
    "bypassed",
    "external",
    "first-factor-only",
    "unknown",
    "legacy-client",
    "app-password",
    "bypass-granted",
    "app-password-added",
];

/// The kinds of sign-ins come first.
const OF_SIGN_INS: usize = 6;

/// Then, up to here, what events alone tell.
const OF_EVENTS: usize = 8;

const EXCEPTION: Parameter =
    Parameter::new("exception", Takes::Word(KINDS), "bypassed", "Only rows of this kind.");

/// Who was let in without a challenge.
pub(super) const REPORT: Report = Report {
    name: "exceptions",
    asks: "Who was let in without a challenge, how and how often; which bypasses were granted, by whom, why, and used; old clients and app passwords",
    definition: "A row of the kinds satisfied-earlier, exempt, bypassed, external, first-factor-only and unknown counts the \
                 sign-ins of a person and an application that succeeded and for which no source proves a challenge: what \
                 several sources logged about the same thing is one sign-in, with the strongest that any of them proves. \
                 `sign_ins`, `attempts` and `events` say how many there were of each. Beside them stand, told by events \
                 alone, successes of clients that know no second factor (`legacy-client`) and those that say an app password \
                 was used (`app-password`): the same success may stand above too. `bypass-granted` and `app-password-added` \
                 are grants in force at any time of the range: by whom, why, how long (until it was taken back, or ran out), \
                 and of a bypass the attempts and events in its time and in the range that were let in by a bypass. \
                 Filters by method, source and application choose among sign-ins and events; of grants, by source. \
                 `exception` leaves the rows of one kind.",
    parameters: &[RANGE, &[EXCEPTION, TENANT, SOURCE, METHOD, APPLICATION]],
    columns: COLUMNS,
    answer: exceptions,
};

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("tenant", "string", "whose it is"),
    ("exception", "string", "satisfied-earlier, exempt, bypassed, external, first-factor-only, unknown, legacy-client, app-password, bypass-granted or app-password-added"),
    ("person", "string", "who, as in the table persons"),
    ("application", "string", "what was entered"),
    ("client_app", "string", "of a legacy client or an app password: with which kind of client"),
    ("sign_ins", "integer", "how many sign-ins; null where events alone tell"),
    ("attempts", "integer", "of how many attempts they are made; null where events alone tell"),
    ("events", "integer", "of how many events; an attempt tells of 256 at the most"),
    ("first_at", "string", "when the first was, in UTC"),
    ("last_at", "string", "when the last was, in UTC"),
    ("granted_at", "string", "of a grant: when, in UTC"),
    ("granted_by", "string", "of a grant: by whom, as the source says"),
    ("why", "string", "of a grant: what was said of it"),
    ("until_at", "string", "of a grant: until when it was to hold, in UTC"),
    ("ended_at", "string", "of a grant: when it was taken back or ran out, in UTC; null while it holds"),
    ("lasted_s", "integer", "of a grant: how many seconds it held; null while it holds"),
    ("used", "boolean", "of a bypass: whether anybody was let in by it in the range"),
    ("source", "string", "of a grant, and where events alone tell: the product that told of it"),
];

fn exceptions<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
        let mut made = Made::new(COLUMNS);
        let only = parameters.text(EXCEPTION.name);
        let is_asked = |kinds: &[&str]| only.is_none_or(|only| kinds.contains(&only));
        let (of_sign_ins, others) = KINDS.split_at(OF_SIGN_INS);
        let (of_events, of_grants) = others.split_at(OF_EVENTS - OF_SIGN_INS);
        if is_asked(of_sign_ins) {
            let rows = frame(session.table(sign_ins::VIEW).await?, parameters).map_err(failed)?;
            read_bounded(session, rows, TOO_MUCH, &mut |batch| {
                tell(&mut made, batch)?;
                Ok(made.len())
            })
            .await?;
        }
        let owners = session.owners(&tenants(parameters)).await?;
        if is_asked(of_events) {
            legacy::tell(session, parameters, &owners, &mut made).await?;
            check(&made, limits.groups)?;
        }
        if is_asked(of_grants) {
            grants::tell(session, parameters, &owners, &mut made).await?;
            check(&made, limits.groups)?;
        }
        if let Some(only) = only {
            made.keep(EXCEPTION.name, only);
        }
        let about = About { asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, made.finish()).await
    })
}

/// What is said where there are too many rows, with how many there may be.
const TOO_MUCH: &str = "ask for a shorter range, one tenant or one application: there are more than {} rows";

fn check(made: &Made, groups_max: usize) -> Result<(), QueryError> {
    if made.len() <= groups_max {
        return Ok(());
    }
    let too_much = TOO_MUCH.replace("{}", &groups_max.to_string());
    Err(QueryError::TooLarge(format!("{too_much} (query.groups_max)")))
}

/// The sign-ins that succeeded without a challenge, counted.
fn frame(sign_ins: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let mut rows = sign_ins
        .filter(is_within(parameters.range, "first_at"))?
        .filter(col("result").eq(lit("success")).and(col("assurance").not_eq(lit("challenged"))))?;
    if let Some(only) = parameters.text(EXCEPTION.name) {
        rows = rows.filter(col("assurance").eq(lit(only)))?;
    }
    let tenants = tenants(parameters);
    if !tenants.is_empty() {
        rows = rows
            .filter(col("tenant_id").in_list(tenants.iter().map(|it| lit(it.as_str())).collect(), false))?;
    }
    for (group, column) in [(Group::Source, "sources"), (Group::Method, "methods")] {
        let has = chosen(parameters, group).into_iter().map(|value| array_has(col(column), lit(value)));
        if let Some(has) = disjunction(has.collect::<Vec<Expr>>()) {
            rows = rows.filter(has)?;
        }
    }
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    let keys = ["tenant_id", "assurance", "person", "application"];
    let events = cast(cardinality(col("event_ids")), arrow::datatypes::DataType::Int64);
    let counted = vec![
        count(lit(1)).alias("sign_ins"),
        sum(col("attempts")).alias("attempts"),
        sum(events).alias("events"),
        min(col("first_at")).alias("first_at"),
        max(col("last_at")).alias("last_at"),
    ];
    rows.aggregate(keys.map(col).to_vec(), counted)?
        .sort(keys.map(|name| col(name).sort(true, false)).to_vec())
}

fn tell(made: &mut Made, rows: &RecordBatch) -> Result<(), ArrowError> {
    let texts = Texts::of(rows, &["tenant_id", "assurance", "person", "application"])?;
    let counts = ["sign_ins", "attempts", "events"].map(|name| numbers::<Int64Type>(rows, name));
    let [sign_ins, attempts, events] = counts;
    let (sign_ins, attempts, events) = (sign_ins?, attempts?, events?);
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    for row in 0..rows.num_rows() {
        made.row()
            .text("tenant", texts.needed(0, row))
            .text("exception", texts.needed(1, row))
            .text("person", texts.needed(2, row))
            .maybe("application", texts.get(3, row))
            .number("sign_ins", sign_ins.value(row))
            .number("attempts", attempts.value(row))
            .number("events", events.value(row))
            .number("first_at", first.value(row))
            .number("last_at", last.value(row));
    }
    Ok(())
}
