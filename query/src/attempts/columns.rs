//! The columns of an attempt.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::attempter::{Attempt, Person};
use crate::period::DAY_US;

/// The names, and what they mean.
#[rustfmt::skip]
pub(crate) const COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "Whose attempt this is."),
    ("source", "The product that told of it."),
    ("user_key", "The person, as the source names them, in canonical form."),
    ("user_id", "The person's id as the first event gives it."),
    ("attempt_id", "The source's own key of the attempt, where it has one."),
    ("first_at", "When its first event happened."),
    ("last_at", "When its last event happened."),
    ("application", "What was entered, as the last event that says it."),
    ("server_name", "The authentication server of the last event that names one."),
    ("client_ip", "The client's address of the last event that has one."),
    ("methods", "The methods that were tried, in order."),
    ("events", "How many events it is made of."),
    ("event_ids", "Which events; the first 256."),
    ("steps", "How many steps these events tell of; an event that tells of none is one."),
    ("prompts", "How many messages, calls and notifications went out: as the events say, else counted."),
    ("result", "success, denied, open (a challenge can still be answered) or undecided (interrupted, and nothing came after)."),
    ("denial_reason", "Why it was denied; no-response where a challenge outlived its life unanswered."),
    ("inferred", "Whether no record says how it ended."),
    ("inferred_cause", "Why it was denied, where two events together say more: other-server."),
    ("assurance", "The strongest that it proves."),
    ("joined_by", "By what its events were joined: key, key-and-gap (by a key that had come before, too long ago) or inferred (person, application and time); null for one event without a key."),
    ("day", "The UTC day of first_at."),
];

/// An attempt, and whose.
pub(super) struct Row {
    tenant_id: String,
    source: String,
    user_key: String,
    attempt: Attempt,
}

impl Row {
    pub(super) fn of(person: Person<'_>, attempt: Attempt) -> Self {
        let Person { tenant_id, source, user_key } = person;
        let [tenant_id, source, user_key] = [tenant_id, source, user_key].map(str::to_owned);
        Self { tenant_id, source, user_key, attempt }
    }
}

/// The columns' types.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields =
            arrays(&[]).into_iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

/// A batch of these rows.
pub(super) fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema(), arrays(rows).into_iter().map(|(_, array)| array).collect())
}

fn arrays(rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
    let text = |of: &dyn for<'r> Fn(&'r Row) -> Option<&'r str>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let number = |of: fn(&Attempt) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| of(&row.attempt))))
    };
    let moment = |of: fn(&Attempt) -> i64| -> ArrayRef {
        let moments = rows.iter().map(|row| of(&row.attempt));
        Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC"))
    };
    let list = |of: &dyn for<'r> Fn(&'r Attempt) -> Vec<&'r str>| -> ArrayRef {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in rows {
            lists.append_value(of(&row.attempt).into_iter().map(Some));
        }
        Arc::new(lists.finish())
    };
    let days = rows.iter().map(|row| row.attempt.first_at_us.div_euclid(DAY_US) as i32);
    vec![
        ("tenant_id", text(&|row| Some(&row.tenant_id))),
        ("source", text(&|row| Some(&row.source))),
        ("user_key", text(&|row| Some(&row.user_key))),
        ("user_id", text(&|row| Some(&row.attempt.user_id))),
        ("attempt_id", text(&|row| row.attempt.attempt_id.as_deref())),
        ("first_at", moment(|attempt| attempt.first_at_us)),
        ("last_at", moment(|attempt| attempt.last_at_us)),
        ("application", text(&|row| row.attempt.application.as_deref())),
        ("server_name", text(&|row| row.attempt.server.as_deref())),
        ("client_ip", text(&|row| row.attempt.client_ip.as_deref())),
        ("methods", list(&|attempt| attempt.methods.iter().map(|method| method.as_str()).collect())),
        ("events", number(|attempt| attempt.events)),
        ("event_ids", list(&|attempt| attempt.event_ids.iter().map(String::as_str).collect())),
        ("steps", number(|attempt| attempt.steps)),
        ("prompts", number(|attempt| attempt.prompts)),
        ("result", text(&|row| Some(row.attempt.outcome.as_str()))),
        ("denial_reason", text(&|row| Some(row.attempt.reason?.as_str()))),
        ("inferred", Arc::new(rows.iter().map(|row| Some(row.attempt.inferred)).collect::<BooleanArray>())),
        ("inferred_cause", text(&|row| Some(row.attempt.inferred_cause?.as_str()))),
        ("assurance", text(&|row| Some(row.attempt.assurance.as_str()))),
        ("joined_by", text(&|row| Some(row.attempt.joined_by?.as_str()))),
        ("day", Arc::new(Date32Array::from_iter_values(days))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_meaning() {
        let schema = schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
