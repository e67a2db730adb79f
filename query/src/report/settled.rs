//! Whether what a report counted may still change: events that are on their way, and who has fallen silent.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use super::group::Group;
use super::parameters::ReportParameters;
use crate::error::QueryError;
use crate::period::QUARTER_HOUR_US;
use crate::session::Session;
use crate::voices::{Heard, LATENESS_BITS_MAX, Lateness, Voice};

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

/// Of a thousand events of a source, so many come within its usual lateness.
const USUAL_OF_1000: i64 = 999;

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
        /// Within how many seconds 999 of 1,000 of its events come, a power of two.
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

/// Looks at who spoke when. Filters by tenant, source and server choose whose silence matters. A quarter hour in which the
/// range ends is looked at as a whole.
pub(super) async fn settled(session: &Session, parameters: &ReportParameters) -> Result<Settled, QueryError> {
    let range = parameters.range;
    let from = (range.from - LOOK_BACK_MIN).max(range.to - LOOK_BACK_MAX);
    let days = from.date_naive()..=(range.to + LOOK_AHEAD).date_naive();
    let wanted = |group: Group, name: Option<&str>| {
        let allowed = parameters.filters.of(group);
        allowed.is_none_or(|allowed| name.is_some_and(|name| allowed.iter().any(|it| it == name)))
    };
    let mut seen = Seen::default();
    for heard in session.voices(days).await?.values() {
        seen.take_in(heard, (from, range.to), &wanted);
    }
    Ok(seen.judge(from, range.to))
}

/// Who spoke when.
#[derive(Default)]
struct Seen {
    sources: BTreeMap<Arc<str>, SourceSeen>,
    servers: BTreeMap<(Arc<str>, Arc<str>), Spoken>,
}

/// What a source brought.
#[derive(Default)]
struct SourceSeen {
    lateness: Lateness,
    occurred_until_us: i64,
}

/// When somebody spoke, before the range's end.
#[derive(Default)]
struct Spoken {
    hours_us: BTreeSet<i64>,
    newest_us: i64,
}

impl Seen {
    fn take_in(
        &mut self,
        heard: &Heard,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        wanted: &impl Fn(Group, Option<&str>) -> bool,
    ) {
        let (from_us, to_us) = (from.timestamp_micros(), to.timestamp_micros());
        let ahead_us = (to + LOOK_AHEAD).timestamp_micros();
        for ((tenant, source, server), voice) in &heard.voices {
            // Where servers are named, only what these tell is looked at.
            let is_wanted = wanted(Group::Tenant, Some(tenant))
                && wanted(Group::Source, Some(source))
                && wanted(Group::Server, server.as_deref());
            if !is_wanted || voice.quarters.range(quarter(from_us)..ahead_us).next().is_none() {
                continue;
            }
            let seen = self.sources.entry(Arc::clone(source)).or_default();
            let spoken = spoken(voice, (from_us, to_us));
            if spoken.hours_us.is_empty() {
                // What came after the range shows that the source went on.
                let received_until_us = &mut seen.lateness.received_until_us;
                *received_until_us = (*received_until_us).max(voice.lateness.received_until_us);
                continue;
            }
            seen.lateness.add(&voice.lateness);
            seen.occurred_until_us = seen.occurred_until_us.max(spoken.newest_us);
            if let Some(server) = server {
                let all = self.servers.entry((Arc::clone(source), Arc::clone(server))).or_default();
                all.hours_us.extend(spoken.hours_us);
                all.newest_us = all.newest_us.max(spoken.newest_us);
            }
        }
    }

    fn judge(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Settled {
        let mut unsettled = Vec::new();
        if self.sources.is_empty() {
            unsettled.push(Unsettled::NothingSeen { nothing_since: from });
        }
        for (source, seen) in &self.sources {
            let usual_lateness_s = seen.usual_lateness_s();
            if seen.lateness.received_until_us
                < (to + TimeDelta::seconds(usual_lateness_s)).timestamp_micros()
            {
                unsettled.push(Unsettled::Late {
                    source: source.to_string(),
                    received_until: at(seen.lateness.received_until_us),
                    usual_lateness_s,
                });
            }
        }
        for ((source, server), voice) in &self.servers {
            // Where its whole source is late, that is said already.
            let until_us = self.sources.get(source).map_or(0, |source| source.occurred_until_us);
            if voice.is_silent(until_us) {
                unsettled.push(Unsettled::ServerSilent {
                    source: source.to_string(),
                    server: server.to_string(),
                    silent_since: at(voice.newest_us),
                });
            }
        }
        let unsettled_more = unsettled.len().saturating_sub(REASONS_MAX);
        unsettled.truncate(REASONS_MAX);
        Settled { settled: unsettled.is_empty(), unsettled, unsettled_more }
    }
}

/// The start of a moment's quarter hour.
fn quarter(at_us: i64) -> i64 {
    at_us - at_us.rem_euclid(QUARTER_HOUR_US)
}

/// The hours with an event, counted from the end of the quarter hour in which the range ends, so that none lies on both sides.
fn spoken(voice: &Voice, (from_us, to_us): (i64, i64)) -> Spoken {
    let end_us = to_us + (-to_us).rem_euclid(QUARTER_HOUR_US);
    let mut spoken = Spoken::default();
    for (quarter_us, newest_us) in voice.quarters.range(quarter(from_us)..to_us) {
        spoken.hours_us.insert(quarter_us - (quarter_us - end_us).rem_euclid(HOUR_US));
        spoken.newest_us = spoken.newest_us.max((*newest_us).min(to_us - 1));
    }
    spoken
}

impl SourceSeen {
    fn usual_lateness_s(&self) -> i64 {
        let events = &self.lateness.events;
        let all = events.iter().sum::<i64>();
        let mut within = 0;
        let bits = events.iter().position(|events| {
            within += events;
            within * 1_000 >= all * USUAL_OF_1000
        });
        1 << bits.unwrap_or(LATENESS_BITS_MAX)
    }
}

impl Spoken {
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
