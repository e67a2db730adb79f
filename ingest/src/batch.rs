//! A batch: what one pipeline has read since its last commit, decoded into columns.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use lake::{DataFile, Segment};
use parquet::errors::ParquetError;
use schemas::{
    Change, ChangeBuilder, Decoder, Element, Event, EventBuilder, Fields, Fingerprinter, Kind, Maps,
    NameCounts, Place, Record, Redaction, RejectionBuilder, Source, TimeLimits,
};
use sha2::{Digest, Sha256};

use crate::settings::Limits;
use crate::slot::Slot;
use crate::window::Seen;

const US_PER_DAY: i64 = 86_400_000_000;

/// Kinds of skipped elements that a segment tells apart, and bytes of a name.
const SKIPPED_KINDS_MAX: usize = 256;
const SKIPPED_KIND_BYTES_MAX: usize = 128;

/// Bytes that an element takes beside its texts, for the bound on memory.
const ELEMENT_BYTES: usize = 128;

/// What one pipeline has read and not yet handed over.
pub(crate) struct Batch {
    events: EventBuilder,
    /// For each event, the index of its slot.
    event_slots: Vec<u16>,
    changes: ChangeBuilder,
    rejections: RejectionBuilder,
    rejection_count: usize,
    days: DaySet,
    bytes: usize,
    /// When its first record was read.
    began: Option<Instant>,
}

/// A batch whose rows are encoded: what goes into one commit.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) files: Vec<DataFile>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) records: i64,
}

/// Why a batch cannot be encoded: neither is the data's fault.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Columns that do not fit together.
    #[error("cannot arrange the columns of a batch")]
    Columns(#[from] ArrowError),
    /// Parquet refuses them.
    #[error("cannot encode a batch as Parquet")]
    Parquet(#[from] ParquetError),
}

/// What reading a record needs to know beside the record.
pub(crate) struct Reading<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) maps: &'a Maps,
    pub(crate) now_us: i64,
}

impl Batch {
    pub(crate) fn new(fields: &Fields) -> Self {
        Self {
            events: EventBuilder::new(fields),
            event_slots: Vec::new(),
            changes: ChangeBuilder::new(fields),
            rejections: RejectionBuilder::new(),
            rejection_count: 0,
            days: DaySet::default(),
            bytes: 0,
            began: None,
        }
    }

    pub(crate) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Whether it has reached a limit and is to be cut before the next record.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.event_slots.len() + self.changes.len() + self.rejection_count >= limits.batch_rows_max
            || self.bytes >= limits.batch_bytes_max
            || self.days.len() >= limits.batch_days_max
    }

    /// Decodes a record and takes in its elements. Each ends as an event, a change or a rejection, or is
    /// skipped, and is counted in the slot's segment.
    pub(crate) fn read(
        &mut self,
        slot: &mut Slot,
        slot_index: u16,
        decoder: &mut Decoder,
        (offset, timestamp_ms): (i64, Option<i64>),
        value: Option<&[u8]>,
        reading: &Reading<'_>,
    ) {
        self.began.get_or_insert_with(Instant::now);
        let received_at_us = timestamp_ms.and_then(|ms| ms.checked_mul(1000));
        let record = Record { value, timestamp_us: received_at_us };
        let times = TimeLimits {
            max_age_us: (!slot.backfill).then(|| micros(reading.limits.max_event_age)),
            max_ahead_us: micros(reading.limits.max_event_ahead),
            now_us: reading.now_us,
        };
        let (source, decoder_name) = (slot.source.as_str(), decoder.name());
        let segment = &mut slot.segment;
        segment.records += 1;
        // What lies far ahead of the clock would look like the newest record for ever.
        let is_plausible = |at_us: &i64| *at_us <= reading.now_us + US_PER_DAY;
        segment.received_at_us = segment.received_at_us.max(received_at_us.filter(is_plausible));
        let (mut elements, mut kept_bytes) = (0, 0);
        let mut place = Place {
            topic: &slot.topic,
            topic_id: &slot.id.topic_id,
            partition: slot.id.partition,
            offset,
            element_index: 0,
            received_at_us: received_at_us.unwrap_or(reading.now_us),
        };
        decoder.decode(&record, &times, &mut segment.unknown, &mut |element_index, element| {
            elements += 1;
            place.element_index = i32::try_from(element_index).unwrap_or(i32::MAX);
            match element {
                Element::Event(event) => {
                    self.days.insert(event.occurred_at_us.div_euclid(US_PER_DAY));
                    let raw = kept_if_all(event.raw, value, source, reading);
                    kept_bytes += raw.as_ref().map_or(0, |raw| raw.len());
                    let event = Event { raw: raw.as_deref(), ..event };
                    self.events.append(&event, &place, source, decoder_name);
                    self.event_slots.push(slot_index);
                    segment.events += 1;
                }
                Element::Change(change) => {
                    self.days.insert(change.occurred_at_us.div_euclid(US_PER_DAY));
                    let raw = kept_if_all(change.raw, value, source, reading);
                    kept_bytes += raw.as_ref().map_or(0, |raw| raw.len());
                    let change = Change { raw: raw.as_deref(), ..change };
                    self.changes.append(&change, &place, source, decoder_name);
                    segment.changes += 1;
                }
                Element::Skipped(kind) => count_skipped(&mut segment.skipped_by_kind, kind),
                Element::Rejection(rejection) => {
                    let raw = rejection.raw.or(value).map(|raw| kept(raw, source, reading));
                    let (raw, redacted) = raw.map_or((None, false), |(raw, redacted)| (Some(raw), redacted));
                    kept_bytes += raw.as_ref().map_or(0, |raw| raw.len());
                    self.rejections.append(
                        &rejection,
                        &place,
                        source,
                        decoder_name,
                        raw.as_deref(),
                        redacted,
                    );
                    self.rejection_count += 1;
                    segment.rejections += 1;
                }
            }
        });
        segment.elements += elements;
        segment.empty_records += i64::from(elements == 0);
        self.bytes += value.map_or(0, <[u8]>::len) + kept_bytes + ELEMENT_BYTES;
    }

    /// Flags repeats and encodes everything, one file a kind and day. The batch is empty afterwards, and
    /// each slot's segment begins where this one ends.
    pub(crate) fn encode(
        &mut self,
        slots: &mut [Slot],
        fingerprinter: &Fingerprinter,
        today: NaiveDate,
    ) -> Result<Encoded, EncodeError> {
        let events = self.events.finish();
        let events = self.flag_repeats(events, slots, fingerprinter)?;
        let mut files = Vec::with_capacity(self.days.len() + 1);
        for (day, rows) in by_day(events)? {
            files.push(lake::encode(Kind::Event, day, &rows)?);
        }
        if !self.changes.is_empty() {
            for (day, rows) in by_day(self.changes.finish())? {
                files.push(lake::encode(Kind::Change, day, &rows)?);
            }
        }
        if self.rejection_count > 0 {
            files.push(lake::encode(Kind::Rejection, today, &self.rejections.finish())?);
        }
        let segments: Vec<Segment> =
            slots.iter_mut().filter(|slot| !slot.segment.is_empty()).map(Slot::cut_segment).collect();
        let records = segments.iter().map(|segment| segment.records).sum();
        self.event_slots.clear();
        self.rejection_count = 0;
        self.days = DaySet::default();
        self.bytes = 0;
        self.began = None;
        Ok(Encoded { files, segments, records })
    }

    fn flag_repeats(
        &self,
        events: RecordBatch,
        slots: &mut [Slot],
        fingerprinter: &Fingerprinter,
    ) -> Result<RecordBatch, ArrowError> {
        let fingerprints = fingerprinter.of(&events);
        let flags: BooleanArray = fingerprints
            .into_iter()
            .zip(&self.event_slots)
            .map(|(event, &slot)| {
                let slot = &mut slots[usize::from(slot)];
                let seen = slot.window.take_in(event);
                slot.segment.duplicates += i64::from(seen == Seen::Repeat);
                slot.segment.conflicting_ids += i64::from(seen == Seen::Conflict);
                Some(seen == Seen::Repeat)
            })
            .collect();
        let index = events.schema_ref().index_of("duplicate")?;
        let mut columns = events.columns().to_vec();
        columns[index] = Arc::new(flags);
        RecordBatch::try_new(events.schema(), columns)
    }
}

/// Counts a skipped element by its kind: a bounded number of kinds, whose names a stranger may choose.
fn count_skipped(counts: &mut BTreeMap<String, i64>, kind: &str) {
    let kind = &kind[..kind.floor_char_boundary(SKIPPED_KIND_BYTES_MAX)];
    let is_full = counts.len() >= SKIPPED_KINDS_MAX && !counts.contains_key(kind);
    let kind = if is_full { NameCounts::OTHERS } else { kind };
    match counts.get_mut(kind) {
        Some(count) => *count += 1,
        None => {
            counts.insert(kind.to_owned(), 1);
        }
    }
}

/// What is kept of the bytes of an event or change.
fn kept_if_all<'r>(
    part: Option<&'r [u8]>,
    record: Option<&'r [u8]>,
    source: &str,
    reading: &Reading<'_>,
) -> Option<Cow<'r, [u8]>> {
    let raw = part.or(record).filter(|_| reading.maps.keep_raw)?;
    // What was read holds nothing that is not stored anyway, unless fields are switched off.
    let is_stored = reading.maps.fields.stores_all();
    Some(if is_stored { Cow::Borrowed(raw) } else { kept(raw, source, reading).0 })
}

/// What is kept of an element's bytes, as far as switched-off fields allow, and whether it differs from them.
fn kept<'r>(raw: &'r [u8], source: &str, reading: &Reading<'_>) -> (Cow<'r, [u8]>, bool) {
    let digest = || {
        let kept = format!("length={} sha256={:x}", raw.len(), Sha256::digest(raw));
        (Cow::Owned(kept.into_bytes()), true)
    };
    let Maps { fields, .. } = reading.maps;
    if source != Source::Gatebook.as_str() && !fields.stores_all() {
        // The keys of other products are not known to what blanks switched-off fields.
        return digest();
    }
    match schemas::redact(raw, fields) {
        Redaction::Redacted(raw) => (Cow::Owned(raw), true),
        Redaction::Unparsed if !reading.limits.keep_unparsed => digest(),
        Redaction::Unparsed | Redaction::Unchanged => (Cow::Borrowed(raw), false),
    }
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The days that a batch touches. Most batches touch one or two, and records come in runs of one day.
#[derive(Debug, Default)]
struct DaySet {
    days: Vec<i64>,
    last: Option<i64>,
}

impl DaySet {
    fn insert(&mut self, day: i64) {
        if self.last != Some(day) {
            self.last = Some(day);
            if !self.days.contains(&day) {
                self.days.push(day);
            }
        }
    }

    fn len(&self) -> usize {
        self.days.len()
    }
}

/// Parts events or changes by the UTC day of `occurred_at`.
fn by_day(events: RecordBatch) -> Result<Vec<(NaiveDate, RecordBatch)>, ArrowError> {
    let index = events.schema_ref().index_of("occurred_at")?;
    let moments = events.column(index).as_primitive::<TimestampMicrosecondType>();
    let mut rows: HashMap<i64, Vec<u32>> = HashMap::new();
    let (mut run_day, mut run): (Option<i64>, Vec<u32>) = (None, Vec::new());
    for (row, moment) in moments.values().iter().enumerate() {
        let day = moment.div_euclid(US_PER_DAY);
        if run_day != Some(day) {
            if let Some(day) = run_day {
                rows.entry(day).or_default().append(&mut run);
            }
            run_day = Some(day);
        }
        run.push(
            u32::try_from(row)
                .map_err(|_| ArrowError::ComputeError("a batch of over 4 billion rows".into()))?,
        );
    }
    let Some(day) = run_day else { return Ok(Vec::new()) };
    rows.entry(day).or_default().append(&mut run);
    if rows.len() == 1 {
        return Ok(vec![(date(day)?, events)]);
    }
    let mut days: Vec<_> = rows.into_iter().collect();
    days.sort_unstable_by_key(|(day, _)| *day);
    let part = |(day, rows)| Ok((date(day)?, take_record_batch(&events, &UInt32Array::from(rows))?));
    days.into_iter().map(part).collect()
}

fn date(day: i64) -> Result<NaiveDate, ArrowError> {
    DateTime::<Utc>::from_timestamp(day * 86_400, 0)
        .map(|moment| moment.date_naive())
        .ok_or_else(|| ArrowError::ComputeError(format!("day {day} is beyond the calendar")))
}
