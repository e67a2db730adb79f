//! Any bytes are one element, which fits into a batch, and what is redacted is JSON still and can be redacted
//! no further.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schemas::gatebook::GatebookDecoder;
use schemas::{
    Element, EventBuilder, Fields, Place, Record, Redaction, RejectionBuilder, TimeLimits, UnknownCounts, redact,
};

const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
const PLACE: Place<'_> =
    Place { topic: "t", topic_id: "id", partition: 0, offset: 0, element_index: 0, received_at_us: 0 };
const FIELDS: Fields = Fields { email: false, device_token: false, ..Fields::ALL };

fuzz_target!(|value: &[u8]| {
    let mut events = EventBuilder::new(&FIELDS);
    let mut rejections = RejectionBuilder::new();
    let record = Record { value: Some(value), timestamp_us: Some(0) };
    let mut counts = UnknownCounts::default();
    GatebookDecoder::new(&FIELDS).decode(&record, &LIMITS, &mut counts, &mut |_, element| match element {
        Element::Event(event) => events.append(&event, &PLACE, "gatebook", GatebookDecoder::NAME),
        Element::Rejection(rejection) => {
            rejections.append(&rejection, &PLACE, "gatebook", GatebookDecoder::NAME, Some(value), false);
        }
        Element::Change(_) | Element::Skipped(_) => panic!("this source has no such elements"),
    });
    assert_eq!(events.len() + rejections.len(), 1);
    assert_eq!(events.finish().num_rows() + rejections.finish().num_rows(), 1);
    if let Redaction::Redacted(redacted) = redact(value, &FIELDS) {
        assert_eq!(redact(&redacted, &FIELDS), Redaction::Unchanged);
    }
});
