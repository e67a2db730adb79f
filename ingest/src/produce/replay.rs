//! Rejections produced again to the topics they came from, so that a decoder that can read them by now takes
//! them the ordinary way. Nothing in the book is edited: the rejection stays, and the record comes anew.
//!
//! The book does not keep a record's key, so the copy has none and Kafka chooses its partition; its
//! timestamp is the time of sending.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use lake::{Address, Book, NotWhole, ReadError, Rejected, Wanted};
use tokio::runtime::Handle;

use super::sender::{ConnectError, DeliveryError, Sender};
use super::source::InputError;
use crate::settings::Kafka;

/// The header that names the rejection, as `TOPIC_ID:PARTITION:OFFSET:ELEMENT`.
pub const REPLAY_OF: &str = "gatebook-replay-of";

/// What a replay would send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayPlan {
    /// Records that can be sent.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Wanted rejections whose records cannot be sent, by why.
    pub refused: BTreeMap<NotWhole, u64>,
    /// For each address, the topic ids under which it was found.
    found: BTreeMap<String, BTreeSet<String>>,
}

/// Rejections could not be produced again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The book could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no such rejection.
    #[error(
        "look for it with `gatebook rejections list`: there is no rejection at {address}; nothing was sent"
    )]
    NotFound {
        /// The address that was asked for.
        address: String,
    },
    /// Two topics of one name have a rejection there.
    #[error(
        "give the topic's id in place of its name: {address} is in the topics {topic_ids}; nothing was sent"
    )]
    Ambiguous {
        /// The address that was asked for.
        address: String,
        /// The ids, comma-separated.
        topic_ids: String,
    },
    /// A rejection that was asked for by its address cannot be sent.
    #[error("send it from its source again: the record of {place} cannot be replayed; nothing was sent")]
    NotWhole {
        /// The rejection.
        place: String,
        /// Why.
        source: NotWhole,
    },
    /// No broker answered, or none knows the topic.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The client does not take a record. Those before it were sent.
    #[error("replay the others by their places: the record of {place} cannot be sent; those before it were")]
    Record {
        /// The rejection.
        place: String,
        /// Why.
        source: InputError,
    },
    /// The brokers did not take records.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

impl ReplayPlan {
    /// Looks at every wanted rejection, and shows each to `each`. Sends nothing.
    ///
    /// # Errors
    ///
    /// What was asked for by its address is not there, is there twice, or is not whole.
    pub async fn of(
        book: &Book,
        wanted: &Wanted,
        each: &mut dyn FnMut(&Rejected),
    ) -> Result<Self, ReplayError> {
        let mut plan = Self::default();
        let mut not_whole = None;
        book.rejections(wanted, |rejected| {
            match rejected.whole() {
                Ok(raw) => {
                    plan.records += 1;
                    plan.bytes += raw.len() as u64;
                }
                Err(source) if wanted.addresses.is_empty() => *plan.refused.entry(source).or_default() += 1,
                Err(source) => not_whole = Some(ReplayError::NotWhole { place: rejected.place(), source }),
            }
            for address in wanted.addresses.iter().filter(|address| address.names(&rejected)) {
                plan.found.entry(address.to_string()).or_default().insert(rejected.id.topic_id.clone());
            }
            each(&rejected);
            ControlFlow::Continue(())
        })
        .await?;
        wanted.addresses.iter().try_for_each(|address| plan.check(address))?;
        not_whole.map_or(Ok(plan), Err)
    }

    fn check(&self, address: &Address) -> Result<(), ReplayError> {
        let address = address.to_string();
        match self.found.get(&address) {
            None => Err(ReplayError::NotFound { address }),
            Some(ids) if ids.len() > 1 => {
                let topic_ids = ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                Err(ReplayError::Ambiguous { address, topic_ids })
            }
            Some(_) => Ok(()),
        }
    }
}

/// Sends the record of each wanted rejection that is whole, and waits until the brokers have confirmed all.
/// Returns how many they confirmed. Make a [`ReplayPlan`] first: it refuses what cannot be sent before anything is.
///
/// Tells `progress` how many were confirmed so far, and ends early once `stop` is set. It blocks: give it a
/// thread.
///
/// # Errors
///
/// See [`ReplayError`]; what was confirmed before an error is in the topics.
pub fn replay(
    book: &Book,
    wanted: &Wanted,
    kafka: &Kafka,
    runtime: &Handle,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, ReplayError> {
    let mut senders: BTreeMap<String, Sender> = BTreeMap::new();
    let mut failed = None;
    let read = runtime.block_on(book.rejections(wanted, |rejected| {
        match send(&mut senders, &rejected, kafka, stop) {
            Ok(()) if stop.load(Ordering::Relaxed) => return ControlFlow::Break(()),
            Ok(()) => {}
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        progress(senders.values().map(Sender::delivered).sum());
        if senders.values().any(Sender::has_failed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }));
    let mut delivered = 0;
    for sender in senders.into_values() {
        delivered += sender.finish(&mut |more| progress(delivered + more))?;
    }
    read?;
    match failed {
        None | Some(ReplayError::Connect(ConnectError::Stopped)) => Ok(delivered),
        Some(error) => Err(error),
    }
}

fn send(
    senders: &mut BTreeMap<String, Sender>,
    rejected: &Rejected,
    kafka: &Kafka,
    stop: &AtomicBool,
) -> Result<(), ReplayError> {
    let Ok(raw) = rejected.whole() else { return Ok(()) };
    if !senders.contains_key(&rejected.topic) {
        senders.insert(rejected.topic.clone(), Sender::connect(kafka, &rejected.topic, stop)?);
    }
    let Some(sender) = senders.get_mut(&rejected.topic) else { return Ok(()) };
    let place = rejected.place();
    let sent = sender.send_with_header(raw, (REPLAY_OF, &place));
    // It is the only record that the message speaks of.
    sent.map_err(|error| ReplayError::Record { place, source: error.of_record(1) })
}
