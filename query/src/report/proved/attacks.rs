//! What the rows of `suspicious` have to be, from the definitions of its hits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use schemas::vocabulary::{DenialGroup, DenialReason};
use serde_json::{Map, Value};

use super::asked::Asked;
use super::changing::{NOBODY, expectations};
use super::truth::{Row, Truth, in_zone};
use super::{Expected, row};
use crate::expectations::Suspicious;

/// A hit.
struct Hit<'t> {
    kind: &'static str,
    severity: &'static str,
    tenant: String,
    person: Option<String>,
    address: Option<String>,
    range: Option<String>,
    prompts: Option<usize>,
    persons: usize,
    rows: Vec<&'t Row>,
}

struct Seen<'t> {
    truth: &'t Truth,
    limits: Suspicious,
    events: Vec<&'t Row>,
    changes: Vec<&'t Row>,
}

fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(seconds as i64)
}

/// Runs of rows of one key without a longer pause, in the order of time and place.
fn runs<'t, K: Ord + Clone>(
    rows: &[&'t Row],
    key: impl Fn(&Row) -> Option<K>,
    pause: u64,
) -> Vec<(K, Vec<&'t Row>)> {
    let mut by_key: BTreeMap<K, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| {
        by_key.extend(key(row).filter(|key| !by_key.contains_key(key)).map(|key| (key, Vec::new())))
    });
    for row in rows {
        if let Some(of_key) = key(row).and_then(|key| by_key.get_mut(&key)) {
            of_key.push(row);
        }
    }
    let mut runs = Vec::new();
    for (key, rows) in by_key {
        let parts = rows.chunk_by(|one, next| next.at - one.at <= seconds(pause));
        runs.extend(parts.map(|run| (key.clone(), run.to_vec())));
    }
    runs
}

fn reason(row: &Row) -> Option<DenialReason> {
    row.text("denial_reason").and_then(DenialReason::parse)
}

fn is_success(row: &Row) -> bool {
    row.text("result") == Some("success")
}

/// Prompts on a phone that somebody declined or left unanswered.
fn unwanted(row: &Row) -> i64 {
    let is_prompt = matches!(row.text("method"), Some("mobile-app-notification" | "voice-call"));
    if !is_prompt || row.text("stage") == Some("first-factor") {
        return 0;
    }
    let prompts = row.number("prompts").unwrap_or(1);
    match reason(row) {
        _ if is_success(row) => (prompts - 1).max(0),
        Some(
            DenialReason::UserDeclined
            | DenialReason::NoResponse
            | DenialReason::HungUp
            | DenialReason::FraudReported,
        ) => prompts.max(1),
        _ => 0,
    }
}

/// All of a number but its last four digits.
fn range(row: &Row) -> Option<String> {
    let is_message = matches!(row.text("method"), Some("text-message" | "voice-call"));
    let number = row.text("phone_number").filter(|number| is_message && !number.contains('X'))?;
    Some(number[..number.len() - 4].to_owned())
}

fn only(rows: &[&Row]) -> Option<String> {
    let values: BTreeSet<&str> = rows.iter().filter_map(|row| row.text("client_ip")).collect();
    if values.len() == 1 { values.first().map(|value| (*value).to_owned()) } else { None }
}

impl<'t> Seen<'t> {
    fn who(&self, row: &Row) -> Option<(String, String)> {
        let is_somebody = row.word("user_key") != NOBODY;
        is_somebody.then(|| (row.word("tenant_id").to_owned(), self.truth.person(row)))
    }

    fn persons(&self, rows: &[&Row]) -> usize {
        rows.iter().filter_map(|row| self.who(row)).collect::<BTreeSet<_>>().len()
    }

    fn came_in(&self, who: &(String, String), run: &[&Row], later: u64) -> bool {
        let (first, last) = edges(run);
        let is_then = |row: &&&Row| first <= row.at && row.at <= last + seconds(later) && is_success(row);
        self.events.iter().filter(is_then).any(|row| self.who(row).as_ref() == Some(who))
    }

    fn of_events(&self, is_one: impl Fn(&Row) -> bool) -> Vec<&'t Row> {
        self.events.iter().copied().filter(|row| is_one(row)).collect()
    }

    fn hit(
        &self,
        kind: &'static str,
        severity: &'static str,
        who: (String, String),
        rows: Vec<&'t Row>,
    ) -> Hit<'t> {
        let (tenant, person) = who;
        Hit {
            kind,
            severity,
            tenant,
            person: Some(person),
            address: None,
            range: None,
            prompts: None,
            persons: 1,
            rows,
        }
    }

    fn fatigue(&self) -> Vec<Hit<'t>> {
        let prompts = self.of_events(|row| unwanted(row) > 0);
        let mut hits = Vec::new();
        for (who, run) in runs(&prompts, |row| self.who(row), self.limits.fatigue_pause_s) {
            let mut by_source: BTreeMap<&str, i64> = BTreeMap::new();
            run.iter().for_each(|row| *by_source.entry(row.word("source")).or_default() += unwanted(row));
            let prompts = by_source.into_values().max().expect("a source") as usize;
            if prompts < self.limits.fatigue_prompts_min as usize {
                continue;
            }
            let (first, last) = edges(&run);
            let is_new = |row: &&&Row| {
                let is_method = ["enrolled", "method-added", "method-changed"].contains(&row.word("change"));
                is_method
                    && first <= row.at
                    && row.at <= last + seconds(self.limits.enrolment_follow_s)
                    && self.who(row).as_ref() == Some(&who)
            };
            let severity = match (
                self.changes.iter().any(|row| is_new(&row)),
                self.came_in(&who, &run, self.limits.follow_s),
            ) {
                (true, _) => "critical",
                (false, true) => "high",
                (false, false) => "medium",
            };
            let address = only(&run);
            hits.push(Hit { prompts: Some(prompts), address, ..self.hit("fatigue", severity, who, run) });
        }
        hits
    }

    fn many_persons(&self) -> Vec<Hit<'t>> {
        let is_guess = |row: &Row| {
            let is_user = |reason: DenialReason| {
                reason.group() == DenialGroup::User
                    || [DenialReason::UnknownUser, DenialReason::LockedOut].contains(&reason)
            };
            row.word("user_key") != NOBODY && reason(row).is_some_and(is_user)
        };
        let key = |row: &Row| Some((row.word("tenant_id").to_owned(), row.text("client_ip")?.to_owned()));
        let mut hits = Vec::new();
        for ((tenant, address), run) in runs(&self.of_events(is_guess), key, self.limits.many_persons_pause_s)
        {
            let (first, last) = edges(&run);
            let let_in = |until: DateTime<Utc>| {
                let is_here = |row: &&&Row| key(row) == Some((tenant.clone(), address.clone()));
                let here = self.events.iter().filter(is_here).filter(|row| is_success(row));
                here.filter(|row| first <= row.at && row.at <= until).count()
            };
            let all = run.len() + let_in(last);
            let persons = self.persons(&run);
            let is_mostly_denied =
                run.len() * 100 >= all * self.limits.many_persons_denied_percent_min as usize;
            if persons < self.limits.many_persons_min as usize || !is_mostly_denied {
                continue;
            }
            let is_in = let_in(last + seconds(self.limits.follow_s)) > 0;
            let severity = if is_in { "high" } else { "medium" };
            let whose = (tenant.clone(), String::new());
            hits.push(Hit {
                person: None,
                address: Some(address),
                persons,
                ..self.hit("many-persons", severity, whose, run)
            });
        }
        hits
    }

    fn wrong_codes(&self) -> Vec<Hit<'t>> {
        let wrong = self
            .of_events(|row| matches!(reason(row), Some(DenialReason::WrongCode | DenialReason::WrongPin)));
        let pause = self.limits.wrong_codes_pause_s;
        let runs = runs(&wrong, |row| self.who(row), pause).into_iter();
        let runs = runs.filter(|(_, run)| run.len() >= self.limits.wrong_codes_min as usize);
        let hit = |(who, run): (_, Vec<&'t Row>)| {
            let severity = if self.came_in(&who, &run, pause) { "high" } else { "medium" };
            Hit { address: only(&run), ..self.hit("wrong-codes", severity, who, run) }
        };
        runs.map(hit).collect()
    }

    fn fraud(&self) -> Vec<Hit<'t>> {
        let mut rows = self.of_events(|row| reason(row) == Some(DenialReason::FraudReported));
        rows.extend(self.changes.iter().filter(|row| row.word("change") == "fraud-reported"));
        rows.sort_by_key(|row| (row.at, row.place()));
        let hit = |(who, run): (_, Vec<&'t Row>)| {
            let severity = if self.came_in(&who, &run, self.limits.follow_s) { "critical" } else { "high" };
            self.hit("fraud", severity, who, run)
        };
        runs(&rows, |row| self.who(row), self.limits.fraud_pause_s).into_iter().map(hit).collect()
    }

    fn number_range(&self) -> Vec<Hit<'t>> {
        let is_sent = |row: &Row| {
            let not_out = [
                DenialReason::MessageNotSent,
                DenialReason::InvalidNumber,
                DenialReason::Throttled,
                DenialReason::UserBlocked,
            ];
            !is_success(row) && reason(row).is_none_or(|reason| !not_out.contains(&reason))
        };
        let key = |row: &Row| Some((row.word("tenant_id").to_owned(), range(row)?));
        let pause = self.limits.number_range_pause_s;
        let message = |row: &Row| {
            (row.word("source").to_owned(), row.text("attempt_id").unwrap_or(row.word("event_id")).to_owned())
        };
        let mut hits = Vec::new();
        for ((tenant, numbers), run) in runs(&self.of_events(is_sent), key, pause) {
            let (first, last) = edges(&run);
            let is_verified = |row: &Row| {
                is_success(row)
                    && key(row) == Some((tenant.clone(), numbers.clone()))
                    && first <= row.at
                    && row.at <= last + seconds(pause)
            };
            let verified = self.of_events(is_verified);
            let sent = run.iter().chain(&verified).map(|row| message(row)).collect::<BTreeSet<_>>().len();
            let limits =
                (self.limits.number_range_messages_min, self.limits.number_range_verified_percent_max);
            if sent < limits.0 as usize || verified.len() * 100 > sent * limits.1 as usize {
                continue;
            }
            let (persons, address) = (self.persons(&run), only(&run));
            let whose = (tenant.clone(), String::new());
            let hit = self.hit("number-range", "high", whose, run);
            hits.push(Hit {
                person: None,
                range: Some(numbers),
                prompts: Some(sent),
                persons,
                address,
                ..hit
            });
        }
        hits
    }

    fn first_times(&self, asked: &Asked) -> Vec<Hit<'t>> {
        let mut hits = Vec::new();
        let mut day = asked.from.date_naive();
        while day.and_time(NaiveTime::MIN).and_utc() < asked.so_far() {
            let let_in = self.of_events(|row| is_success(row) && row.word("user_key") != NOBODY);
            let id = |row: &Row| [row.word("tenant_id").to_owned(), row.word("user_key").to_owned()];
            let ago = |row: &Row| (day - row.at.date_naive()).num_days();
            let before: Vec<&Row> = let_in
                .iter()
                .copied()
                .filter(|row| (1..=self.limits.first_time_days as i64).contains(&ago(row)))
                .collect();
            let mut seen: BTreeSet<([String; 2], String)> = BTreeSet::new();
            let is_proof = |row: &&&Row| ["challenged", "unknown"].contains(&row.word("assurance"));
            let of_day =
                let_in.iter().filter(|row| ago(row) == 0 && row.at < asked.so_far()).filter(is_proof);
            for row in of_day {
                let theirs: Vec<&&Row> = before.iter().filter(|other| id(other) == id(row)).collect();
                let is_known = theirs.len() >= self.limits.first_time_successes_min as usize
                    && theirs.iter().any(|other| ago(other) >= self.limits.first_time_known_days_min as i64);
                let mut is_new = |column: &str| {
                    let value = row.text(column)?;
                    let is_used = theirs.iter().any(|other| other.text(column) == Some(value));
                    (is_known && !is_used && seen.insert((id(row), value.to_owned()))).then_some(())
                };
                let new = [is_new("method"), is_new("client_ip")].into_iter().flatten().count();
                if new > 0 {
                    let severity = if new == 2 { "medium" } else { "low" };
                    let whose = (row.word("tenant_id").to_owned(), self.truth.person(row));
                    let address = row.text("client_ip").map(str::to_owned);
                    hits.push(Hit { address, ..self.hit("first-time", severity, whose, vec![row]) });
                }
            }
            day = day.succ_opt().expect("a day");
        }
        hits
    }
}

fn edges(run: &[&Row]) -> (DateTime<Utc>, DateTime<Utc>) {
    (run[0].at, run[run.len() - 1].at)
}

pub(super) fn suspicious(truth: &Truth, asked: &Asked) -> Expected {
    let limits = expectations().suspicious;
    let to = asked.so_far();
    let (kind, person) = (asked.value("kind"), asked.value("person"));
    let (wanted, least) = (asked.values("tenant"), asked.value("severity"));
    if kind.is_none_or(|kind| kind == "first-time") && to - asked.from > TimeDelta::days(31) {
        return Expected::refused("ask for at most 31 days");
    }
    // What follows is looked at for as long as the thresholds say.
    let until = to + seconds(limits.follow_s) + seconds(limits.fraud_pause_s);
    let choose = |rows: &'_ [Row], until: DateTime<Utc>| -> Vec<usize> {
        let is_one =
            |row: &Row| row.at < until && (wanted.is_empty() || wanted.contains(&row.word("tenant_id")));
        let mut found: Vec<usize> = (0..rows.len()).filter(|index| is_one(&rows[*index])).collect();
        let number = |row: &Row, name: &str| row.number(name).expect("a number");
        found.sort_by_key(|index| {
            let row = &rows[*index];
            (
                row.at,
                number(row, "kafka_partition"),
                number(row, "kafka_offset"),
                number(row, "element_index"),
            )
        });
        found
    };
    let events = choose(&truth.events, until).into_iter().map(|index| &truth.events[index]).collect();
    let later = until + seconds(limits.enrolment_follow_s);
    let changes = choose(&truth.changes, later).into_iter().map(|index| &truth.changes[index]).collect();
    let seen = Seen { truth, limits, events, changes };
    let mut hits = seen.fatigue();
    hits.extend(seen.many_persons());
    hits.extend(seen.wrong_codes());
    hits.extend(seen.fraud());
    hits.extend(seen.number_range());
    hits.extend(seen.first_times(asked));
    let rank = |severity: &str| ["low", "medium", "high", "critical"].iter().position(|it| *it == severity);
    hits.retain(|hit| {
        hit.rows.iter().any(|row| asked.from <= row.at && row.at < to)
            && kind.is_none_or(|kind| kind == hit.kind)
            && least.is_none_or(|least| rank(hit.severity) >= rank(least))
            && person.is_none_or(|person| hit.person.as_deref() == Some(person))
    });
    let attempts = truth.attempts();
    let rows = hits.iter().map(|hit| told(hit, &attempts, asked)).collect();
    Expected::in_any_order(rows, &["id", "what"])
}

fn told(hit: &Hit<'_>, attempts: &[Row], asked: &Asked) -> Map<String, Value> {
    let (first, last) = edges(&hit.rows);
    let events: Vec<&&Row> = hit.rows.iter().filter(|row| row.text("event_id").is_some()).collect();
    let different: BTreeSet<(&str, &str)> =
        events.iter().map(|row| (row.word("source"), row.word("event_id"))).collect();
    // By the place among all attempts; an event that is of none stands for itself.
    let of_attempt = |row: &&&Row| {
        let is_of = |attempt: &Row| {
            attempt.id() == row.id() && attempt.list("event_ids").contains(&row.word("event_id"))
        };
        attempts
            .iter()
            .position(is_of)
            .map_or_else(|| row.word("event_id").to_owned(), |place| place.to_string())
    };
    row([
        ("kind", hit.kind.into()),
        ("severity", hit.severity.into()),
        ("tenant", hit.tenant.as_str().into()),
        ("person", hit.person.as_deref().into()),
        ("address", hit.address.as_deref().into()),
        ("number_range", hit.range.as_deref().into()),
        ("first_at", in_zone(Some(first), asked.tz)),
        ("last_at", in_zone(Some(last), asked.tz)),
        ("events", different.len().into()),
        ("attempts", events.iter().map(of_attempt).collect::<BTreeSet<_>>().len().into()),
        ("prompts", hit.prompts.into()),
        ("persons", hit.persons.into()),
        ("event_ids", events.iter().map(|row| row.word("event_id")).collect::<Vec<_>>().into()),
        ("places", hit.rows.iter().map(|row| row.place()).collect::<Vec<_>>().into()),
    ])
}
