//! Objects that a pipeline wrote as text: JSON in a JSON string.

use super::super::json::Json;

/// Looks at an object or a list, also where it stands in a text.
pub(super) fn look<R>(json: Json<'_>, look: impl FnOnce(Json<'_>) -> R) -> Option<R> {
    if json.is_object() || json.is_list() {
        return Some(look(json));
    }
    let text = json.as_text().filter(|text| text.starts_with(['{', '[']))?;
    let mut bytes = text.as_bytes().to_vec();
    let tape = simd_json::to_tape(&mut bytes).ok()?;
    Some(look(Json::root(&tape.0)))
}
