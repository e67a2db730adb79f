//! What reads differently is told by column; what is no event any more, or would move where it must not, stays.

use std::collections::BTreeSet;

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use lake::maintain::Anew;
use schemas::vocabulary::{AuthResult, Method};
use schemas::{Decoder, Element, Event, EventBuilder, Place, Record, TimeLimits, UnknownCounts};

use super::*;

const RAW: &str = r#"{"event_id":"e","occurred_at":"2026-03-02T08:00:00Z","tenant_id":"acme","user_id":"ada",
    "method":"voice-call","result":"success","server_name":"gate-1","server_ip":"192.0.2.1"}"#;

const DAY_US: i64 = 86_400_000_000;
/// 2026-03-02T08:00:00Z
const RECEIVED_US: i64 = 1_772_438_400_000_000;

/// Reads the event of these bytes anew, which an earlier decoder read in another way. Retention removed 2026-02-27.
fn read(raw: &str, earlier: impl for<'a> Fn(Event<'a>) -> Event<'a>) -> (Comparison, Anew) {
    let maps = Maps::default();
    let topic = |name: &str, source| Topic { name: name.to_owned(), source, tenant: None, backfill: false };
    let topics = [topic("auth", Source::Gatebook), topic("entra", Source::Entra)];
    let mut builder = EventBuilder::new(&maps.fields);
    let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
    let record = Record { value: Some(RAW.as_bytes()), timestamp_us: Some(0) };
    let mut counts = UnknownCounts::default();
    Decoder::new(Source::Gatebook, &maps).decode(&record, &limits, &mut counts, &mut |_, element| {
        let Element::Event(event) = element else { panic!("{element:?}") };
        for (offset, topic) in ["auth", "entra", "gone"].into_iter().enumerate() {
            let place = Place {
                topic,
                topic_id: "id",
                partition: 0,
                offset: offset as i64,
                element_index: 0,
                received_at_us: RECEIVED_US,
            };
            let event = earlier(Event { raw: Some(raw.as_bytes()), ..event.clone() });
            builder.append(&event, &place, "gatebook", "gatebook/0");
        }
    });
    let day = |day: &str| day.parse::<NaiveDate>().expect("a day");
    let range = Range { from: day("2026-03-02"), to: day("2026-03-03"), source: None };
    let asked = Question { topics: &topics, maps: &maps, range, now_us: RECEIVED_US };
    let mut comparison = Comparison::default();
    let mut readers = Readers::new(&asked, &BTreeSet::from([day("2026-02-27")]));
    let anew = comparison.take_in(&builder.finish(), &mut readers).expect("columns");
    (comparison, anew)
}

fn compared(raw: &str, earlier: impl for<'a> Fn(Event<'a>) -> Event<'a>) -> Comparison {
    read(raw, earlier).0
}

#[test]
fn what_reads_the_same_is_told_apart_from_what_does_not() {
    let (same, anew) = read(RAW, |event| event);
    // Two topics are not, or not any more, of this source.
    assert_eq!((same.events, same.unreadable, same.same, same.differing()), (3, 2, 1, 0));
    assert!(same.columns.is_empty() && same.kept.is_empty() && anew.rows.is_empty());
    let other = compared(RAW, |event| Event { method: Some(Method::Other), prompts: Some(2), ..event });
    assert_eq!((other.same, other.differing(), other.columns.len()), (0, 1, 2));
    let example = Example { place: "auth:0:0:0".into(), old: "other".into(), new: "voice-call".into() };
    assert_eq!(other.columns["method"], (1, vec![example]));
    assert_eq!(other.columns["prompts"].1[0].new, "");
    let steps = compared(RAW, |event| Event { result: AuthResult::Pending, ..event });
    assert_eq!(steps.columns.keys().collect::<Vec<_>>(), ["result"]);
}

#[test]
fn what_reads_differently_comes_with_its_row_its_bytes_and_what_differs() {
    let (_, anew) = read(RAW, |event| Event { method: Some(Method::Other), ..event });
    assert_eq!(anew.rows, [0]);
    assert_eq!(anew.changed, BTreeMap::from([("method".to_owned(), vec![0])]));
    assert_eq!(anew.readings["method"].as_string::<i32>().value(0), "voice-call");
    assert_eq!(anew.readings["raw"].as_binary::<i32>().value(0), RAW.as_bytes());
    assert_eq!(anew.readings["kafka_offset"].as_primitive::<Int64Type>().value(0), 0);
}

#[test]
fn what_would_be_no_event_any_more_stays_and_is_counted_by_what_it_would_be() {
    let (broken, anew) = read(&RAW.replace("success", "perhaps"), |event| event);
    let why = "would be no event any more: rejection unknown-result".to_owned();
    assert_eq!(broken.kept, BTreeMap::from([(why, 1)]));
    assert_eq!((broken.differing(), anew.rows.len()), (0, 0));
    let none = compared("", |event| Event { raw: None, ..event });
    assert_eq!((none.events, none.unreadable), (3, 3));
}

#[test]
fn an_event_moves_to_another_day_unless_that_one_is_removed_or_to_come() {
    let moved = |days: i64| {
        let at = chrono::DateTime::from_timestamp_micros(RECEIVED_US + days * DAY_US).expect("a moment");
        let at = at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (comparison, anew) = read(&RAW.replace("2026-03-02T08:00:00Z", &at), |event| event);
        (comparison.kept.into_keys().next(), anew.rows.len())
    };
    assert_eq!(moved(-1), (None, 1));
    assert_eq!(moved(1), (None, 1));
    assert_eq!(moved(-3), (Some("would move to a day that retention removed".to_owned()), 0));
    let ahead = "would move to a day after the one on which Kafka got it";
    assert_eq!(moved(2), (Some(ahead.to_owned()), 0));
}
