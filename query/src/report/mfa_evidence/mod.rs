//! The report `mfa-evidence`: for each person of the directories what the book proves of their second factor in a period.

mod class;
mod fold;
mod proof;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::disjunction;
use datafusion::prelude::{DataFrame, col, lit};

use self::class::Class;
use self::fold::{Fold, Found};
use super::asked::read_bounded;
use super::counts::is_within;
use super::group::Group;
use super::made::Made;
use super::parameters::{RANGE, ReportParameters, TENANT};
use super::people_parameters::{APPLICATION, SOURCE, chosen, tenants};
use super::{About, Answering, Column, Report, answer};
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes};
use crate::session::Session;
use crate::sign_ins;

/// Persons of a sample at the most: a sample is looked at by people.
const SAMPLE_MAX: u64 = 10_000;

const SUMMARY: Parameter = Parameter::new(
    "summary",
    Takes::Word(&["summary"]),
    "summary",
    "`summary` gives a row for each class, with how many persons are in it.",
);

const SAMPLE: Parameter = Parameter::new(
    "sample",
    Takes::Number { min: 1, max: SAMPLE_MAX },
    "25",
    "Only so many persons, drawn by `seed` among those whom directories list.",
);

const SEED: Parameter = Parameter::new(
    "seed",
    Takes::Text,
    "audit-2026-10",
    "By what a sample is drawn: the same text draws the same persons again.",
);

/// For each person of the directories what the book proves of their second factor.
pub(super) const REPORT: Report = Report {
    name: "mfa-evidence",
    asks: "Of everybody who is to use a second factor: was it really used, and what proves it",
    definition: "A row for each person whom a directory lists and who is enabled in a part of the range, by the strongest that \
                 a sign-in proves which succeeded in that part: challenged (a second factor was used then), external (another \
                 provider vouched), satisfied-earlier, exempt, bypassed, first-factor-only, unknown; or no-sign-in. Only \
                 sign-ins in the part of the range in which the person is enabled count. Beside them stand persons who were \
                 let in and are not to be: not-enabled (listed, and never enabled at the time of a sign-in of the range, who \
                 came all the same) and not-in-directory. What several sources logged about the same thing is one sign-in. \
                 `without_challenge` says how many sign-ins of the person succeeded for which no source proves a challenge: \
                 one that proves it makes the class, and not the others good. Proof are the events of the newest of the \
                 strongest sign-ins that say so themselves, with their places in Kafka. `population` of the coverage says how \
                 many persons are in each class. A sample takes, of the persons whom directories list and enable in the range, \
                 those with the smallest SHA-256 of seed, tenant and person with a zero byte between them: the same seed \
                 draws the same persons, whatever events come.",
    parameters: &[RANGE, &[TENANT, SOURCE, APPLICATION, SUMMARY, SAMPLE, SEED]],
    columns: COLUMNS,
    answer: mfa_evidence,
};

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("tenant", "string", "whose person it is; in a summary null"),
    ("person", "string", "who, as in the table persons; in a summary null"),
    ("class", "string", "challenged, external, satisfied-earlier, exempt, bypassed, first-factor-only, unknown, no-sign-in, not-enabled or not-in-directory"),
    ("persons", "integer", "in a summary: how many persons are in the class"),
    ("share", "number", "in a summary: of all persons whom directories list and enable in the range, from 0 to 1; null for the others"),
    ("sign_ins", "integer", "how many sign-ins succeeded in the part of the range that counts"),
    ("attempts", "integer", "of how many attempts these are made"),
    ("events", "integer", "of how many events; an attempt tells of 256 at the most"),
    ("challenged", "integer", "sign-ins among them for which a source proves a challenge"),
    ("without_challenge", "integer", "sign-ins among them for which none does"),
    ("not_let_in", "integer", "sign-ins in the same part that did not succeed"),
    ("outside", "integer", "sign-ins in the range that succeeded while the person was not enabled"),
    ("by_what", "array", "what the sign-ins without a challenge prove, and how often"),
    ("enabled", "array", "the part of the range that counts, as periods FROM/TO in UTC without TO itself"),
    ("proved_at", "string", "when the proving sign-in began, in UTC"),
    ("application", "string", "what was entered by it"),
    ("event_ids", "array", "the events that prove it"),
    ("places", "array", "where these came from: TOPIC:PARTITION:OFFSET:ELEMENT"),
];

fn mfa_evidence<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
        let seed = seed(parameters)?;
        let owners = session.owners(&tenants(parameters)).await?;
        let mut fold = Fold::new(&owners, parameters);
        let rows = frame(session.table(sign_ins::VIEW).await?, parameters).map_err(failed)?;
        read_bounded(session, rows, "ask for one tenant: there are more than {} persons", &mut |batch| {
            fold.take_in(batch)?;
            Ok(fold.len())
        })
        .await?;
        let mut found = fold.finish();
        let population = population(&found);
        let about = About { asks_directory: true, population: Some(population.clone()), ..About::default() };
        if parameters.text(SUMMARY.name).is_some() {
            return answer(session, &REPORT, parameters, about, summary(&population)).await;
        }
        if let Some((count, seed)) = seed {
            found = sample::draw(found, count, seed)?;
        }
        let proofs = proof::find(session, parameters, &owners, &found).await?;
        answer(session, &REPORT, parameters, about, tell(&found, &proofs)).await
    })
}

/// How many are drawn, and by what; none for all.
fn seed(parameters: &ReportParameters) -> Result<Option<(usize, &str)>, QueryError> {
    match (parameters.number(SAMPLE.name), parameters.text(SEED.name)) {
        (Some(count), Some(seed)) => Ok(Some((count as usize, seed))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(QueryError::Refused(
            "give `seed` with `sample`, any text: the same one draws the same persons again".to_owned(),
        )),
        (None, Some(_)) => {
            Err(QueryError::Refused("give `sample` with `seed`: how many persons are to be drawn".to_owned()))
        }
    }
}

fn frame(sign_ins: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let mut rows = sign_ins.filter(is_within(parameters.range, "first_at"))?;
    let tenants = tenants(parameters);
    if !tenants.is_empty() {
        rows = rows.filter(col("tenant_id").in_list(tenants.into_iter().map(lit).collect(), false))?;
    }
    let sources = chosen(parameters, Group::Source).into_iter().map(|it| array_has(col("sources"), lit(it)));
    if let Some(has) = disjunction(sources.collect::<Vec<Expr>>()) {
        rows = rows.filter(has)?;
    }
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    rows.select_columns(&fold::NAMES)
}

fn population(found: &[Found]) -> BTreeMap<&'static str, i64> {
    let mut population: BTreeMap<_, _> = Class::ALL.iter().map(|class| (class.as_str(), 0)).collect();
    found.iter().for_each(|it| *population.entry(it.class.as_str()).or_default() += 1);
    population
}

fn summary(population: &BTreeMap<&'static str, i64>) -> Result<RecordBatch, ArrowError> {
    let mut made = Made::new(COLUMNS);
    let listed = Class::ALL.iter().filter(|class| class.is_enabled());
    let all: i64 = listed.map(|class| population.get(class.as_str()).copied().unwrap_or(0)).sum();
    for class in Class::ALL {
        let persons = population.get(class.as_str()).copied().unwrap_or(0);
        let mut row = made.row();
        row.text("class", class.as_str()).number("persons", persons);
        if class.is_enabled() && all > 0 {
            row.ratio("share", persons as f64 / all as f64);
        }
    }
    made.finish()
}

fn tell(found: &[Found], proofs: &[proof::Proof]) -> Result<RecordBatch, ArrowError> {
    let mut made = Made::new(COLUMNS);
    for (it, proof) in found.iter().zip(proofs) {
        let seen = &it.seen;
        let mut row = made.row();
        row.text("tenant", it.tenant.as_str())
            .text("person", it.person.as_str())
            .text("class", it.class.as_str())
            .number("sign_ins", seen.sign_ins())
            .number("attempts", seen.attempts)
            .number("events", seen.events)
            .number("challenged", seen.challenged())
            .number("without_challenge", seen.sign_ins() - seen.challenged())
            .number("not_let_in", seen.not_let_in)
            .number("outside", seen.outside)
            .list("by_what", seen.by_what())
            .list("enabled", it.enabled.clone());
        if let Some(strongest) = &seen.strongest {
            row.number("proved_at", strongest.at_us)
                .maybe("application", strongest.application.as_deref())
                .list("event_ids", proof.event_ids.clone())
                .list("places", proof.places.clone());
        }
    }
    made.finish()
}
