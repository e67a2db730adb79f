//! The sign-ins of each person, taken in one by one.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use projections::stronger;
use schemas::Enabled;
use schemas::arrays::{Texts, column, list, numbers};
use schemas::vocabulary::Assurance;

use super::super::parameters::ReportParameters;
use super::super::people_parameters::tenants;
use super::class::Class;
use crate::people::{Owners, period};

/// The columns of a sign-in that are needed.
pub(super) const NAMES: [&str; 8] =
    ["tenant_id", "person", "first_at", "result", "assurance", "application", "attempts", "event_ids"];

/// A person, and what the range proves of them.
pub(super) struct Found {
    pub(super) tenant: String,
    pub(super) person: String,
    pub(super) class: Class,
    pub(super) enabled: Vec<String>,
    pub(super) seen: Seen,
}

/// The sign-ins of a person that count.
#[derive(Default)]
pub(super) struct Seen {
    /// Those that succeeded, by what they prove.
    by_assurance: BTreeMap<Assurance, i64>,
    pub(super) attempts: i64,
    pub(super) events: i64,
    pub(super) not_let_in: i64,
    pub(super) outside: i64,
    pub(super) strongest: Option<Strongest>,
}

/// The newest of the strongest sign-ins.
pub(super) struct Strongest {
    pub(super) assurance: Assurance,
    pub(super) at_us: i64,
    pub(super) application: Option<String>,
    pub(super) event_ids: Vec<String>,
}

impl Seen {
    pub(super) fn sign_ins(&self) -> i64 {
        self.by_assurance.values().sum()
    }

    pub(super) fn challenged(&self) -> i64 {
        self.by_assurance.get(&Assurance::Challenged).copied().unwrap_or(0)
    }

    /// What those without a challenge prove, as `WORD: COUNT`.
    pub(super) fn by_what(&self) -> Vec<String> {
        let others = self.by_assurance.iter().filter(|(assurance, _)| **assurance != Assurance::Challenged);
        others.map(|(assurance, count)| format!("{assurance}: {count}")).collect()
    }
}

/// Sign-ins by person.
pub(super) struct Fold<'o> {
    /// The part of the range in which each listed person is enabled.
    listed: BTreeMap<(&'o str, &'o str), Vec<Enabled>>,
    seen: BTreeMap<(String, String), Seen>,
}

impl<'o> Fold<'o> {
    pub(super) fn new(owners: &'o Owners, parameters: &ReportParameters) -> Self {
        let tenants = tenants(parameters);
        let range = (parameters.range.from.timestamp_micros(), parameters.range.to.timestamp_micros());
        let is_asked = |tenant: &str| tenants.is_empty() || tenants.iter().any(|it| it == tenant);
        let listed = owners.listed().into_iter().filter(|((tenant, _), _)| is_asked(tenant));
        let listed = listed.map(|(whose, enabled)| (whose, within(enabled, range)));
        Self { listed: listed.collect(), seen: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn take_in(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = Texts::of(rows, &["tenant_id", "person", "result", "assurance", "application"])?;
        let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
        let attempts = numbers::<Int64Type>(rows, "attempts")?;
        let event_ids = column(rows, "event_ids")?;
        for row in 0..rows.num_rows() {
            let (tenant, person) = (texts.needed(0, row), texts.needed(1, row));
            let at_us = first.value(row);
            let enabled = self.listed.get(&(tenant, person));
            let counts = enabled.is_none_or(|enabled| enabled.iter().any(|it| holds(it, at_us)));
            let is_in = texts.get(2, row) == Some("success");
            let seen = self.seen.entry((tenant.to_owned(), person.to_owned())).or_default();
            match (counts, is_in) {
                (false, true) => seen.outside += 1,
                (false, false) => {}
                (true, false) => seen.not_let_in += 1,
                (true, true) => {
                    let assurance =
                        texts.get(3, row).and_then(Assurance::parse).unwrap_or(Assurance::Unknown);
                    let event_ids = list(event_ids, row)?;
                    *seen.by_assurance.entry(assurance).or_default() += 1;
                    seen.attempts += attempts.value(row);
                    seen.events += event_ids.len() as i64;
                    let is_stronger = seen.strongest.as_ref().is_none_or(|held| {
                        if held.assurance == assurance {
                            (held.at_us, &held.event_ids) < (at_us, &event_ids)
                        } else {
                            stronger(held.assurance, assurance) == assurance
                        }
                    });
                    if is_stronger {
                        let application = texts.get(4, row).map(str::to_owned);
                        seen.strongest = Some(Strongest { assurance, at_us, application, event_ids });
                    }
                }
            }
        }
        Ok(())
    }

    /// Everybody, by tenant and name.
    pub(super) fn finish(self) -> Vec<Found> {
        let Self { listed, mut seen } = self;
        let mut found = Vec::new();
        for ((tenant, person), enabled) in listed {
            let seen = seen.remove(&(tenant.to_owned(), person.to_owned())).unwrap_or_default();
            let class = match (&seen.strongest, enabled.is_empty()) {
                (_, true) if seen.outside > 0 => Class::NotEnabled,
                (_, true) => continue,
                (Some(strongest), false) => Class::Proves(strongest.assurance),
                (None, false) => Class::NoSignIn,
            };
            let enabled = enabled.into_iter().map(period).collect();
            found.push(Found { tenant: tenant.to_owned(), person: person.to_owned(), class, enabled, seen });
        }
        for ((tenant, person), seen) in seen {
            if seen.strongest.is_some() {
                let enabled = Vec::new();
                found.push(Found { tenant, person, class: Class::NotInDirectory, enabled, seen });
            }
        }
        found.sort_by(|one, other| (&one.tenant, &one.person).cmp(&(&other.tenant, &other.person)));
        found
    }
}

/// The parts of periods that lie in the range.
fn within(periods: &[Enabled], (from_us, to_us): (i64, i64)) -> Vec<Enabled> {
    let parts = periods.iter().map(|it| {
        let from = it.from_us.map_or(from_us, |us| us.max(from_us));
        let to = it.to_us.map_or(to_us, |us| us.min(to_us));
        (from, to)
    });
    let parts = parts.filter(|(from, to)| from < to);
    parts.map(|(from, to)| Enabled { from_us: Some(from), to_us: Some(to) }).collect()
}

fn holds(period: &Enabled, at_us: i64) -> bool {
    period.from_us.is_none_or(|from_us| from_us <= at_us) && period.to_us.is_none_or(|to_us| at_us < to_us)
}
