//! What holds for any bytes of any vendor's log. Fuzz targets include this file, and so does the crate's own test.

use schemas::vocabulary::AuthResult;
use schemas::{
    ChangeBuilder, Decoder, Element, EventBuilder, Fields, Maps, Place, Record, RejectionBuilder, Source,
    TimeLimits, UnknownCounts,
};

const NOW_US: i64 = 1_772_352_000_000_000;
const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: NOW_US };

/// Checks one record, and tells how many events it holds.
///
/// # Panics
///
/// It breaks a property.
pub(crate) fn check(source: Source, value: &[u8]) -> usize {
    let mut decoder = Decoder::new(source, &Maps::default());
    let first = read(&mut decoder, source, value);
    assert!(!first.is_empty() || value.is_empty() || has_empty_list(value), "no element");
    // Its scratch space is used again.
    assert_eq!(read(&mut decoder, source, value), first, "read again");
    first.iter().filter(|element| element.starts_with("Event(")).count()
}

/// Reads a record, puts its elements into batches, and gives what was read.
fn read(decoder: &mut Decoder, source: Source, value: &[u8]) -> Vec<String> {
    let (source, name) = (source.as_str(), decoder.name());
    let mut events = EventBuilder::new(&Fields::ALL);
    let mut changes = ChangeBuilder::new(&Fields::ALL);
    let mut rejections = RejectionBuilder::new();
    let (mut read, mut skipped_count) = (Vec::new(), 0);
    let record = Record { value: Some(value), timestamp_us: Some(NOW_US) };
    let mut counts = UnknownCounts::default();
    decoder.decode(&record, &LIMITS, &mut counts, &mut |element_index, element| {
        assert_eq!(element_index as usize, read.len(), "indexes have no gap");
        let place = Place {
            topic: "t",
            topic_id: "id",
            partition: 0,
            offset: 0,
            element_index: element_index.cast_signed(),
            received_at_us: 0,
        };
        read.push(format!("{element:?}"));
        match element {
            Element::Event(event) => {
                assert!(!event.event_id.is_empty(), "an event has an id");
                assert!(!event.user_id.is_empty(), "an event has a user");
                let is_denied = event.result == AuthResult::Denied;
                assert_eq!(event.denial_reason.is_some(), is_denied, "denied for a reason");
                events.append(&event, &place, source, name);
            }
            Element::Change(change) => changes.append(&change, &place, source, name),
            Element::Rejection(rejection) => {
                rejections.append(&rejection, &place, source, name, Some(value), false);
            }
            Element::Skipped(kind) => {
                assert!(!kind.is_empty(), "what is skipped has a kind");
                skipped_count += 1;
            }
        }
    });
    let rows = events.finish().num_rows() + changes.finish().num_rows() + rejections.finish().num_rows();
    assert_eq!(rows + skipped_count, read.len(), "every element has its row");
    read.push(format!("{counts:?}"));
    if read.len() == 1 { Vec::new() } else { read }
}

/// Whether a list without an element stands in it, of which nothing can be told.
fn has_empty_list(value: &[u8]) -> bool {
    let bare: String =
        String::from_utf8_lossy(value).replace("\\n", "").replace("\\r", "").replace("\\t", "");
    bare.split_ascii_whitespace().collect::<String>().contains("[]")
}
