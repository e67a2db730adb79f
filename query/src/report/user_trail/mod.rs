//! The report `user-trail`: everything about one person, in order and in plain words.

mod known;
mod rows;
#[cfg(test)]
mod tests;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, cast};
use datafusion::prelude::{DataFrame, col, lit};
use schemas::{COLUMNS as BOOK, Kind};

use super::counts::in_range;
use super::group::Group;
use super::made::Made;
use super::parameters::{DUPLICATES, RANGE, ReportParameters};
use super::people_parameters::{EVENT, PERSON, WHOSE, chosen};
use super::person::Person;
use super::{About, Answering, Column, Report, answer_as_made};
use crate::parameter::Parameter;
use crate::session::Session;

const WHO: Parameter = PERSON.required();

/// Everything about one person: every source, step and change in order, in plain words.
pub(super) const REPORT: Report = Report {
    name: "user-trail",
    asks: "Everything about one person, from every source: each event, step and change in order, in plain words",
    definition: "The person is found by any id, address or name in a directory; all ids that the table `identities` says are \
                 theirs belong to the trail, each by the rule in `linked_by`, and an id that was used again only in their \
                 time. First come the ids, addresses and periods of the directory that are known of the person, whatever the \
                 range; then every event and every change of their account in the range, in the order of time, each event \
                 followed by the steps that it tells of. Copies count once, and of a sign-in that its source sent again only \
                 the last state counts, unless `duplicates` includes them. Changes that the person made to others are rows of \
                 kind `act`, which do not name the others. There is no limit of rows. A name that several persons have is \
                 refused.",
    parameters: &[&[WHO], RANGE, WHOSE, &[EVENT, DUPLICATES]],
    columns: COLUMNS,
    answer: user_trail,
};

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    ("local_time", "string", "when, in the zone, with its offset"),
    ("sentence", "string", "the row in plain words"),
    ("kind", "string", "id, address or enabled (what is known of the person), event, step (of the event above), change (of the person's account) or act (a change that the person made to another account)"),
    ("occurred_at", "string", "when, in UTC"),
    ("tenant", "string", "whose row it is"),
    ("person", "string", "the person, as in the table persons"),
    ("source", "string", "the product that told of it"),
    ("user_id", "string", "the id as the source gave it"),
    ("user_key", "string", "the id in canonical form"),
    ("linked_by", "string", "by which rule the id is this person's, as in the table identities"),
    ("what", "string", "what an event or step judges, or what changed"),
    ("method", "string", "by which method"),
    ("mode", "string", "how the method was used"),
    ("result", "string", "how it ended"),
    ("reason", "string", "why it was denied"),
    ("meaning", "string", "what the reason means"),
    ("assurance", "string", "what it proves"),
    ("code", "string", "the source's own code"),
    ("detail", "string", "the source's own text; of a change also what was said of it"),
    ("server", "string", "the authentication server"),
    ("server_ip", "string", "its address"),
    ("application", "string", "what was entered"),
    ("client_app", "string", "with which kind of client"),
    ("protocol", "string", "how"),
    ("client_ip", "string", "the client's address"),
    ("attempt_id", "string", "the source's key of the attempt"),
    ("event_id", "string", "the event's id"),
    ("first_name", "string", "as the event gave it"),
    ("last_name", "string", "as the event gave it"),
    ("email", "string", "as the event gave it; of an address, the address"),
    ("phone_number", "string", "as the event gave it"),
    ("device_token", "string", "as the event or step gave it"),
    ("authenticator_id", "string", "which token or device answered"),
    ("sender", "string", "which number a call or text came from"),
    ("actor", "string", "who made a change"),
    ("until_at", "string", "until when a change or a period holds, in UTC"),
    ("support", "string", "what a support case asks for, to be copied: page or application, code, session or correlation id, user"),
    ("place", "string", "where it came from: TOPIC:PARTITION:OFFSET:ELEMENT"),
];

fn user_trail<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let called = parameters.text(WHO.name).unwrap_or_default();
        let person = Person::find(session, parameters, called).await?;
        let events = if parameters.with_duplicates() {
            session.view(Kind::Event).await?
        } else {
            session.counted_events().await?
        };
        let changes = session.view(Kind::Change).await?;
        let rows = frame(&person, parameters, events, changes);
        let limits = session.limits();
        let rows = rows.map_err(|error| crate::error::QueryError::while_running(error, &limits))?;
        let mut made = Made::new(COLUMNS);
        if parameters.text(EVENT.name).is_none() {
            known::tell(&person, parameters.tz, &mut made);
        }
        let about = About { asks_directory: true, ..About::default() };
        let mut teller = rows::Teller::new(person, parameters.tz);
        let make = move |made: &mut Made, batch: &_| teller.take_in(made, batch);
        answer_as_made(session, &REPORT, parameters, about, made, rows, make).await
    })
}

/// The events and changes that may be of the trail, in order, in the columns of both.
fn frame(
    person: &Person,
    parameters: &ReportParameters,
    events: DataFrame,
    changes: DataFrame,
) -> Result<DataFrame, DataFusionError> {
    let mut events = events.filter(in_range(parameters.range))?.filter(person.is_theirs("occurred_at"))?;
    let mut changes = changes.filter(in_range(parameters.range))?.filter(person.may_be_of())?;
    let sources = chosen(parameters, Group::Source);
    if !sources.is_empty() {
        let is_one = col("source").in_list(sources.iter().map(|it| lit(it.as_str())).collect(), false);
        (events, changes) = (events.filter(is_one.clone())?, changes.filter(is_one)?);
    }
    if let Some(event) = parameters.text(EVENT.name) {
        events = events.filter(col("event_id").eq(lit(event)).or(col("attempt_id").eq(lit(event))))?;
        changes = changes.filter(lit(false))?;
    }
    let (of_events, of_changes) = (columns(&events, "event"), columns(&changes, "change"));
    let sorted = ["occurred_at", "source", "kafka_topic", "kafka_partition", "kafka_offset", "element_index"];
    events
        .select(of_events)?
        .union(changes.select(of_changes)?)?
        .sort(sorted.map(|name| col(name).sort(true, true)).to_vec())
}

/// The columns of events and of changes: what the frame lacks is null.
fn columns(frame: &DataFrame, kind: &str) -> Vec<Expr> {
    let schema: &Schema = frame.schema().as_arrow();
    let is_told = |name: &str| !["raw", "unknown_values", "prompts", "decoder"].contains(&name);
    let of_both = BOOK.iter().filter(|it| it.is_in(Kind::Event) || it.is_in(Kind::Change));
    let columns = of_both.filter(|it| is_told(it.name)).map(|it| {
        let data_type = it.column_type.arrow_type();
        let value =
            if schema.field_with_name(it.name).is_ok() { col(it.name) } else { lit(ScalarValue::Null) };
        // The engine's own types of text would differ between the two.
        cast(value, data_type).alias(it.name)
    });
    columns.chain([cast(lit(kind), DataType::Utf8).alias("row_kind")]).collect()
}
