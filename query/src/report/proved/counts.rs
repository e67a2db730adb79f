//! What the rows of the reports that count have to be: usage, denials, prompted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::vocabulary::DenialReason;
use serde_json::{Map, Value};

use super::asked::{Asked, value};
use super::clock::{Back, Cell, period};
use super::truth::{Row, Truth, in_utc};
use super::{Expected, row};

const FILTERS: [&str; 9] =
    ["tenant", "method", "result", "reason", "reason_group", "server", "source", "assurance", "stage"];

type Key = Vec<Cell>;

/// A row's groups, told as if it had been at this moment.
fn key(row: &Row, at: DateTime<Utc>, asked: &Asked) -> Key {
    let cell = |group: &&str| match period(group, at, asked.tz) {
        Some(period) => Cell::Period(period),
        None => value(row, group).map_or(Cell::Absent, Cell::Text),
    };
    asked.by().iter().map(cell).collect()
}

/// The groups of a row, with the time that its periods have in common.
fn cells(key: &Key, asked: &Asked) -> Map<String, Value> {
    let mut cells = row(asked.by().into_iter().zip(key.iter().map(Cell::label)));
    let periods: Vec<_> = key.iter().filter_map(Cell::period).collect();
    let local = |at: DateTime<Utc>| Value::from(at.with_timezone(&asked.tz).to_rfc3339());
    if let (Some(start), Some(end)) =
        (periods.iter().map(|it| it.start).max(), periods.iter().map(|it| it.end).min())
    {
        cells.extend(row([("start", local(start)), ("end", local(end))]));
    }
    cells
}

/// All, succeeded, denied, and the rest.
type Ended = [i64; 4];

fn end(ended: &mut Ended, row: &Row) {
    ended[0] += 1;
    ended[match row.word("result") {
        "success" => 1,
        "denied" => 2,
        _ => 3,
    }] += 1;
}

pub(super) fn usage(truth: &Truth, asked: &Asked) -> Expected {
    let has_attempts = !asked.by().contains(&"stage") && !asked.has("stage");
    let mut counts: BTreeMap<Key, (Ended, Ended)> = BTreeMap::new();
    if asked.by().is_empty() {
        counts.insert(Vec::new(), Default::default());
    }
    let events = if asked.has("duplicates") { &truth.deliveries } else { &truth.events };
    for event in events.iter().filter(|row| asked.is_in(row.at) && asked.passes_all(row, &FILTERS)) {
        end(&mut counts.entry(key(event, event.at, asked)).or_default().0, event);
    }
    for attempt in truth.attempts_at(asked.now) {
        if has_attempts && asked.is_in(attempt.at) && asked.passes_all(&attempt, &FILTERS) {
            end(&mut counts.entry(key(&attempt, attempt.at, asked)).or_default().1, &attempt);
        }
    }
    let rows = counts.iter().map(|(key, (events, attempts))| {
        let names = ["", "_succeeded", "_denied", "_open"].map(|end| format!("attempts{end}"));
        let attempts = attempts.map(|count| if has_attempts { count.into() } else { Value::Null });
        let mut cells = cells(key, asked);
        cells.extend(names.into_iter().zip(attempts));
        cells.extend(row(["events", "succeeded", "denied", "pending"]
            .into_iter()
            .zip(events.map(Value::from))));
        cells
    });
    Expected::sorted(rows.collect())
}

/// What is counted of one time.
#[derive(Default)]
struct Denials {
    denied: BTreeMap<Key, i64>,
    attempts: BTreeMap<Key, i64>,
    /// Of them, those of which no record says so.
    inferred: BTreeMap<Key, i64>,
    /// By the groups without reasons: those of whom a second factor was asked, and of them those who were let in.
    challenged: BTreeMap<Key, [i64; 2]>,
}

fn without_reasons(key: &Key, asked: &Asked) -> Key {
    let is_reason = |group: &str| ["reason", "reason_group"].contains(&group);
    let cell = |(group, cell): (&str, &Cell)| if is_reason(group) { Cell::Absent } else { cell.clone() };
    asked.by().into_iter().zip(key).map(cell).collect()
}

impl Denials {
    fn count(
        truth: &Truth,
        asked: &Asked,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        back: Option<&Back>,
    ) -> Self {
        let others = ["tenant", "method", "result", "server", "source", "assurance", "stage"];
        let is_in = |row: &Row| from <= row.at && row.at < to && asked.passes_all(row, &others);
        let is_reason =
            |row: &Row| row.word("result") == "denied" && asked.passes_all(row, &["reason", "reason_group"]);
        let told_at = |row: &Row| back.map_or(row.at, |back| back.forward(row.at, asked.tz));
        let mut counted = Self::default();
        if asked.by().is_empty() {
            counted.challenged.insert(Vec::new(), [0, 0]);
        }
        let events = if asked.has("duplicates") { &truth.deliveries } else { &truth.events };
        for event in events.iter().filter(|row| is_in(row)) {
            if !asked.has("stage") && event.word("stage") == "first-factor" {
                continue;
            }
            let key = key(event, told_at(event), asked);
            let challenged = counted.challenged.entry(without_reasons(&key, asked)).or_default();
            let is_challenged = ["challenged", "unknown"].contains(&event.word("assurance"));
            if is_challenged && event.word("result") != "pending" {
                challenged[0] += 1;
                challenged[1] += i64::from(event.word("result") == "success");
            }
            if is_reason(event) {
                *counted.denied.entry(key).or_default() += 1;
            }
        }
        for attempt in truth.attempts_at(asked.now) {
            let is_second = attempt.word("assurance") != "first-factor-only";
            if has_attempts(asked) && is_in(&attempt) && is_second && is_reason(&attempt) {
                let key = key(&attempt, told_at(&attempt), asked);
                if attempt.moment("answerable_until").is_some_and(|until| until < asked.now) {
                    *counted.inferred.entry(key.clone()).or_default() += 1;
                }
                *counted.attempts.entry(key).or_default() += 1;
            }
        }
        counted
    }

    fn rate(&self, key: &Key, asked: &Asked) -> Value {
        let [all, succeeded] = self.challenged.get(&without_reasons(key, asked)).copied().unwrap_or_default();
        if all > 0 { (succeeded as f64 / all as f64).into() } else { Value::Null }
    }
}

fn has_attempts(asked: &Asked) -> bool {
    !asked.by().contains(&"stage") && !asked.has("stage")
}

pub(super) fn denials(truth: &Truth, asked: &Asked) -> Expected {
    let (from, to) = (asked.from, asked.so_far());
    let by = asked.by();
    let back = Back::of(&by, asked.from, asked.to, asked.tz);
    let before = (back.start(from, asked.tz), back.end(to, asked.tz));
    let now = Denials::count(truth, asked, (from, to), None);
    let before = Denials::count(truth, asked, before, Some(&back));
    let has_reasons = by.iter().any(|group| ["reason", "reason_group"].contains(group));
    let mut keys: Vec<Key> = now.attempts.keys().cloned().collect();
    keys.extend(
        if has_reasons { Vec::from_iter(now.denied.keys()) } else { now.challenged.keys().collect() }
            .into_iter()
            .cloned(),
    );
    keys.sort();
    keys.dedup();
    let rows = keys.iter().map(|key| {
        let periods = || key.iter().filter_map(Cell::period);
        let start = periods().map(|it| it.start).max().unwrap_or(from).max(from);
        let end = periods().map(|it| it.end).min().unwrap_or(to).min(to);
        let count = |counts: &BTreeMap<Key, i64>| counts.get(key).copied().unwrap_or(0);
        let attempts = |counts: &BTreeMap<Key, i64>| {
            if has_attempts(asked) { count(counts).into() } else { Value::Null }
        };
        let per_hour = |events: i64, start: DateTime<Utc>, end: DateTime<Utc>| {
            let hours = (end - start).as_seconds_f64() / 3_600.0;
            if hours > 0.0 { Value::from(events as f64 / hours) } else { Value::Null }
        };
        let (earlier, earlier_end) = (back.start(start, asked.tz), back.end(end, asked.tz));
        // The book may not have been there yet.
        let first = truth.deliveries.iter().map(|row| row.at.date_naive()).min();
        let known = |value: Value| {
            if first.is_some_and(|first| first <= earlier.date_naive()) { value } else { Value::Null }
        };
        let reason = by.iter().position(|group| *group == "reason").map(|place| key[place].label());
        let meaning =
            reason.and_then(|reason| DenialReason::parse(reason.as_str()?)).map(DenialReason::meaning);
        let mut cells = cells(key, asked);
        cells.extend(row([
            ("meaning", meaning.into()),
            ("denied", count(&now.denied).into()),
            ("denied_per_hour", per_hour(count(&now.denied), start, end)),
            ("challenged", now.challenged.get(&without_reasons(key, asked)).map_or(0, |it| it[0]).into()),
            ("rate", now.rate(key, asked)),
            ("denied_before", known(count(&before.denied).into())),
            ("denied_per_hour_before", known(per_hour(count(&before.denied), earlier, earlier_end))),
            ("rate_before", known(before.rate(key, asked))),
            ("attempts_denied", attempts(&now.attempts)),
            ("attempts_inferred", attempts(&now.inferred)),
            ("attempts_denied_before", known(attempts(&before.attempts))),
        ]));
        cells
    });
    Expected::sorted(rows.collect())
}

pub(super) fn prompted(truth: &Truth, asked: &Asked) -> Expected {
    let mut ids: BTreeMap<[String; 3], Vec<Row>> = BTreeMap::new();
    for attempt in truth.attempts() {
        let is_prompted = attempt.number("prompts").is_some_and(|prompts| prompts > 0);
        if is_prompted && asked.is_in(attempt.at) && asked.passes_all(&attempt, &["tenant", "source"]) {
            ids.entry(attempt.id().map(str::to_owned)).or_default().push(attempt);
        }
    }
    let prompts = |rows: &[Row]| rows.iter().filter_map(|row| row.number("prompts")).sum::<i64>();
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_by_key(|(_, rows)| -prompts(rows));
    let limit = asked.value("limit").map_or(100, |limit| limit.parse().expect("a number"));
    let rows = ids.iter().take(limit).map(|([tenant, source, user_key], rows)| {
        let count = |column: &str, words: &[&str]| {
            let is_one = |row: &&Row| row.text(column).is_some_and(|word| words.contains(&word));
            Value::from(rows.iter().filter(is_one).count())
        };
        row([
            ("tenant", tenant.as_str().into()),
            ("source", source.as_str().into()),
            ("user_key", user_key.as_str().into()),
            ("prompts", prompts(rows).into()),
            ("attempts", rows.len().into()),
            ("succeeded", count("result", &["success"])),
            ("declined", count("denial_reason", &["user-declined", "fraud-reported"])),
            ("unanswered", count("denial_reason", &["no-response"])),
            ("first_at", in_utc(rows.iter().map(|row| row.at).min())),
            ("last_at", in_utc(rows.iter().filter_map(|row| row.moment("last_at")).max())),
        ])
    });
    Expected::sorted(rows.collect())
}
