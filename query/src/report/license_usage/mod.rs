//! The report `license-usage`: how many different persons were seen in each local month.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, Utc};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max, sum};
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Expr, when};
use datafusion::prelude::{DataFrame, col, lit};
use schemas::arrays::{Texts, column, list, numbers};
use schemas::{Enabled, is_somebody};

use super::asked::{read, read_bounded};
use super::counts::{in_range, is_within};
use super::group::Group;
use super::made::Made;
use super::parameters::{RANGE, ReportParameters, TENANT, filter};
use super::people_parameters::{APPLICATION, SOURCE, tenants};
use super::{About, Answering, Column, Report, answer};
use crate::attempts;
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes, TimeRange};
use crate::people::Owners;
use crate::period::Grain;
use crate::session::Session;

const BY: Parameter = Parameter::new(
    "by",
    Takes::Groups(&[Group::Tenant, Group::Method, Group::Source]),
    "tenant,method",
    "Groups, comma-separated, each once: the columns beside the month.",
);

const METHOD: Parameter = filter(Group::Method, "voice-call", "Only events by this method.");

const RESULT: Parameter = filter(Group::Result, "success", "Only events that ended so.");

const IDENTITY: Parameter = Parameter::new(
    "identity",
    Takes::Word(&["person", "raw"]),
    "raw",
    "What is counted as one: a person, or with `raw` each id of each source. Default: person.",
);

/// How many different persons were seen in each local month.
pub(super) const REPORT: Report = Report {
    name: "license-usage",
    asks: "How many different persons were seen in each month, and how that compares with the directory",
    definition: "A person counts once in each local month, and in each group, in which an event that counts was theirs; copies \
                 and superseded states are none. Persons are those of the table `persons`, which joins the ids of one human; \
                 `unmatched` among them are ids that nothing links to anybody and that may be somebody who is counted already. \
                 With `identity=raw` each id of each source counts by itself. Events that name nobody (\
                 `unknown`) are events, and no person. `not_in_directory` were seen and no directory \
                 lists them; `not_seen` are enabled by a directory at any time of the month, as far as the range covers it, \
                 and no event of the row is theirs. `events` are those that count in the month, `attempts` those of the table \
                 `attempts` that began in it; an attempt that tried several methods stands under each of them. A row is there \
                 for each month of the range and each group with an event or an enabled person.",
    parameters: &[RANGE, &[BY, TENANT, SOURCE, METHOD, RESULT, APPLICATION, IDENTITY]],
    columns: COLUMNS,
    answer: license_usage,
};

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("month", "string", "the local month"),
    ("start", "string", "its first moment, with the zone's offset; the range may cover a part of it"),
    ("end", "string", "the moment after its last"),
    ("tenant", "string", "with this group: whose events; else null"),
    ("method", "string", "with this group: by which method; else null"),
    ("source", "string", "with this group: the product that told of them; else null"),
    ("persons", "integer", "different persons who were seen; with identity=raw different ids"),
    ("unmatched", "integer", "those among them who are ids that nothing links to anybody; with identity=raw null"),
    ("not_in_directory", "integer", "those among them whom no directory lists; with identity=raw null"),
    ("not_seen", "integer", "persons whom a directory enables in the month and who were not seen; null with identity=raw, and by method or source"),
    ("attempts", "integer", "attempts that began in the month"),
    ("events", "integer", "events in the month"),
];

/// The values of a row's groups: tenant, method, source; none of a group that was not asked for.
type Key = [Option<String>; 3];

#[derive(Default)]
struct Seen {
    /// Tenant and name or, raw, source and id; and whether it is matched.
    persons: BTreeMap<(String, String), bool>,
    attempts: i64,
    events: i64,
}

fn license_usage<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let owners = session.owners(&tenants(parameters)).await?;
        let mut made = Made::new(COLUMNS);
        for month in months(parameters) {
            let mut fold = Fold::new(parameters, &owners);
            fold.read(session, parameters, month.part).await?;
            fold.tell(&month, parameters, &mut made);
        }
        let about = About { asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, made.finish()).await
    })
}

/// A local month, and the part of it that lies in the range.
struct Month {
    label: String,
    start: DateTime<FixedOffset>,
    end: DateTime<FixedOffset>,
    part: TimeRange,
}

fn months(parameters: &ReportParameters) -> impl Iterator<Item = Month> {
    let TimeRange { from, to } = parameters.so_far();
    let tz = parameters.tz;
    let mut at: DateTime<Utc> = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let period = Grain::Month.period(at, tz);
        let end = period.end.to_utc();
        let part = TimeRange { from: at, to: end.min(to) };
        at = end;
        Some(Month { label: period.label, start: period.start, end: period.end, part })
    })
}

struct Fold<'o> {
    owners: &'o Owners,
    by: Vec<Group>,
    is_raw: bool,
    seen: BTreeMap<Key, Seen>,
}

impl<'o> Fold<'o> {
    fn new(parameters: &ReportParameters, owners: &'o Owners) -> Self {
        let is_raw = parameters.text(IDENTITY.name) == Some("raw");
        let mut seen = BTreeMap::new();
        if parameters.by.is_empty() {
            // The one row of a month without groups says zero of an empty one.
            seen.insert(Key::default(), Seen::default());
        }
        Self { owners, by: parameters.by.clone(), is_raw, seen }
    }

    async fn read(
        &mut self,
        session: &Session,
        parameters: &ReportParameters,
        part: TimeRange,
    ) -> Result<(), QueryError> {
        let limits = session.limits();
        let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
        let rows = events(session.counted_events().await?, parameters, part, self.owners).map_err(failed)?;
        let too_much = "ask for one tenant or fewer groups: there are more than {} persons in a month";
        read_bounded(session, rows, too_much, &mut |batch| {
            self.take_events(batch)?;
            Ok(self.seen.values().map(|seen| seen.persons.len().max(1)).sum())
        })
        .await?;
        let rows = attempts(session.table(attempts::VIEW).await?, parameters, part).map_err(failed)?;
        read(session, rows, &mut |batch| self.take_attempts(batch).map(|()| 0)).await
    }

    fn key(&self, tenant: &str, method: Option<&str>, source: &str) -> Key {
        let has = |group| self.by.contains(&group);
        [
            has(Group::Tenant).then(|| tenant.to_owned()),
            method.filter(|_| has(Group::Method)).map(str::to_owned),
            has(Group::Source).then(|| source.to_owned()),
        ]
    }

    fn take_events(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &["tenant_id", "source", "user_key", "method"])?;
        let events = numbers::<Int64Type>(rows, "events")?;
        let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
        for row in 0..rows.num_rows() {
            let [tenant, source, user_key] = [0, 1, 2].map(|index| texts.needed(index, row));
            let key = self.key(tenant, texts.get(3, row), source);
            let seen = self.seen.entry(key).or_default();
            seen.events += events.value(row);
            if !is_somebody(user_key) {
                continue;
            }
            let (person, is_matched) = if self.is_raw {
                ((format!("{tenant}\0{source}"), user_key.to_owned()), true)
            } else {
                let whose = self.owners.of(tenant, source, user_key, last.value(row));
                ((tenant.to_owned(), whose.person.into_owned()), whose.rule.is_match())
            };
            *seen.persons.entry(person).or_default() |= is_matched;
        }
        Ok(())
    }

    fn take_attempts(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &["tenant_id", "source"])?;
        let methods = column(rows, "methods")?;
        let counts = numbers::<Int64Type>(rows, "attempts")?;
        for row in 0..rows.num_rows() {
            let (tenant, source) = (texts.needed(0, row), texts.needed(1, row));
            let tried: BTreeSet<String> = if self.by.contains(&Group::Method) {
                list(methods, row)?.into_iter().collect()
            } else {
                BTreeSet::new()
            };
            let mut keys: BTreeSet<Key> =
                tried.iter().map(|method| self.key(tenant, Some(method), source)).collect();
            if keys.is_empty() {
                keys.insert(self.key(tenant, None, source));
            }
            for key in keys {
                self.seen.entry(key).or_default().attempts += counts.value(row);
            }
        }
        Ok(())
    }

    fn tell(mut self, month: &Month, parameters: &ReportParameters, made: &mut Made) {
        let tenants = tenants(parameters);
        let is_asked = |tenant: &str| tenants.is_empty() || tenants.iter().any(|it| it == tenant);
        let enabled: Vec<(&str, &str)> = self
            .owners
            .listed()
            .into_iter()
            .filter(|((tenant, _), periods)| {
                is_asked(tenant) && periods.iter().any(|period| overlaps(period, month.part))
            })
            .map(|(whose, _)| whose)
            .collect();
        let is_whole = !self.by.contains(&Group::Method) && !self.by.contains(&Group::Source);
        if is_whole && self.by.contains(&Group::Tenant) {
            for (tenant, _) in &enabled {
                let key = [Some((*tenant).to_owned()), None, None];
                self.seen.entry(key).or_default();
            }
        }
        for ([tenant, method, source], seen) in &self.seen {
            let mut row = made.row();
            row.text("month", month.label.as_str())
                .text("start", month.start.to_rfc3339())
                .text("end", month.end.to_rfc3339())
                .maybe("tenant", tenant.as_deref())
                .maybe("method", method.as_deref())
                .maybe("source", source.as_deref())
                .number("persons", seen.persons.len() as i64)
                .number("attempts", seen.attempts)
                .number("events", seen.events);
            if self.is_raw {
                continue;
            }
            let persons = || seen.persons.iter();
            let is_unlisted = |(tenant, person): &(String, String)| !self.owners.is_listed(tenant, person);
            row.number("unmatched", persons().filter(|(_, is_matched)| !**is_matched).count() as i64)
                .number("not_in_directory", persons().filter(|(whose, _)| is_unlisted(whose)).count() as i64);
            if is_whole {
                let of_row = |whose: &&(&str, &str)| tenant.as_deref().is_none_or(|it| it == whose.0);
                let is_seen = |(tenant, person): &(&str, &str)| {
                    seen.persons.contains_key(&((*tenant).to_owned(), (*person).to_owned()))
                };
                let not_seen = enabled.iter().filter(of_row).filter(|whose| !is_seen(whose)).count();
                row.number("not_seen", not_seen as i64);
            }
        }
    }
}

fn overlaps(period: &Enabled, part: TimeRange) -> bool {
    period.from_us.is_none_or(|from_us| from_us < part.to.timestamp_micros())
        && period.to_us.is_none_or(|to_us| to_us > part.from.timestamp_micros())
}

/// The events of a part, by id and by what groups ask for.
fn events(
    events: DataFrame,
    parameters: &ReportParameters,
    part: TimeRange,
    owners: &Owners,
) -> Result<DataFrame, DataFusionError> {
    let mut rows = parameters.filters.choose(events.filter(in_range(part))?)?;
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    let mut keys: Vec<Expr> = ["tenant_id", "source", "user_key", "method"].map(col).to_vec();
    let reused: Vec<Expr> = owners.reused().into_iter().map(lit).collect();
    if !reused.is_empty() {
        // Of an id that belongs to one after the other it matters when each event was.
        let moment = when(col("user_key").in_list(reused, false), col("occurred_at")).end()?;
        keys.push(moment.alias("moment"));
    }
    rows.aggregate(keys, vec![count(lit(1)).alias("events"), max(col("occurred_at")).alias("last_at")])
}

/// The attempts that began in a part, counted by source and methods.
fn attempts(
    attempts: DataFrame,
    parameters: &ReportParameters,
    part: TimeRange,
) -> Result<DataFrame, DataFusionError> {
    let mut rows = attempts.filter(is_within(part, "first_at"))?;
    for (column, values) in parameters.filters.by_column() {
        let is_one = match column {
            "method" => {
                let tried = values.iter().map(|it| array_has(col("methods"), lit(it.as_str())));
                disjunction(tried.collect::<Vec<_>>()).unwrap_or_else(|| lit(true))
            }
            column => col(column).in_list(values.into_iter().map(lit).collect(), false),
        };
        rows = rows.filter(is_one)?;
    }
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    let keys = ["tenant_id", "source", "methods"].map(col).to_vec();
    rows.aggregate(keys, vec![sum(lit(1_i64)).alias("attempts")])
}
