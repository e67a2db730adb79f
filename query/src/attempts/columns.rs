//! The columns of an attempt.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use projections::attempt_schema;

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
    ("method", "The method that was tried last."),
    ("events", "How many events it is made of."),
    ("event_ids", "Which events; the first 256."),
    ("steps", "How many steps these events tell of; an event that tells of none is one."),
    ("prompts", "How many messages, calls and notifications went out: as the events say, else counted."),
    ("result", "success, denied, open (a challenge can still be answered) or undecided (interrupted, and nothing came after)."),
    ("denial_reason", "Why it was denied; no-response where a challenge outlived its life unanswered."),
    ("inferred", "Whether no record says how it ended."),
    ("inferred_cause", "Why it was denied, where two events together say more: other-server."),
    ("assurance", "The strongest that it proves."),
    ("joined_by", "By what its events were joined: key, key-and-gap (by a key that had come before on the same UTC day or the one before, too long ago) or inferred (person, application and time); null for one event without a key."),
    ("day", "The UTC day of first_at."),
];

/// The columns' types.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let stored = attempt_schema();
        let data_type = |name: &str| match (name, stored.field_with_name(name)) {
            (_, Ok(field)) => field.data_type().clone(),
            ("inferred", _) => DataType::Boolean,
            ("day", _) => DataType::Date32,
            _ => DataType::Utf8,
        };
        let fields = COLUMNS.iter().map(|(name, _)| Field::new(*name, data_type(name), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}
