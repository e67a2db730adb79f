//! The columns of the rows that come back from what is no report.

use query::report::Column;

const COUNT: &str = "integer";
const TEXT: &str = "string";

pub(super) const REPORTS_LISTED: &[Column] = &[
    ("report", TEXT, "the report's name"),
    ("asks", TEXT, "what it asks, in a line"),
    ("definition", TEXT, "what is counted or listed, in words"),
    ("parameters", TEXT, "what it takes"),
];

pub(super) const STATUS: &[Column] = &[
    ("topic", TEXT, "the topic's name"),
    ("topic_id", TEXT, "the topic's UUID as Kafka writes it"),
    ("partition", COUNT, "the partition's number"),
    ("next_offset", COUNT, "the offset after the last that the book took in"),
    ("records", COUNT, "records read"),
    ("elements", COUNT, "elements read: events, changes, rejections and skipped ones"),
    ("events", COUNT, "elements that became events"),
    ("duplicates", COUNT, "events that were flagged as duplicates"),
    ("conflicting_ids", COUNT, "events whose id was seen with other content"),
    ("changes", COUNT, "elements that became changes"),
    ("rejections", COUNT, "elements that could not be read"),
    ("skipped", COUNT, "elements that are neither, counted by kind"),
    ("unknown_values", COUNT, "values that no vocabulary knew"),
    ("unknown_keys", COUNT, "keys that the contract does not have"),
    ("newest_record_at", TEXT, "Kafka's newest timestamp"),
    ("last_commit_at", TEXT, "when its last segment was committed"),
    ("lag", COUNT, "offsets that wait in Kafka"),
    ("unread_expires_in_ms", COUNT, "milliseconds until the oldest of them may expire"),
];

pub(super) const REJECTIONS: &[Column] = &[
    ("place", TEXT, "TOPIC:PARTITION:OFFSET:ELEMENT"),
    ("received_at", TEXT, "Kafka's timestamp"),
    ("reason", TEXT, "why, as a stable code"),
    ("field", TEXT, "the key at fault, where one was"),
    ("detail", TEXT, "what was expected or found"),
    ("redacted", "boolean", "whether switched-off fields were left out of its bytes"),
];

pub(super) const REASONS: &[Column] = &[
    ("reason", TEXT, "the reason of a denial that the code means"),
    ("reason_group", TEXT, "the group under which reports show it"),
    ("meaning", TEXT, "what it means"),
    ("code", TEXT, "the code as its vendor writes it"),
    ("source", TEXT, "whose code it is; `gatebook` for the words of the vocabularies"),
    ("what", TEXT, "what kind of code it is"),
    ("method", TEXT, "the method that it names"),
    ("result", TEXT, "whether the gate opened; null where that depends on more than the code"),
    ("stage", TEXT, "what it judges"),
    ("assurance", TEXT, "what it proves"),
    ("change", TEXT, "what it changes, where it is an operation"),
    ("user_advice", TEXT, "what the user can do"),
    ("administrator_advice", TEXT, "what the administrator can do"),
    ("url", TEXT, "the vendor's own page"),
];

pub(super) const SQL_LIMITS: &[Column] = &[
    ("name", TEXT, "its name in the configuration"),
    ("value", COUNT, "how much is allowed"),
    ("unit", TEXT, "of what"),
    ("meaning", TEXT, "what is counted"),
    ("advice", TEXT, "how to stay below it"),
];

pub(super) const SQL_TABLES: &[Column] = &[
    ("table", TEXT, "the table"),
    ("about", TEXT, "what a row of it is"),
    ("column", TEXT, "a column of it"),
    ("type", TEXT, "the column's Arrow type"),
    ("meaning", TEXT, "what it says"),
    ("prunes", "boolean", "whether a condition on it skips whole files"),
];

pub(super) const SQL_FUNCTIONS: &[Column] =
    &[("function", TEXT, "the function's name"), ("about", TEXT, "what it is for")];
