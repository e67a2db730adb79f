//! The decoders of today, and what they make of the bytes of one event.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use schemas::{
    Decoder, Element, Event, EventBuilder, Maps, Place, Record, Source, TimeLimits, UnknownCounts,
};

use super::{Question, column};

const US_PER_DAY: i64 = 86_400_000_000;

/// The decoders of the topics.
pub(super) struct Readers<'a> {
    maps: &'a Maps,
    source: Option<Source>,
    by_topic: BTreeMap<&'a str, (Source, Decoder)>,
    limits: TimeLimits,
    /// Days of which retention removed rows, by their number since 1970.
    removed_days: BTreeSet<i64>,
}

/// What the events of a batch read as.
#[derive(Default)]
pub(super) struct Readings {
    /// Events of the wanted source.
    pub(super) events: u64,
    /// Of them, those that cannot be read anew.
    pub(super) unreadable: u64,
    /// Of them, those that would be no event any more, by why they stay as they are.
    pub(super) others: BTreeMap<String, u64>,
    /// The numbers of the rows that read as an event.
    pub(super) rows: Vec<u32>,
    /// For each of these, why it stays as it is nevertheless.
    pub(super) kept: Vec<Option<&'static str>>,
    /// The decoders that read the events, and those that read them anew.
    pub(super) decoders: BTreeSet<(String, String)>,
}

impl<'a> Readers<'a> {
    pub(super) fn new(asked: &Question<'a>, removed_days: &BTreeSet<NaiveDate>) -> Self {
        let decoder = |topic: &'a crate::settings::Topic| {
            let maps = Maps { tenant: topic.tenant.clone(), ..asked.maps.clone() };
            (topic.name.as_str(), (topic.source, Decoder::new(topic.source, &maps)))
        };
        let number = |day: &NaiveDate| i64::from(arrow::datatypes::Date32Type::from_naive_date(*day));
        Self {
            maps: asked.maps,
            source: asked.range.source,
            by_topic: asked.topics.iter().map(decoder).collect(),
            // What was landed once was plausible then.
            limits: TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: asked.now_us },
            removed_days: removed_days.iter().map(number).collect(),
        }
    }

    /// Reads each event of a batch anew: what is told of them, and the events that came of it.
    pub(super) fn read(&mut self, rows: &RecordBatch) -> Result<(Readings, RecordBatch), ArrowError> {
        let column = |name: &str| column(rows, name);
        let (sources, decoders) =
            (column("source")?.as_string::<i32>(), column("decoder")?.as_string::<i32>());
        let (topics, topic_ids) =
            (column("kafka_topic")?.as_string::<i32>(), column("kafka_topic_id")?.as_string::<i32>());
        let partitions = column("kafka_partition")?.as_primitive::<Int32Type>();
        let offsets = column("kafka_offset")?.as_primitive::<Int64Type>();
        let elements = column("element_index")?.as_primitive::<Int32Type>();
        let received = column("received_at")?.as_primitive::<TimestampMicrosecondType>();
        let occurred = column("occurred_at")?.as_primitive::<TimestampMicrosecondType>();
        let raw = rows.column_by_name("raw").and_then(|raw| raw.as_binary_opt::<i32>());
        let mut events = EventBuilder::new(&self.maps.fields);
        let mut readings = Readings::default();
        for row in 0..rows.num_rows() {
            if self.source.is_some_and(|source| source.as_str() != sources.value(row)) {
                continue;
            }
            readings.events += 1;
            let bytes = raw.filter(|raw| raw.is_valid(row)).map(|raw| raw.value(row));
            let reader = self.by_topic.get_mut(topics.value(row));
            let reader = reader.filter(|(source, _)| source.as_str() == sources.value(row));
            let (Some(bytes), Some((_, decoder))) = (bytes, reader) else {
                readings.unreadable += 1;
                continue;
            };
            let place = Place {
                topic: topics.value(row),
                topic_id: topic_ids.value(row),
                partition: partitions.value(row),
                offset: offsets.value(row),
                element_index: elements.value(row),
                received_at_us: received.value(row),
            };
            let name = decoder.name();
            readings.decoders.insert((decoders.value(row).to_owned(), name.to_owned()));
            let record = Record { value: Some(bytes), timestamp_us: Some(received.value(row)) };
            let (mut count, mut day_us, mut other) = (0, None, "nothing".to_owned());
            decoder.decode(&record, &self.limits, &mut UnknownCounts::default(), &mut |_, element| {
                count += 1;
                match element {
                    // The first alone has the place of the old row.
                    _ if count > 1 => {}
                    Element::Event(event) => {
                        day_us = Some(event.occurred_at_us);
                        events.append(&Event { raw: Some(bytes), ..event }, &place, sources.value(row), name);
                    }
                    Element::Change(change) => other = format!("change {}", change.change),
                    Element::Rejection(rejection) => other = format!("rejection {}", rejection.reason),
                    Element::Skipped(kind) => other = format!("skipped {kind}"),
                }
            });
            match day_us {
                Some(at_us) => {
                    readings.rows.push(row as u32);
                    let moments_us = (occurred.value(row), at_us, received.value(row));
                    readings.kept.push(kept(&self.removed_days, count, moments_us));
                }
                None => {
                    *readings.others.entry(format!("would be no event any more: {other}")).or_default() += 1;
                }
            }
        }
        Ok((readings, events.finish()))
    }
}

/// Why an event stays as it is although it reads as another one.
fn kept(
    removed_days: &BTreeSet<i64>,
    elements: usize,
    (old_us, new_us, received_us): (i64, i64, i64),
) -> Option<&'static str> {
    let [old, new, received] = [old_us, new_us, received_us].map(|us| us.div_euclid(US_PER_DAY));
    match () {
        () if elements > 1 => Some("would be several events"),
        () if new == old => None,
        // It would be a row that is to be gone.
        () if removed_days.contains(&new) => Some("would move to a day that retention removed"),
        // It would be the newest event for ever; a clock may be a day ahead.
        () if new > received + 1 => Some("would move to a day after the one on which Kafka got it"),
        () => None,
    }
}
