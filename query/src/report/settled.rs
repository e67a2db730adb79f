//! Whether what a report counted may still change: events that are on their way, and who has fallen silent.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{ExprFunctionExt as _, cast};
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use schemas::Kind;
use serde::{Serialize, Serializer};

use super::counts::{in_range, moment, period_start};
use super::keys::{column, text_column};
use super::parameters::ReportParameters;
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::session::Session;

/// How far before the end of a report's range usual lateness and pauses are looked for, at the most.
const LOOK_BACK_MAX: TimeDelta = TimeDelta::days(7);

/// How far before its beginning, at the least: a night is a pause that everyone makes.
const LOOK_BACK_MIN: TimeDelta = TimeDelta::days(1);

/// How far after its end: what came then shows that a source goes on.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(1);

/// Pauses are told by the hour.
const HOUR_US: i64 = 3_600_000_000;

/// A pause this long is no silence.
const PAUSE_MIN_US: i64 = HOUR_US;

/// Of all events of a source, this part comes within its usual lateness: 99 of 100.
const USUAL_PER_CENT: i64 = 99;

/// Seconds that a source can usually be late; past the last one it counts as a day.
const LATENESS_S: [i64; 9] = [1, 10, 60, 5 * 60, 15 * 60, 3_600, 3 * 3_600, 6 * 3_600, 24 * 3_600];

/// Reasons that are told; the rest is a number.
const REASONS_MAX: usize = 16;

/// Whether what a report counted may still change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Whether every source has brought what usually comes later than the range's end, and no source, server or
    /// partition that was there in the range, or in the day before it, has fallen silent. Looked at are at most the
    /// last 7 days of the range.
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
        /// Within how many seconds 99 of 100 of its events come.
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
    /// This partition brings nothing any more, for longer than its longest pause before.
    PartitionSilent {
        /// The topic.
        topic: String,
        /// The partition's number.
        partition: i64,
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
        seen.take_in(&batch.map_err(failed)?).map_err(|error| failed(error.into()))?;
        if seen.servers.len() > limits.groups {
            return Err(QueryError::TooLarge(format!("name a server or a source: there are more than {} servers (query.groups_max)", limits.groups)));
        }
    }
    Ok(seen.judge(from, range.to))
}

/// How many events each source, server and partition brought in each hour, and how late.
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
    let keys = vec![
        col("source"),
        col("server_name"),
        col("kafka_topic"),
        us("kafka_partition").alias("partition"),
        cast(period_start(HOUR_US), DataType::Int64).alias("hour"),
        col("occurred_at").lt(moment(to)).alias("is_inside"),
    ];
    let mut counted = vec![
        max(us("occurred_at")).alias("occurred_until"),
        max(us("received_at")).alias("received_until"),
        count(lit(1)).alias("events"),
    ];
    for bound_s in LATENESS_S {
        let is_within = (us("received_at") - us("occurred_at")).lt_eq(lit(bound_s * 1_000_000));
        counted.push(count(lit(1)).filter(is_within).build()?.alias(within(bound_s)));
    }
    events.aggregate(keys, counted)
}

/// The column of the events that came within so many seconds.
fn within(bound_s: i64) -> String {
    format!("within_{bound_s}_s")
}

/// Who spoke when.
#[derive(Default)]
struct Seen {
    sources: BTreeMap<String, SourceSeen>,
    servers: BTreeMap<(String, String), Voice>,
    partitions: BTreeMap<(String, i64), Voice>,
}

/// What a source brought.
#[derive(Default)]
struct SourceSeen {
    received_until_us: i64,
    occurred_until_us: i64,
    /// Events before the range's end, and of these the ones within each of [`LATENESS_S`].
    events: i64,
    within: [i64; LATENESS_S.len()],
}

/// When somebody spoke, before the range's end.
#[derive(Default)]
struct Voice {
    hours_us: BTreeSet<i64>,
    newest_us: i64,
}

impl Seen {
    fn take_in(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let (sources, servers) = (text_column(batch, "source")?, text_column(batch, "server_name")?);
        let topics = text_column(batch, "kafka_topic")?;
        let is_inside = column(batch, "is_inside")?.as_boolean();
        let numbers = |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_primitive::<Int64Type>());
        let (partitions, hours) = (numbers("partition")?, numbers("hour")?);
        let (occurred, received) = (numbers("occurred_until")?, numbers("received_until")?);
        let events = numbers("events")?;
        let within = LATENESS_S.iter().map(|bound_s| numbers(&within(*bound_s)));
        let within = within.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let source = self.sources.entry(sources.value(row).to_owned()).or_default();
            source.received_until_us = source.received_until_us.max(received.value(row));
            if !is_inside.value(row) {
                continue;
            }
            let newest_us = occurred.value(row);
            source.occurred_until_us = source.occurred_until_us.max(newest_us);
            source.events += events.value(row);
            for (sum, within) in source.within.iter_mut().zip(&within) {
                *sum += within.value(row);
            }
            let partition = (topics.value(row).to_owned(), partitions.value(row));
            self.partitions.entry(partition).or_default().hear(hours.value(row), newest_us);
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
        let until_us = self.sources.values().map(|source| source.occurred_until_us).max().unwrap_or(0);
        for ((topic, partition), voice) in &self.partitions {
            if voice.is_silent(until_us) {
                unsettled.push(Unsettled::PartitionSilent {
                    topic: topic.clone(),
                    partition: *partition,
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
        let is_usual = |within: &i64| *within * 100 >= self.events * USUAL_PER_CENT;
        let index = self.within.iter().position(is_usual);
        LATENESS_S[index.unwrap_or(LATENESS_S.len() - 1)]
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
