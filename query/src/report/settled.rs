//! Whether what a report counted may still change: events that are on their way, and who has fallen silent.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::greatest;
use datafusion::functions::math::expr_fn::{ceil, log2};
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::cast;
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use schemas::Kind;
use serde::{Serialize, Serializer};

use super::counts::{in_range, period_start};
use super::parameters::ReportParameters;
use crate::arrays::{column, text_column};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::session::Session;

/// How far before the end of a report's range usual lateness and pauses are looked for, at the most.
const LOOK_BACK_MAX: TimeDelta = TimeDelta::days(7);

/// How far before its beginning, at the least: a night is a pause that everyone makes.
const LOOK_BACK_MIN: TimeDelta = TimeDelta::days(1);

/// How far after its end: what came then shows that a source goes on.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(1);

const SECOND_US: i64 = 1_000_000;

/// Pauses are told by the hour.
const HOUR_US: i64 = 3_600 * SECOND_US;

/// A pause this long is no silence.
const PAUSE_MIN_US: i64 = HOUR_US;

/// Of all events of a source, this part comes within its usual lateness: 99 of 100.
const USUAL_PER_CENT: i64 = 99;

/// Lateness is told in powers of two of a second, up to a day and a half.
const LATENESS_BITS_MAX: usize = 17;

/// Reasons that are told; the rest is a number.
const REASONS_MAX: usize = 16;

/// Whether what a report counted may still change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Whether every source has brought what usually comes later than the range's end, and no source or server that
    /// was there in the range, or in the day before it, has fallen silent. Looked at are at most the last 7 days of
    /// the range.
    pub settled: bool,
    /// Why it is not settled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Unsettled>,
    /// Reasons that are not told.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsettled_more: usize,
}

/// Why a report is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Unsettled {
    /// Nothing at all was seen, in the range or before it.
    NothingSeen {
        /// Since when there is nothing.
        #[serde(serialize_with = "rfc3339")]
        nothing_since: DateTime<Utc>,
    },
    /// Events of this source may still be on their way.
    Late {
        /// The source.
        source: String,
        /// When Kafka got the newest of its records.
        #[serde(serialize_with = "rfc3339")]
        received_until: DateTime<Utc>,
        /// Within how many seconds 99 of 100 of its events come, a power of two.
        usual_lateness_s: i64,
    },
    /// This server says nothing any more, for longer than its longest pause before.
    ServerSilent {
        /// The server's source.
        source: String,
        /// The authentication server.
        server: String,
        /// Its newest event in the range.
        #[serde(serialize_with = "rfc3339")]
        silent_since: DateTime<Utc>,
    },
}

/// Looks at who spoke when. Filters by tenant, source and server choose whose silence matters.
pub(super) async fn settled(session: &Session, parameters: &ReportParameters) -> Result<Settled, QueryError> {
    let limits = session.limits();
    let failed = |error| QueryError::while_running(error, &limits);
    let range = parameters.range;
    let from = (range.from - LOOK_BACK_MIN).max(range.to - LOOK_BACK_MAX);
    let frame = frame(session.view(Kind::Event).await?, from, parameters).map_err(failed)?;
    let mut batches = frame.execute_stream().await.map_err(failed)?;
    let mut seen = Seen::default();
    while let Some(batch) = batches.next().await {
        seen.take_in(&batch.map_err(failed)?, range.to).map_err(|error| failed(error.into()))?;
        if seen.servers.len() > limits.groups {
            return Err(QueryError::TooLarge(format!(
                "name a server or a source: there are more than {} servers (query.groups_max)",
                limits.groups
            )));
        }
    }
    Ok(seen.judge(from, range.to))
}

/// How many events each source and server brought in each hour before the range's end, and how late.
fn frame(
    events: DataFrame,
    from: DateTime<Utc>,
    parameters: &ReportParameters,
) -> Result<DataFrame, DataFusionError> {
    let to = parameters.range.to;
    let mut events = events.filter(in_range(TimeRange { from, to: to + LOOK_AHEAD }))?;
    for (column, values) in parameters.filters.by_column() {
        if ["tenant_id", "source", "server_name"].contains(&column) {
            events = events.filter(col(column).in_list(values.into_iter().map(lit).collect(), false))?;
        }
    }
    let us = |name: &str| cast(col(name), DataType::Int64);
    let late_s =
        greatest(vec![us("received_at") - us("occurred_at"), lit(SECOND_US)]) / lit(SECOND_US as f64);
    let keys = vec![
        col("source"),
        col("server_name"),
        // Counted from the end, so that no hour lies on both sides of it.
        cast(period_start(HOUR_US, to), DataType::Int64).alias("hour"),
        cast(ceil(log2(late_s)), DataType::Int64).alias("late_bits"),
    ];
    let counted = vec![
        max(us("occurred_at")).alias("occurred_until"),
        max(us("received_at")).alias("received_until"),
        count(lit(1)).alias("events"),
    ];
    events.aggregate(keys, counted)
}

/// Who spoke when.
#[derive(Default)]
struct Seen {
    sources: BTreeMap<String, SourceSeen>,
    servers: BTreeMap<(String, String), Voice>,
}

/// What a source brought.
#[derive(Default)]
struct SourceSeen {
    received_until_us: i64,
    occurred_until_us: i64,
    /// Events before the range's end, by the bits of the seconds by which they were late.
    events: [i64; LATENESS_BITS_MAX + 1],
}

/// When somebody spoke, before the range's end.
#[derive(Default)]
struct Voice {
    hours_us: BTreeSet<i64>,
    newest_us: i64,
}

impl Seen {
    fn take_in(&mut self, batch: &RecordBatch, to: DateTime<Utc>) -> Result<(), ArrowError> {
        let (sources, servers) = (text_column(batch, "source")?, text_column(batch, "server_name")?);
        let numbers = |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_primitive::<Int64Type>());
        let (hours, late_bits, events) = (numbers("hour")?, numbers("late_bits")?, numbers("events")?);
        let (occurred, received) = (numbers("occurred_until")?, numbers("received_until")?);
        for row in 0..batch.num_rows() {
            let source = self.sources.entry(sources.value(row).to_owned()).or_default();
            source.received_until_us = source.received_until_us.max(received.value(row));
            if hours.value(row) >= to.timestamp_micros() {
                continue;
            }
            let newest_us = occurred.value(row);
            source.occurred_until_us = source.occurred_until_us.max(newest_us);
            let bits = usize::try_from(late_bits.value(row)).unwrap_or(0).min(LATENESS_BITS_MAX);
            source.events[bits] += events.value(row);
            if servers.is_valid(row) {
                let server = (sources.value(row).to_owned(), servers.value(row).to_owned());
                self.servers.entry(server).or_default().hear(hours.value(row), newest_us);
            }
        }
        Ok(())
    }

    fn judge(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Settled {
        let mut unsettled = Vec::new();
        if self.sources.is_empty() {
            unsettled.push(Unsettled::NothingSeen { nothing_since: from });
        }
        for (source, seen) in &self.sources {
            let usual_lateness_s = seen.usual_lateness_s();
            if seen.received_until_us < (to + TimeDelta::seconds(usual_lateness_s)).timestamp_micros() {
                unsettled.push(Unsettled::Late {
                    source: source.clone(),
                    received_until: at(seen.received_until_us),
                    usual_lateness_s,
                });
            }
        }
        for ((source, server), voice) in &self.servers {
            // Where its whole source is late, that is said already.
            let until_us = self.sources.get(source).map_or(0, |source| source.occurred_until_us);
            if voice.is_silent(until_us) {
                unsettled.push(Unsettled::ServerSilent {
                    source: source.clone(),
                    server: server.clone(),
                    silent_since: at(voice.newest_us),
                });
            }
        }
        let unsettled_more = unsettled.len().saturating_sub(REASONS_MAX);
        unsettled.truncate(REASONS_MAX);
        Settled { settled: unsettled.is_empty(), unsettled, unsettled_more }
    }
}

impl SourceSeen {
    fn usual_lateness_s(&self) -> i64 {
        let all = self.events.iter().sum::<i64>();
        let mut within = 0;
        let bits = self.events.iter().position(|events| {
            within += events;
            within * 100 >= all * USUAL_PER_CENT
        });
        1 << bits.unwrap_or(LATENESS_BITS_MAX)
    }
}

impl Voice {
    fn hear(&mut self, hour_us: i64, newest_us: i64) {
        self.hours_us.insert(hour_us);
        self.newest_us = self.newest_us.max(newest_us);
    }

    /// Whether it has said nothing for longer than in its longest pause, and than [`PAUSE_MIN_US`].
    fn is_silent(&self, until_us: i64) -> bool {
        let pauses = self.hours_us.iter().zip(self.hours_us.iter().skip(1)).map(|(one, next)| next - one);
        let longest_us = pauses.max().unwrap_or(0);
        until_us - self.newest_us > longest_us.max(PAUSE_MIN_US)
    }
}

fn at(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}

fn rfc3339<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
