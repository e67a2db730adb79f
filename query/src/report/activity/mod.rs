//! The report `activity`: events or attempts, the newest first, in pages that stay right while events arrive.

mod cursor;
mod page;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::disjunction;
use datafusion::prelude::{col, lit};

use self::cursor::{Cursor, Of};
use super::counts::is_within;
use super::group::Group;
use super::made::Made;
use super::parameters::{FILTERS, RANGE, ReportParameters};
use super::people_parameters::{APPLICATION, EVENT};
use super::person::Person;
use super::{About, Answering, Column, Report, answer};
use crate::attempts;
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes, TimeRange};
use crate::session::Session;

/// Rows of a page where nothing is said.
const LIMIT_DEFAULT: u64 = 100;

/// Rows of a page at the most: they are held in memory.
const LIMIT_MAX: u64 = 10_000;

/// How much time is looked through first; each next look is twice as long.
const FIRST_LOOK: TimeDelta = TimeDelta::days(1);

const OF: Parameter =
    Parameter::new("of", Takes::Word(Of::WORDS), "attempts", "What is listed. Default: events.");

const USER: Parameter = Parameter::new(
    "user",
    Takes::Person,
    "ada@acme.example",
    "Only this person's: any id, address or name in a directory; SOURCE:ID is an id in that source alone.",
);

const ADDRESS: Parameter =
    Parameter::new("address", Takes::Person, "192.0.2.7", "Only from this client address.");

const LIMIT: Parameter = Parameter::new(
    "limit",
    Takes::Number { min: 1, max: LIMIT_MAX },
    "500",
    "How many rows a page has at the most. Default: 100.",
);

const CURSOR: Parameter = Parameter::new(
    "cursor",
    Takes::Text,
    "e1.1793001600000000.00c0ffee00c0ffee.7",
    "Where the page begins: `next_cursor` of the page before. Default: at the newest.",
);

/// Events or attempts, the newest first, page by page.
pub(super) const REPORT: Report = Report {
    name: "activity",
    asks: "What happened: events or attempts one by one, the newest first, page by page",
    definition: "Events are those that count: of copies one, and of a sign-in that its source sent again the last state; \
                 attempts are those of the table `attempts`, by when they began. `next_cursor` of the coverage is where the \
                 next page begins, and is not there on the last one. A cursor names the last row of a page by its moment and \
                 by what stands for it among those of that moment, so the next page is whatever is older: while events \
                 arrive no row is left out or told twice, what came late and is older is seen, what is newer is not, and a \
                 page that is asked for again has the same rows as far as they still count. An attempt that a late event \
                 makes begin earlier is another row then. Of attempts, `result=pending` means those that are open or \
                 undecided, and a filter by stage is refused.",
    parameters: &[&[OF], RANGE, FILTERS, &[APPLICATION, EVENT, USER, ADDRESS, LIMIT, CURSOR]],
    columns: COLUMNS,
    answer: activity,
};

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("local_time", "string", "when it happened or, of an attempt, began, in the zone, with its offset"),
    ("sentence", "string", "the row in plain words"),
    ("occurred_at", "string", "the same moment in UTC"),
    ("last_at", "string", "of an attempt: when its last event happened, in UTC"),
    ("tenant", "string", "whose row it is"),
    ("source", "string", "the product that told of it"),
    ("user_id", "string", "the id as the source gave it"),
    ("user_key", "string", "the id in canonical form"),
    ("method", "string", "by which method; of an attempt all that were tried, in order"),
    ("result", "string", "how it ended; of an attempt also open or undecided"),
    ("reason", "string", "why it was denied"),
    ("meaning", "string", "what the reason means"),
    ("stage", "string", "of an event: what it judges"),
    ("assurance", "string", "what it proves"),
    ("server", "string", "the authentication server"),
    ("application", "string", "what was entered"),
    ("client_ip", "string", "the client's address"),
    ("code", "string", "of an event: the source's own code"),
    ("detail", "string", "of an event: the source's own text"),
    ("attempt_id", "string", "the source's key of the attempt"),
    ("event_id", "string", "the event's id; of an attempt that of its first event"),
    ("events", "integer", "of how many events it is made"),
    ("support", "string", "what a support case asks for, to be copied: page or application, code, session or correlation id, user"),
    ("place", "string", "of an event: where it came from, TOPIC:PARTITION:OFFSET:ELEMENT"),
];

fn activity<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let of = Of::parse(parameters.text(OF.name));
        let cursor = begin(parameters, of)?;
        let person = match parameters.text(USER.name) {
            Some(called) => Some(Person::find(session, parameters, called).await?),
            None => None,
        };
        let limit = parameters.number(LIMIT.name).unwrap_or(LIMIT_DEFAULT) as usize;
        let mut made = Made::new(COLUMNS);
        let mut page = page::Page::new(of, limit, parameters.tz);
        for look in looks(parameters.range, cursor) {
            let rows = match of {
                Of::Events => session.counted_events().await?,
                Of::Attempts => session.table(attempts::VIEW).await?,
            };
            let rows = frame(rows, of, look, cursor.as_ref(), parameters, person.as_ref());
            let rows = rows.and_then(|rows| rows.limit(0, Some(limit + 1 - made.len())));
            let rows = async { rows?.collect().await }.await;
            for batch in &rows.map_err(|error| QueryError::while_running(error, &limits))? {
                let taken = page.take_in(&mut made, batch);
                taken.map_err(|error| QueryError::while_running(error.into(), &limits))?;
            }
            if page.is_full() {
                break;
            }
        }
        let next_cursor = page.next(session.book_version()).map(|cursor| cursor.text());
        let about = About { next_cursor, asks_directory: person.is_some(), ..About::default() };
        answer(session, &REPORT, parameters, about, made.finish()).await
    })
}

/// Where the page begins.
fn begin(parameters: &ReportParameters, of: Of) -> Result<Option<Cursor>, QueryError> {
    if of == Of::Attempts && parameters.filters.has(Group::Stage) {
        return Err(QueryError::Refused(
            "leave out `stage`, or ask for events: an attempt has none".to_owned(),
        ));
    }
    let Some(text) = parameters.text(CURSOR.name) else { return Ok(None) };
    match Cursor::parse(text) {
        Ok(cursor) if cursor.of == of => Ok(Some(cursor)),
        Ok(_) => Err(QueryError::Refused(
            "give `of` as the page before had it: the cursor is one of the other list".to_owned(),
        )),
        Err(_) => Err(QueryError::Refused(
            "give `cursor` as `next_cursor` of the page before has it, or leave it out: it is none"
                .to_owned(),
        )),
    }
}

/// The parts of the range that are looked through one after the other until the page is full, from the newest back: most
/// pages need little of a long range.
fn looks(range: TimeRange, cursor: Option<Cursor>) -> impl Iterator<Item = TimeRange> {
    let after = |cursor: Cursor| DateTime::<Utc>::from_timestamp_micros(cursor.at_us.saturating_add(1));
    let mut to = cursor.and_then(after).map_or(range.to, |after| after.min(range.to));
    let mut length = FIRST_LOOK;
    std::iter::from_fn(move || {
        if to <= range.from {
            return None;
        }
        let from = (to - length).max(range.from);
        let look = TimeRange { from, to };
        (to, length) = (from, length * 2);
        Some(look)
    })
}

/// The rows of a part of the range, the newest first.
fn frame(
    rows: DataFrame,
    of: Of,
    look: TimeRange,
    cursor: Option<&Cursor>,
    parameters: &ReportParameters,
    person: Option<&Person>,
) -> Result<DataFrame, DataFusionError> {
    let mut rows = rows.filter(is_within(look, of.moment()))?;
    rows = match of {
        Of::Events => parameters.filters.choose(rows)?,
        Of::Attempts => chosen_attempts(rows, parameters)?,
    };
    if let Some(person) = person {
        rows = rows.filter(person.is_theirs(of.moment()))?;
    }
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    if let Some(address) = parameters.text(ADDRESS.name) {
        let parsed = address.trim().parse::<std::net::IpAddr>().map(|ip| ip.to_canonical().to_string());
        rows = rows.filter(col("client_ip").eq(lit(parsed.unwrap_or_else(|_| address.to_owned()))))?;
    }
    if let Some(event) = parameters.text(EVENT.name) {
        let is_it = match of {
            Of::Events => col("event_id").eq(lit(event)),
            Of::Attempts => array_has(col("event_ids"), lit(event)),
        };
        rows = rows.filter(is_it.or(col("attempt_id").eq(lit(event))))?;
    }
    if let Some(cursor) = cursor {
        rows = rows.filter(cursor.is_before())?;
    }
    let columns = page::columns(of).map(col).chain([of.tie().alias(page::TIE)]);
    let rows = rows.select(columns.collect::<Vec<Expr>>())?;
    rows.sort(vec![col(of.moment()).sort(false, false), col(page::TIE).sort(false, false)])
}

/// The attempts that have one of the values of every filter.
fn chosen_attempts(rows: DataFrame, parameters: &ReportParameters) -> Result<DataFrame, DataFusionError> {
    parameters.filters.by_column().try_fold(rows, |rows, (column, values)| {
        let is_one = match column {
            "method" => {
                let tried = values.iter().map(|it| array_has(col("methods"), lit(it.as_str())));
                disjunction(tried.collect::<Vec<_>>()).unwrap_or_else(|| lit(true))
            }
            "result" => {
                let words = values.iter().flat_map(|it| match it.as_str() {
                    "pending" => vec!["open", "undecided"],
                    word => vec![word],
                });
                col("result").in_list(words.map(lit).collect(), false)
            }
            column => col(column).in_list(values.into_iter().map(lit).collect(), false),
        };
        rows.filter(is_one)
    })
}
