//! A record's timestamp, taken from the record itself.

use std::borrow::Cow;

use chrono::DateTime;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Reads Kafka's timestamp from one key of a JSON object, and counts the records where it cannot.
#[derive(Debug)]
pub(super) struct TimestampField {
    key: String,
    missing: u64,
}

impl TimestampField {
    pub(super) fn new(key: String) -> Self {
        Self { key, missing: 0 }
    }

    /// Milliseconds since 1970 UTC. `None`, and counted, where the record is no JSON object, has no such key
    /// or its value is no RFC 3339 time after 1970 (Kafka knows no earlier one).
    pub(super) fn read(&mut self, record: &[u8]) -> Option<i64> {
        let mut json = serde_json::Deserializer::from_slice(record);
        let text = Key(&self.key).deserialize(&mut json).ok().flatten();
        let moment = text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        let timestamp_ms = moment.map(|moment| moment.timestamp_millis()).filter(|&ms| ms > 0);
        self.missing += u64::from(timestamp_ms.is_none());
        timestamp_ms
    }

    /// Records without a timestamp so far.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }
}

/// Finds one key's text and skips all else, so that nothing is built only to be thrown away.
struct Key<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.0 == self.0 {
                found = Some(map.next_value::<Text<'de>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Text that is borrowed unless it holds an escape.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, expected: Option<i64>) {
        let mut field = TimestampField::new("occurred_at".to_owned());
        assert_eq!(field.read(record.as_bytes()), expected, "{record}");
        assert_eq!(field.missing(), u64::from(expected.is_none()), "{record}");
    }

    #[test]
    fn the_key_is_found_among_others() {
        let at = Some(1_772_352_000_123);
        check(r#"{"occurred_at":"2026-03-01T08:00:00.123Z"}"#, at);
        check(
            r#"{"x":{"occurred_at":1},"y":[1],"occurred_at":"2026-03-01T09:00:00.123456+01:00","z":null}"#,
            at,
        );
        check("{\"occurred\\u005fat\":\"2026-03-01T08:00:00.123\\u005a\"}", at);
    }

    #[test]
    fn what_has_no_time_is_counted() {
        for record in [
            "",
            "rubbish",
            "{}",
            "[]",
            r#"{"occurred_at":1772352000}"#,
            r#"{"occurred_at":null}"#,
            r#"{"occurred_at":"yesterday"}"#,
            r#"{"occurred_at":"1969-12-31T23:59:59Z"}"#,
        ] {
            check(record, None);
        }
    }
}
