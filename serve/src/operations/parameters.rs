//! The parameters that operations take, as they are documented; `query` reads them.

use query::Takes;
use query::output::Format;
use query::report::Report;
use schemas::Reason;
use serde_json::{Map, Value, json};

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

/// What a report takes in the query string.
pub(super) fn report_parameters(report: &Report) -> Vec<Parameter> {
    let impersonal = report.parameters().filter(|parameter| !parameter.is_personal());
    impersonal.map(documented).chain([format_parameter()]).collect()
}

/// The schema of the body in which a report takes its parameters.
pub(super) fn report_body(report: &Report) -> Value {
    let property = |parameter: &query::Parameter| {
        let Parameter { description, schema, is_repeatable, .. } = documented(parameter);
        let mut schema = if is_repeatable { json!({"type": "array", "items": schema}) } else { schema };
        schema["description"] = json!(description);
        (parameter.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = report.parameters().map(property).collect();
    let required = report.parameters().filter(|it| it.is_required || it.is_personal());
    let example: Map<String, Value> =
        required.map(|it| (it.name.to_owned(), documented(it).example)).collect();
    let required: Vec<&str> = report.parameters().filter(|it| it.is_required).map(|it| it.name).collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "example": example,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn documented(parameter: &query::Parameter) -> Parameter {
    let word = |words: &[&str]| json!({"type": "string", "enum": words});
    let mut example = json!(parameter.example);
    let schema = match (parameter.takes, parameter.words()) {
        (Takes::Groups(_), words) => {
            let groups = words.unwrap_or_default().join("|");
            json!({"type": "string", "pattern": format!("^(({groups})(,({groups}))*)?$")})
        }
        (_, Some(words)) => word(&words),
        (Takes::Number { min, max }, None) => {
            example = parameter.example.parse::<u64>().map_or(example, |number| json!(number));
            json!({"type": "integer", "minimum": min, "maximum": max})
        }
        (_, None) => text(),
    };
    Parameter {
        name: parameter.name,
        description: parameter.about,
        schema,
        example,
        is_repeatable: parameter.is_repeatable(),
    }
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
