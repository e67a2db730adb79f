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
