//! Reports: their parameters come from the query string or, with POST, from a JSON object.

use axum::response::Response;
use chrono::Utc;
use query::ParameterError;
use query::report::Report;
use serde_json::{Map, Value};

use crate::door::{Request, State};
use crate::problem::Problem;
use crate::stream::{ask, respond_from_book};

/// Answers a report.
pub(super) async fn answer(
    state: &State,
    request: Request<'_>,
    report: &'static Report,
) -> Result<Response, Problem> {
    let pairs = match request.body() {
        None => from_query(&request, report)?,
        Some(body) => {
            if let Some((name, _)) = request.pairs().next() {
                let advice = "send it in the body, as the other parameters";
                return Err(ParameterError::unknown(name, advice, "POST {}").into());
            }
            from_body(body)?
        }
    };
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters = report.parse(pairs, Utc::now())?;
    let ask = ask(move |session| Box::pin(async move { report.answer(session, &parameters).await }));
    respond_from_book(state, report.name, request.format()?, ask).await
}

fn from_query(request: &Request<'_>, report: &Report) -> Result<Vec<(String, String)>, Problem> {
    let personal = report
        .parameters()
        .find(|parameter| parameter.is_personal() && request.pairs().any(|(name, _)| name == parameter.name));
    match personal {
        Some(parameter) => Err(ParameterError {
            name: parameter.name.into(),
            expected: "send it in the JSON body of a POST: what names a person is no part of a URL"
                .to_owned(),
            example: format!("{{\"{}\": \"{}\"}}", parameter.name, parameter.example),
        }
        .into()),
        None => Ok(request.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
    }
}

/// The members of an object, a pair each; of a list a pair for each of its values.
fn from_body(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let wrong = |found: &str| {
        let example = r#"{"from": "2026-10-01", "to": "2026-11-01", "tenant": ["acme"]}"#;
        Problem::bad_body(format!("send an object such as {example}: {found}"))
    };
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
    let mut pairs = Vec::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => return Err(wrong("a value is a text, a number, or a list of these")),
            };
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}
