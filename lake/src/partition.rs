//! Which Kafka partition, and how far the book has taken it in.

use std::collections::HashMap;
use std::fmt;

/// A Kafka partition, told apart from one of the same name in a topic that was deleted and created
/// again by the topic's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// The topic's UUID as Kafka writes it (base64url, 22 characters), or `name=TOPIC` where the
    /// broker gives none.
    pub topic_id: String,
    /// The partition's number.
    pub partition: i32,
}

/// The prefix of the Delta application ids that hold offsets.
const PREFIX: &str = "gatebook:";

impl PartitionId {
    /// The Delta application id whose version is this partition's next offset:
    /// `gatebook:TOPIC_ID:PARTITION`.
    #[must_use]
    pub fn app_id(&self) -> String {
        format!("{PREFIX}{}:{}", self.topic_id, self.partition)
    }

    /// The reverse of [`Self::app_id`]; none for another application's id.
    #[must_use]
    pub fn from_app_id(app_id: &str) -> Option<Self> {
        let (topic_id, partition) = app_id.strip_prefix(PREFIX)?.rsplit_once(':')?;
        Some(Self { topic_id: topic_id.to_owned(), partition: partition.parse().ok()? })
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.topic_id, self.partition)
    }
}

/// The application transactions of one table version, as far as they were asked for.
///
/// Delta can tell one application id at a time, by replaying the log. This remembers what it told,
/// and follows the log entry by entry from there, so that a commit costs the same however many
/// partitions there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transactions {
    known: HashMap<String, Option<i64>>,
    /// The version that `known` is true of.
    pub(crate) followed: u64,
}

impl Transactions {
    /// Takes in one log entry: newline-delimited JSON actions.
    pub(crate) fn follow(&mut self, entry: &[u8]) -> serde_json::Result<()> {
        #[derive(serde::Deserialize)]
        struct Action {
            txn: Option<Txn>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Txn {
            app_id: String,
            version: i64,
        }
        for line in entry.split(|&byte| byte == b'\n').filter(|line| line.starts_with(br#"{"txn""#)) {
            if let Some(txn) = serde_json::from_slice::<Action>(line)?.txn {
                self.known.insert(txn.app_id, Some(txn.version));
            }
        }
        Ok(())
    }

    /// What is known of an id; none if it was never asked for.
    pub(crate) fn get(&self, app_id: &str) -> Option<Option<i64>> {
        self.known.get(app_id).copied()
    }

    pub(crate) fn insert(&mut self, app_id: String, version: Option<i64>) {
        self.known.insert(app_id, version);
    }

    /// Every id whose version is known.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.known.iter().filter_map(|(app_id, version)| Some((app_id.as_str(), (*version)?)))
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_ids_go_both_ways() {
        let id = PartitionId { topic_id: "name=a:b".into(), partition: 7 };
        assert_eq!(id.app_id(), "gatebook:name=a:b:7");
        assert_eq!(PartitionId::from_app_id(&id.app_id()), Some(id));
        assert_eq!(PartitionId::from_app_id("other:x:1"), None);
    }

    #[test]
    fn follows_the_log() {
        let mut seen = Transactions::default();
        seen.insert("gatebook:t:1".into(), None);
        let entry = b"{\"add\":{}}\n{\"txn\":{\"appId\":\"gatebook:t:0\",\"version\":42}}\n";
        seen.follow(entry).expect("follows");
        assert_eq!(seen.get("gatebook:t:0"), Some(Some(42)));
        assert_eq!(seen.get("gatebook:t:1"), Some(None));
        assert_eq!(seen.get("gatebook:t:2"), None);
    }
}
