//! What only the running process knows.

use std::collections::BTreeMap;

use lake::PartitionId;
use query::Waiting;

/// What only the running process knows: it may read Kafka too, or not.
pub trait Live: Send + Sync {
    /// What waits in Kafka, by partition; none where it is not known.
    fn waiting(&self) -> BTreeMap<PartitionId, Waiting>;

    /// Why this process does not do all that it should; none when it does.
    fn trouble(&self) -> Option<String>;
}
