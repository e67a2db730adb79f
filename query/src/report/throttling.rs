//! The report `throttling`: who tried again and again, ran into limits, or typed a code too late or at another server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::TimeDelta;
use chrono_tz::Tz;
use schemas::NOBODY;

use super::asked::{ATTEMPT_IN_RANGE, EVENT_IN_RANGE, asked, of_tenants, range_values, read};
use super::parameters::{RANGE, ReportParameters, TENANT};
use super::people_parameters::tenants;
use super::text::local;
use super::{About, Answering, Report, answer};
use crate::Takes;
use crate::arrays::{Texts, numbers};
use crate::error::QueryError;
use crate::parameter::{Parameter, TimeRange};
use crate::people::Owners;
use crate::session::Session;

/// Who was slowed down, or should have been.
///
/// A row is a person; those who ran into limits most often first.
pub(super) const REPORT: Report = Report {
    name: "throttling",
    asks: "Who tried again and again, ran into limits, or typed codes too late or at another server",
    definition: "Persons of whom any of this is told in the range. `retries` are attempts that began within five minutes after \
                 the beginning of a denied one of the same id; `most_in_5_minutes` the most attempts of one id that began within \
                 any five minutes, where there was a retry. `repeated` are events denied because another request to the same \
                 person was still open (phone-busy); `limited` those denied for throttled or locked-out. `expired_codes` are \
                 wrong codes that were typed within an hour after a text message was sent to the id, when the code's life was \
                 over (by the rules of attempts); `other_server_codes` those typed while it lived, at another server than the \
                 one that sent it, and events denied for other-server. `attempts` are all attempts of the person that began in \
                 the range, `events` the events that are counted here. Persons are those of the table `persons`.",
    parameters: &[RANGE, &[TENANT, PERSON]],
    columns: &[
        ("tenant", "string", "whose person"),
        ("person", "string", "who"),
        ("attempts", "integer", "attempts of the person in all"),
        ("retries", "integer", "attempts that began within five minutes after a denied one"),
        ("most_in_5_minutes", "integer", "the most attempts within five minutes; null without a retry"),
        ("events", "integer", "events of the columns that follow"),
        ("repeated", "integer", "events denied since another request was still open"),
        ("limited", "integer", "events denied for throttled or locked-out"),
        ("expired_codes", "integer", "events: codes that were typed when their life was over"),
        (
            "other_server_codes",
            "integer",
            "events: codes that were typed at another server than the one that sent them",
        ),
        ("first_at", "string", "when the first of all this happened"),
        ("last_at", "string", "when the last of it happened"),
    ],
    answer: throttling,
};

const PERSON: Parameter = Parameter::new("person", Takes::Person, "ada@acme.example", "Only this person.");

const MINUTE_US: i64 = 60_000_000;

/// Users are told to try up to five times in five minutes.
const RETRY_US: i64 = 5 * MINUTE_US;

/// A wrong code that comes later has nothing to do with the one that was sent.
const CODE_US: i64 = 60 * MINUTE_US;

/// What is counted of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counts {
    attempts: i64,
    retries: i64,
    most: i64,
    repeated: i64,
    limited: i64,
    expired: i64,
    elsewhere: i64,
    range_us: Option<(i64, i64)>,
}

impl Counts {
    fn see(&mut self, at_us: i64) {
        let (first_us, last_us) = self.range_us.unwrap_or((at_us, at_us));
        self.range_us = Some((first_us.min(at_us), last_us.max(at_us)));
    }

    const fn events(&self) -> i64 {
        self.repeated + self.limited + self.expired + self.elsewhere
    }
}

/// An id: tenant, source, user key.
type Id = [String; 3];

/// An attempt.
#[derive(Debug, Clone)]
struct Try {
    id: Id,
    first_at_us: i64,
    is_denied: bool,
}

/// An event that may say something of limits or codes.
#[derive(Debug, Clone)]
struct Told {
    id: Id,
    at_us: i64,
    what: What,
    server: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Sent,
    WrongCode,
    Repeated,
    Limited,
    OtherServer,
}

type Persons = BTreeMap<(String, String), Counts>;

fn throttling<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let range = parameters.range;
        let before = |us: i64| TimeRange { from: range.from - TimeDelta::microseconds(us), ..range };
        let owners = session.owners(&tenants(parameters)).await?;
        let tries = tries(session, parameters, before(RETRY_US)).await?;
        let told = told(session, parameters, before(CODE_US)).await?;
        let life_us = |id: &Id, server: Option<&str>| {
            let rules = session.rules();
            let of_server = server.and_then(|server| rules.life_us.get(server));
            let is_own = matches!(id[1].as_str(), "mfa-server" | "gatebook");
            of_server.copied().unwrap_or(if is_own { rules.life_own_us } else { rules.life_cloud_us })
        };
        let from_us = range.from.timestamp_micros();
        let mut persons = count(&tries, &told, from_us, &owners, &life_us);
        let person = parameters.text(PERSON.name);
        persons.retain(|(_, name), counts| {
            (counts.retries > 0 || counts.events() > 0) && person.is_none_or(|person| person == name)
        });
        let about = About { covered: Some(before(CODE_US)), asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, rows(&persons, parameters.tz)).await
    })
}

/// Counts what comes in the order of time. Pure.
fn count(
    tries: &[Try],
    told: &[Told],
    from_us: i64,
    owners: &Owners,
    life_us: &dyn Fn(&Id, Option<&str>) -> i64,
) -> Persons {
    let mut persons = Persons::new();
    let of = |id: &Id, at_us: i64| {
        let [tenant_id, source, user_key] = id;
        (tenant_id.clone(), owners.of(tenant_id, source, user_key, at_us).person.into_owned())
    };
    // Those of an id that began within five minutes.
    let mut recent: HashMap<&Id, Vec<&Try>> = HashMap::new();
    for one in tries {
        let recent = recent.entry(&one.id).or_default();
        recent.retain(|before| one.first_at_us - before.first_at_us <= RETRY_US);
        // Two that began at the same moment come in no order.
        let is_retry = recent.iter().any(|before| before.is_denied && before.first_at_us < one.first_at_us);
        recent.push(one);
        if one.first_at_us < from_us {
            continue;
        }
        let counts = persons.entry(of(&one.id, one.first_at_us)).or_default();
        counts.attempts += 1;
        if is_retry {
            counts.retries += 1;
            counts.most = counts.most.max(recent.len() as i64);
            counts.see(one.first_at_us);
        }
    }
    let mut codes: HashMap<&Id, &Told> = HashMap::new();
    for event in told {
        let code = codes.get(&event.id).copied();
        if event.what == What::Sent {
            codes.insert(&event.id, event);
            continue;
        }
        if event.at_us < from_us {
            continue;
        }
        let counts = persons.entry(of(&event.id, event.at_us)).or_default();
        let count = match event.what {
            What::Repeated => &mut counts.repeated,
            What::Limited => &mut counts.limited,
            What::OtherServer => &mut counts.elsewhere,
            What::WrongCode => match code {
                Some(code) if event.at_us - code.at_us > CODE_US => continue,
                Some(code) if event.at_us - code.at_us > life_us(&code.id, code.server.as_deref()) => {
                    &mut counts.expired
                }
                Some(code)
                    if code.server.is_some() && event.server.is_some() && code.server != event.server =>
                {
                    &mut counts.elsewhere
                }
                _ => continue,
            },
            What::Sent => continue,
        };
        *count += 1;
        counts.see(event.at_us);
    }
    persons
}

async fn tries(
    session: &Session,
    parameters: &ReportParameters,
    range: TimeRange,
) -> Result<Vec<Try>, QueryError> {
    let (of_tenants, tenants) = of_tenants(&parameters.filters);
    let sql = format!(
        "SELECT tenant_id, source, user_key, first_at, result FROM attempts WHERE {ATTEMPT_IN_RANGE}{of_tenants} \
         AND user_key <> '{NOBODY}' \
         ORDER BY first_at"
    );
    let values = [range_values(range), tenants].concat();
    let mut tries = Vec::new();
    let frame = asked(session, &sql, &values).await?;
    read(session, frame, &mut |batch| {
        let texts = Texts::of(batch, &["tenant_id", "source", "user_key", "result"])?;
        let first = numbers::<TimestampMicrosecondType>(batch, "first_at")?;
        for row in 0..batch.num_rows() {
            tries.push(Try {
                id: [0, 1, 2].map(|index| texts.needed(index, row).to_owned()),
                first_at_us: first.value(row),
                is_denied: texts.needed(3, row) == "denied",
            });
        }
        Ok(tries.len())
    })
    .await?;
    Ok(tries)
}

async fn told(
    session: &Session,
    parameters: &ReportParameters,
    range: TimeRange,
) -> Result<Vec<Told>, QueryError> {
    let (of_tenants, tenants) = of_tenants(&parameters.filters);
    // A code that went out and one that was wrong at the same moment: the sending came first.
    let sql = format!(
        "SELECT tenant_id, source, user_key, occurred_at, result, denial_reason, server_name FROM counted_events \
         WHERE {EVENT_IN_RANGE}{of_tenants} AND user_key <> '{NOBODY}' AND (denial_reason IN ('phone-busy', 'throttled', \
         'locked-out', 'other-server') OR (method = 'text-message' AND (result = 'pending' OR denial_reason = 'wrong-code'))) \
         ORDER BY occurred_at, result DESC"
    );
    let values = [range_values(range), tenants].concat();
    let mut told = Vec::new();
    let frame = asked(session, &sql, &values).await?;
    read(session, frame, &mut |batch| {
        let names = ["tenant_id", "source", "user_key", "result", "denial_reason", "server_name"];
        let texts = Texts::of(batch, &names)?;
        let at = numbers::<TimestampMicrosecondType>(batch, "occurred_at")?;
        for row in 0..batch.num_rows() {
            told.push(Told {
                id: [0, 1, 2].map(|index| texts.needed(index, row).to_owned()),
                at_us: at.value(row),
                what: match (texts.needed(3, row), texts.get(4, row)) {
                    (_, Some("phone-busy")) => What::Repeated,
                    (_, Some("throttled" | "locked-out")) => What::Limited,
                    (_, Some("other-server")) => What::OtherServer,
                    ("pending", _) => What::Sent,
                    _ => What::WrongCode,
                },
                server: texts.get(5, row).map(str::to_owned),
            });
        }
        Ok(told.len())
    })
    .await?;
    Ok(told)
}

fn rows(persons: &Persons, tz: Tz) -> Result<RecordBatch, ArrowError> {
    let sorted: BTreeSet<(i64, i64, &(String, String))> =
        persons.iter().map(|(who, counts)| (-counts.limited, -counts.retries, who)).collect();
    let all: Vec<(&(String, String), &Counts)> =
        sorted.iter().filter_map(|(_, _, who)| persons.get_key_value(*who)).collect();
    let count = |of: fn(&Counts) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, counts)| of(counts))))
    };
    let at = |of: fn((i64, i64)) -> i64| -> ArrayRef {
        let at = |counts: &Counts| counts.range_us.map(|range_us| local(of(range_us), tz));
        Arc::new(all.iter().map(|(_, counts)| at(counts)).collect::<StringArray>())
    };
    let most = all.iter().map(|(_, counts)| (counts.most > 0).then_some(counts.most));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tenant", Arc::new(StringArray::from_iter_values(all.iter().map(|((tenant, _), _)| tenant)))),
        ("person", Arc::new(StringArray::from_iter_values(all.iter().map(|((_, person), _)| person)))),
        ("attempts", count(|counts| counts.attempts)),
        ("retries", count(|counts| counts.retries)),
        ("most_in_5_minutes", Arc::new(most.collect::<Int64Array>())),
        ("events", count(Counts::events)),
        ("repeated", count(|counts| counts.repeated)),
        ("limited", count(|counts| counts.limited)),
        ("expired_codes", count(|counts| counts.expired)),
        ("other_server_codes", count(|counts| counts.elsewhere)),
        ("first_at", at(|(first_us, _)| first_us)),
        ("last_at", at(|(_, last_us)| last_us)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
