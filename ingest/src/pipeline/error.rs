//! Why a pipeline stops.

use lake::LandError;
use rdkafka::error::KafkaError;

use crate::batch::EncodeError;
use crate::cluster::ClusterError;
use crate::resume::ResumeError;

/// Why a pipeline stopped. What it had not landed is read again on the next start.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A batch could not be landed in time.
    #[error(
        "see that the lake's folder can be written and has room, then start again: a commit failed for {seconds} s. \
         Nothing is lost: what was not landed will be read again"
    )]
    Land {
        /// How long it was tried.
        seconds: u64,
        /// What failed last.
        source: LandError,
    },
    /// A batch could not be encoded.
    #[error("report this as a bug; what was not landed will be read again")]
    Encode(#[from] EncodeError),
    /// Kafka lost records that it had acknowledged, while they were read.
    #[error(
        "Kafka says that {topic}:{partition} lost records that it had acknowledged, from before offset {next_offset} on (an \
         unclean leader election, or a disk that lost its last writes). The book is whole up to offset {next_offset}; nothing \
         was written since. What was sent after the loss can stand below that offset, where it would not be read: compare \
         with the producers, and send what is missing to a topic of another name"
    )]
    Truncated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Up to where the book holds its records.
        next_offset: i64,
    },
    /// Records arrive damaged, however often they are fetched.
    #[error(
        "records of {topic}:{partition} from offset {next_offset} on cannot be read: {text}. The book is whole up to there; \
         nothing was skipped. See whether the broker's log or the network damages them, and start again"
    )]
    Unreadable {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Up to where the book holds its records.
        next_offset: i64,
        /// What librdkafka says.
        text: String,
    },
    /// A partition cannot be read on.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The brokers gave no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Kafka refuses something that no retry mends.
    #[error("Kafka refuses to go on; what was not landed will be read again")]
    Kafka(#[from] KafkaError),
    /// A topic is not the one that was read.
    #[error(
        "the topic \"{topic}\" was deleted and created again while it was read (id {before}, now {now}); nothing of the new \
         topic was landed. Start again to see what the book needs"
    )]
    Recreated {
        /// The topic.
        topic: String,
        /// Its id before.
        before: String,
        /// Its id now.
        now: String,
    },
    /// The committer is gone: another part of the process failed first.
    #[error("another part of the process failed")]
    CommitterGone,
}
