//! The scanner against the parser: whatever the bytes, the same elements and the same counts.

use proptest::prelude::*;

use crate::gatebook::GatebookDecoder;
use crate::{Element, Fields, Record, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };

/// What a decoder makes of records, in words.
fn read(mut decoder: GatebookDecoder, records: &[Vec<u8>]) -> (Vec<String>, UnknownCounts) {
    let mut counts = UnknownCounts::default();
    let mut answers = Vec::new();
    for value in records {
        let record = Record { value: Some(value), timestamp_us: None };
        let mut describe = |index, element: Element<'_>| answers.push(format!("{index} {element:?}"));
        decoder.decode(&record, &LIMITS, &mut counts, &mut describe);
    }
    (answers, counts)
}

/// A key, its usual value, and some others.
const PAIRS: &[(&str, &str, &[&str])] = &[
    ("event_id", r#""e-1""#, &["7", "null", r#""""#]),
    ("occurred_at", r#""2026-02-28T23:59:59.5Z""#, &[r#""2026-02-28""#, r#""2026-03-01T01:00:00+01:00""#]),
    ("tenant_id", r#""acme""#, &["null", r#""ac\u006de""#]),
    ("user_id", r#""Ada@Example.org""#, &[r#""CORP\\ada""#, r#""ädä@Exämple.org""#]),
    ("email", r#""ada@example.org""#, &["null", "true"]),
    ("method", r#""voice-call""#, &[r#""pigeon""#, r#""Voice-Call""#]),
    ("result", r#""success""#, &[r#""denied""#, r#""maybe""#]),
    ("denial_reason", "null", &[r#""no-response""#, r#""pigeon""#]),
    ("prompts", "3", &["0", "-0", "-1", "007", "1.0", "1e3", "123456789012345678", "1234567890123456789"]),
    ("steps", "[]", &["[ ]", "null", r#"[{"method":"pigeon","x":1}]"#, "[1]", "{}"]),
    ("server_name", r#""mfa-1""#, &["null", r#""m\"1""#]),
    ("server_ip", r#""10.0.0.1""#, &[r#""2001:DB8::1""#, r#""nowhere""#]),
    (
        "color",
        r#""red""#,
        &["true", "false", "null", "17", "-1", "1.5", "0x1", "[1,{}]", "{\"a\":[]}", "tru", "nul"],
    ),
    ("stage", r#""second-factor""#, &["null", "[]"]),
];

/// A record: some of the pairs, mostly in order and with usual values, with some layout between.
fn record() -> impl Strategy<Value = String> {
    let pair = (0..PAIRS.len(), proptest::option::weighted(0.1, any::<prop::sample::Index>()));
    let in_order = Just((0..PAIRS.len()).map(|index| (index, None)).collect::<Vec<_>>());
    let pairs = (
        in_order,
        proptest::collection::vec(pair, 0..3),
        proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
    );
    let layout = prop::sample::select(vec![(",", ":"), (", ", ": "), (" , ", " : "), (",\n", ":")]);
    (pairs, layout).prop_map(|((mut pairs, extra, removed), (comma, colon))| {
        for index in removed {
            pairs.remove(index.index(pairs.len()));
        }
        for (at, (pair, other)) in extra.into_iter().enumerate() {
            // One in two replaces the usual pair, the others make a key come twice.
            match pairs.iter_mut().find(|(known, _)| *known == pair) {
                Some(known) if at == 0 => known.1 = other,
                _ => pairs.push((pair, other)),
            }
        }
        let texts: Vec<String> = pairs
            .into_iter()
            .map(|(pair, other)| {
                let (key, usual, others) = PAIRS[pair];
                let value = other.map_or(usual, |index| *index.get(others));
                format!("\"{key}\"{colon}{value}")
            })
            .collect();
        format!("{{{}}}", texts.join(comma))
    })
}

/// A record with a few bytes changed, put in or taken out.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![prop::sample::select(b"\"\\{}[],: \n0na-.e\x00\xff\xc3".to_vec()), any::<u8>()];
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), 0..3, byte), 0..4);
    (record(), edits).prop_map(|(record, edits)| {
        let mut bytes = record.into_bytes();
        for (at, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn scanner_and_parser_read_alike(records in proptest::collection::vec(mutated(), 1..6), without_email in any::<bool>()) {
        let fields = Fields { email: !without_email, ..Fields::ALL };
        let scanned = read(GatebookDecoder::new(&fields), &records);
        let parsed = read(GatebookDecoder::without_scanner(&fields), &records);
        prop_assert_eq!(scanned, parsed);
    }

    #[test]
    fn any_bytes_are_one_element(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (answers, _) = read(GatebookDecoder::new(&Fields::ALL), &[bytes]);
        prop_assert_eq!(answers.len(), 1);
    }
}

#[test]
fn the_scanner_reads_what_machines_write() {
    let mut scanner = super::scanner::Scanner::new();
    let usual = |(key, value, _): &(&str, &str, &[&str])| format!("\"{key}\":{value}");
    let record = format!("{{{}}}", PAIRS.iter().map(usual).collect::<Vec<_>>().join(","));
    for text in [record.replace(',', ", "), record] {
        assert!(scanner.scan(&text).is_some(), "declined: {text}");
    }
}
