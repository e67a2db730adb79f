//! Switched-off fields blanked in the bytes that a rejection keeps.

use serde::de::IgnoredAny;

use crate::fields::Fields;
use crate::json_text::{end_of_text, end_of_value, skip_white, unescaped};

/// What became of a rejection's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redaction {
    /// No switched-off field is in them: keep them as they are.
    Unchanged,
    /// Keep these instead: the value of each switched-off field is null, every other byte as it was.
    Redacted(Vec<u8>),
    /// They are no JSON: what they hold cannot be told. Keep them whole, or only length and digest.
    Unparsed,
}

/// Blanks the switched-off fields: each JSON value whose key is one of them, at any depth, whatever its
/// type, becomes null. See [`Fields::stores`] for how keys compare. Bytes that are no UTF-8 within the texts
/// of a JSON text do not hinder it.
pub fn redact(raw: &[u8], fields: &Fields) -> Redaction {
    if serde_json::from_slice::<IgnoredAny>(raw).is_err() {
        return Redaction::Unparsed;
    }
    let mut redacted = Vec::new();
    let mut kept_to = 0;
    let mut at = 0;
    while let Some(key) = next_key(raw, &mut at) {
        if !fields.stores(&key) {
            let value_end = end_of_value(raw, at);
            if raw[at..value_end] != *b"null" {
                redacted.extend_from_slice(&raw[kept_to..at]);
                redacted.extend_from_slice(b"null");
                kept_to = value_end;
            }
            at = value_end;
        }
    }
    if kept_to == 0 {
        return Redaction::Unchanged;
    }
    redacted.extend_from_slice(&raw[kept_to..]);
    Redaction::Redacted(redacted)
}

/// The next key at any depth, leaving `at` where its value starts. `raw` is known to be JSON, so that a text
/// followed by a colon is a key.
fn next_key(raw: &[u8], at: &mut usize) -> Option<String> {
    loop {
        let start = *at + memchr::memchr(b'"', raw.get(*at..)?)?;
        *at = skip_white(raw, end_of_text(raw, start));
        if raw.get(*at) == Some(&b':') {
            let end = end_of_text(raw, start);
            *at = skip_white(raw, *at + 1);
            return Some(unescaped(&raw[start..end]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_MAIL: Fields = Fields { email: false, device_token: false, ..Fields::ALL };

    /// Expects `null`s, or nothing where the bytes stay as they are.
    #[track_caller]
    fn check(raw: &str, expected: Option<&str>) {
        let expected = expected.map_or(Redaction::Unchanged, |text| Redaction::Redacted(text.into()));
        assert_eq!(redact(raw.as_bytes(), &NO_MAIL), expected, "{raw}");
    }

    #[test]
    fn the_value_of_a_switched_off_field_is_null_whatever_it_is() {
        check(r#"{"email":"ada@example.org","n":1}"#, Some(r#"{"email":null,"n":1}"#));
        check(r#"{"n":1, "email" : ["a\"]", {"b":"}"}] }"#, Some(r#"{"n":1, "email" : null }"#));
        check(r#"{"email":12.5e3}"#, Some(r#"{"email":null}"#));
        check("{\"email\":true\n}", Some("{\"email\":null\n}"));
    }

    #[test]
    fn keys_are_found_at_any_depth_and_however_written() {
        check(
            r#"{"steps":[{"device":"t1"},{"device":"t2","code":"x"}]}"#,
            Some(r#"{"steps":[{"device":null},{"device":null,"code":"x"}]}"#),
        );
        check(r#"{"\u0065mail":"a"}"#, Some(r#"{"\u0065mail":null}"#));
        check(r#"{"EMail":"a","email":"b"}"#, Some(r#"{"EMail":null,"email":null}"#));
        check(r#"[{"a":{"email":"b"}}]"#, Some(r#"[{"a":{"email":null}}]"#));
    }

    #[test]
    fn other_bytes_stay_as_they_are() {
        check(r#"{"user_id":"email","note":"\"email\":\"x\""}"#, None);
        check(r#"{"email":null}"#, None);
        check(r#""email""#, None);
        check("7", None);
    }

    #[test]
    fn bytes_that_are_no_utf8_do_not_hinder() {
        let raw = b"{\"user_id\":\"\xff\",\"email\":\"\xfe\"}";
        assert_eq!(
            redact(raw, &NO_MAIL),
            Redaction::Redacted(b"{\"user_id\":\"\xff\",\"email\":null}".into())
        );
    }

    #[test]
    fn what_is_no_json_is_unparsed() {
        for raw in ["", "{\"email\":\"a\"", "{} {}", "\u{feff}{}"] {
            assert_eq!(redact(raw.as_bytes(), &NO_MAIL), Redaction::Unparsed, "{raw}");
        }
    }
}
