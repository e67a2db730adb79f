//! The records to send, one after another.

use std::io;
use std::time::Duration;

use super::Input;
use super::lines::{Line, Lines};
use crate::traffic::Traffic;
use crate::world::WorldRecord;

/// The input cannot be read on, or holds what cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Reading failed.
    #[error("cannot read the input after line {line}")]
    Read {
        /// The last line that was read whole, counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line has no end within reason.
    #[error("split the input into lines: line {line} is longer than {bytes_max} bytes")]
    EndlessLine {
        /// The line, counted from 1.
        line: u64,
        /// The limit.
        bytes_max: usize,
    },
    /// A record is larger than Kafka takes.
    #[error(
        "raise message.max.bytes in [kafka.properties] and at the topic, or shorten the record: \
         record {record} has {bytes} bytes"
    )]
    TooLarge {
        /// The record, counted from 1.
        record: u64,
        /// Its size.
        bytes: usize,
    },
    /// The client does not take the record.
    #[error("the Kafka client does not take record {record}")]
    Refused {
        /// The record, counted from 1.
        record: u64,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
}

/// What comes next.
pub(super) enum Next<'a> {
    Record(Record<'a>),
    /// Nothing yet; ask again.
    Later,
    End,
}

/// A record to send.
pub(super) struct Record<'a> {
    pub(super) value: &'a [u8],
    /// Counted from 1.
    pub(super) number: u64,
    /// Kafka's timestamp, where the input says it.
    pub(super) timestamp_ms: Option<i64>,
    /// Where it goes, where the input says it.
    pub(super) partition: Option<i32>,
}

pub(super) struct Source {
    kind: Kind,
    number: u64,
    taken_bytes: u64,
}

enum Kind {
    Lines(Lines),
    Traffic { traffic: Traffic, moments: Box<dyn Iterator<Item = i64> + Send>, event: Vec<u8> },
    Records { records: Box<dyn Iterator<Item = WorldRecord> + Send>, partitions: u16, value: Vec<u8> },
}

impl Source {
    pub(super) fn new(input: Input) -> Self {
        let kind = match input {
            Input::Lines(reader) => Kind::Lines(Lines::new(reader)),
            Input::Traffic { traffic, moments } => {
                Kind::Traffic { traffic, moments, event: Vec::with_capacity(1024) }
            }
            Input::Records { records, partitions } => {
                Kind::Records { records, partitions, value: Vec::new() }
            }
        };
        Self { kind, number: 0, taken_bytes: 0 }
    }

    /// Bytes of input so far, line ends included.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// The next record; waits at most `wait` for one.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Next<'_>, InputError> {
        let (mut timestamp_ms, mut partition) = (None, None);
        let value = match &mut self.kind {
            Kind::Lines(lines) => match lines.next(wait)? {
                Line::Whole(line) => {
                    self.taken_bytes += 1;
                    line
                }
                Line::Unended(line) => line,
                Line::Later => return Ok(Next::Later),
                Line::End => return Ok(Next::End),
            },
            Kind::Traffic { traffic, moments, event } => {
                let Some(occurred_at_us) = moments.next() else { return Ok(Next::End) };
                event.clear();
                traffic.write(occurred_at_us, event);
                event
            }
            Kind::Records { records, partitions, value } => {
                let Some(record) = records.next() else { return Ok(Next::End) };
                timestamp_ms = Some(record.timestamp_us / 1_000);
                partition = i32::try_from(self.number % u64::from((*partitions).max(1))).ok();
                *value = record.value;
                value
            }
        };
        self.number += 1;
        self.taken_bytes += value.len() as u64;
        Ok(Next::Record(Record { value, number: self.number, timestamp_ms, partition }))
    }
}
