//! The OpenAPI document, made from the table of operations.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use query::report::Report;

use crate::format::FORMATS;
use crate::operations::{Access, Gives, OPERATIONS, Operation, Parameter, Takes};
use crate::problem;

/// The OpenAPI document of this version.
#[must_use]
pub fn document() -> Value {
    let documented = OPERATIONS.iter().filter(|operation| !matches!(operation.gives, Gives::PagePart));
    let paths: Map<String, Value> =
        documented.map(|operation| (operation.path.to_string(), path(operation))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gatebook",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Reports and lists over the book: the audit record of multi-factor authentication.\n\n\
                Every answer comes from one version of the book. The header `Gatebook-Coverage` says which, and what \
                else the answer stands on; JSON repeats it behind the rows, with their number, Parquet in its footer, \
                Arrow in the metadata of its schema, each under the key `gatebook.coverage`. An answer that cannot be \
                finished breaks the transfer and never ends cleanly.\n\n\
                Parameters are read strictly: an unknown one, or one that is given twice, is an error. What is no HTTP, or \
                a head that is too long, is answered with 400 or 431 and an empty body.\n\n\
                Events that were flagged as duplicates are left out unless asked for. The flag is set within a window of \
                each partition: a copy that came later, or in another partition, is counted.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {"Coverage": coverage(), "Problem": problem_schema()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token (`gatebook token`)."},
                "basic": {"type": "http", "scheme": "basic", "description": "An access token as the password; any name."},
            },
        },
    })
}

/// The document as text.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}\n", document()))
}

fn path(operation: &Operation) -> Value {
    match &operation.takes {
        Takes::Nothing => json!({"get": described(operation)}),
        Takes::Json(schema) => json!({"post": posted(operation, schema)}),
        Takes::Either(schema) => {
            let mut post = posted(operation, schema);
            post["operationId"] = json!(format!("{}-post", operation.name));
            // Its parameters stand in the body.
            if let Some(parameters) = post["parameters"].as_array_mut() {
                parameters.retain(|parameter| parameter["name"] == "format");
            }
            json!({"get": described(operation), "post": post})
        }
    }
}

fn posted(operation: &Operation, schema: &Value) -> Value {
    let mut post = described(operation);
    post["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    post
}

fn described(operation: &Operation) -> Value {
    let parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(operation));
    let mut problem = |status: &str, description: &str| {
        responses.insert(status.to_owned(), problem_response(description));
    };
    problem(
        "400",
        "A parameter cannot be read (`parameter` names it, `example` would do), or the question cannot be asked",
    );
    if operation.access != Access::Anyone {
        problem("401", "There are access tokens, and the request has none that is valid");
        problem("421", "There are no access tokens, and the request names another host than this machine");
    }
    if let Access::Scope(_) = operation.access {
        problem("403", "The token does not have the scope");
    }
    match operation.takes {
        Takes::Nothing => {
            problem("405", "The method is neither GET nor HEAD");
            problem("413", "The request has a body");
        }
        Takes::Json(_) => {
            problem("405", "The method is not POST");
            problem("408", "The body did not come in time");
            problem("413", "The body is too long");
            problem("415", "The body is not said to be JSON");
        }
        Takes::Either(_) => {
            problem("405", "The method is none of GET, HEAD and POST");
            problem("408", "The body did not come in time");
            problem("413", "The body is too long, or a GET has one");
            problem("415", "The body is not said to be JSON");
        }
    }
    if matches!(operation.gives, Gives::Rows(_)) {
        problem("505", "The request is HTTP/1.0, which cannot tell a part from the whole");
        problem("406", "None of the accepted formats can be given");
        problem("422", "The answer needs more than a limit allows");
        problem("500", "The book cannot be read to the end");
    }
    if operation.access != Access::Anyone {
        problem(
            "503",
            "Too many questions at a time, a question that takes too long, or a book that cannot be read",
        );
    }
    let security = match operation.access {
        Access::Anyone => json!([]),
        Access::AnyToken | Access::Scope(_) => json!([{}, {"bearer": []}, {"basic": []}]),
    };
    let scope = match operation.access {
        Access::Scope(scope) => format!("\n\nWith access tokens it needs the scope `{}`.", scope.as_str()),
        Access::Anyone | Access::AnyToken => String::new(),
    };
    json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "description": format!("{}{scope}", operation.description).trim(),
        "parameters": parameters,
        "responses": responses,
        "security": security,
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = if parameter.is_repeatable {
        json!({"type": "array", "items": parameter.schema})
    } else {
        parameter.schema.clone()
    };
    let example =
        if parameter.is_repeatable { json!([parameter.example]) } else { parameter.example.clone() };
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": schema,
        "example": example,
        "style": "form",
        "explode": true,
    })
}

fn success(operation: &Operation) -> Value {
    let columns = match operation.gives {
        Gives::Text(media_type) => {
            let schema = if media_type == "application/json" {
                json!({"type": "object"})
            } else {
                json!({"type": "string"})
            };
            let essence = media_type.split(';').next().unwrap_or_default();
            return json!({"description": operation.summary, "content": {essence: {"schema": schema}}});
        }
        Gives::Rows(columns) => columns,
        Gives::PagePart => &[],
    };
    let column = |(name, kind, meaning): &(&str, &str, &str)| {
        ((*name).to_owned(), json!({"type": [kind, "null"], "description": meaning}))
    };
    let groups = operation.report().map(Report::groups).unwrap_or_default();
    let groups = groups.iter().map(|group| {
        let meaning = "with this group in `by`: its value";
        (group.as_str().to_owned(), json!({"type": ["string", "null"], "description": meaning}))
    });
    let properties: Map<String, Value> = groups.chain(columns.iter().map(column)).collect();
    let row = json!({"type": "object", "properties": properties});
    let content: Map<String, Value> = FORMATS
        .iter()
        .map(|format| {
            let essence = format.media_type().split(';').next().unwrap_or_default().to_owned();
            let schema = match format.as_str() {
                "json" => json!({
                    "type": "object",
                    "required": ["rows", "coverage"],
                    "properties": {
                        "rows": {"type": "array", "items": row},
                        "coverage": {"$ref": "#/components/schemas/Coverage"},
                    },
                }),
                _ => json!({"type": "string"}),
            };
            (essence, json!({"schema": schema}))
        })
        .collect();
    let header = json!({
        "description": "What the answer stands on, as far as it is known before the first row: a JSON object in ASCII, \
                        as `coverage` without `rows` and `complete`",
        "schema": {"type": "string"},
    });
    json!({"description": "The rows", "headers": {"Gatebook-Coverage": header}, "content": content})
}

fn problem_response(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": description, "content": {problem::MEDIA_TYPE: {"schema": schema}}})
}

fn coverage() -> Value {
    let offset = json!({
        "type": "object",
        "properties": {
            "topic": {"type": "string"},
            "topic_id": {"type": "string"},
            "partition": {"type": "integer"},
            "next_offset": {"type": "integer", "description": "the offset after the last that the book took in"},
        },
    });
    let days = json!({
        "type": "object",
        "properties": {
            "from": {"type": "string", "format": "date", "description": "the first day, in UTC"},
            "to": {"type": "string", "format": "date", "description": "the day after the last"},
        },
    });
    json!({
        "type": "object",
        "description": "What an answer stands on",
        "required": ["book_version", "tz"],
        "properties": {
            "book_version": {"type": "integer", "description": "the version of the book that was read"},
            "directory_version": {"type": "integer", "description": "the version of the directory that was read, of a question that depends on it"},
            "offsets": {"type": ["array", "null"], "items": offset, "description": "how far each partition stands in that version"},
            "newest_occurred_at": {"type": ["string", "null"], "description": "the newest event of that version"},
            "redecoded_days": {"type": "array", "items": days, "description": "days that the answer covers (of a report its range and what it compares with, else the book) whose events a later decoder read anew: an earlier answer may differ"},
            "tz": {"type": "string", "description": "the zone of local days and hours"},
            "report": {"type": "string", "description": "which report was asked"},
            "sql": {"type": "string", "description": "which question in SQL was asked"},
            "list": {"type": "string", "description": "which list was asked"},
            "parameters": {"type": "object", "description": "its parameters, defaults filled in"},
            "assurance_unknown": {"type": "integer", "description": "events that count as challenged because they do not say"},
            "next_cursor": {"type": "string", "description": "where the next page begins; not there on the last one"},
            "population": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "how many persons there are of each class, in a report that classes them"},
            "settled": {"type": "boolean", "description": "of a report: whether every source has brought what usually comes after the range's end, and no source or server has fallen silent in the last 7 days of the range"},
            "unsettled": {"type": "array", "items": {"type": "object"}, "description": "why not: a `source` that is usually so late, or whose `server` is silent since then"},
            "unsettled_more": {"type": "integer", "description": "reasons that are not told"},
            "rows": {"type": "integer", "description": "rows that were given"},
            "complete": {"type": "boolean", "description": "whether these are all"},
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "What is wrong (RFC 9457)",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": "urn:gatebook:problem:NAME; stable"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "what to do, and what happened"},
            "parameter": {"type": "string", "description": "the parameter that is wrong"},
            "example": {"type": "string", "description": "a value of it that would do"},
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// `GATEBOOK_UPDATE=1 cargo test` writes the file anew; look at what changed before you commit it.
    #[test]
    fn the_committed_document_is_true() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        if std::env::var_os("GATEBOOK_UPDATE").is_some() {
            std::fs::write(&path, text()).expect("the file can be written");
        }
        let committed = std::fs::read_to_string(&path).expect("serve/openapi.json is committed");
        assert!(
            committed == text(),
            "serve/openapi.json is out of date: run GATEBOOK_UPDATE=1 cargo test --workspace openapi"
        );
    }

    #[test]
    fn each_operation_has_a_name_and_an_address_of_its_own() {
        let names: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        let paths: BTreeSet<_> = OPERATIONS.iter().map(|operation| &operation.path).collect();
        assert_eq!((names.len(), paths.len()), (OPERATIONS.len(), OPERATIONS.len()));
    }
}
