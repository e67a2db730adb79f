//! What the rows of `server-status` have to be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{DenialGroup, DenialReason};
use serde_json::Value;

use super::asked::Asked;
use super::changing::expectations;
use super::clock::Back;
use super::truth::{Row, Truth, in_zone};
use super::{Expected, row};

/// A source, or a server of it.
type Name = (Option<String>, Option<String>);

const WEEKS: usize = 4;

const BIN_US: i64 = 300_000_000;

#[derive(Default)]
struct Voice<'t> {
    /// Of the range, and of each week before.
    events: [Vec<&'t Row>; WEEKS + 1],
    attempts: i64,
}

fn names(row: &Row) -> Vec<Name> {
    let source = Some(row.word("source").to_owned());
    let server = row.text("server_name").map(|server| (source.clone(), Some(server.to_owned())));
    [Some((source, None)), server].into_iter().flatten().collect()
}

pub(super) fn server_status(truth: &Truth, asked: &Asked) -> Expected {
    let (from, to) = (asked.from, asked.so_far());
    let weeks_long = ((to - from - TimeDelta::microseconds(1)).num_days() / 7 + 1) as u64;
    let mut times = vec![(from, to)];
    for week in 1..=WEEKS as u64 {
        let back = Back::Days(7 * weeks_long * week);
        times.push((back.start(from, asked.tz), back.end(to, asked.tz)));
    }
    let place = |row: &Row| times.iter().position(|(from, to)| *from <= row.at && row.at < *to);
    let is_asked = |row: &&Row| asked.passes_all(row, &["tenant", "source", "server"]);
    let mut voices: BTreeMap<Name, Voice<'_>> = BTreeMap::new();
    for event in truth.events.iter().filter(is_asked) {
        let Some(place) = place(event) else { continue };
        for name in names(event) {
            voices.entry(name).or_default().events[place].push(event);
        }
    }
    let attempts = truth.attempts();
    for attempt in attempts.iter().filter(is_asked).filter(|row| from <= row.at && row.at < to) {
        for name in names(attempt) {
            voices.entry(name).and_modify(|voice| voice.attempts += 1);
        }
    }
    if !asked.has("tenant") {
        let has_spoken: BTreeSet<_> = voices.keys().filter_map(|(_, server)| server.clone()).collect();
        for server in expectations().servers {
            let is_wanted = !asked.has("server") || asked.values("server").contains(&server.as_str());
            if !asked.has("source") && is_wanted && !has_spoken.contains(&server) {
                voices.entry((None, Some(server))).or_default();
            }
        }
        for source in expectations().sources {
            let is_wanted = !asked.has("source") || asked.values("source").contains(&source.as_str());
            if !asked.has("server") && is_wanted {
                voices.entry((Some(source), None)).or_default();
            }
        }
    }
    let spoken = |name: &Name| -> Vec<usize> {
        let of_source = voices.get(&(name.0.clone(), None));
        (1..=WEEKS).filter(|week| of_source.is_some_and(|voice| !voice.events[*week].is_empty())).collect()
    };
    let rows = voices.iter().map(|(name, voice)| told(name, voice, &spoken(name), &times, asked));
    Expected::sorted(rows.collect())
}

fn told(
    (source, server): &Name,
    voice: &Voice<'_>,
    weeks: &[usize],
    times: &[(DateTime<Utc>, DateTime<Utc>)],
    asked: &Asked,
) -> serde_json::Map<String, Value> {
    let (from, to) = times[0];
    let [now, before @ ..] = &voice.events;
    let before: Vec<&Row> = before.iter().flatten().copied().collect();
    let count = |rows: &[&Row], is_one: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is_one(row)).count();
    let denied = |rows: &[&Row]| count(rows, &|row| row.word("result") == "denied");
    let decided = |rows: &[&Row]| count(rows, &|row| row.word("result") != "pending");
    let rate =
        |part: usize, all: usize| if all > 0 { Value::from(part as f64 / all as f64) } else { Value::Null };
    let of_group = |group: DenialGroup| {
        let is_of = |row: &Row| {
            row.text("denial_reason").and_then(DenialReason::parse).is_some_and(|it| it.group() == group)
        };
        Value::from(count(now, &is_of))
    };
    let mean = (!weeks.is_empty()).then(|| {
        weeks.iter().map(|week| voice.events[*week].len()).sum::<usize>() as f64 / weeks.len() as f64
    });
    let change = mean.filter(|mean| *mean > 0.0).map(|mean| (now.len() as f64 - mean) / mean);
    let hours = (to - from).num_microseconds().expect("short") as f64 / 3_600_000_000.0;
    let outages = outages(voice, weeks, times);
    let local = |at: DateTime<Utc>| in_zone(Some(at), asked.tz).as_str().expect("a text").to_owned();
    let silent =
        outages.iter().map(|(from, to)| format!("{}/{}", local(*from), to.map_or("..".to_owned(), local)));
    let last = voice.events.iter().flatten().map(|row| row.at).max();
    let state = match (last, outages.last()) {
        (None, _) => "not-seen",
        (_, Some((_, None))) => "silent",
        _ => "speaking",
    };
    row([
        ("source", source.clone().into()),
        ("server", server.clone().into()),
        ("state", state.into()),
        ("last_seen_at", in_zone(last, asked.tz)),
        ("events", now.len().into()),
        ("attempts", voice.attempts.into()),
        ("events_per_hour", (now.len() as f64 / hours).into()),
        ("events_before", mean.into()),
        ("change", change.into()),
        ("denied", denied(now).into()),
        ("denied_rate", rate(denied(now), decided(now))),
        ("denied_rate_before", rate(denied(&before), decided(&before))),
        ("delivery_failures", of_group(DenialGroup::Delivery)),
        ("service_failures", of_group(DenialGroup::Service)),
        ("outages", outages.len().into()),
        ("silent_from_to", silent.collect::<Vec<_>>().into()),
    ])
}

/// Pauses of 15 minutes in which the weeks before had events in at least eight different five minutes on average.
fn outages(
    voice: &Voice<'_>,
    weeks: &[usize],
    times: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let (from, to) = times[0];
    let us = |at: DateTime<Utc>| (at - from).num_microseconds().expect("short");
    // Each five minutes of a week, as they lie from the beginning of the range on.
    let mut bins: Vec<i64> = Vec::new();
    for week in weeks {
        let moved_us = us(from) - us(times[*week].0);
        let of_week = voice.events[*week].iter().map(|row| us(row.at).div_euclid(BIN_US) * BIN_US + moved_us);
        bins.extend(of_week.collect::<BTreeSet<i64>>());
    }
    let is_outage = |start: DateTime<Utc>, end: DateTime<Utc>| {
        let shared = bins.iter().map(|bin| (us(end).min(bin + BIN_US) - us(start).max(*bin)).max(0));
        end - start >= TimeDelta::minutes(15)
            && !weeks.is_empty()
            && shared.sum::<i64>() >= 8 * BIN_US * weeks.len() as i64
    };
    let mut moments: Vec<DateTime<Utc>> = voice.events[0].iter().map(|row| row.at).collect();
    moments.sort();
    let mut found = Vec::new();
    let mut since = from;
    for at in moments {
        if is_outage(since, at) {
            found.push((since, Some(at)));
        }
        since = at;
    }
    if is_outage(since, to) {
        found.push((since, None));
    }
    found
}
