//! Ingest: from Kafka to the book, each record once.
//!
//! The way of a record: a [pipeline](pipeline) polls it, decodes it into columns and encodes the batch as
//! Parquet, all on one thread; the [committer](committer) lands finished batches of all pipelines in the
//! book, with their segments and offsets, in one commit. Between the two stands one batch at a time, so
//! memory is bounded, and a pipeline whose next batch is full pauses its partitions.
//!
//! What it never does: trust Kafka's committed offsets (they are written for lag tools and never read),
//! write a file beside the book, or know what a query is. [`produce`] is the way back: records into a topic, and
//! [`redecode`] reads kept bytes anew.

mod batch;
mod client;
mod cluster;
mod committer;
mod embedded;
mod identity;
mod native;
mod pipeline;
mod produce;
pub mod redecode;
mod resume;
mod run;
mod settings;
mod slot;
pub mod status;
mod traffic;
mod window;
mod world;

pub use client::{FixedProperty, check_properties};
pub use cluster::{Cluster, ClusterError, TopicIdentity, Watermarks, create_topic};
pub use embedded::{EMBEDDED_RECORDS_MAX, EmbeddedBroker};
pub use produce::{
    ConnectError, DeliveryError, Input, InputError, ProduceError, Production, REPLAY_OF, ReplayError,
    ReplayPlan, Sent, produce, replay,
};
pub use run::{Control, IngestError, Summary, run};
pub use settings::{Gap, GapError, Kafka, Limits, Settings, Topic, Until};
pub use traffic::{LoadCurve, Traffic};
pub use world::{Feed, Story, World, WorldRecord};
