//! The report `suspicious`: what looks like an attack, each hit with its rows.

mod chains;
mod detectors;
mod hit;
mod read;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::json;

use self::detectors::Seen;
use self::hit::{Evidence, Hit, Kind, ROWS_MAX, Severity};
use self::read::Reading;
use super::asked::{ATTEMPT_IN_RANGE, asked, range_values, read};
use super::parameters::{RANGE, ReportParameters, TENANT};
use super::people_parameters::tenants;
use super::text::local;
use super::{About, Answering, Report, answer};
use crate::arrays::{Texts, column, list, lists, texts};
use crate::error::QueryError;
use crate::expectations::Suspicious;
use crate::parameter::{Parameter, TimeRange};
use crate::session::Session;
use crate::{Takes, period};

/// What looks like an attack.
///
/// A row is a hit; the worst first, then in the order of time.
pub(super) const REPORT: Report = Report {
    name: "suspicious",
    asks: "What looks like an attack: worn out users, guessed codes, one address against many, fraud, bursts, first times",
    definition: "Six kinds of hits. `fatigue`: prompts that one person declined or left unanswered, none later after the one \
                 before than a pause may last; worse when the person came in after it, worst when a method was registered. \
                 `many-persons`: one address from which many persons of a tenant were denied, and few let in. `wrong-codes`: \
                 wrong codes or PINs in a row for one person. `fraud`: a person reported fraud, by an answer or beside it. \
                 `number-range`: calls and messages to one range of numbers (all but the last four digits), of which hardly \
                 any was answered rightly. `first-time`: a person's id was let in by a method or from an address that it had \
                 not used in the days before; ids that were hardly known before are left out. The thresholds stand in the \
                 configuration and in the coverage. A hit is told whole where any of its rows lies in the range: what came \
                 before is looked at as far back as it matters, and what followed for as long as the thresholds say. \
                 `events` counts events, copies once; `attempts` the attempts that they belong to; `persons` persons of \
                 the table of this name. The `id` of a hit is made of its kind, its tenant and its \
                 first row: it stays the same when later rows make the hit longer, and whatever range is asked about.",
    parameters: &[RANGE, &[TENANT, KIND, SEVERITY, PERSON]],
    columns: &[
        ("id", "string", "the hit's own id, the same whenever it is asked for"),
        ("kind", "string", "as what it is suspicious"),
        ("severity", "string", "low, medium, high or critical"),
        ("tenant", "string", "whose events"),
        ("person", "string", "who it is about; null where it is about an address or numbers"),
        ("address", "string", "the client's address, where it is one"),
        ("number_range", "string", "the beginning that the telephone numbers have in common"),
        ("first_at", "string", "when its first row happened"),
        ("last_at", "string", "when its last row happened"),
        ("events", "integer", "events that it is made of"),
        ("attempts", "integer", "attempts that these events belong to"),
        ("prompts", "integer", "prompts of fatigue, messages and calls of a range of numbers; else null"),
        ("persons", "integer", "persons whose events these are"),
        ("event_ids", "array", "which events; the first 256"),
        ("places", "array", "where they stand in Kafka, TOPIC:PARTITION:OFFSET:ELEMENT; the first 256"),
        ("what", "string", "what happened, in a sentence"),
    ],
    answer: suspicious,
};

const KIND: Parameter = Parameter::new(
    "kind",
    Takes::Word(&["fatigue", "many-persons", "wrong-codes", "fraud", "number-range", "first-time"]),
    "fatigue",
    "Only hits of this kind.",
);

const SEVERITY: Parameter = Parameter::new(
    "severity",
    Takes::Word(&["low", "medium", "high", "critical"]),
    "high",
    "Only hits that are at least so bad.",
);

const PERSON: Parameter =
    Parameter::new("person", Takes::Person, "ada@acme.example", "Only hits about this person.");

fn suspicious<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.expectations().suspicious;
        let wanted = parameters.text(KIND.name);
        let is_wanted = |kind: Kind| wanted.is_none_or(|wanted| wanted == kind.as_str());
        let range = parameters.so_far();
        let covered = look_back(range, &limits);
        let mut hits = Vec::new();
        if wanted != Some(Kind::FirstTime.as_str()) {
            hits = chained(session, parameters, covered, &limits).await?;
        }
        if is_wanted(Kind::FirstTime) {
            hits.extend(first_times(session, parameters, range, &limits).await?);
        }
        let (from_us, to_us) = (range.from.timestamp_micros(), range.to.timestamp_micros());
        let least = parameters.text(SEVERITY.name).and_then(Severity::parse);
        let person = parameters.text(PERSON.name);
        hits.retain(|hit| {
            is_wanted(hit.kind)
                && hit.rows.iter().any(|row| (from_us..to_us).contains(&row.at_us))
                && least.is_none_or(|least| hit.severity >= least)
                && person.is_none_or(|person| hit.person.as_deref() == Some(person))
        });
        hits.sort_by_cached_key(|hit| {
            (std::cmp::Reverse(hit.severity), hit.first_at_us(), hit.kind, hit.id())
        });
        let attempts = attempts(session, &hits).await?;
        let about = About {
            covered: Some(covered),
            asks_directory: true,
            thresholds: Some(json!(limits)),
            ..About::default()
        };
        answer(session, &REPORT, parameters, about, rows(&hits, &attempts, parameters.tz)).await
    })
}

/// What has to be looked at for a range: the UTC day before its first one and a pause, and what may follow it.
fn look_back(range: TimeRange, limits: &Suspicious) -> TimeRange {
    let pauses = [
        limits.fatigue_pause_s,
        limits.many_persons_pause_s,
        limits.wrong_codes_pause_s,
        limits.fraud_pause_s,
        limits.number_range_pause_s,
    ];
    let pause = seconds(pauses.into_iter().max().unwrap_or(0));
    let day = period::day_start(range.from.date_naive(), Tz::UTC);
    TimeRange { from: day - TimeDelta::days(1) - pause, to: range.to + seconds(limits.follow_s) + pause }
}

fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))
}

/// The hits that are chains of rows.
async fn chained(
    session: &Session,
    parameters: &ReportParameters,
    range: TimeRange,
    limits: &Suspicious,
) -> Result<Vec<Hit>, QueryError> {
    let reading = Reading { session, filters: &parameters.filters, range };
    let owners = session.owners(&tenants(parameters)).await?;
    let mut tries = reading.tries().await?;
    tries.iter_mut().for_each(|row| row.find_person(&owners));
    let mut successes = reading.successes(&tries, &owners).await?;
    let mut changes = reading.changes(seconds(limits.enrolment_follow_s)).await?;
    successes.iter_mut().for_each(|row| row.find_person(&owners));
    changes.iter_mut().for_each(|row| row.find_person(&owners));
    let seen = Seen { tries: &tries, successes: &successes, changes: &changes };
    let detectors = [
        detectors::fatigue,
        detectors::many_persons,
        detectors::wrong_codes,
        detectors::fraud,
        detectors::number_range,
    ];
    Ok(detectors.iter().flat_map(|detect| detect(&seen, limits)).collect())
}

/// Days of a range in which first times are looked for, one by one: each reads the days before it.
const FIRST_TIME_DAYS_MAX: i64 = 31;

/// First times, UTC day by UTC day.
async fn first_times(
    session: &Session,
    parameters: &ReportParameters,
    range: TimeRange,
    limits: &Suspicious,
) -> Result<Vec<Hit>, QueryError> {
    if range.to - range.from > TimeDelta::days(FIRST_TIME_DAYS_MAX) {
        return Err(QueryError::Refused(format!(
            "ask for at most {FIRST_TIME_DAYS_MAX} days, or for one `kind` other than first-time: first times are looked for \
             day by day"
        )));
    }
    let owners = session.owners(&tenants(parameters)).await?;
    let mut hits = Vec::new();
    let mut day = range.from.date_naive();
    loop {
        let from: DateTime<Utc> = period::day_start(day, Tz::UTC);
        if from >= range.to {
            return Ok(hits);
        }
        // Of each day from its beginning: the first event of the day is the first one, wherever the range begins.
        let part = TimeRange { from, to: range.to.min(from + TimeDelta::days(1)) };
        let reading = Reading { session, filters: &parameters.filters, range: part };
        let mut rows = reading.first_times(part).await?;
        rows.iter_mut().for_each(|(row, ..)| row.find_person(&owners));
        hits.extend(detectors::first_time(&rows, limits));
        let Some(next) = day.succ_opt() else { return Ok(hits) };
        day = next;
    }
}

/// How many attempts the events of each hit belong to.
async fn attempts(session: &Session, hits: &[Hit]) -> Result<Vec<usize>, QueryError> {
    let key =
        |hit: &Hit, row: &Evidence| Some([hit.tenant_id.clone(), row.source.clone(), row.event_id.clone()?]);
    // By event, the number of its attempt, once it is found.
    let mut attempt_of: HashMap<[String; 3], Option<usize>> =
        hits.iter().flat_map(|hit| hit.rows.iter().filter_map(|row| Some((key(hit, row)?, None)))).collect();
    let edges = |of: fn(&Hit) -> i64| hits.iter().map(of);
    if let (Some(from_us), Some(to_us)) = (edges(Hit::first_at_us).min(), edges(Hit::last_at_us).max()) {
        // An attempt may have begun before its event; one that goes on for longer is a robot's.
        let from = DateTime::from_timestamp_micros(from_us).unwrap_or_default() - TimeDelta::days(1);
        let to = DateTime::from_timestamp_micros(to_us + 1).unwrap_or_default();
        let sql = format!("SELECT tenant_id, source, event_ids FROM attempts WHERE {ATTEMPT_IN_RANGE}");
        let values = range_values(TimeRange { from, to });
        let mut number = 0;
        read(session, asked(session, &sql, &values).await?, &mut |batch| {
            let texts = Texts::of(batch, &["tenant_id", "source"])?;
            let ids = column(batch, "event_ids")?;
            for row in 0..batch.num_rows() {
                number += 1;
                for id in list(ids, row)? {
                    let key = [texts.needed(0, row).to_owned(), texts.needed(1, row).to_owned(), id];
                    if let Some(attempt) = attempt_of.get_mut(&key) {
                        *attempt = Some(number);
                    }
                }
            }
            Ok(0)
        })
        .await?;
    }
    let count = |hit: &Hit| {
        let of = |row: &Evidence| {
            let key = key(hit, row)?;
            // Beyond what an attempt names of its events, each stands for itself.
            Some(attempt_of.get(&key).copied().flatten().ok_or(key))
        };
        hit.rows.iter().filter_map(of).collect::<BTreeSet<_>>().len()
    };
    Ok(hits.iter().map(count).collect())
}

fn rows(hits: &[Hit], attempts: &[usize], tz: Tz) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Hit) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(hits.iter().map(of)))
    };
    let optional =
        |of: fn(&Hit) -> Option<&str>| -> ArrayRef { Arc::new(hits.iter().map(of).collect::<StringArray>()) };
    let count = |of: &dyn Fn(&Hit) -> Option<i64>| -> ArrayRef {
        Arc::new(hits.iter().map(of).collect::<Int64Array>())
    };
    let first = |hit: &'_ Hit| hit.rows.len().min(ROWS_MAX);
    let ids = hits.iter().map(|hit| {
        hit.rows[..first(hit)].iter().filter_map(|row| row.event_id.as_deref()).collect::<Vec<_>>()
    });
    let places = hits
        .iter()
        .map(|hit| hit.rows[..first(hit)].iter().map(|row| row.place.as_str()).collect::<Vec<_>>());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text(&Hit::id)),
        ("kind", texts(hits.iter().map(|hit| hit.kind.as_str()))),
        ("severity", texts(hits.iter().map(|hit| hit.severity.as_str()))),
        ("tenant", texts(hits.iter().map(|hit| hit.tenant_id.as_str()))),
        ("person", optional(|hit| hit.person.as_deref())),
        ("address", optional(|hit| hit.address.as_deref())),
        ("number_range", optional(|hit| hit.number_range.as_deref())),
        ("first_at", text(&|hit| local(hit.first_at_us(), tz))),
        ("last_at", text(&|hit| local(hit.last_at_us(), tz))),
        ("events", count(&|hit| i64::try_from(hit.events()).ok())),
        (
            "attempts",
            Arc::new(attempts.iter().map(|count| i64::try_from(*count).ok()).collect::<Int64Array>()),
        ),
        ("prompts", count(&|hit| hit.prompts)),
        ("persons", count(&|hit| i64::try_from(hit.persons).ok())),
        ("event_ids", lists(ids)),
        ("places", lists(places)),
        ("what", texts(hits.iter().map(|hit| hit.what.as_str()))),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns)
}
