//! The report `telephony`: calls and text messages by where they went, what came of them, and what they cost.

mod countries;
mod senders;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::TimeDelta;
use datafusion::common::ScalarValue;
use schemas::NOBODY;
use schemas::vocabulary::{DenialGroup, DenialReason};

use self::countries::destination;
use super::asked::{EVENT_IN_RANGE, asked, of_tenants, range_values, read};
use super::parameters::{RANGE, ReportParameters, TENANT};
use super::people_parameters::tenants;
use super::{About, Answering, Report, answer};
use crate::Takes;
use crate::arrays::{Texts, column, numbers};
use crate::error::QueryError;
use crate::parameter::{Parameter, TimeRange};
use crate::people::Owners;
use crate::session::Session;

/// Calls and text messages.
///
/// A row is what `per` says; most sent first.
pub(super) const REPORT: Report = Report {
    name: "telephony",
    asks: "Calls and text messages by country and prefix, what came of them, who sent them, what they cost, and who needs the app",
    definition: "A call or a text message that began in the range: the events by voice-call or text-message that have the \
                 source's key of an attempt in common, within an hour before and after the range; an event without a key is one \
                 by itself. `sent` counts those that went out: all but those that failed on the way to the phone for a reason of \
                 the group delivery, and those that were throttled or blocked. `answered` are those to which the person did \
                 something, `verified` those that let the person in. `events` counts the events of all of them. The country is \
                 told by the country code and, within +1, by the area code; the prefix has the country code and three more \
                 digits; numbers that are masked have neither. `sender_known` says whether the sender is one of the short codes \
                 that are known for the country, where there are any. `credits` are those that the source gives (Duo). Per \
                 person, `better_with_app` is true of whom at least three calls or messages, and a quarter of all, were not \
                 verified for want of delivery or of an answer. Persons are those of the table `persons`; messages \
                 of which no record says whose they are have none.",
    parameters: &[RANGE, &[TENANT, PER]],
    columns: &[
        ("tenant", "string", "whose"),
        ("country", "string", "per country, prefix or sender: where to, as ISO 3166-1 has it"),
        ("prefix", "string", "per prefix: country code and three more digits"),
        ("sender", "string", "per sender: the number or short code that it came from"),
        (
            "sender_known",
            "boolean",
            "per sender: whether it is known; null where no short codes are known for the country",
        ),
        ("person", "string", "per person: who"),
        ("calls", "integer", "voice calls"),
        ("messages", "integer", "text messages"),
        ("events", "integer", "events that tell of these"),
        ("sent", "integer", "calls and messages that went out"),
        ("answered", "integer", "of them, those to which the person did something"),
        ("verified", "integer", "of them, those that let the person in"),
        ("not_delivered", "integer", "calls and messages that failed on the way to the phone"),
        ("persons", "integer", "persons whose they are"),
        ("credits", "integer", "what they cost, in the source's credits; null where it does not say"),
        ("uses_app", "boolean", "per person: whether the person was let in by the mobile app in the range"),
        ("better_with_app", "boolean", "per person: whether the person would be better off with the app"),
    ],
    answer: telephony,
};

const PER: Parameter = Parameter::new(
    "per",
    Takes::Word(&["country", "prefix", "sender", "person"]),
    "prefix",
    "What a row is of; by country where it is not given.",
);

/// What the events of a message may lie apart.
const LOOK_AROUND: TimeDelta = TimeDelta::hours(1);

/// From how many calls and messages that came to nothing on somebody would be better off with the app.
const FAILED_MIN: i64 = 3;

/// And from which part of all: one in so many.
const FAILED_PART: i64 = 4;

/// A call or a text message.
#[derive(Debug, Clone, Default)]
struct Message {
    tenant_id: String,
    is_call: bool,
    number: Option<String>,
    sender: Option<String>,
    person: Option<String>,
    events: i64,
    went_out: bool,
    failed: bool,
    answered: bool,
    verified: bool,
    credits: Option<i64>,
}

/// What a row is of: tenant, country, prefix, sender, person.
type Key = (String, Option<String>, Option<String>, Option<String>, Option<String>);

#[derive(Debug, Default)]
struct Counts {
    calls: i64,
    messages: i64,
    events: i64,
    sent: i64,
    answered: i64,
    verified: i64,
    not_delivered: i64,
    persons: BTreeSet<String>,
    credits: Option<i64>,
}

impl Counts {
    fn add(&mut self, message: &Message) {
        *(if message.is_call { &mut self.calls } else { &mut self.messages }) += 1;
        self.events += message.events;
        self.sent += i64::from(message.went_out);
        self.answered += i64::from(message.answered);
        self.verified += i64::from(message.verified);
        self.not_delivered += i64::from(message.failed && !message.verified);
        self.persons.extend(message.person.clone());
        if let Some(credits) = message.credits {
            *self.credits.get_or_insert(0) += credits;
        }
    }

    /// Calls and messages that came to nothing since the phone was not reached, or since nobody did anything.
    const fn failed(&self) -> i64 {
        self.not_delivered + self.sent - self.answered
    }

    const fn is_better_with_app(&self) -> bool {
        self.failed() >= FAILED_MIN && self.failed() * FAILED_PART >= self.calls + self.messages
    }
}

fn telephony<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let range = parameters.range;
        let around = TimeRange { from: range.from - LOOK_AROUND, to: range.to + LOOK_AROUND };
        let owners = session.owners(&tenants(parameters)).await?;
        let messages = messages(session, parameters, around, &owners).await?;
        let per = parameters.text(PER.name).unwrap_or("country");
        let mut counted: BTreeMap<Key, Counts> = BTreeMap::new();
        for message in &messages {
            counted.entry(key(message, per)).or_default().add(message);
        }
        let app =
            if per == "person" { with_app(session, parameters, &owners).await? } else { BTreeSet::new() };
        let about = About { covered: Some(around), asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, rows(counted, &app, per)).await
    })
}

fn key(message: &Message, per: &str) -> Key {
    let to = message.number.as_deref().and_then(destination);
    let country = || to.as_ref().map(|to| to.country.to_owned());
    let tenant = message.tenant_id.clone();
    match per {
        "prefix" => (tenant, country(), to.as_ref().map(|to| to.prefix.clone()), None, None),
        "sender" => (tenant, country(), None, message.sender.clone(), None),
        "person" => (tenant, None, None, None, message.person.clone()),
        _ => (tenant, country(), None, None, None),
    }
}

/// Reasons to which the person did something.
const ANSWERS: [&str; 6] =
    ["wrong-code", "wrong-pin", "user-declined", "fraud-reported", "hung-up", "other-server"];

/// Reasons for which nothing went out, beside those of the group delivery.
const NOT_OUT: [&str; 4] = ["throttled", "user-blocked", "locked-out", "phone-busy"];

fn quoted(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}

async fn messages(
    session: &Session,
    parameters: &ReportParameters,
    around: TimeRange,
    owners: &Owners,
) -> Result<Vec<Message>, QueryError> {
    let (of_tenants, tenants) = of_tenants(&parameters.filters);
    let of_delivery = DenialReason::ALL.iter().filter(|reason| reason.group() == DenialGroup::Delivery);
    let delivery = quoted(of_delivery.map(|reason| reason.as_str()));
    let not_out = quoted(NOT_OUT.into_iter());
    let answers = quoted(ANSWERS.into_iter());
    // Two events that count can have one id: what tells an event without a key from others is its place.
    let by_itself = "CASE WHEN attempt_id IS NULL THEN concat_ws(':', kafka_topic_id, kafka_partition, kafka_offset, element_index) END";
    // A phone that was reached and took no code is an answer of nobody; one that was let in without a challenge was not called.
    let sql = format!(
        "SELECT tenant_id, source, attempt_id, {by_itself} AS message, min(occurred_at) AS first_at, \
            count(*) AS events, bool_or(method = 'voice-call') AS is_call, max(phone_number) AS number, \
            max(sender) AS sender, max(CASE WHEN user_key <> '{NOBODY}' THEN user_key END) AS user_key, \
            coalesce(bool_or(denial_reason IN ({delivery})), false) AS failed, \
            coalesce(bool_or(denial_reason IS NULL OR denial_reason NOT IN ({delivery}, {not_out})), false) AS went_out, \
            coalesce(bool_or(result = 'success' OR denial_reason IN ({answers})), false) AS answered, \
            bool_or(result = 'success') AS verified, \
            sum(CASE WHEN result_detail LIKE 'credits=%' THEN try_cast(substr(result_detail, 9) AS BIGINT) END) AS credits \
         FROM counted_events \
         WHERE {EVENT_IN_RANGE}{of_tenants} AND method IN ('voice-call', 'text-message') \
           AND assurance IN ('challenged', 'unknown') AND stage <> 'first-factor' \
         GROUP BY 1, 2, 3, 4"
    );
    let values = [range_values(around), tenants].concat();
    let (from_us, to_us) = (parameters.range.from.timestamp_micros(), parameters.range.to.timestamp_micros());
    let mut messages = Vec::new();
    let frame = asked(session, &sql, &values).await?;
    read(session, frame, &mut |batch| {
        let texts = Texts::of(batch, &["tenant_id", "source", "number", "sender", "user_key"])?;
        let first = numbers::<TimestampMicrosecondType>(batch, "first_at")?;
        let events = numbers::<Int64Type>(batch, "events")?;
        let credits = numbers::<Int64Type>(batch, "credits")?;
        let flag = |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_boolean());
        let flags = ["is_call", "failed", "went_out", "answered", "verified"].map(flag);
        let [is_call, failed, went_out, answered, verified] = flags;
        let (is_call, failed, went_out) = (is_call?, failed?, went_out?);
        let (answered, verified) = (answered?, verified?);
        for row in 0..batch.num_rows() {
            if !(from_us..to_us).contains(&first.value(row)) {
                continue;
            }
            let person = texts.get(4, row).map(|user_key| {
                let (tenant_id, source) = (texts.needed(0, row), texts.needed(1, row));
                owners.of(tenant_id, source, user_key, first.value(row)).person.into_owned()
            });
            let is = |flags: &BooleanArray| flags.is_valid(row) && flags.value(row);
            messages.push(Message {
                tenant_id: texts.needed(0, row).to_owned(),
                is_call: is(is_call),
                number: texts.get(2, row).map(str::to_owned),
                sender: texts.get(3, row).map(str::to_owned),
                person,
                events: events.value(row),
                went_out: is(went_out),
                failed: is(failed),
                answered: is(answered) && is(went_out),
                verified: is(verified),
                credits: credits.is_valid(row).then(|| credits.value(row)),
            });
        }
        Ok(messages.len())
    })
    .await?;
    Ok(messages)
}

/// Who was let in by the mobile app in the range.
async fn with_app(
    session: &Session,
    parameters: &ReportParameters,
    owners: &Owners,
) -> Result<BTreeSet<(String, String)>, QueryError> {
    let (of_tenants, tenants) = of_tenants(&parameters.filters);
    let reused: Vec<String> = owners.reused().into_iter().map(str::to_owned).collect();
    let names: Vec<String> = (0..reused.len()).map(|index| format!("reused_{index}")).collect();
    // Of an id that belongs to one after the other it matters when each event was.
    let moment = if names.is_empty() {
        "NULL".to_owned()
    } else {
        let places: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
        format!("CASE WHEN user_key IN ({}) THEN occurred_at END", places.join(", "))
    };
    let sql = format!(
        "SELECT tenant_id, source, user_key, {moment} AS moment, min(occurred_at) AS at FROM counted_events \
         WHERE {EVENT_IN_RANGE}{of_tenants} AND result = 'success' \
           AND method IN ('mobile-app-notification', 'mobile-app-code') GROUP BY 1, 2, 3, 4"
    );
    let reused = names.into_iter().zip(reused.into_iter().map(ScalarValue::from)).collect();
    let values = [range_values(parameters.range), tenants, reused].concat();
    let mut persons = BTreeSet::new();
    let frame = asked(session, &sql, &values).await?;
    read(session, frame, &mut |batch| {
        let texts = Texts::of(batch, &["tenant_id", "source", "user_key"])?;
        let at = numbers::<TimestampMicrosecondType>(batch, "at")?;
        for row in 0..batch.num_rows() {
            let [tenant_id, source, user_key] = [0, 1, 2].map(|index| texts.needed(index, row));
            let person = owners.of(tenant_id, source, user_key, at.value(row)).person.into_owned();
            persons.insert((tenant_id.to_owned(), person));
        }
        Ok(persons.len())
    })
    .await?;
    Ok(persons)
}

fn rows(
    counted: BTreeMap<Key, Counts>,
    app: &BTreeSet<(String, String)>,
    per: &str,
) -> Result<RecordBatch, ArrowError> {
    let mut all: Vec<(Key, Counts)> = counted.into_iter().collect();
    all.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.sent));
    let text = |of: fn(&Key) -> Option<&String>| -> ArrayRef {
        Arc::new(all.iter().map(|(key, _)| of(key)).collect::<StringArray>())
    };
    let count = |of: fn(&Counts) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, counts)| of(counts))))
    };
    let known = all
        .iter()
        .map(|((_, country, _, sender, _), _)| senders::is_known(country.as_deref()?, sender.as_deref()?));
    let of_person = |of: &dyn Fn(&Key, &Counts) -> bool| -> ArrayRef {
        let is =
            |(key, counts): &(Key, Counts)| (per == "person" && key.4.is_some()).then(|| of(key, counts));
        Arc::new(all.iter().map(is).collect::<BooleanArray>())
    };
    let uses_app =
        |key: &Key| key.4.as_ref().is_some_and(|person| app.contains(&(key.0.clone(), person.clone())));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tenant", text(|key| Some(&key.0))),
        ("country", text(|key| key.1.as_ref())),
        ("prefix", text(|key| key.2.as_ref())),
        ("sender", text(|key| key.3.as_ref())),
        ("sender_known", Arc::new(known.collect::<BooleanArray>())),
        ("person", text(|key| key.4.as_ref())),
        ("calls", count(|counts| counts.calls)),
        ("messages", count(|counts| counts.messages)),
        ("events", count(|counts| counts.events)),
        ("sent", count(|counts| counts.sent)),
        ("answered", count(|counts| counts.answered)),
        ("verified", count(|counts| counts.verified)),
        ("not_delivered", count(|counts| counts.not_delivered)),
        ("persons", count(|counts| counts.persons.len() as i64)),
        ("credits", Arc::new(all.iter().map(|(_, counts)| counts.credits).collect::<Int64Array>())),
        ("uses_app", of_person(&|key, _| uses_app(key))),
        ("better_with_app", of_person(&|_, counts| counts.is_better_with_app())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
