//! The scanner reads what the parser reads. The input is records, one a line, so that a later record meets
//! what the scanner remembers of an earlier one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schemas::gatebook::GatebookDecoder;
use schemas::{Element, Fields, Record, TimeLimits, UnknownCounts};

const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };

fuzz_target!(|input: &[u8]| {
    let scanned = read(GatebookDecoder::new(&Fields::ALL), input);
    let parsed = read(GatebookDecoder::without_scanner(&Fields::ALL), input);
    assert_eq!(scanned, parsed);
});

fn read(mut decoder: GatebookDecoder, input: &[u8]) -> (Vec<String>, UnknownCounts) {
    let mut counts = UnknownCounts::default();
    let mut answers = Vec::new();
    for value in input.split(|byte| *byte == b'\n') {
        let record = Record { value: Some(value), timestamp_us: None };
        let mut describe = |index, element: Element<'_>| answers.push(format!("{index} {element:?}"));
        decoder.decode(&record, &LIMITS, &mut counts, &mut describe);
    }
    (answers, counts)
}
