//! Reading kept bytes anew: what the decoders of today make of events that earlier ones read.
//!
//! It changes nothing. Only events whose bytes were kept (`raw`) can be read again.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;
use lake::{Address, Book, ReadError};
use schemas::{
    Decoder, Element, EventBuilder, Kind, Maps, NOT_CONTENT, Place, Record, Source, TimeLimits, UnknownCounts,
};

use crate::settings::Topic;

/// Examples that are kept of each column.
const EXAMPLES_MAX: usize = 3;

/// Which events are read anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first day of `occurred_at`, in UTC.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// Of this source alone.
    pub source: Option<Source>,
}

/// What the decoders of today would read differently.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Events in the range.
    pub events: u64,
    /// Of them, those whose bytes were not kept, or of a topic that the configuration does not name.
    pub unreadable: u64,
    /// Of them, those that read the same.
    pub same: u64,
    /// Of them, those that would be no event any more, by what they would be.
    pub no_events: BTreeMap<String, u64>,
    /// By column: how many events have another value there, and some of them.
    pub columns: BTreeMap<String, (u64, Vec<Example>)>,
    /// The decoders that read the events, and those that read them anew.
    pub decoders: BTreeSet<(String, String)>,
}

/// An event that reads differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// `TOPIC:PARTITION:OFFSET:ELEMENT`
    pub place: String,
    /// What the book holds.
    pub old: String,
    /// What it would hold.
    pub new: String,
}

/// Why kept bytes cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum RedecodeError {
    /// The book cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Columns of a file are not what they should be.
    #[error("the columns of an event do not fit together")]
    Columns(#[from] ArrowError),
}

/// Reads the events of a range anew and compares. `now_us` is the clock, in microseconds since 1970.
pub async fn compare(
    book: &Book,
    topics: &[Topic],
    maps: &Maps,
    range: &Range,
    now_us: i64,
) -> Result<Comparison, RedecodeError> {
    let mut readers = Readers::new(topics, maps, now_us);
    let mut comparison = Comparison::default();
    let files = book.files().map_err(ReadError::from)?.into_iter().filter(|file| {
        let is_asked = file.day.is_some_and(|day| (range.from..range.to).contains(&day));
        file.kind == Some(Kind::Event) && is_asked
    });
    for file in files {
        let mut compared = Ok(());
        book.read(&file, None, |rows| {
            if compared.is_ok() {
                compared = comparison.take_in(rows, range.source, &mut readers);
            }
        })
        .await?;
        compared?;
    }
    Ok(comparison)
}

/// The decoders of the topics.
struct Readers<'a> {
    maps: &'a Maps,
    by_topic: BTreeMap<&'a str, (Source, Decoder)>,
    limits: TimeLimits,
}

impl<'a> Readers<'a> {
    fn new(topics: &'a [Topic], maps: &'a Maps, now_us: i64) -> Self {
        let decoder = |topic: &'a Topic| {
            let maps = Maps { tenant: topic.tenant.clone(), ..maps.clone() };
            (topic.name.as_str(), (topic.source, Decoder::new(topic.source, &maps)))
        };
        // What was landed once was plausible then.
        let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us };
        Self { maps, by_topic: topics.iter().map(decoder).collect(), limits }
    }
}

impl Comparison {
    fn take_in(
        &mut self,
        rows: &RecordBatch,
        source: Option<Source>,
        readers: &mut Readers<'_>,
    ) -> Result<(), ArrowError> {
        let column = |name: &str| column(rows, name);
        let (sources, decoders) =
            (column("source")?.as_string::<i32>(), column("decoder")?.as_string::<i32>());
        let (topics, topic_ids) =
            (column("kafka_topic")?.as_string::<i32>(), column("kafka_topic_id")?.as_string::<i32>());
        let partitions = column("kafka_partition")?.as_primitive::<Int32Type>();
        let offsets = column("kafka_offset")?.as_primitive::<Int64Type>();
        let elements = column("element_index")?.as_primitive::<Int32Type>();
        let received = column("received_at")?.as_primitive::<TimestampMicrosecondType>();
        let raw = rows.column_by_name("raw").and_then(|raw| raw.as_binary_opt::<i32>());
        let mut events = EventBuilder::new(&readers.maps.fields);
        let mut read = Vec::new();
        for row in 0..rows.num_rows() {
            if source.is_some_and(|source| source.as_str() != sources.value(row)) {
                continue;
            }
            self.events += 1;
            let bytes = raw.filter(|raw| raw.is_valid(row)).map(|raw| raw.value(row));
            let reader = readers.by_topic.get_mut(topics.value(row));
            let reader = reader.filter(|(source, _)| source.as_str() == sources.value(row));
            let (Some(bytes), Some((_, decoder))) = (bytes, reader) else {
                self.unreadable += 1;
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
            let (name, mut is_first) = (decoder.name(), true);
            self.decoders.insert((decoders.value(row).to_owned(), name.to_owned()));
            let record = Record { value: Some(bytes), timestamp_us: Some(received.value(row)) };
            let mut no_event = Some("nothing".to_owned());
            decoder.decode(&record, &readers.limits, &mut UnknownCounts::default(), &mut |_, element| {
                // The bytes are those of one element.
                if !std::mem::take(&mut is_first) {
                    return;
                }
                no_event = match element {
                    Element::Event(event) => {
                        events.append(&event, &place, sources.value(row), name);
                        None
                    }
                    Element::Change(change) => Some(format!("change {}", change.change)),
                    Element::Rejection(rejection) => Some(format!("rejection {}", rejection.reason)),
                    Element::Skipped(kind) => Some(format!("skipped {kind}")),
                };
            });
            match no_event {
                Some(what) => *self.no_events.entry(what).or_default() += 1,
                None => read.push(row as u32),
            }
        }
        let old = take_record_batch(rows, &UInt32Array::from(read))?;
        self.compare(&old, &events.finish())
    }

    /// Compares rows with the rows that they would be.
    fn compare(&mut self, old: &RecordBatch, new: &RecordBatch) -> Result<(), ArrowError> {
        let mut differs = vec![false; new.num_rows()];
        for (field, new_column) in new.schema_ref().fields().iter().zip(new.columns()) {
            let name = field.name().as_str();
            if NOT_CONTENT.contains(&name) {
                continue;
            }
            let absent = || arrow::array::new_null_array(field.data_type(), new.num_rows());
            let old_column = old.column_by_name(name).cloned().unwrap_or_else(absent);
            let [old_keys, new_keys] = keys(&old_column, new_column)?;
            for row in (0..new.num_rows()).filter(|row| old_keys.row(*row) != new_keys.row(*row)) {
                differs[row] = true;
                let (count, examples) = self.columns.entry(name.to_owned()).or_default();
                *count += 1;
                if examples.len() < EXAMPLES_MAX {
                    let told = |column: &ArrayRef| array_value_to_string(column, row);
                    let place = place(new, row)?.to_string();
                    examples.push(Example { place, old: told(&old_column)?, new: told(new_column)? });
                }
            }
        }
        self.same += differs.iter().filter(|differs| !**differs).count() as u64;
        Ok(())
    }
}

/// Values that can be compared, whatever their type.
fn keys(old: &ArrayRef, new: &ArrayRef) -> Result<[arrow::row::Rows; 2], ArrowError> {
    let converter = RowConverter::new(vec![SortField::new(new.data_type().clone())])?;
    Ok([
        converter.convert_columns(&[arrow::compute::cast(old, new.data_type())?])?,
        converter.convert_columns(std::slice::from_ref(new))?,
    ])
}

fn column<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}

/// Where a row came from.
fn place(rows: &RecordBatch, row: usize) -> Result<Address, ArrowError> {
    Ok(Address {
        topic: column(rows, "kafka_topic")?.as_string::<i32>().value(row).to_owned(),
        partition: column(rows, "kafka_partition")?.as_primitive::<Int32Type>().value(row),
        offset: column(rows, "kafka_offset")?.as_primitive::<Int64Type>().value(row),
        element_index: Some(column(rows, "element_index")?.as_primitive::<Int32Type>().value(row)),
    })
}

#[cfg(test)]
mod tests {
    use schemas::Event;
    use schemas::vocabulary::{AuthResult, Method};

    use super::*;

    const RAW: &str = r#"{"event_id":"e","occurred_at":"2026-03-02T08:00:00Z","tenant_id":"acme","user_id":"ada",
        "method":"voice-call","result":"success","server_name":"gate-1","server_ip":"192.0.2.1"}"#;

    /// Lands the event of these bytes as an earlier decoder might have read it, and reads it anew.
    fn compared(raw: &str, earlier: impl for<'a> Fn(Event<'a>) -> Event<'a>) -> Comparison {
        let maps = Maps::default();
        let topic =
            |name: &str, source| Topic { name: name.to_owned(), source, tenant: None, backfill: false };
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
                    received_at_us: 0,
                };
                let event = earlier(Event { raw: Some(raw.as_bytes()), ..event.clone() });
                builder.append(&event, &place, "gatebook", "gatebook/0");
            }
        });
        let mut comparison = Comparison::default();
        let mut readers = Readers::new(&topics, &maps, 0);
        comparison.take_in(&builder.finish(), None, &mut readers).expect("columns");
        comparison
    }

    #[test]
    fn what_reads_the_same_is_told_apart_from_what_does_not() {
        let same = compared(RAW, |event| event);
        // Two topics are not, or not any more, of this source.
        assert_eq!((same.events, same.unreadable, same.same), (3, 2, 1));
        assert!(same.columns.is_empty() && same.no_events.is_empty());
        let other = compared(RAW, |event| Event { method: Some(Method::Other), prompts: Some(2), ..event });
        assert_eq!((other.same, other.columns.len()), (0, 2));
        let example = Example { place: "auth:0:0:0".into(), old: "other".into(), new: "voice-call".into() };
        assert_eq!(other.columns["method"], (1, vec![example]));
        assert_eq!(other.columns["prompts"].1[0].new, "");
        let steps = compared(RAW, |event| Event { result: AuthResult::Pending, ..event });
        assert_eq!(steps.columns.keys().collect::<Vec<_>>(), ["result"]);
    }

    #[test]
    fn what_would_be_no_event_any_more_is_counted_by_what_it_would_be() {
        let broken = compared(&RAW.replace("success", "perhaps"), |event| event);
        assert_eq!(broken.no_events, BTreeMap::from([("rejection unknown-result".to_owned(), 1)]));
        let none = compared("", |event| Event { raw: None, ..event });
        assert_eq!((none.events, none.unreadable), (3, 3));
    }
}
