//! The report `server-status`: who speaks, how much, how well, against their own past, and when they were silent.

mod outages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use chrono::TimeDelta;
use chrono_tz::Tz;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{Expr, cast, when};
use datafusion::prelude::{DataFrame, col, lit};
use schemas::vocabulary::{AuthResult, DenialGroup, DenialReason};

use self::outages::{BIN_US, Bins, Outage, outages};
use super::asked::read;
use super::counts::{ATTEMPTS, Counting, count_attempts, period_start};
use super::group::Group;
use super::parameters::{RANGE, ReportParameters, TENANT, filter};
use super::text::local;
use super::{About, Answering, Report, answer, in_range};
use crate::arrays::{Texts, column, lists};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::period::Shift;
use crate::session::Session;

/// Who speaks, and how well.
///
/// A row is a source or a server of it; sorted by source, the source itself before its servers.
pub(super) const REPORT: Report = Report {
    name: "server-status",
    asks: "Which servers and sources speak, how much and how well, against their own past, and when they were silent",
    definition: "A row for each source and for each authentication server that a source names, seen in the range or in the same \
                 local hours of the four weeks before (of a range longer than a week: at four times before, each so many weeks \
                 earlier), and for each that the configuration expects (expected.servers, \
                 expected.sources). `events` counts events, copies once; `attempts` counts attempts that began in the range, by \
                 the server of the last event that names one. `…_before` is the mean of those of the four weeks in which the \
                 source said anything in the same hours; null where there is none. An outage is a time of at least 15 minutes \
                 without any event, in which those weeks had events in at least 8 different five minutes on average. `state` is `silent` where \
                 an outage goes on at the end of the range, `not-seen` where one that is expected said nothing in all that time, \
                 else `speaking`. What lies after now is not yet: a range that reaches beyond it ends there.",
    parameters: &[RANGE, &[TENANT, SOURCE, SERVER]],
    columns: &[
        ("source", "string", "the product; null of an expected server that was not seen"),
        ("server", "string", "the authentication server; null in the row of the source itself"),
        ("state", "string", "speaking, silent or not-seen"),
        ("last_seen_at", "string", "its newest event that was looked at"),
        ("events", "integer", "events in the range"),
        ("attempts", "integer", "attempts that began in the range"),
        ("events_per_hour", "number", "events by the hours of the range"),
        ("events_before", "number", "the mean of the same hours in the weeks before"),
        (
            "change",
            "number",
            "how much more there were than before, of what was before; -1 is nothing any more",
        ),
        ("denied", "integer", "events that were denied"),
        ("denied_rate", "number", "denied events by the decided ones, from 0 to 1"),
        ("denied_rate_before", "number", "the same of the weeks before, all together"),
        ("delivery_failures", "integer", "events denied for a reason of the group delivery"),
        ("service_failures", "integer", "events denied for a reason of the group service"),
        ("outages", "integer", "times without any event that were outages"),
        ("silent_from_to", "array", "when these were: FROM/TO, and .. where one goes on"),
    ],
    answer: server_status,
};

const SOURCE: crate::Parameter = filter(Group::Source, "gatebook", "Only this product.");
const SERVER: crate::Parameter = filter(Group::Server, "mfa-1", "Only this authentication server.");

/// Weeks before that the range is compared with.
const WEEKS: usize = 4;

/// A source, or a server of it. An expected server that was never seen has no source.
type Name = (Option<String>, Option<String>);

/// What is counted of one in the range, and in the weeks before.
#[derive(Debug, Clone, Default)]
struct Counts {
    events: i64,
    decided: i64,
    denied: i64,
    delivery: i64,
    service: i64,
}

#[derive(Debug, Clone, Default)]
struct Voice {
    now: Counts,
    weeks: [Counts; WEEKS],
    last_us: Option<i64>,
    /// When it spoke, in the range and in each week before.
    bins: Bins,
    attempts: i64,
}

type Voices = BTreeMap<Name, Voice>;

/// The range, and the same local hours of weeks before: a week earlier each time, or as many as the range is long.
struct Times {
    now: TimeRange,
    weeks: Vec<TimeRange>,
}

impl Times {
    fn of(range: TimeRange, tz: Tz) -> Self {
        // No event lies in two of these times.
        let weeks_long = (range.to - range.from - TimeDelta::microseconds(1)).num_days() / 7 + 1;
        let days = 7 * u32::try_from(weeks_long).unwrap_or(1);
        // Each from the range itself: where clocks skipped an hour in one week, the weeks before it have that hour.
        let weeks = (1..=WEEKS as u32).map(|week| {
            let shift = Shift::Days(days * week);
            TimeRange { from: shift.back(range.from, tz), to: shift.back_end(range.to, tz) }
        });
        Self { now: range, weeks: weeks.collect() }
    }

    /// Whether an event lies in any of these times.
    fn any(&self) -> Expr {
        self.weeks.iter().fold(in_range(self.now), |all, week| all.or(in_range(*week)))
    }
}

fn server_status<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let times = Times::of(parameters.so_far(), parameters.tz);
        let limits = session.limits();
        let failed = |error| QueryError::while_running(error, &limits);
        let frame = frame(session.counted_events().await?, &times, parameters).map_err(failed)?;
        let mut voices = Voices::new();
        read(session, frame, &mut |batch| {
            take_in(batch, &times, &mut voices)?;
            Ok(voices.len())
        })
        .await?;
        attempts(session, parameters, times.now, &mut voices).await?;
        expect(session, parameters, &mut voices);
        let from = times.weeks.last().map_or(times.now.from, |week| week.from);
        let about = About { covered: Some(TimeRange { from, to: times.now.to }), ..About::default() };
        answer(session, &REPORT, parameters, about, rows(&voices, &times, parameters.tz)).await
    })
}

/// Events by source, server and bins of five minutes.
fn frame(
    events: DataFrame,
    times: &Times,
    parameters: &ReportParameters,
) -> Result<DataFrame, DataFusionError> {
    let events = parameters.filters.choose(events.filter(times.any())?)?;
    let at = || cast(col("occurred_at"), DataType::Int64);
    let of = |which: Expr| -> Result<Expr, DataFusionError> {
        Ok(sum(when(which, lit(1_i64)).otherwise(lit(0_i64))?))
    };
    let is_of = |group: DenialGroup| {
        let reasons = DenialReason::ALL.iter().filter(|reason| reason.group() == group);
        col("denial_reason").in_list(reasons.map(|reason| lit(reason.as_str())).collect(), false)
    };
    let keys = vec![
        col("source"),
        col("server_name"),
        // Counted from the beginning, so that no bin lies on both sides of it.
        cast(period_start(BIN_US, times.now.from), DataType::Int64).alias("bin"),
    ];
    let counted = vec![
        count(lit(1)).alias("events"),
        min(at()).alias("first"),
        max(at()).alias("last"),
        of(col("result").not_eq(lit(AuthResult::Pending.as_str())))?.alias("decided"),
        of(col("result").eq(lit(AuthResult::Denied.as_str())))?.alias("denied"),
        of(is_of(DenialGroup::Delivery))?.alias("delivery"),
        of(is_of(DenialGroup::Service))?.alias("service"),
    ];
    events.aggregate(keys, counted)
}

fn take_in(batch: &RecordBatch, times: &Times, voices: &mut Voices) -> Result<(), ArrowError> {
    let texts = Texts::of(batch, &["source", "server_name"])?;
    let number = |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_primitive::<Int64Type>());
    let names = ["bin", "events", "first", "last", "decided", "denied", "delivery", "service"];
    let numbers = names.iter().map(|name| number(name)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let value = |index: usize| numbers[index].value(row);
        let (bin_us, first_us, last_us) = (value(0), value(2), value(3));
        let source = texts.get(0, row).map(str::to_owned);
        let server = texts.get(1, row).map(str::to_owned);
        // The row of the source holds what its servers say too.
        let of_source = (source.clone(), None);
        let names = [Some(of_source), server.map(|server| (source, Some(server)))];
        for name in names.into_iter().flatten() {
            let voice = voices.entry(name).or_default();
            voice.last_us = voice.last_us.max(Some(last_us));
            let holds = |range: &TimeRange| {
                (range.from.timestamp_micros()..range.to.timestamp_micros()).contains(&first_us)
            };
            let counts = if holds(&times.now) {
                voice.bins.see(bin_us, first_us, last_us);
                &mut voice.now
            } else if let Some(week) = times.weeks.iter().position(holds) {
                let moved_us = (times.now.from - times.weeks[week].from).num_microseconds().unwrap_or(0);
                voice.bins.expect(week, bin_us + moved_us);
                &mut voice.weeks[week]
            } else {
                continue;
            };
            counts.events += value(1);
            counts.decided += value(4);
            counts.denied += value(5);
            counts.delivery += value(6);
            counts.service += value(7);
        }
    }
    Ok(())
}

/// Counts the attempts that began in the range.
async fn attempts(
    session: &Session,
    parameters: &ReportParameters,
    range: TimeRange,
    voices: &mut Voices,
) -> Result<(), QueryError> {
    let counting = Counting {
        range,
        by: &[],
        filters: &parameters.filters,
        with_duplicates: false,
        with_first_factor: true,
        columns: &["source", "server_name"],
        tz: parameters.tz,
        shift: None,
    };
    count_attempts(session, &counting, parameters.now, |batch| {
        let texts = Texts::of(batch, &["source", "server_name"])?;
        let counts = column(batch, ATTEMPTS)?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let (source, server) =
                (texts.get(0, row).map(str::to_owned), texts.get(1, row).map(str::to_owned));
            let names = [Some((source.clone(), None)), server.map(|server| (source, Some(server)))];
            for name in names.into_iter().flatten() {
                // What was not asked for has no voice.
                if let Some(voice) = voices.get_mut(&name) {
                    voice.attempts += counts.value(row);
                }
            }
        }
        Ok(voices.len())
    })
    .await
}

/// Adds those that are expected and were not seen.
fn expect(session: &Session, parameters: &ReportParameters, voices: &mut Voices) {
    let expectations = session.expectations();
    let is_asked = |column: &str, name: &String| {
        parameters.filters.by_column().all(|(held, values)| held != column || values.contains(name))
    };
    let is_any_tenant = !parameters.filters.has(Group::Tenant);
    let seen: BTreeSet<String> = voices.keys().filter_map(|(_, server)| server.clone()).collect();
    let servers = expectations.servers.iter().filter(|name| !seen.contains(*name));
    for server in servers.filter(|name| is_any_tenant && is_asked("server_name", name)) {
        if !parameters.filters.has(Group::Source) {
            voices.entry((None, Some(server.clone()))).or_default();
        }
    }
    for source in expectations.sources.iter().filter(|name| is_any_tenant && is_asked("source", name)) {
        if !parameters.filters.has(Group::Server) {
            voices.entry((Some(source.clone()), None)).or_default();
        }
    }
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn rows(voices: &Voices, times: &Times, tz: Tz) -> Result<RecordBatch, ArrowError> {
    let (from_us, to_us) = (times.now.from.timestamp_micros(), times.now.to.timestamp_micros());
    let hours = (to_us - from_us) as f64 / TimeDelta::hours(1).num_microseconds().unwrap_or(1) as f64;
    // Weeks in which the source said anything.
    let weeks = |name: &Name| -> Vec<usize> {
        let source = voices.get(&(name.0.clone(), None));
        (0..WEEKS).filter(|week| source.is_some_and(|voice| voice.weeks[*week].events > 0)).collect()
    };
    let found: Vec<(&Name, &Voice, Vec<usize>, Vec<Outage>)> = voices
        .iter()
        .map(|(name, voice)| {
            let weeks = weeks(name);
            let outages = outages(&voice.bins, &weeks, from_us, to_us);
            (name, voice, weeks, outages)
        })
        .collect();
    let all = || found.iter();
    let count = |of: fn(&Voice) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all().map(|(_, voice, ..)| of(voice))))
    };
    let before = |voice: &Voice, weeks: &[usize]| {
        let events = weeks.iter().map(|week| voice.weeks[*week].events).sum::<i64>();
        ratio(events, weeks.len() as i64)
    };
    let numbers = |of: &dyn Fn(&Voice, &[usize]) -> Option<f64>| -> ArrayRef {
        Arc::new(all().map(|(_, voice, weeks, _)| of(voice, weeks)).collect::<Float64Array>())
    };
    let state = |voice: &Voice, outages: &[Outage]| match (voice.last_us, outages.last()) {
        (None, _) => "not-seen",
        (_, Some(Outage { to_us: None, .. })) => "silent",
        _ => "speaking",
    };
    let period = |outage: &Outage| {
        let to = outage.to_us.map_or("..".to_owned(), |to_us| local(to_us, tz));
        format!("{}/{to}", local(outage.from_us, tz))
    };
    let periods: Vec<Vec<String>> = all().map(|(.., outages)| outages.iter().map(period).collect()).collect();
    let text = |of: &dyn Fn(&Name) -> Option<String>| -> ArrayRef {
        Arc::new(all().map(|(name, ..)| of(name)).collect::<StringArray>())
    };
    let last = all().map(|(_, voice, ..)| voice.last_us.map(|at_us| local(at_us, tz)));
    let counted = all().map(|(.., outages)| outages.len() as i64);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("source", text(&|(source, _)| source.clone())),
        ("server", text(&|(_, server)| server.clone())),
        (
            "state",
            Arc::new(StringArray::from_iter_values(
                all().map(|(_, voice, _, outages)| state(voice, outages)),
            )),
        ),
        ("last_seen_at", Arc::new(last.collect::<StringArray>())),
        ("events", count(|voice| voice.now.events)),
        ("attempts", count(|voice| voice.attempts)),
        ("events_per_hour", numbers(&|voice, _| (hours > 0.0).then(|| voice.now.events as f64 / hours))),
        ("events_before", numbers(&before)),
        (
            "change",
            numbers(&|voice, weeks| {
                let before = before(voice, weeks).filter(|before| *before > 0.0)?;
                Some((voice.now.events as f64 - before) / before)
            }),
        ),
        ("denied", count(|voice| voice.now.denied)),
        ("denied_rate", numbers(&|voice, _| ratio(voice.now.denied, voice.now.decided))),
        (
            "denied_rate_before",
            numbers(&|voice, _| {
                let sum = |of: fn(&Counts) -> i64| voice.weeks.iter().map(of).sum::<i64>();
                ratio(sum(|week| week.denied), sum(|week| week.decided))
            }),
        ),
        ("delivery_failures", count(|voice| voice.now.delivery)),
        ("service_failures", count(|voice| voice.now.service)),
        ("outages", Arc::new(Int64Array::from_iter_values(counted))),
        ("silent_from_to", lists(periods.iter().map(|periods| periods.iter().map(String::as_str).collect()))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
