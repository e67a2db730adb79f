//! The report `migration`: who still passes the MFA Server, who the cloud, who both, and what failed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono_tz::Tz;

use super::asked::{ATTEMPT_IN_RANGE, asked, of_tenants, range_values, read};
use super::parameters::{RANGE, ReportParameters, TENANT};
use super::people_parameters::tenants;
use super::text::local;
use super::{About, Answering, Report, answer};
use crate::Takes;
use crate::arrays::{Texts, numbers};
use crate::error::QueryError;
use crate::parameter::Parameter;
use crate::people::Owners;
use crate::session::Session;

/// Who passes which.
///
/// A row is a person; sorted by tenant and person.
pub(super) const REPORT: Report = Report {
    name: "migration",
    asks: "Who still authenticates through MFA Server, who in the cloud, who in both, and what failed since",
    definition: "Persons for whom a second factor was challenged in the range, by MFA Server (source mfa-server), in the cloud \
                 (source entra) or by both. Attempts count by the moment when they began; events are those that these attempts \
                 are made of. `cloud_denied` are the attempts in the cloud that were denied after the person's last success at \
                 MFA Server (all of them, where there was none), but for those denied for a wrong password or an unknown user; \
                 `cloud_denied_reason` is the reason that most of these have. Persons are those of the table `persons`.",
    parameters: &[RANGE, &[TENANT, STATE, PERSON]],
    columns: &[
        ("tenant", "string", "whose person"),
        ("person", "string", "who"),
        ("state", "string", "server, cloud or both"),
        ("server_attempts", "integer", "challenged attempts at MFA Server"),
        ("server_events", "integer", "events of these attempts"),
        ("server_first_at", "string", "when the first of them began"),
        ("server_last_at", "string", "when the last of them began"),
        ("cloud_attempts", "integer", "challenged attempts in the cloud"),
        ("cloud_events", "integer", "events of these attempts"),
        ("cloud_first_at", "string", "when the first of them began"),
        ("cloud_last_at", "string", "when the last of them began"),
        ("cloud_denied", "integer", "attempts denied in the cloud since the last success at MFA Server"),
        ("cloud_denied_reason", "string", "why most of these were denied"),
    ],
    answer: migration,
};

const STATE: Parameter = Parameter::new(
    "state",
    Takes::Word(&["server", "cloud", "both"]),
    "server",
    "Only persons who pass there.",
);

const PERSON: Parameter = Parameter::new("person", Takes::Person, "ada@acme.example", "Only this person.");

/// An attempt, as far as it is needed.
struct Row {
    is_server: bool,
    is_challenged: bool,
    is_success: bool,
    /// Why it was denied, where that tells of the move.
    reason: Option<String>,
    first_at_us: i64,
    events: i64,
}

/// One person's attempts.
#[derive(Default)]
struct Moved {
    server: Passed,
    cloud: Passed,
    server_success_us: Option<i64>,
    /// Denied in the cloud: when, and why.
    denied: Vec<(i64, String)>,
}

#[derive(Default)]
struct Passed {
    attempts: i64,
    events: i64,
    range_us: Option<(i64, i64)>,
}

impl Passed {
    fn add(&mut self, row: &Row) {
        self.attempts += 1;
        self.events += row.events;
        let (first_us, last_us) = self.range_us.unwrap_or((row.first_at_us, row.first_at_us));
        self.range_us = Some((first_us.min(row.first_at_us), last_us.max(row.first_at_us)));
    }
}

impl Moved {
    fn add(&mut self, row: &Row) {
        if row.is_challenged {
            if row.is_server { &mut self.server } else { &mut self.cloud }.add(row);
        }
        if row.is_server && row.is_success {
            self.server_success_us = self.server_success_us.max(Some(row.first_at_us));
        }
        if let (false, Some(reason)) = (row.is_server, &row.reason) {
            self.denied.push((row.first_at_us, reason.clone()));
        }
    }

    fn state(&self) -> Option<&'static str> {
        match (self.server.attempts > 0, self.cloud.attempts > 0) {
            (true, true) => Some("both"),
            (true, false) => Some("server"),
            (false, true) => Some("cloud"),
            (false, false) => None,
        }
    }

    fn denied_since(&self) -> impl Iterator<Item = &str> {
        let since = |at_us: i64| self.server_success_us.is_none_or(|success_us| at_us > success_us);
        self.denied.iter().filter(move |(at_us, _)| since(*at_us)).map(|(_, reason)| reason.as_str())
    }

    /// The reason that most have; of several the first by name.
    fn denied_reason(&self) -> Option<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.denied_since().for_each(|reason| *counts.entry(reason).or_default() += 1);
        let most = counts.values().copied().max()?;
        counts.into_iter().find(|(_, count)| *count == most).map(|(reason, _)| reason)
    }
}

type Persons = BTreeMap<(String, String), Moved>;

fn migration<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let mut persons = persons(session, parameters).await?;
        let (state, person) = (parameters.text(STATE.name), parameters.text(PERSON.name));
        persons.retain(|(_, name), moved| {
            let found = moved.state();
            found.is_some()
                && state.is_none_or(|state| found == Some(state))
                && person.is_none_or(|person| person == name)
        });
        let about = About { asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, rows(&persons, parameters.tz)).await
    })
}

async fn persons(session: &Session, parameters: &ReportParameters) -> Result<Persons, QueryError> {
    let (range, filters) = (parameters.range, &parameters.filters);
    let owners = session.owners(&tenants(parameters)).await?;
    let (of_tenants, tenants) = of_tenants(filters);
    let sql = format!(
        "SELECT tenant_id, source, user_key, first_at, events, assurance, result, denial_reason FROM attempts \
         WHERE {ATTEMPT_IN_RANGE} AND source IN ('mfa-server', 'entra'){of_tenants}"
    );
    let values = [range_values(range), tenants].concat();
    let mut persons = Persons::new();
    let frame = asked(session, &sql, &values).await?;
    read(session, frame, &mut |batch| {
        take_in(batch, &owners, &mut persons)?;
        Ok(persons.len())
    })
    .await?;
    Ok(persons)
}

/// Reasons that say nothing of the second factor.
const OTHER_REASONS: [&str; 3] = ["wrong-password", "wrong-credentials", "unknown-user"];

fn take_in(batch: &RecordBatch, owners: &Owners, persons: &mut Persons) -> Result<(), ArrowError> {
    let names = ["tenant_id", "source", "user_key", "assurance", "result", "denial_reason"];
    let texts = Texts::of(batch, &names)?;
    let first = numbers::<TimestampMicrosecondType>(batch, "first_at")?;
    let events = numbers::<Int64Type>(batch, "events")?;
    for row in 0..batch.num_rows() {
        let [tenant_id, source, user_key] = [0, 1, 2].map(|index| texts.needed(index, row));
        let result = texts.needed(4, row);
        let reason = texts.get(5, row).filter(|reason| result == "denied" && !OTHER_REASONS.contains(reason));
        let person = owners.of(tenant_id, source, user_key, first.value(row)).person.into_owned();
        persons.entry((tenant_id.to_owned(), person)).or_default().add(&Row {
            is_server: source == "mfa-server",
            is_challenged: texts.needed(3, row) == "challenged",
            is_success: result == "success",
            reason: reason.map(str::to_owned),
            first_at_us: first.value(row),
            events: events.value(row),
        });
    }
    Ok(())
}

fn rows(persons: &Persons, tz: Tz) -> Result<RecordBatch, ArrowError> {
    let all = || persons.values();
    let count = |of: fn(&Moved) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(all().map(of))) };
    let at = |of: fn(&Moved) -> Option<i64>| -> ArrayRef {
        Arc::new(all().map(|moved| of(moved).map(|at_us| local(at_us, tz))).collect::<StringArray>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tenant", Arc::new(StringArray::from_iter_values(persons.keys().map(|(tenant, _)| tenant)))),
        ("person", Arc::new(StringArray::from_iter_values(persons.keys().map(|(_, person)| person)))),
        ("state", Arc::new(all().map(Moved::state).collect::<StringArray>())),
        ("server_attempts", count(|moved| moved.server.attempts)),
        ("server_events", count(|moved| moved.server.events)),
        ("server_first_at", at(|moved| Some(moved.server.range_us?.0))),
        ("server_last_at", at(|moved| Some(moved.server.range_us?.1))),
        ("cloud_attempts", count(|moved| moved.cloud.attempts)),
        ("cloud_events", count(|moved| moved.cloud.events)),
        ("cloud_first_at", at(|moved| Some(moved.cloud.range_us?.0))),
        ("cloud_last_at", at(|moved| Some(moved.cloud.range_us?.1))),
        ("cloud_denied", count(|moved| i64::try_from(moved.denied_since().count()).unwrap_or(i64::MAX))),
        ("cloud_denied_reason", Arc::new(all().map(Moved::denied_reason).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
