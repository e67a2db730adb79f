//! The parameters that operations take, as they are documented; `query` reads them.

use query::output::Format;
use query::report::Group;
use schemas::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Stage};
use schemas::{Reason, Source};
use serde_json::{Value, json};

use crate::format::FORMATS;

/// A parameter of the query string.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) schema: Value,
    pub(crate) example: Value,
    pub(crate) is_repeatable: bool,
}

fn words<T: Copy>(all: &[T], as_str: fn(T) -> &'static str) -> Value {
    json!({"type": "string", "enum": all.iter().map(|word| as_str(*word)).collect::<Vec<_>>()})
}

fn one(name: &'static str, description: &'static str, schema: Value, example: Value) -> Parameter {
    Parameter { name, description, schema, example, is_repeatable: false }
}

fn many(name: &'static str, description: &'static str, schema: Value, example: Value) -> Parameter {
    Parameter { is_repeatable: true, ..one(name, description, schema, example) }
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn format_parameter() -> Parameter {
    let formats = words(FORMATS, Format::as_str);
    one("format", "How the rows are written; wins over the header Accept.", formats, json!("csv"))
}

pub(super) fn nothing() -> Vec<Parameter> {
    Vec::new()
}

pub(super) fn no_parameters() -> Vec<Parameter> {
    vec![format_parameter()]
}

/// The schema of the body of a question in SQL.
pub(super) fn sql_body() -> Value {
    json!({
        "type": "object",
        "required": ["sql"],
        "additionalProperties": false,
        "properties": {"sql": {"type": "string", "minLength": 1, "description": "one read-only question"}},
        "example": {"sql": "SELECT result, count(*) AS events FROM counted_events GROUP BY result"},
    })
}

pub(super) fn report_parameters() -> Vec<Parameter> {
    let groups: Vec<&str> = Group::ALL.iter().map(|group| group.as_str()).collect();
    let groups = groups.join("|");
    let by = json!({"type": "string", "pattern": format!("^(({groups})(,({groups}))*)?$")});
    vec![
        one(
            "from",
            "From when: RFC 3339, or a local date or date-time in `tz`. Default: 24 hours before `to`.",
            text(),
            json!("2026-10-01"),
        ),
        one("to", "Until when, itself not included. Default: now.", text(), json!("2026-11-01")),
        one(
            "tz",
            "The IANA time zone of local days and hours. Default: UTC.",
            text(),
            json!("Europe/Berlin"),
        ),
        one(
            "by",
            "Groups, comma-separated, each once: the columns before the counts.",
            by,
            json!("day,method"),
        ),
        one(
            "duplicates",
            "`include` counts copies and superseded states too.",
            json!({"type": "string", "enum": ["include"]}),
            json!("include"),
        ),
        many("tenant", "Only events of this tenant.", text(), json!("acme")),
        many(
            "method",
            "Only events by this method.",
            words(Method::ALL, Method::as_str),
            json!("voice-call"),
        ),
        many(
            "result",
            "Only events that ended so.",
            words(AuthResult::ALL, AuthResult::as_str),
            json!("denied"),
        ),
        many(
            "reason",
            "Only events denied for this reason.",
            words(DenialReason::ALL, DenialReason::as_str),
            json!("wrong-code"),
        ),
        many(
            "reason_group",
            "Only events denied for a reason of this group.",
            words(DenialGroup::ALL, DenialGroup::as_str),
            json!("delivery"),
        ),
        many("server", "Only events of this authentication server.", text(), json!("mfa-1")),
        many(
            "source",
            "Only events that this product logged.",
            words(Source::ALL, Source::as_str),
            json!("gatebook"),
        ),
        many(
            "assurance",
            "Only events that prove this.",
            words(Assurance::ALL, Assurance::as_str),
            json!("challenged"),
        ),
        many(
            "stage",
            "Only events that judge this.",
            words(Stage::ALL, Stage::as_str),
            json!("second-factor"),
        ),
        format_parameter(),
    ]
}

pub(super) fn reasons_parameters() -> Vec<Parameter> {
    vec![
        one(
            "code",
            "A code or text of any product that Gatebook reads, in any spelling, or a subject such as `lost phone`. \
             Default: every reason of Gatebook's own.",
            text(),
            json!("AADSTS50074"),
        ),
        format_parameter(),
    ]
}

pub(super) fn rejections_parameters() -> Vec<Parameter> {
    vec![
        one("reason", "Only those of this reason.", words(Reason::ALL, Reason::as_str), json!("bad-time")),
        one("from", "Only those that Kafka received from this moment on.", text(), json!("2026-10-01")),
        one("to", "Only those that Kafka received before this moment.", text(), json!("2026-11-01")),
        one(
            "limit",
            "So many at most. Default: all.",
            json!({"type": "integer", "minimum": 1, "maximum": u32::MAX}),
            json!(100),
        ),
        format_parameter(),
    ]
}
