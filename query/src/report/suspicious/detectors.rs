//! What is suspicious among rows that come in the order of time. Pure: no engine, no clock.

use std::collections::{BTreeMap, BTreeSet};

use schemas::vocabulary::{AuthResult, DenialReason, Method};

use super::chains::chains;
use super::hit::{Evidence, Hit, Kind, Severity};
use super::row::{ChangeRow, Row};
use crate::expectations::Suspicious;

const SECOND_US: i64 = 1_000_000;

/// All that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'r> {
    /// Events that did not let anybody in at once, and successes that tell of several prompts.
    pub(super) tries: &'r [Row],
    /// Successes of those who are told in the tries.
    pub(super) successes: &'r [Row],
    /// Reports of fraud, and methods that were added.
    pub(super) changes: &'r [ChangeRow],
}

/// Tenant and person.
type Who<'r> = (&'r str, &'r str);

fn who(row: &Row) -> Option<Who<'_>> {
    row.is_of_somebody().then_some((row.tenant_id.as_str(), row.person.as_str()))
}

fn us(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / SECOND_US).saturating_mul(SECOND_US)
}

/// Seconds or minutes, as a person says them.
fn within(from_us: i64, to_us: i64) -> String {
    match (to_us - from_us) / SECOND_US {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", (seconds + 30) / 60),
    }
}

fn evidence(chain: &[&Row]) -> Vec<Evidence> {
    chain.iter().map(|row| Evidence::from(*row)).collect()
}

fn span(chain: &[&Row]) -> (i64, i64) {
    (chain.first().map_or(0, |row| row.at_us), chain.last().map_or(0, |row| row.at_us))
}

impl<'r> Seen<'r> {
    /// Whether the person came in between two moments.
    fn came_in(&self, person: Who<'_>, (from_us, to_us): (i64, i64)) -> bool {
        let is_then = |row: &&Row| (from_us..=to_us).contains(&row.at_us) && who(row) == Some(person);
        self.successes.iter().chain(self.tries).filter(is_then).any(Row::is_success)
    }
}

/// Many prompts that one person declined or left unanswered.
pub(super) fn fatigue(seen: &Seen<'_>, limits: &Suspicious) -> Vec<Hit> {
    let prompts = seen.tries.iter().filter(|row| row.unwanted_prompts() > 0);
    let chains = chains(prompts, |row| row.at_us, who, us(limits.fatigue_pause_s));
    let hit = |(person, chain): (Who<'_>, Vec<&Row>)| {
        // One prompt may stand in two logs: that which tells of most counts.
        let mut by_source: BTreeMap<&str, i64> = BTreeMap::new();
        for row in &chain {
            *by_source.entry(row.source.as_str()).or_default() += row.unwanted_prompts();
        }
        let prompts = by_source.into_values().max().unwrap_or(0);
        if prompts < i64::try_from(limits.fatigue_prompts_min).unwrap_or(i64::MAX) {
            return None;
        }
        let (first_us, last_us) = span(&chain);
        let is_in = seen.came_in(person, (first_us, last_us.saturating_add(us(limits.follow_s))));
        let until_us = last_us.saturating_add(us(limits.enrolment_follow_s));
        let is_then = |change: &&ChangeRow| {
            !change.is_fraud
                && (change.tenant_id.as_str(), change.person.as_str()) == person
                && (first_us..=until_us).contains(&change.at_us)
        };
        let enrolled = seen.changes.iter().find(is_then);
        let (severity, then) = match (enrolled, is_in) {
            (Some(_), true) => (Severity::Critical, "then one was let in, and then a method was registered"),
            (Some(_), false) => (Severity::Critical, "then a method was registered"),
            (None, true) => (Severity::High, "then one was let in"),
            (None, false) => (Severity::Medium, "none was let in"),
        };
        Some(Hit {
            kind: Kind::Fatigue,
            severity,
            tenant_id: person.0.to_owned(),
            person: Some(person.1.to_owned()),
            address: one(chain.iter().map(|row| row.client_ip.as_deref())),
            number_range: None,
            prompts: Some(prompts),
            persons: 1,
            what: format!(
                "{prompts} prompts were declined or left unanswered within {}; {then}",
                within(first_us, last_us)
            ),
            rows: evidence(&chain),
        })
    };
    chains.into_iter().filter_map(hit).collect()
}

/// How many persons are named.
fn persons(rows: &[&Row]) -> usize {
    let named = rows.iter().filter(|row| row.is_of_somebody());
    named.map(|row| row.person.as_str()).collect::<BTreeSet<_>>().len()
}

/// The only value that there is; none where there are several.
fn one<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let values: BTreeSet<&str> = values.flatten().collect();
    if values.len() == 1 { values.into_iter().next().map(str::to_owned) } else { None }
}

/// One address that was denied for many persons, and let in for few.
pub(super) fn many_persons(seen: &Seen<'_>, limits: &Suspicious) -> Vec<Hit> {
    let guesses = seen.tries.iter().filter(|row| row.is_guess() && row.is_of_somebody());
    let address =
        |row: &'_ Row| -> Option<(String, String)> { Some((row.tenant_id.clone(), row.client_ip.clone()?)) };
    let chains = chains(guesses, |row| row.at_us, address, us(limits.many_persons_pause_s));
    let hit = |((tenant_id, address), chain): ((String, String), Vec<&Row>)| {
        let persons = persons(&chain);
        let (first_us, last_us) = span(&chain);
        let let_in = |to_us: i64| {
            let is_here = |row: &&Row| {
                row.tenant_id == tenant_id
                    && row.client_ip.as_deref() == Some(&*address)
                    && (first_us..=to_us).contains(&row.at_us)
            };
            seen.successes.iter().filter(is_here).count()
        };
        let denied = chain.len();
        let all = denied + let_in(last_us);
        let is_mostly_denied = denied as u64 * 100 >= all as u64 * limits.many_persons_denied_percent_min;
        if (persons as u64) < limits.many_persons_min || !is_mostly_denied {
            return None;
        }
        let is_in = let_in(last_us.saturating_add(us(limits.follow_s))) > 0;
        let (severity, then) = match is_in {
            true => (Severity::High, "somebody was let in from there"),
            false => (Severity::Medium, "nobody was let in from there"),
        };
        Some(Hit {
            kind: Kind::ManyPersons,
            severity,
            what: format!(
                "{persons} persons were denied {denied} times from one address within {}; {then}",
                within(first_us, last_us)
            ),
            tenant_id,
            person: None,
            address: Some(address),
            number_range: None,
            prompts: None,
            persons,
            rows: evidence(&chain),
        })
    };
    chains.into_iter().filter_map(hit).collect()
}

/// Wrong codes in a row for one person.
pub(super) fn wrong_codes(seen: &Seen<'_>, limits: &Suspicious) -> Vec<Hit> {
    let wrong = seen.tries.iter().filter(|row| row.is_wrong_code());
    let chains = chains(wrong, |row| row.at_us, who, us(limits.wrong_codes_pause_s));
    let hit = |(person, chain): (Who<'_>, Vec<&Row>)| {
        if (chain.len() as u64) < limits.wrong_codes_min {
            return None;
        }
        let (first_us, last_us) = span(&chain);
        let is_in = seen.came_in(person, (first_us, last_us.saturating_add(us(limits.wrong_codes_pause_s))));
        let (severity, then) = match is_in {
            true => (Severity::High, "and then a right one"),
            false => (Severity::Medium, "and no right one"),
        };
        Some(Hit {
            kind: Kind::WrongCodes,
            severity,
            tenant_id: person.0.to_owned(),
            person: Some(person.1.to_owned()),
            address: one(chain.iter().map(|row| row.client_ip.as_deref())),
            number_range: None,
            prompts: None,
            persons: 1,
            what: format!("{} wrong codes within {}, {then}", chain.len(), within(first_us, last_us)),
            rows: evidence(&chain),
        })
    };
    chains.into_iter().filter_map(hit).collect()
}

/// A report of fraud, by an answer to a prompt or beside it.
pub(super) fn fraud(seen: &Seen<'_>, limits: &Suspicious) -> Vec<Hit> {
    let of_event = |row: &&Row| row.reason == Some(DenialReason::FraudReported) && row.is_of_somebody();
    let events = seen.tries.iter().filter(of_event);
    let events = events.map(|row| ((row.tenant_id.as_str(), row.person.as_str()), Evidence::from(row)));
    let changes = seen.changes.iter().filter(|change| change.is_fraud);
    let changes = changes.map(|row| ((row.tenant_id.as_str(), row.person.as_str()), Evidence::from(row)));
    let mut rows: Vec<(Who<'_>, Evidence)> = events.chain(changes).collect();
    rows.sort_by(|one, other| (one.1.at_us, &one.1.place).cmp(&(other.1.at_us, &other.1.place)));
    let chains = chains(&rows, |(_, row)| row.at_us, |(person, _)| Some(*person), us(limits.fraud_pause_s));
    let hit = |(person, chain): (Who<'_>, Vec<&(Who<'_>, Evidence)>)| {
        let rows: Vec<Evidence> = chain.into_iter().map(|(_, row)| row.clone()).collect();
        let edges = |rows: &[Evidence]| Some((rows.first()?.at_us, rows.last()?.at_us));
        let (first_us, last_us) = edges(&rows).unwrap_or_default();
        let is_in = seen.came_in(person, (first_us, last_us.saturating_add(us(limits.follow_s))));
        let (severity, then) = match is_in {
            true => (Severity::Critical, "; all the same one was let in after it"),
            false => (Severity::High, ""),
        };
        Hit {
            kind: Kind::Fraud,
            severity,
            tenant_id: person.0.to_owned(),
            person: Some(person.1.to_owned()),
            address: None,
            number_range: None,
            prompts: None,
            persons: 1,
            what: format!("the person reported fraud{then}"),
            rows,
        }
    };
    chains.into_iter().map(hit).collect()
}

/// Many calls or texts to one range of numbers, of which hardly any code came back.
pub(super) fn number_range(seen: &Seen<'_>, limits: &Suspicious) -> Vec<Hit> {
    let is_sent = |row: &&Row| {
        row.result != AuthResult::Success
            && !matches!(
                row.reason,
                Some(
                    DenialReason::MessageNotSent
                        | DenialReason::InvalidNumber
                        | DenialReason::Throttled
                        | DenialReason::UserBlocked
                )
            )
    };
    let key = |row: &'_ Row| -> Option<(String, String)> {
        Some((row.tenant_id.clone(), row.number_range()?.to_owned()))
    };
    let sent = seen.tries.iter().filter(is_sent);
    let chains = chains(sent, |row| row.at_us, key, us(limits.number_range_pause_s));
    let hit = |((tenant_id, range), chain): ((String, String), Vec<&Row>)| {
        let (first_us, last_us) = span(&chain);
        let until_us = last_us.saturating_add(us(limits.number_range_pause_s));
        let is_verified = |row: &&Row| {
            row.tenant_id == tenant_id
                && row.number_range() == Some(&*range)
                && (first_us..=until_us).contains(&row.at_us)
        };
        let verified: Vec<&Row> = seen.successes.iter().filter(is_verified).collect();
        // A message that went out and the check of its code are one message.
        let messages: BTreeSet<(&str, &str)> =
            chain.iter().chain(&verified).map(|row| message(row)).collect();
        let (sent, verified) = (messages.len() as u64, verified.len() as u64);
        if sent < limits.number_range_messages_min
            || verified * 100 > sent * limits.number_range_verified_percent_max
        {
            return None;
        }
        let persons = persons(&chain);
        let calls = chain.iter().any(|row| row.method == Some(Method::VoiceCall));
        let kind = if calls { "calls and messages" } else { "messages" };
        Some(Hit {
            kind: Kind::NumberRange,
            severity: Severity::High,
            what: format!(
                "{sent} {kind} went to one range of numbers within {}, and {verified} were answered rightly",
                within(first_us, last_us)
            ),
            tenant_id,
            person: None,
            address: one(chain.iter().map(|row| row.client_ip.as_deref())),
            number_range: Some(range),
            prompts: i64::try_from(sent).ok(),
            persons,
            rows: evidence(&chain),
        })
    };
    chains.into_iter().filter_map(hit).collect()
}

/// What stands for a message, whether it is told once or twice.
fn message(row: &Row) -> (&str, &str) {
    (row.source.as_str(), row.attempt_id.as_deref().unwrap_or(&row.event_id))
}

/// A method or an address that was never this person's: of each person's day the first event with each.
pub(super) fn first_time(rows: &[(Row, bool, bool)], limits: &Suspicious) -> Vec<Hit> {
    let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    let mut hits = Vec::new();
    for (row, is_new_method, is_new_address) in rows {
        let method = row.method.map(Method::as_str);
        let is_new_method = *is_new_method && method.is_some_and(|method| seen.insert(key(row, method)));
        let address = row.client_ip.as_deref();
        let is_new_address = *is_new_address && address.is_some_and(|address| seen.insert(key(row, address)));
        let (severity, what) = match (is_new_method, is_new_address) {
            (true, true) => (Severity::Medium, "a method and an address"),
            (true, false) => (Severity::Low, "a method"),
            (false, true) => (Severity::Low, "an address"),
            (false, false) => continue,
        };
        hits.push(Hit {
            kind: Kind::FirstTime,
            severity,
            tenant_id: row.tenant_id.clone(),
            person: Some(row.person.clone()),
            address: row.client_ip.clone(),
            number_range: None,
            rows: vec![Evidence::from(row)],
            prompts: None,
            persons: 1,
            what: format!(
                "let in by {what} that this id had not used in the {} days before",
                limits.first_time_days
            ),
        });
    }
    hits
}

fn key<'r>(row: &'r Row, value: &'r str) -> (&'r str, &'r str, &'r str) {
    (row.tenant_id.as_str(), row.user_key.as_str(), value)
}
