//! The contract of source `gatebook` for machines: a JSON Schema and an Avro schema, made from [`COLUMNS`].
//!
//! Both are committed, under `schemas/json` and `schemas/avro`, for producers to check against and generate
//! from. They describe what to send; the decoder is more lenient (see [`crate::gatebook`]). Records travel
//! as JSON: the Avro schema is for those who keep events as Avro elsewhere.

use serde_json::{Map, Value, json};

use crate::column::{COLUMNS, Column, ColumnType, SetBy};
use crate::gatebook::{FIELD_BYTES_MAX, STEPS_MAX};
use crate::kind::Kind;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};

/// A JSON Schema (2020-12) of one record.
///
/// Words of an open vocabulary are listed as `examples`, since others are accepted; those of `result` are an
/// `enum`. Lengths are in characters there and in bytes in the decoder.
pub fn json_schema() -> Value {
    let properties: Map<String, Value> =
        producer_columns().map(|column| (column.name.to_owned(), json_property(column))).collect();
    let required: Vec<&str> = producer_columns()
        .filter(|column| column.set_by == SetBy::Required)
        .map(|column| column.name)
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:gatebook:schema:gatebook-event:1",
        "title": "Gatebook authentication event",
        "description": "One authentication event: the value of a Kafka record of source `gatebook`. \
            A key with the value null or an empty text counts as absent; unknown keys are accepted and counted.",
        "type": "object",
        "properties": properties,
        "required": required,
        "if": {"properties": {"result": {"const": "denied"}}, "required": ["result"]},
        "then": {
            "properties": {"denial_reason": {"type": "string", "minLength": 1}},
            "required": ["denial_reason"],
        },
        "else": {"properties": {"denial_reason": {"enum": [null, ""]}}},
    })
}

/// An Avro schema of one event, with the same names: moments as `timestamp-micros`, vocabularies as strings,
/// since Avro's enums are closed and take no hyphen.
pub fn avro_schema() -> Value {
    let fields: Vec<Value> = producer_columns().map(avro_field).collect();
    json!({
        "type": "record",
        "name": "AuthenticationEvent",
        "namespace": "gatebook",
        "doc": "One authentication event of source `gatebook`.",
        "fields": fields,
    })
}

fn producer_columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.is_in(Kind::Event) && column.set_by != SetBy::Gatebook)
}

/// A part of a step: the key, the type, the vocabulary's column where it has one, and what it means.
const STEP_PARTS: &[(&str, ColumnType, &str, &str)] = &[
    ("at", ColumnType::Moment, "", "When the step ended; RFC 3339 with a zone."),
    ("method", ColumnType::Text, "method", "By which method."),
    ("result", ColumnType::Text, "result", "How the step ended."),
    ("reason", ColumnType::Text, "denial_reason", "Why it was denied."),
    ("code", ColumnType::Text, "", "The source's own code, verbatim."),
    ("detail", ColumnType::Text, "", "The source's own text, verbatim."),
    ("device", ColumnType::Text, "", "The device token that took part."),
];

fn json_property(column: &Column) -> Value {
    let is_required = column.set_by == SetBy::Required;
    let mut property = json_type(column.column_type, column.name, is_required);
    property["description"] = json!(column.doc);
    property
}

fn json_type(column_type: ColumnType, vocabulary: &str, is_required: bool) -> Value {
    let mut schema = match column_type {
        ColumnType::Int32 => json!({"type": "integer", "minimum": 0, "maximum": i32::MAX}),
        ColumnType::StepList => {
            let part = |(name, part_type, vocabulary, doc): &(&str, ColumnType, &str, &str)| {
                let mut part = json_type(*part_type, vocabulary, false);
                part["description"] = json!(doc);
                ((*name).to_owned(), part)
            };
            let parts: Map<String, Value> = STEP_PARTS.iter().map(part).collect();
            json!({"type": "array", "maxItems": STEPS_MAX, "items": {"type": "object", "properties": parts}})
        }
        ColumnType::Moment => json!({"type": "string", "format": "date-time"}),
        _ => json!({"type": "string", "maxLength": FIELD_BYTES_MAX}),
    };
    let mut words = json!(words_of(vocabulary));
    if !is_required {
        schema["type"] = json!([schema["type"], "null"]);
    } else {
        schema["minLength"] = json!(1);
    }
    if vocabulary == "result" {
        if !is_required {
            words.as_array_mut().into_iter().for_each(|words| words.extend([json!(""), Value::Null]));
        }
        schema["enum"] = words;
    } else if words.as_array().is_some_and(|words| !words.is_empty()) {
        schema["examples"] = words;
    }
    schema
}

fn avro_field(column: &Column) -> Value {
    let avro_type = match column.column_type {
        ColumnType::StepList => {
            let fields: Vec<Value> = STEP_PARTS
                .iter()
                .map(|(name, part_type, vocabulary, doc)| {
                    avro_of(name, &avro_type(*part_type), &with_words(doc, vocabulary), false)
                })
                .collect();
            json!({"type": "array", "items": {"type": "record", "name": "Step", "fields": fields}})
        }
        other => avro_type(other),
    };
    let doc = with_words(column.doc, column.name);
    avro_of(column.name, &avro_type, &doc, column.set_by == SetBy::Required)
}

fn avro_of(name: &str, avro_type: &Value, doc: &str, is_required: bool) -> Value {
    if is_required {
        json!({"name": name, "type": avro_type, "doc": doc})
    } else {
        json!({"name": name, "type": ["null", avro_type], "default": null, "doc": doc})
    }
}

fn avro_type(column_type: ColumnType) -> Value {
    match column_type {
        ColumnType::Moment => json!({"type": "long", "logicalType": "timestamp-micros"}),
        ColumnType::Int32 => json!("int"),
        _ => json!("string"),
    }
}

fn with_words(doc: &str, vocabulary: &str) -> String {
    let words = words_of(vocabulary);
    if words.is_empty() { doc.to_owned() } else { format!("{doc} One of: {}.", words.join(", ")) }
}

/// The words of the column's vocabulary, none for a column that has none.
fn words_of(column: &str) -> Vec<&'static str> {
    match column {
        "method" => Method::ALL.iter().map(|word| word.as_str()).collect(),
        "mode" => Mode::ALL.iter().map(|word| word.as_str()).collect(),
        "result" => AuthResult::ALL.iter().map(|word| word.as_str()).collect(),
        "denial_reason" => DenialReason::ALL.iter().map(|word| word.as_str()).collect(),
        "stage" => Stage::ALL.iter().map(|word| word.as_str()).collect(),
        "assurance" => Assurance::ALL.iter().map(|word| word.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Compares a committed file with what the code makes; `UPDATE=1` writes it instead.
    #[track_caller]
    fn check(path: &str, schema: &Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = format!("{schema:#}\n");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, text).expect("the file can be written");
            return;
        }
        let committed = std::fs::read_to_string(&path).expect("the file is committed");
        assert!(committed == text, "{} is out of date: run the test with UPDATE=1", path.display());
    }

    #[test]
    fn the_committed_files_are_what_the_code_makes() {
        check("json/gatebook-event.schema.json", &json_schema());
        check("avro/gatebook-event.avsc", &avro_schema());
    }

    #[test]
    fn the_json_schema_has_every_word() {
        let schema = json_schema();
        let listed = |pointer: &str| -> Vec<&str> {
            schema
                .pointer(pointer)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect()
        };
        assert_eq!(listed("/properties/result/enum"), ["success", "denied", "pending"]);
        assert_eq!(listed("/properties/denial_reason/examples").len(), 32);
        assert!(listed("/properties/denial_reason/examples").contains(&"other-server"));
        assert!(listed("/properties/method/examples").contains(&"mobile-app-notification"));
        assert!(listed("/properties/mode/examples").contains(&"two-way"));
        assert!(listed("/properties/stage/examples").contains(&"second-factor"));
        assert!(listed("/properties/assurance/examples").contains(&"satisfied-earlier"));
        assert!(listed("/properties/steps/items/properties/reason/examples").contains(&"user-declined"));
    }

    #[test]
    fn the_required_keys_are_the_contracts() {
        let required = json!([
            "event_id",
            "occurred_at",
            "tenant_id",
            "user_id",
            "method",
            "result",
            "server_name",
            "server_ip"
        ]);
        assert_eq!(json_schema()["required"], required);
        let avro = avro_schema();
        let fields = avro["fields"].as_array().expect("a record has fields");
        let without_default: Vec<&Value> = fields
            .iter()
            .filter(|field| field.get("default").is_none())
            .map(|field| &field["name"])
            .collect();
        assert_eq!(json!(without_default), required);
    }

    #[test]
    fn what_gatebook_alone_sets_is_no_key() {
        let schema = json_schema();
        for name in
            ["user_key", "unknown_values", "source", "decoder", "duplicate", "kafka_offset", "received_at"]
        {
            assert_eq!(schema["properties"].get(name), None, "{name}");
        }
    }
}
