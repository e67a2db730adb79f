//! What the rows of `telephony` have to be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use schemas::vocabulary::{DenialGroup, DenialReason};
use serde_json::Value;

use super::asked::Asked;
use super::changing::NOBODY;
use super::truth::{Row, Truth};
use super::{Expected, row};

/// Where the numbers of the book lie: country, prefix.
fn destination(number: &str) -> Option<(&'static str, &'static str)> {
    match number {
        "+12125550101" | "+12125550102" => Some(("US", "+1212")),
        "+1 876 555 0101" => Some(("JM", "+1876")),
        "+447700900123" => Some(("GB", "+44770")),
        _ => None,
    }
}

/// Tenant, country, prefix, sender, person.
type Key = (String, Option<String>, Option<String>, Option<String>, Option<String>);

/// The rows of a message, and whose it is.
type Message<'t> = (Vec<&'t Row>, Option<String>);

/// Whether reasons of a message say that it failed on the way, that it went out, and that the person did something.
fn is_delivery(row: &Row) -> bool {
    let reason = row.text("denial_reason").and_then(DenialReason::parse);
    reason.is_some_and(|reason| reason.group() == DenialGroup::Delivery)
}

fn went_out(row: &Row) -> bool {
    let not_out = ["throttled", "user-blocked", "locked-out", "phone-busy"];
    !is_delivery(row) && !row.text("denial_reason").is_some_and(|reason| not_out.contains(&reason))
}

fn is_answer(row: &Row) -> bool {
    let answers = ["wrong-code", "wrong-pin", "user-declined", "fraud-reported", "hung-up", "other-server"];
    row.word("result") == "success"
        || row.text("denial_reason").is_some_and(|reason| answers.contains(&reason))
}

pub(super) fn telephony(truth: &Truth, asked: &Asked) -> Expected {
    let hour = TimeDelta::hours(1);
    let is_of_message = |row: &&Row| {
        let method = row.text("method");
        asked.from - hour <= row.at
            && row.at < asked.to + hour
            && asked.passes(row, "tenant")
            && (method == Some("voice-call") || method == Some("text-message"))
            && ["challenged", "unknown"].contains(&row.word("assurance"))
            && row.word("stage") != "first-factor"
    };
    // By the source's key; an event without one is a message by itself.
    let mut messages: BTreeMap<[String; 3], Vec<&Row>> = BTreeMap::new();
    for event in truth.events.iter().filter(is_of_message) {
        let key = event.text("attempt_id").map_or_else(|| event.place(), |key| format!("key {key}"));
        let message = [event.word("tenant_id").to_owned(), event.word("source").to_owned(), key];
        messages.entry(message).or_default().push(event);
    }
    let per = asked.value("per").unwrap_or("country");
    let mut counted: BTreeMap<Key, Vec<Message<'_>>> = BTreeMap::new();
    for ([tenant, ..], rows) in messages {
        let first = rows.iter().map(|row| row.at).min().expect("a row");
        if !asked.is_in(first) {
            continue;
        }
        let most = |column: &str| rows.iter().filter_map(|row| row.text(column)).max();
        let to = most("phone_number").and_then(destination);
        let person =
            rows.iter().filter(|row| row.word("user_key") != NOBODY).max_by_key(|row| row.word("user_key"));
        let person = person.map(|row| truth.person_at(row, first));
        let country = to.map(|to| to.0.to_owned());
        let key = match per {
            "prefix" => (tenant, country, to.map(|to| to.1.to_owned()), None, None),
            "sender" => (tenant, country, None, most("sender").map(str::to_owned), None),
            "person" => (tenant, None, None, None, person.clone()),
            _ => (tenant, country, None, None, None),
        };
        counted.entry(key).or_default().push((rows, person));
    }
    let mut rows: Vec<_> =
        counted.into_iter().map(|(key, messages)| told(truth, asked, per, key, &messages)).collect();
    rows.sort_by_key(|row| -row["sent"].as_i64().expect("a count"));
    Expected::in_any_order(rows, &[])
}

fn told(
    truth: &Truth,
    asked: &Asked,
    per: &str,
    (tenant, country, prefix, sender, person): Key,
    messages: &[(Vec<&Row>, Option<String>)],
) -> serde_json::Map<String, Value> {
    let count = |is_one: &dyn Fn(&[&Row]) -> bool| messages.iter().filter(|(rows, _)| is_one(rows)).count();
    let any = |rows: &[&Row], is_one: fn(&Row) -> bool| rows.iter().any(|row| is_one(row));
    let is_success: fn(&Row) -> bool = |row| row.word("result") == "success";
    let calls = count(&|rows| rows.iter().any(|row| row.text("method") == Some("voice-call")));
    let sent = count(&|rows| any(rows, went_out));
    let answered = count(&|rows| any(rows, went_out) && any(rows, is_answer));
    let not_delivered = count(&|rows| any(rows, is_delivery) && !any(rows, is_success));
    let credits = messages
        .iter()
        .flat_map(|(rows, _)| rows)
        .filter_map(|row| row.text("result_detail")?.strip_prefix("credits=")?.parse::<i64>().ok());
    let credits: Vec<i64> = credits.collect();
    let persons: BTreeSet<_> = messages.iter().filter_map(|(_, person)| person.as_ref()).collect();
    let known = match (country.as_deref(), sender.as_deref()) {
        (Some("US"), Some(sender)) => Value::from(["97671", "69829", "51789", "99399"].contains(&sender)),
        _ => Value::Null,
    };
    let uses_app = |person: &str| {
        truth.events.iter().any(|row| {
            let is_app = ["mobile-app-notification", "mobile-app-code"]
                .contains(&row.text("method").unwrap_or_default());
            is_app
                && is_success(row)
                && asked.is_in(row.at)
                && row.word("tenant_id") == tenant
                && truth.person(row) == person
        })
    };
    let failed = not_delivered + sent - answered;
    let of_person = |flag: bool| if per == "person" && person.is_some() { flag.into() } else { Value::Null };
    row([
        ("uses_app", of_person(person.as_deref().is_some_and(uses_app))),
        ("better_with_app", of_person(failed >= 3 && failed * 4 >= messages.len())),
        ("tenant", tenant.clone().into()),
        ("country", country.into()),
        ("prefix", prefix.into()),
        ("sender", sender.into()),
        ("sender_known", known),
        ("person", person.clone().into()),
        ("calls", calls.into()),
        ("messages", (messages.len() - calls).into()),
        ("events", messages.iter().map(|(rows, _)| rows.len()).sum::<usize>().into()),
        ("sent", sent.into()),
        ("answered", answered.into()),
        ("verified", count(&|rows| any(rows, is_success)).into()),
        ("not_delivered", not_delivered.into()),
        ("persons", persons.len().into()),
        ("credits", if credits.is_empty() { Value::Null } else { credits.iter().sum::<i64>().into() }),
    ])
}
