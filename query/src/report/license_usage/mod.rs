//! The report `license-usage`: how many different persons were seen in each local month.

mod fold;
#[cfg(test)]
mod tests;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, Utc};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::Enabled;
use schemas::arrays::{Texts, column, numbers};

use self::fold::{Fold, Whose};
use super::asked::read;
use super::counts::{ATTEMPTS, Counting, count_attempts, in_range, is_within};
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
use crate::sums::{IdsAsked, ids_in};

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
                 `attempts` that began in it, each under the method that was tried last. A row is there \
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

fn license_usage<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
        let is_raw = parameters.text(IDENTITY.name) == Some("raw");
        let owners =
            if is_raw { session.listed().await? } else { session.owners(&tenants(parameters)).await? };
        let months: Vec<Month> = months(parameters).collect();
        let parts: Vec<TimeRange> = months.iter().map(|month| month.part).collect();
        let choose = |events: DataFrame| choose(events, parameters);
        let is_summed = !parameters.filters.has(Group::Result) && parameters.text(APPLICATION.name).is_none();
        let seen = ids_in(session, &IdsAsked { periods: &parts, choose: &choose, is_summed }).await?;
        let mut whose = Whose::new(&owners, is_raw);
        let mut folds = Vec::with_capacity(months.len());
        for (month, seen) in months.iter().zip(&seen) {
            let mut fold = Fold::new(parameters);
            {
                let names = session.stored_sums().persons_kept().names.read();
                fold.take_ids(seen, &names, &mut whose, month.part);
            }
            if !is_raw {
                let rows = of_reused(session.counted_events().await?, parameters, month.part, &owners);
                if let Some(rows) = rows.map_err(failed)? {
                    read(session, rows, &mut |batch| {
                        let texts = Texts::of(batch, &["tenant_id", "source", "user_key", "method"])?;
                        let at = numbers::<TimestampMicrosecondType>(batch, "occurred_at")?;
                        for row in 0..batch.num_rows() {
                            let [tenant, source, user_key] = [0, 1, 2].map(|index| texts.needed(index, row));
                            let id = [tenant, source, user_key];
                            fold.see(id, texts.get(3, row), whose.at(id, at.value(row)));
                        }
                        Ok(0)
                    })
                    .await?;
                }
            }
            count_attempts_of(session, parameters, month.part, &mut fold).await?;
            folds.push(fold);
        }
        let mut made = Made::new(COLUMNS);
        for (month, fold) in months.iter().zip(folds) {
            fold.tell(month, parameters, &whose, &mut made);
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

/// The events that are asked for.
fn choose(events: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let events = parameters.filters.choose(events)?;
    match parameters.text(APPLICATION.name) {
        Some(application) => events.filter(col("application").eq(lit(application))),
        None => Ok(events),
    }
}

/// The events of ids that belong to one after the other, where there are any: of these it matters when each was.
fn of_reused(
    events: DataFrame,
    parameters: &ReportParameters,
    part: TimeRange,
    owners: &Owners,
) -> Result<Option<DataFrame>, DataFusionError> {
    let reused: Vec<_> = owners.reused().into_iter().map(lit).collect();
    if reused.is_empty() {
        return Ok(None);
    }
    let events = events.filter(in_range(part))?.filter(col("user_key").in_list(reused, false))?;
    let keys = ["tenant_id", "source", "user_key", "method", "occurred_at"].map(col).to_vec();
    choose(events, parameters)?.aggregate(keys, Vec::new()).map(Some)
}

/// Counts the attempts that began in a part, by the groups.
async fn count_attempts_of(
    session: &Session,
    parameters: &ReportParameters,
    part: TimeRange,
    fold: &mut Fold,
) -> Result<(), QueryError> {
    let mut take = |batch: &_| -> Result<usize, ArrowError> {
        let texts = Texts::of(batch, &["tenant_id", "source", "method"])?;
        let counts = column(batch, ATTEMPTS)?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let (tenant, source) = (texts.needed(0, row), texts.needed(1, row));
            fold.group([tenant, source], texts.get(2, row)).attempts += counts.value(row);
        }
        Ok(0)
    };
    if let Some(application) = parameters.text(APPLICATION.name) {
        let limits = session.limits();
        let attempts = session.table(attempts::VIEW).await?;
        let frame = async || -> Result<DataFrame, DataFusionError> {
            let rows = parameters.filters.choose(attempts.filter(is_within(part, "first_at"))?)?;
            let keys = ["tenant_id", "source", "method"].map(col).to_vec();
            let counted = vec![count(lit(1)).alias(ATTEMPTS)];
            rows.filter(col("application").eq(lit(application)))?.aggregate(keys, counted)
        };
        let frame = frame().await.map_err(|error| QueryError::while_running(error, &limits))?;
        return read(session, frame, &mut take).await;
    }
    let counting = Counting {
        range: part,
        by: &[],
        filters: &parameters.filters,
        with_duplicates: false,
        with_first_factor: true,
        columns: &["tenant_id", "source", "method"],
        tz: parameters.tz,
        shift: None,
    };
    count_attempts(session, &counting, parameters.now, take).await
}

/// Whether a directory enables somebody in a part.
fn overlaps(period: &Enabled, part: TimeRange) -> bool {
    period.from_us.is_none_or(|from_us| from_us < part.to.timestamp_micros())
        && period.to_us.is_none_or(|to_us| to_us > part.from.timestamp_micros())
}
