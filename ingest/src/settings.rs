//! What ingest is told: ready-to-use values, checked by whoever made them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lake::Location;
use schemas::{Maps, Source};

/// Everything that ingest needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The brokers.
    pub kafka: Kafka,
    /// The topics to read.
    pub topics: Vec<Topic>,
    /// Where the book lies.
    pub location: Location,
    /// What the deployment says about names, and which optional fields are stored.
    pub maps: Maps,
    /// The limits.
    pub limits: Limits,
    /// How long to go on.
    pub until: Until,
    /// Topics whose re-creation an operator accepts.
    pub accept_new_topics: Vec<String>,
    /// Offsets that expired unread and that an operator accepts as lost.
    pub accept_gaps: Vec<Gap>,
}

/// How to reach Kafka.
#[derive(Clone)]
pub struct Kafka {
    /// `bootstrap.servers`, comma-separated.
    pub brokers: String,
    /// `group.id`.
    pub group: String,
    /// Any librdkafka property; these win over our defaults.
    pub properties: BTreeMap<String, String>,
}

/// Names the properties and shows none of their values: passwords are among them.
impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.keys().collect();
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("properties", &names)
            .finish_non_exhaustive()
    }
}

/// A topic and how its records are read.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The topic's name.
    pub name: String,
    /// The product whose log format it carries.
    pub source: Source,
    /// Whose events it carries, where the source does not say.
    pub tenant: Option<String>,
    /// Whether events of any age are welcome.
    pub backfill: bool,
}

/// How long ingest goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is told to stop.
    Stopped,
    /// Until the book holds everything that was stable when it began.
    CaughtUp,
}

/// `TOPIC:PARTITION:FROM-TO`: the offsets `[from, to)` that are accepted as lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first lost offset.
    pub from: i64,
    /// The offset after the last lost one.
    pub to: i64,
}

impl std::str::FromStr for Gap {
    type Err = GapError;

    fn from_str(text: &str) -> Result<Self, GapError> {
        let parse = || {
            let (place, range) = text.rsplit_once(':')?;
            let (topic, partition) = place.rsplit_once(':')?;
            let (from, to) = range.split_once('-')?;
            let gap = Self {
                topic: topic.to_owned(),
                partition: partition.parse().ok()?,
                from: from.parse().ok()?,
                to: to.parse().ok()?,
            };
            (!topic.is_empty() && gap.from < gap.to).then_some(gap)
        };
        parse().ok_or(GapError)
    }
}

/// A gap that is not written as `TOPIC:PARTITION:FROM-TO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write TOPIC:PARTITION:FROM-TO, where FROM is the first lost offset and TO the first that is there, such as auth-events:0:100-250"
)]
pub struct GapError;

/// Named limits, each with its unit.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Pipelines in this process; each has its own partitions and one thread.
    pub pipelines: usize,
    /// The longest that a record waits for its commit, from when it was read.
    pub commit_interval: Duration,
    /// Elements in a batch of one pipeline.
    pub batch_rows_max: usize,
    /// Bytes of a batch in memory, before it is encoded.
    pub batch_bytes_max: usize,
    /// Days that a batch may touch, since each is a folder and a file.
    pub batch_days_max: usize,
    /// Events of each partition among which a repeat is flagged.
    pub duplicate_window: usize,
    /// The oldest event that is plausible, against Kafka's timestamp.
    pub max_event_age: Duration,
    /// How far an event may lie ahead of Kafka's timestamp.
    pub max_event_ahead: Duration,
    /// Whether bytes that do not parse are kept whole although fields are switched off.
    pub keep_unparsed: bool,
    /// How long a commit that fails is tried again before the process stops.
    pub commit_retry_max: Duration,
    /// How long to look for a broker before giving up, when catching up.
    pub connect_max: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_read_strictly() {
        let gap = Gap { topic: "a:b".into(), partition: 3, from: 10, to: 20 };
        assert_eq!("a:b:3:10-20".parse(), Ok(gap));
        for wrong in ["", "a:0", "a:0:5-5", "a:0:9-5", ":0:1-2", "a:x:1-2", "a:0:1"] {
            assert_eq!(wrong.parse::<Gap>(), Err(GapError), "{wrong}");
        }
    }
}
