//! What was granted that lets people in without a challenge: by whom, why, how long, and whether it was used.

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::Kind;
use schemas::arrays::{Texts, numbers};

use super::super::changed::{Changed, Copies, TEXTS};
use super::super::counts::{is_within, moment};
use super::super::group::Group;
use super::super::made::Made;
use super::super::parameters::ReportParameters;
use super::super::people_parameters::{chosen, tenants};
use crate::attempts;
use crate::error::QueryError;
use crate::people::Owners;
use crate::report::asked::{read, read_bounded};
use crate::session::{Session, day_literal};

/// A change that grants, and the one that ends it.
const GRANTS: [(&str, &str); 2] =
    [("bypass-granted", "bypass-ended"), ("app-password-added", "app-password-removed")];

const BYPASS: usize = 0;

struct Grant {
    what: usize,
    tenant: String,
    source: String,
    person: String,
    granted_at_us: i64,
    granted_by: Option<String>,
    why: Option<String>,
    until_us: Option<i64>,
    taken_back_us: Option<i64>,
    attempts: i64,
    events: i64,
    first_at_us: Option<i64>,
    last_at_us: Option<i64>,
}

impl Grant {
    fn end_us(&self) -> Option<i64> {
        match (self.until_us, self.taken_back_us) {
            (Some(until), Some(taken_back)) => Some(until.min(taken_back)),
            (until, taken_back) => until.or(taken_back),
        }
    }

    fn holds_at(&self, at_us: i64) -> bool {
        self.granted_at_us <= at_us && self.end_us().is_none_or(|end_us| at_us < end_us)
    }
}

/// Tells those in force at any time of the range, a row each, in the order of time.
pub(super) async fn tell(
    session: &Session,
    parameters: &ReportParameters,
    owners: &Owners,
    made: &mut Made,
) -> Result<(), QueryError> {
    let limits = session.limits();
    let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
    let mut grants = Vec::new();
    let changes = changes(session.view(Kind::Change).await?, parameters).map_err(failed)?;
    let mut copies = Copies::default();
    read_bounded(session, changes, "ask for one tenant: there are more than {} grants", &mut |batch| {
        copies.each_new(batch, |changed, _| {
            take(&mut grants, &changed, owners);
            Ok(())
        })?;
        Ok(grants.len())
    })
    .await?;
    let from_us = parameters.range.from.timestamp_micros();
    grants.retain(|grant| grant.end_us().is_none_or(|end_us| end_us > from_us));
    if grants.iter().any(|grant| grant.what == BYPASS) {
        let uses = uses(session.table(attempts::VIEW).await?, parameters).map_err(failed)?;
        read(session, uses, &mut |batch| take_uses(&mut grants, batch, owners).map(|()| 0)).await?;
    }
    let now_us = parameters.now.timestamp_micros();
    for grant in &grants {
        let ended_us = grant.end_us().filter(|end_us| *end_us <= now_us);
        let mut row = made.row();
        row.text("tenant", grant.tenant.as_str())
            .text("exception", GRANTS[grant.what].0)
            .text("person", grant.person.as_str())
            .text("source", grant.source.as_str())
            .number("granted_at", grant.granted_at_us)
            .maybe("granted_by", grant.granted_by.as_deref())
            .maybe("why", grant.why.as_deref())
            .number("until_at", grant.until_us)
            .number("ended_at", ended_us)
            .number("lasted_s", ended_us.map(|end_us| (end_us - grant.granted_at_us) / 1_000_000));
        if grant.what == BYPASS {
            row.flag("used", grant.attempts > 0)
                .number("attempts", grant.attempts)
                .number("events", grant.events)
                .number("first_at", grant.first_at_us)
                .number("last_at", grant.last_at_us);
        }
    }
    Ok(())
}

/// Everything that grants or ends, from the beginning: what was granted long ago may still hold.
fn changes(changes: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let words = GRANTS.iter().flat_map(|(granted, ended)| [lit(*granted), lit(*ended)]).collect();
    let to = parameters.range.to;
    let mut rows = changes
        .filter(col("occurred_at").lt(moment(to)).and(col("day").lt_eq(lit(day_literal(to.date_naive())))))?
        .filter(col("change").in_list(words, false))?;
    let tenants = tenants(parameters);
    let sources = chosen(parameters, Group::Source);
    for (column, values) in [("tenant_id", tenants), ("source", sources)] {
        if !values.is_empty() {
            rows = rows.filter(col(column).in_list(values.into_iter().map(lit).collect(), false))?;
        }
    }
    let places = ["kafka_partition", "kafka_offset", "element_index"];
    let columns = TEXTS.into_iter().chain(["occurred_at", "until"]).chain(places);
    let sorted = ["occurred_at", "source", "kafka_topic"].into_iter().chain(places);
    rows.select(columns.map(col).collect::<Vec<_>>())?
        .sort(sorted.map(|name| col(name).sort(true, true)).collect())
}

fn take(grants: &mut Vec<Grant>, changed: &Changed<'_>, owners: &Owners) {
    let (tenant, source) = (changed.tenant_id(), changed.source());
    let person = owners.of(tenant, source, changed.user_key(), changed.at_us).person;
    for (what, (granted, ended)) in GRANTS.iter().enumerate() {
        if changed.change() == *granted {
            grants.push(Grant {
                what,
                tenant: tenant.to_owned(),
                source: source.to_owned(),
                person: person.to_string(),
                granted_at_us: changed.at_us,
                granted_by: changed.actor().map(str::to_owned),
                why: changed.said(),
                until_us: changed.until_us,
                taken_back_us: None,
                attempts: 0,
                events: 0,
                first_at_us: None,
                last_at_us: None,
            });
        }
        if changed.change() == *ended {
            let theirs = grants.iter_mut().filter(|grant| {
                grant.what == what
                    && (grant.tenant.as_str(), grant.source.as_str()) == (tenant, source)
                    && grant.person == person
                    && grant.taken_back_us.is_none()
            });
            theirs.for_each(|grant| grant.taken_back_us = Some(changed.at_us));
        }
    }
}

/// The attempts of the range that were let in by a bypass.
fn uses(attempts: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    let mut rows = attempts
        .filter(is_within(parameters.range, "first_at"))?
        .filter(col("result").eq(lit("success")).and(col("assurance").eq(lit("bypassed"))))?;
    let tenants = tenants(parameters);
    if !tenants.is_empty() {
        rows = rows.filter(col("tenant_id").in_list(tenants.into_iter().map(lit).collect(), false))?;
    }
    rows.select_columns(&["tenant_id", "source", "user_key", "first_at", "last_at", "events"])
}

fn take_uses(grants: &mut [Grant], rows: &RecordBatch, owners: &Owners) -> Result<(), ArrowError> {
    let texts = Texts::of(rows, &["tenant_id", "source", "user_key"])?;
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    let events = numbers::<Int64Type>(rows, "events")?;
    for row in 0..rows.num_rows() {
        let tenant = texts.needed(0, row);
        let (first_us, last_us) = (first.value(row), last.value(row));
        let person = owners.of(tenant, texts.needed(1, row), texts.needed(2, row), first_us).person;
        let theirs = grants.iter_mut().filter(|grant| {
            grant.what == BYPASS
                && grant.tenant == tenant
                && grant.person == person
                && grant.holds_at(last_us)
        });
        for grant in theirs {
            grant.attempts += 1;
            grant.events += events.value(row);
            grant.first_at_us = Some(grant.first_at_us.map_or(first_us, |us| us.min(first_us)));
            grant.last_at_us = Some(grant.last_at_us.map_or(last_us, |us| us.max(last_us)));
        }
    }
    Ok(())
}
