//! Which format an answer takes: `?format=`, else the header `Accept`.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use query::ParameterError;
use query::output::Format;

use crate::problem::Problem;

/// The formats that are given over HTTP.
pub(crate) const FORMATS: &[Format] =
    &[Format::Json, Format::Ndjson, Format::Csv, Format::Arrow, Format::Parquet, Format::Xlsx, Format::Html];

/// Other names under which clients ask for a format.
const ALIASES: &[(&str, Format)] = &[
    ("application/jsonl", Format::Ndjson),
    ("application/ndjson", Format::Ndjson),
    ("application/parquet", Format::Parquet),
];

/// The format asked for by name.
pub(crate) fn named(name: &str) -> Result<Format, Problem> {
    let found = FORMATS.iter().find(|format| format.as_str() == name.trim());
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.as_str()).collect();
        let expected = format!("give one of {}", names.join(", "));
        ParameterError { name: "format".into(), expected, example: "csv".to_owned() }.into()
    })
}

/// The format that the client likes most; JSON where it does not care.
pub(crate) fn accepted(headers: &HeaderMap) -> Result<Format, Problem> {
    let ranges: Vec<(String, f32)> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .collect();
    if ranges.is_empty() {
        return Ok(Format::Json);
    }
    let exactly = |name: &str| ranges.iter().find(|(range, _)| range == name).map(|(_, weight)| *weight);
    let best = FORMATS.iter().filter_map(|format| {
        let aliases = ALIASES.iter().filter(|(_, of)| of == format).filter_map(|(name, _)| exactly(name));
        let weight = aliases.chain(weight(essence(format.media_type()), &ranges)).reduce(f32::max)?;
        (weight > 0.0).then_some((*format, weight))
    });
    // Of equals the first in the list.
    let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(format, _)| format).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| essence(format.media_type())).collect();
        Problem::not_acceptable(&names.join(", "))
    })
}

/// A media range and its weight (RFC 9110, section 12.5.1).
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?.to_ascii_lowercase();
    let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = q.map_or(Some(1.0), |q| q.parse().ok())?;
    Some((range, weight))
}

/// The weight of a media type: that of the most specific range that matches.
fn weight(media_type: &str, ranges: &[(String, f32)]) -> Option<f32> {
    let kind = media_type.split('/').next().unwrap_or_default();
    let of = |wanted: &str| ranges.iter().find(|(range, _)| range == wanted).map(|(_, weight)| *weight);
    of(media_type).or_else(|| of(&format!("{kind}/*"))).or_else(|| of("*/*"))
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Option<Format>) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().expect("a header"));
        assert_eq!(accepted(&headers).ok(), expected, "{accept}");
    }

    #[test]
    fn the_most_liked_format_is_given() {
        assert_eq!(accepted(&HeaderMap::new()).ok(), Some(Format::Json));
        check("*/*", Some(Format::Json));
        check("text/csv", Some(Format::Csv));
        check("text/html, application/xhtml+xml, */*;q=0.8", Some(Format::Html));
        check("application/json;q=0.5, text/csv;q=0.9", Some(Format::Csv));
        check("text/*", Some(Format::Csv));
        check("application/json;q=0, */*", Some(Format::Ndjson));
        check("application/jsonl", Some(Format::Ndjson));
        check("application/json;Q=0, application/x-ndjson;q=0, */*", Some(Format::Csv));
        check("application/vnd.apache.arrow.stream", Some(Format::Arrow));
        check("application/vnd.apache.parquet", Some(Format::Parquet));
        check("text/html", Some(Format::Html));
        check("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Some(Format::Xlsx));
        check("text/xml", None);
        check("image/png;q=1, application/json;q=0", None);
    }
}
