//! Records of each vendor, broken in every way that a deterministic generator finds, keep the properties of the fuzz
//! targets. It runs where fuzzing does not: in every test run.

use serde_json::Value;

use crate::source::Source;

#[path = "../../fuzz/properties.rs"]
mod properties;

/// How often each record is broken.
const ROUNDS: usize = 400;

macro_rules! records {
    ($file:literal) => {
        include_str!(concat!("../../examples/source_speed/records/", $file))
    };
}

const RECORDS: &[(Source, &str)] = &[
    (Source::Entra, records!("entra_graph.jsonl")),
    (Source::Entra, records!("entra_monitor.jsonl")),
    (Source::MfaServer, records!("mfa_server.jsonl")),
    (Source::MfaServer, records!("mfa_server.csv")),
    (Source::Duo, records!("duo.jsonl")),
    (Source::Okta, records!("okta.jsonl")),
    (Source::Keycloak, records!("keycloak.jsonl")),
    (Source::Keycloak, records!("keycloak.log")),
    (Source::O365, records!("o365.jsonl")),
    (Source::CloudTrail, records!("cloudtrail.jsonl")),
    (Source::Ocsf, records!("ocsf.jsonl")),
];

/// Values that stand where others are due.
const STRANGE: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e300",
    "18446744073709551615",
    "\"\"",
    "\" \"",
    "\"null\"",
    "\"-\"",
    "[]",
    "{}",
    "[[]]",
    "[null,1,\"a\"]",
    "{\"a\":{\"b\":[]}}",
    "\"[]\"",
    "\"{\\\"a\\\":1}\"",
    "\"{\"",
    "\"Ünïcödé 漢字 🦀\"",
    "\"2026-03-01\"",
    "\"08:00:00,1\"",
    "\"3/1/2026 8:00 PM\"",
    "\"/Date(-1)/\"",
    "\"MFA denied; \"",
    "\";;;;\"",
    "\"a:b:c\"",
    "\"::ffff:1.2.3.4#5\"",
];

/// Numbers that look random and are the same in every run (splitmix64).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }
}

/// A template with plain values.
fn filled(template: &str) -> String {
    [
        ("@ISO@", "2026-02-14T17:05:07.1234567"),
        ("@ISOS@", "2026-02-14T17:05:07"),
        ("@US@", "2/14/2026 5:05:07 PM"),
        ("@MS@", "1771088707123"),
        ("@S@", "1771088707"),
        ("@IP@", "203.0.113.7"),
        ("@USER@", "ada@example.com"),
    ]
    .iter()
    .fold(template.to_owned(), |record, (word, value)| record.replace(word, value))
}

/// Each record of a file: a line, but a table is one.
fn records(file: &str) -> Vec<String> {
    let filled = filled(file);
    let is_table = filled.starts_with("Timestamp");
    if is_table { vec![filled] } else { filled.lines().map(str::to_owned).collect() }
}

/// Every value within, by its way of keys and places.
fn ways(value: &Value) -> Vec<String> {
    fn add(value: &Value, way: &str, ways: &mut Vec<String>) {
        ways.push(way.to_owned());
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    add(value, &format!("{way}/{}", key.replace('~', "~0").replace('/', "~1")), ways);
                }
            }
            Value::Array(list) => {
                for (place, value) in list.iter().enumerate() {
                    add(value, &format!("{way}/{place}"), ways);
                }
            }
            _ => {}
        }
    }
    let mut ways_found = Vec::new();
    add(value, "", &mut ways_found);
    ways_found
}

/// Breaks what stands at one way: another value, a shorter text, a text instead of what it is, a key less.
fn break_value(root: &mut Value, ways: &[String], noise: &mut Noise) {
    let (way, other) = (&ways[noise.below(ways.len())], &ways[noise.below(ways.len())]);
    let donated = root.pointer(other).cloned().unwrap_or_default();
    let choice = noise.below(7);
    if let (0, Some((parent, key))) = (choice, way.rsplit_once('/'))
        && let Some(Value::Object(map)) = root.pointer_mut(parent)
    {
        map.remove(&key.replace("~1", "/").replace("~0", "~"));
        return;
    }
    let Some(value) = root.pointer_mut(way) else { return };
    *value = match (choice, &*value) {
        (1, _) => donated,
        (2, Value::String(text)) => {
            Value::from(text.chars().take(noise.below(text.len())).collect::<String>())
        }
        (2, Value::Number(number)) => Value::from(number.to_string()),
        (3, whole @ (Value::Object(_) | Value::Array(_))) => Value::from(whole.to_string()),
        (4, Value::String(text)) => Value::from(format!("{text}{text}")),
        (5, Value::Array(list)) => list.iter().chain(list).cloned().collect(),
        _ => serde_json::from_str(STRANGE[noise.below(STRANGE.len())]).expect("JSON"),
    };
}

/// Breaks bytes: cut off, turned over, doubled, taken out.
fn break_bytes(bytes: &mut Vec<u8>, noise: &mut Noise) {
    if bytes.is_empty() {
        return;
    }
    let at = noise.below(bytes.len());
    match noise.below(4) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << noise.below(8),
        2 => {
            let end = (at + noise.below(40)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let end = (at + noise.below(40)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

#[test]
fn broken_records_keep_the_properties() {
    let mut noise = Noise(1);
    for (source, file) in RECORDS {
        for record in records(file) {
            assert!(properties::check(*source, record.as_bytes()) > 0, "no event: {record}");
            let parsed: Option<Value> = serde_json::from_str(&record).ok();
            let ways = parsed.as_ref().map(ways).unwrap_or_default();
            for _ in 0..ROUNDS {
                if let Some(parsed) = &parsed {
                    let mut value = parsed.clone();
                    (0..=noise.below(4)).for_each(|_| break_value(&mut value, &ways, &mut noise));
                    properties::check(*source, value.to_string().as_bytes());
                }
                let mut bytes = record.clone().into_bytes();
                (0..=noise.below(2)).for_each(|_| break_bytes(&mut bytes, &mut noise));
                properties::check(*source, &bytes);
            }
        }
    }
}

#[test]
fn any_source_reads_the_records_of_others() {
    for source in Source::ALL.iter().filter(|source| **source != Source::Gatebook) {
        for (_, file) in RECORDS {
            for record in records(file) {
                properties::check(*source, record.as_bytes());
                properties::check(*source, Value::from(record.as_str()).to_string().as_bytes());
                properties::check(
                    *source,
                    format!(r#"{{"message":{}}}"#, Value::from(record.as_str())).as_bytes(),
                );
            }
        }
    }
}

#[test]
fn next_to_nothing_is_read_too() {
    for source in Source::ALL.iter().filter(|source| **source != Source::Gatebook) {
        for record in [
            "", " ", "\n", "\u{a0}", "\u{feff}", "\0", "[]", "{}", "[{}]", "null", "\"\"", "0", ",", ";",
            "=", "\"", "{", "[",
        ] {
            properties::check(*source, record.as_bytes());
        }
    }
}
