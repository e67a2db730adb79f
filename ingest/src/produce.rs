//! Sends records to a topic: the lines of a file or of standard input as they are, or synthetic traffic.

mod lines;
mod pace;
mod replay;
mod reports;
mod sender;
mod source;
mod timestamp;

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::pace::Pace;
pub use self::replay::{REPLAY_OF, ReplayError, ReplayPlan, replay};
use self::sender::Sender;
pub use self::sender::{ConnectError, DeliveryError};
pub use self::source::InputError;
use self::source::{Next, Source};
use self::timestamp::TimestampField;
use crate::settings::Kafka;
use crate::traffic::Traffic;
use crate::world::WorldRecord;

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Looks at the clock and the flags after so many records: often enough for a person, seldom enough to cost
/// nothing.
const RECORDS_A_LOOK: u32 = 512;

/// The longest wait in one piece, so that a stop is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// How long to wait where no record may go.
const HELD_WAIT: Duration = Duration::from_millis(5);

/// What to send, where to, and how fast.
pub struct Production {
    /// How to reach Kafka. The group is not used.
    pub kafka: Kafka,
    /// The topic. Kafka spreads the records over its partitions.
    pub topic: String,
    /// Where the records come from.
    pub input: Input,
    /// Records a second; zero is as fast as it goes.
    pub rate: u32,
    /// Asked with the number of records that were sent: whether another one may go now. None is always.
    pub may_send: Option<Box<dyn Fn(u64) -> bool + Send>>,
    /// The key whose RFC 3339 value becomes Kafka's timestamp of the record; without it, or where a record
    /// has no such value, the timestamp is the time of sending.
    pub timestamp_from: Option<String>,
}

/// Where the records come from.
pub enum Input {
    /// One record a line. The bytes are sent as they are, also rubbish and empty lines, without the line
    /// feed. It is read on a thread of its own, so that a stop does not wait for a line that never comes.
    Lines(Box<dyn Read + Send>),
    /// Synthetic traffic, one event for each moment (microseconds since 1970 UTC).
    Traffic {
        /// What happens.
        traffic: Traffic,
        /// When; the end of the moments is the end of the input.
        moments: Box<dyn Iterator<Item = i64> + Send>,
    },
    /// Records with timestamps of their own, spread over so many partitions in turn, so that the same records come to the
    /// same places.
    Records {
        /// The records.
        records: Box<dyn Iterator<Item = WorldRecord> + Send>,
        /// Partitions of the topic.
        partitions: u16,
    },
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Records that the brokers have confirmed: all that were read.
    pub delivered: u64,
    /// Bytes of input that were taken, line ends included.
    pub input_bytes: u64,
    /// Records that had no value to make their timestamp from, and got the time of sending.
    pub without_timestamp: u64,
    /// From the first record to the last confirmation.
    pub elapsed: Duration,
}

/// Records could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// Nothing was sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The input came to an early end. What was read before is in the topic.
    #[error("the input cannot be sent on; {delivered} records before were delivered")]
    Input {
        /// Records that the brokers have confirmed.
        delivered: u64,
        /// What is wrong with it.
        source: InputError,
    },
    /// The brokers did not take records.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

/// Sends the whole input and waits until the brokers, all replicas in step, have confirmed every record.
///
/// Tells `progress` now and then how many records were confirmed. Returns early, with what was sent so far
/// confirmed, once `stop` is set. It blocks: give it a thread.
///
/// # Errors
/// [`ConnectError`] where no broker answers within 60 seconds, credentials are refused or the topic is
/// unknown; [`InputError`] where the input cannot be read or a record is too large; [`DeliveryError`] where
/// a record was not confirmed within 60 seconds or was refused. It stops at the first of them.
pub fn produce(
    production: Production,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Sent, ProduceError> {
    let mut sender = match Sender::connect(&production.kafka, &production.topic, stop) {
        Err(ConnectError::Stopped) => return Ok(Sent::nothing()),
        connected => connected?,
    };
    let started = Instant::now();
    let mut source = Source::new(production.input);
    let mut timestamps = production.timestamp_from.map(TimestampField::new);
    let mut pace = Pace::new(production.rate, started);

    let may_send = production.may_send.unwrap_or_else(|| Box::new(|_| true));
    let may_send = &*may_send;
    let outcome =
        send_all(&mut sender, &mut source, timestamps.as_mut(), &mut pace, (stop, may_send), progress);
    let delivered = sender.finish(progress)?;
    outcome.map_err(|source| ProduceError::Input { delivered, source })?;
    Ok(Sent {
        delivered,
        input_bytes: source.taken_bytes(),
        without_timestamp: timestamps.map_or(0, |field| field.missing()),
        elapsed: started.elapsed(),
    })
}

fn send_all(
    sender: &mut Sender,
    source: &mut Source,
    mut timestamps: Option<&mut TimestampField>,
    pace: &mut Pace,
    (stop, may_send): (&AtomicBool, &dyn Fn(u64) -> bool),
    progress: &mut dyn FnMut(u64),
) -> Result<(), InputError> {
    let mut sent = 0;
    let mut told_at = Instant::now();
    let mut until_look = 0;
    loop {
        if until_look == 0 {
            until_look = RECORDS_A_LOOK;
            if stop.load(Ordering::Relaxed) || sender.has_failed() {
                return Ok(());
            }
            if told_at.elapsed() >= PROGRESS_INTERVAL {
                told_at = Instant::now();
                progress(sender.delivered());
            }
        }
        let wait = pace.wait();
        if !wait.is_zero() {
            sender.poll(wait.min(WAIT_MAX));
            until_look = 0;
            continue;
        }
        if !may_send(sent) {
            sender.poll(HELD_WAIT);
            until_look = 0;
            continue;
        }
        match source.next(WAIT_MAX)? {
            Next::Record(record) => {
                sent += 1;
                let timestamp_ms = record
                    .timestamp_ms
                    .or_else(|| timestamps.as_mut().and_then(|field| field.read(record.value)));
                sender
                    .send(record.value, timestamp_ms, record.partition)
                    .map_err(|error| error.of_record(record.number))?;
                pace.sent();
                until_look -= 1;
            }
            Next::Later => {
                sender.poll(Duration::ZERO);
                until_look = 0;
            }
            Next::End => return Ok(()),
        }
    }
}

impl Sent {
    fn nothing() -> Self {
        Self { delivered: 0, input_bytes: 0, without_timestamp: 0, elapsed: Duration::ZERO }
    }
}
