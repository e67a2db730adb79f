//! Is each topic the one that the book knows by its name?

use std::collections::BTreeSet;

use lake::{Book, LandError, ReadError};

use crate::cluster::TopicIdentity;

/// Why a topic is not read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The book knows the name with another id.
    #[error(
        "the topic \"{topic}\" was deleted and created again: the book knows it as {known}, Kafka now as {now}. Everything in \
         the book stays; nothing was written. To read the new topic from its start, beside what is there, start once with \
         --accept-new-topic {topic}"
    )]
    Recreated {
        /// The topic.
        topic: String,
        /// The ids in the book.
        known: String,
        /// The id that the brokers give.
        now: String,
    },
    /// The book cannot be read.
    #[error(transparent)]
    Book(#[from] ReadError),
    /// The acceptance could not be written down.
    #[error("the acceptance of a new topic could not be written to the book; starting again is safe")]
    Accept(#[from] LandError),
}

/// Compares the topics with the book. An accepted one is written down, so that it need not be accepted again.
pub(crate) async fn check(
    book: &mut Book,
    topics: &[TopicIdentity],
    accepted: &[String],
) -> Result<(), IdentityError> {
    let known = book.topic_ids().await?;
    for TopicIdentity { name, id, .. } in topics {
        let other: BTreeSet<&String> =
            known.get(name).into_iter().flatten().filter(|known| *known != id).collect();
        if other.is_empty() {
            continue;
        }
        let other: Vec<String> = other.into_iter().cloned().collect();
        if !accepted.contains(name) {
            return Err(IdentityError::Recreated {
                topic: name.clone(),
                known: other.join(", "),
                now: id.clone(),
            });
        }
        tracing::warn!(
            kafka.topic = name,
            "reading a topic that was created again from its start, as accepted"
        );
        book.retire_topic(name, &other, "ingest --accept-new-topic").await?;
    }
    Ok(())
}
