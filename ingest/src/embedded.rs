//! A broker in this process, for demonstrations: librdkafka's mock cluster, which speaks the real protocol.
//!
//! It holds a few MiB a partition in memory and forgets the oldest records past that, so whoever produces must not run
//! ahead of whoever reads. It has no transactions and outlives nothing: it is no broker to keep records in.

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use crate::native;

/// Records that may wait in the broker: some 3.6 MiB of synthetic events, and it holds 5 MiB a partition.
pub const EMBEDDED_RECORDS_MAX: u64 = 8_000;

/// A broker that lives as long as this value.
pub struct EmbeddedBroker {
    /// The client that carries the cluster.
    client: BaseProducer<DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts a broker on a free port of this machine, with these topics.
    ///
    /// # Errors
    ///
    /// The system gives no port.
    pub fn start(topics: &[&str], partitions: u16) -> Result<Self, KafkaError> {
        let client: BaseProducer<DefaultProducerContext> =
            ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
        native::add_controller(&client);
        let broker = Self { client };
        if let Some(cluster) = broker.client.client().mock_cluster() {
            for topic in topics {
                cluster.create_topic(topic, i32::from(partitions), 1)?;
            }
        }
        Ok(broker)
    }

    /// Where it listens.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.client.client().mock_cluster().map_or_else(String::new, |cluster| cluster.bootstrap_servers())
    }
}
