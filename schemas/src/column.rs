//! The one table of columns, from which every schema is made.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields as ArrowFields, TimeUnit};

use crate::kind::Kind;

/// A column of the book. One name has one type and one meaning in all kinds that have it.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name, in the book and as a producer's key.
    pub name: &'static str,
    /// The type. Every column is nullable: a file holds one kind's columns, and those of the others read as
    /// null. What a kind requires is the writer's business.
    pub column_type: ColumnType,
    /// The kinds whose files have it.
    pub kinds: &'static [Kind],
    /// Who says its value, for events of source `gatebook`.
    pub set_by: SetBy,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// True or false.
    Flag,
    /// A 32-bit number.
    Int32,
    /// A 64-bit count or offset.
    Int64,
    /// A moment: microseconds since 1970 UTC, with the zone "UTC".
    Moment,
    /// A UTC day.
    Day,
    /// Raw bytes.
    Bytes,
    /// A list of texts.
    TextList,
    /// A list of steps ([`crate::Step`]).
    StepList,
    /// A map of names to counts.
    CountMap,
}

/// Who says a column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The producer of a `gatebook` record must give it.
    Required,
    /// The producer of a `gatebook` record may give it.
    Optional,
    /// Gatebook alone sets it: such a key in a record counts as unknown.
    Gatebook,
}

/// The columns that "the same content" leaves out: where and how an event came, and what is said about its
/// copies.
pub const NOT_CONTENT: &[&str] = &[
    "kafka_topic",
    "kafka_topic_id",
    "kafka_partition",
    "kafka_offset",
    "element_index",
    "received_at",
    "decoder",
    "duplicate",
    "raw",
];

use ColumnType::{Bytes, CountMap, Day, Flag, Int32, Int64, Moment, StepList, Text, TextList};
use SetBy::{Gatebook, Optional, Required};

const E: &[Kind] = &[Kind::Event, Kind::Superseded];
const EC: &[Kind] = &[Kind::Event, Kind::Superseded, Kind::Change];
const ECR: &[Kind] = &[Kind::Event, Kind::Superseded, Kind::Change, Kind::Rejection];
const RECEIVED: &[Kind] = &[Kind::Event, Kind::Superseded, Kind::Change, Kind::Rejection, Kind::Segment];
const PLACED: &[Kind] = Kind::ALL;
const C: &[Kind] = &[Kind::Change];
const CR: &[Kind] = &[Kind::Change, Kind::Rejection];
const CM: &[Kind] = &[Kind::Change, Kind::Removal];
const R: &[Kind] = &[Kind::Rejection];
const S: &[Kind] = &[Kind::Segment];
const SM: &[Kind] = &[Kind::Segment, Kind::Removal];
const COMMITTED: &[Kind] = &[Kind::Superseded, Kind::Segment, Kind::Removal];
const M: &[Kind] = &[Kind::Removal];

/// Every column of the book but the partition columns `kind` and `day`, in the order of the files.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    // An event, and what changes share with it.
    column("event_id", Text, E, Required, "Unique id of this event."),
    column("occurred_at", Moment, EC, Required, "When the gate decided; RFC 3339 with a zone, kept to the microsecond."),
    column("tenant_id", Text, EC, Required, "Whose event this is: billing and access scope."),
    column("user_id", Text, EC, Required, "The unique id of the user: user name or on-premises server id."),
    column("first_name", Text, E, Optional, "The user's first name."),
    column("last_name", Text, E, Optional, "The user's last name."),
    column("email", Text, E, Optional, "The user's e-mail address."),
    column("phone_number", Text, E, Optional, "The number of a voice call or a text message."),
    column("device_token", Text, E, Optional, "The device token of the mobile app."),
    column("user_key", Text, EC, Gatebook, "Canonical form of user_id, for joining: a UPN or e-mail address in lower case, else as it is."),
    column("method", Text, EC, Required, "By which method a factor was checked. An unknown one becomes `other`."),
    column("mode", Text, E, Optional, "How the method was used. An unknown one becomes `other`."),
    column("result", Text, E, Required, "Whether the gate opened; pending: a code was sent and its check comes later."),
    column("denial_reason", Text, E, Optional, "Why the gate stayed shut: present exactly when result is denied. An unknown one becomes `other`."),
    column("result_code", Text, EC, Optional, "The source's own result code, verbatim."),
    column("result_detail", Text, EC, Optional, "The source's own result text, verbatim."),
    column("stage", Text, E, Optional, "What the event judges; default whole-sign-in."),
    column("assurance", Text, E, Optional, "What the event proves; default unknown."),
    column("prompts", Int32, E, Optional, "How many challenges the element says were shown."),
    column("steps", StepList, E, Optional, "What the element itself tells of its steps, in order; at most 256."),
    column("server_name", Text, E, Required, "The authentication server's name."),
    column("server_ip", Text, E, Required, "The authentication server's address; stored in canonical form (RFC 5952)."),
    column("unknown_values", TextList, E, Gatebook, "What a vocabulary did not know, as column=text."),
    column("client_ip", Text, EC, Optional, "The client's address; stored in canonical form (RFC 5952)."),
    column("application", Text, E, Optional, "What was entered."),
    column("client_app", Text, E, Optional, "With which kind of client: browser, legacy, app password."),
    column("protocol", Text, E, Optional, "How: radius, ldap, adfs, iis, rd-gateway, saml, oidc."),
    column("authenticator_id", Text, E, Optional, "Which token or device answered."),
    column("sender", Text, E, Optional, "Which number or short code a call or text came from."),
    column("attempt_id", Text, E, Optional, "The source's key of one attempt."),
    // Where it came from.
    column("source", Text, ECR, Gatebook, "The product whose log format the topic carries."),
    column("decoder", Text, ECR, Gatebook, "Name and version of the decoder that read it."),
    column("kafka_topic", Text, PLACED, Gatebook, "The topic's name."),
    column("kafka_topic_id", Text, PLACED, Gatebook, "The topic's UUID; another one after the topic was created again."),
    column("kafka_partition", Int32, PLACED, Gatebook, "The partition's number."),
    column("kafka_offset", Int64, ECR, Gatebook, "The record's offset in the partition."),
    column("element_index", Int32, ECR, Gatebook, "The element's position in the record, from 0."),
    column("received_at", Moment, RECEIVED, Gatebook, "Kafka's timestamp of the record; of a segment, that of its newest record."),
    column("duplicate", Flag, E, Gatebook, "Whether the same event had already landed within the deduplication window."),
    // A change.
    column("actor", Text, CM, Gatebook, "Who made the change or asked for the removal."),
    column("change", Text, C, Gatebook, "What changed: enrolled, reset, blocked, …"),
    column("until", Moment, C, Gatebook, "Until when the change holds."),
    // A rejection.
    column("reason", Text, CR, Gatebook, "Why: the stable code of a rejection; what was said of a change."),
    column("field", Text, R, Gatebook, "The key that was at fault, where one was."),
    column("detail", Text, R, Gatebook, "What was expected or found; never a value of the record."),
    column("raw", Bytes, ECR, Gatebook, "The element's bytes, switched-off fields blanked: its part of the record. Null for a tombstone, and for events and changes unless they are kept."),
    column("redacted", Flag, R, Gatebook, "Whether raw differs from what Kafka delivered."),
    // A segment.
    column("from_offset", Int64, SM, Gatebook, "The first offset of the range."),
    column("next_offset", Int64, SM, Gatebook, "The offset after the range."),
    column("committed_at", Moment, COMMITTED, Gatebook, "When the commit was made."),
    column("records", Int64, S, Gatebook, "Records read in the range."),
    column("empty_records", Int64, S, Gatebook, "Records among them that held no element."),
    column("elements", Int64, S, Gatebook, "Elements read: events + changes + rejections + skipped."),
    column("events", Int64, S, Gatebook, "Elements that became events."),
    column("changes", Int64, S, Gatebook, "Elements that became changes."),
    column("rejections", Int64, S, Gatebook, "Elements that became rejections."),
    column("skipped_by_kind", CountMap, S, Gatebook, "Elements that are neither an authentication nor a change, by the source's own kind."),
    column("unknown_value_counts", CountMap, S, Gatebook, "Values that no vocabulary knew, as column=text; bounded."),
    column("unknown_key_counts", CountMap, S, Gatebook, "Keys that the contract does not have; bounded."),
    column("duplicates", Int64, S, Gatebook, "Events flagged as duplicates."),
    column("conflicting_ids", Int64, S, Gatebook, "Events whose id was seen within the window with other content."),
    column("gap", Text, S, Gatebook, "Why records are missing in the range, when an operator accepted that."),
    // A removal.
    column("why", Text, M, Gatebook, "Why rows were removed: retention, a topic created again, re-decoding."),
    column("removed_kind", Text, M, Gatebook, "The kind of the removed rows."),
    column("removed_day", Day, M, Gatebook, "The day of the removed rows."),
    column("rows", Int64, M, Gatebook, "How many rows were removed."),
    column("old_decoder", Text, M, Gatebook, "The decoder whose reading was replaced."),
    column("new_decoder", Text, M, Gatebook, "The decoder that read anew."),
    column("changed_columns", CountMap, M, Gatebook, "Of a re-decoding: in how many of the rows each column reads differently."),
];

const fn column(
    name: &'static str,
    column_type: ColumnType,
    kinds: &'static [Kind],
    set_by: SetBy,
    doc: &'static str,
) -> Column {
    Column { name, column_type, kinds, set_by, doc }
}

impl Column {
    /// Whether files of this kind have the column.
    pub fn is_in(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The column as an Arrow field.
    pub fn arrow_field(&self) -> Field {
        Field::new(self.name, self.column_type.arrow_type(), true)
    }
}

impl ColumnType {
    /// The Arrow type. Lists and maps use the inner names that Delta gives them.
    pub fn arrow_type(self) -> DataType {
        match self {
            Text => DataType::Utf8,
            Flag => DataType::Boolean,
            Int32 => DataType::Int32,
            Int64 => DataType::Int64,
            Moment => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Day => DataType::Date32,
            Bytes => DataType::Binary,
            TextList => DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
            StepList => {
                DataType::List(Arc::new(Field::new("element", DataType::Struct(step_fields()), true)))
            }
            CountMap => {
                let entry = DataType::Struct(ArrowFields::from(vec![
                    Field::new("key", DataType::Utf8, false),
                    Field::new("value", DataType::Int64, true),
                ]));
                DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
            }
        }
    }
}

/// The fields of a step's struct.
pub(crate) fn step_fields() -> ArrowFields {
    let text = |name| Field::new(name, DataType::Utf8, true);
    ArrowFields::from(vec![
        Field::new("at", Moment.arrow_type(), true),
        text("method"),
        text("result"),
        text("reason"),
        text("code"),
        text("detail"),
        text("device"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_content_is_a_column_of_an_event() {
        for name in NOT_CONTENT {
            assert!(COLUMNS.iter().any(|column| column.name == *name && column.is_in(Kind::Event)), "{name}");
        }
    }
}
