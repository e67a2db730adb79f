//! What the brokers say of the topics: ids, partitions, and which offsets are there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::{self, Context};
use crate::native::{self, DescribeError, Described, TopicDescription};
use crate::settings::Kafka;

/// How long one question to the brokers may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a question about one partition may take: a stop waits for it.
const WATERMARKS_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause between attempts to reach a broker: doubled up to the second value.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// How often a broker that cannot be reached is spoken of.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// A topic that is read, and its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicIdentity {
    /// Its name.
    pub name: String,
    /// Its UUID as Kafka writes it, or `name=TOPIC` where the service gives none.
    pub id: String,
    /// How many partitions it has.
    pub partitions: usize,
}

/// The offsets of a partition that can be read: `[start, stable_end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest record that is kept.
    pub start: i64,
    /// The last stable offset: beyond it lie open transactions or nothing.
    pub stable_end: i64,
}

/// Why the brokers gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The configuration does not make a client.
    #[error("correct [kafka] or [kafka.properties]: {0}")]
    Configuration(String),
    /// No broker answered in time.
    #[error(
        "check that Kafka runs and that kafka.brokers is right: no broker at {brokers} answered within {seconds} s. \
         What was not landed will be read again; starting again is safe"
    )]
    Unreachable {
        /// `kafka.brokers`.
        brokers: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A broker answered and refused the credentials.
    #[error(
        "check sasl.username, sasl.password and sasl.mechanism in [kafka.properties]: {brokers} refused the credentials. \
         What was not landed will be read again; starting again is safe"
    )]
    Refused {
        /// `kafka.brokers`.
        brokers: String,
    },
    /// A broker answered, and the TLS handshake failed.
    #[error(
        "check ssl.ca.location, and ssl.certificate.location where the brokers ask for one, in [kafka.properties]: the TLS \
         handshake with {brokers} failed, since one side does not accept the other's certificate. What was not \
         landed will be read again; starting again is safe"
    )]
    Distrusted {
        /// `kafka.brokers`.
        brokers: String,
    },
    /// A topic is not there.
    #[error("create the topic \"{topic}\", or correct its name in [[topics]]: the brokers do not know it")]
    UnknownTopic {
        /// Its name.
        topic: String,
    },
    /// The credentials do not reach the topic.
    #[error("let this user describe and read the topic \"{topic}\" (an ACL of Kafka): the brokers refuse it")]
    NotAuthorized {
        /// Its name.
        topic: String,
    },
    /// Anything else that librdkafka reports.
    #[error("the brokers' answer cannot be used")]
    Other(#[from] KafkaError),
}

/// A client that asks and never reads records.
pub struct Cluster {
    consumer: Arc<BaseConsumer<Context>>,
    brokers: String,
}

impl Cluster {
    /// A client; nothing is connected yet.
    pub fn new(kafka: &Kafka) -> Result<Self, ClusterError> {
        let config = client::config(kafka);
        let consumer =
            BaseConsumer::from_config_and_context(&config, Context::default()).map_err(configuration)?;
        Ok(Self { consumer: Arc::new(consumer), brokers: kafka.brokers.clone() })
    }

    /// Waits for the brokers, at most `wait_max` or for ever, and describes the topics. Stops waiting when
    /// `stopped` says so, or when waiting cannot help.
    pub fn wait_for_topics(
        &self,
        topics: &[&str],
        wait_max: Option<Duration>,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<TopicIdentity>, ClusterError> {
        let (mut pause, pause_max) = RETRY_PAUSES;
        let began = Instant::now();
        let mut complained = began;
        loop {
            let left = wait_max.map_or(REQUEST_TIMEOUT, |max| max.saturating_sub(began.elapsed()));
            match self.topics(topics, left.min(REQUEST_TIMEOUT)) {
                Err(ClusterError::Unreachable { brokers, .. }) => {
                    let waited = began.elapsed();
                    if wait_max.is_some_and(|max| waited >= max) || stopped() {
                        return Err(ClusterError::Unreachable { brokers, seconds: waited.as_secs() });
                    }
                    if complained.elapsed() >= COMPLAINT_INTERVAL {
                        complained = Instant::now();
                        tracing::warn!(
                            kafka.brokers = brokers,
                            waited_s = waited.as_secs(),
                            "no broker answers, trying again"
                        );
                    }
                }
                answer => return answer,
            }
            let left = wait_max.map_or(pause, |max| max.saturating_sub(began.elapsed()));
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(pause_max);
        }
    }

    /// Describes the topics; each must be there.
    pub fn topics(&self, topics: &[&str], timeout: Duration) -> Result<Vec<TopicIdentity>, ClusterError> {
        let began = Instant::now();
        let described = self.describe(topics, timeout)?.into_iter();
        let described = described.map(|topic| topic.map_err(|error| self.explain(error, began.elapsed())));
        Ok(described.collect::<Result<Vec<_>, _>>()?.into_iter().map(identity).collect())
    }

    /// Describes those of the topics that the brokers know and show.
    pub fn known_topics(
        &self,
        topics: &[&str],
        timeout: Duration,
    ) -> Result<Vec<TopicIdentity>, ClusterError> {
        Ok(self.describe(topics, timeout)?.into_iter().flatten().map(identity).collect())
    }

    fn describe(&self, topics: &[&str], timeout: Duration) -> Result<Vec<Described>, ClusterError> {
        // Serves the error callback, which learns of refused credentials.
        let _ = self.consumer.poll(Duration::ZERO);
        let began = Instant::now();
        let described = native::describe_topics(&self.consumer, topics, timeout);
        let _ = self.consumer.poll(Duration::ZERO);
        let context = self.consumer.context();
        let (refused, distrusted) = (context.take_refusal(), context.take_distrust());
        if described.is_err() && refused {
            return Err(ClusterError::Refused { brokers: self.brokers.clone() });
        }
        if described.is_err() && distrusted {
            return Err(ClusterError::Distrusted { brokers: self.brokers.clone() });
        }
        described.map_err(|error| self.explain(error, began.elapsed()))
    }

    /// Which offsets of a partition can be read.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, ClusterError> {
        let (start, stable_end) = self.consumer.fetch_watermarks(topic, partition, WATERMARKS_TIMEOUT)?;
        Ok(Watermarks { start, stable_end })
    }

    fn explain(&self, error: DescribeError, waited: Duration) -> ClusterError {
        let topic = error.topic.clone().unwrap_or_default();
        match error.code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                ClusterError::UnknownTopic { topic }
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => ClusterError::NotAuthorized { topic },
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => {
                ClusterError::Refused { brokers: self.brokers.clone() }
            }
            // Everything else that a description can end with passes when a broker is back.
            _ => ClusterError::Unreachable { brokers: self.brokers.clone(), seconds: waited.as_secs() },
        }
    }
}

/// Creates a topic with one replica, and waits until the brokers know it.
///
/// # Errors
///
/// The brokers do not answer, or refuse it.
pub async fn create_topic(kafka: &Kafka, topic: &str, partitions: u16) -> Result<(), ClusterError> {
    let admin: AdminClient<DefaultClientContext> = client::config(kafka).create().map_err(configuration)?;
    let options =
        AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
    let new = NewTopic::new(topic, i32::from(partitions), TopicReplication::Fixed(1));
    let created = admin.create_topics([&new], &options).await.map_err(|_| ClusterError::Unreachable {
        brokers: kafka.brokers.clone(),
        seconds: REQUEST_TIMEOUT.as_secs(),
    })?;
    match created.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAuthorizationFailed))) => {
            Err(ClusterError::NotAuthorized { topic: topic.to_owned() })
        }
        Some(Err((_, code))) => Err(KafkaError::AdminOp(code).into()),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// What librdkafka says of a property, without the property's value: it may be a secret.
fn configuration(error: KafkaError) -> ClusterError {
    ClusterError::Configuration(match error {
        KafkaError::ClientConfig(_, reason, key, _) => {
            format!("{key}: {}", reason.split(':').next().unwrap_or(""))
        }
        other => other.to_string(),
    })
}

fn identity(topic: TopicDescription) -> TopicIdentity {
    let id = topic.id.unwrap_or_else(|| format!("name={}", topic.name));
    TopicIdentity { name: topic.name, id, partitions: topic.partitions }
}
