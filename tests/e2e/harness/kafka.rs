//! A real Apache Kafka in KRaft mode: one to three brokers on free ports, gone when the handle is
//! dropped or the test process dies.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::broker::{Broker, free_port};
use super::certificates::Certificates;
use super::wait::{SOON, until};

/// The user that a secured cluster knows, and its password.
pub(crate) const USER: (&str, &str) = ("gatekeeper", "open-sesame");

/// A cluster of brokers, each of them controller too.
pub(crate) struct Kafka {
    brokers: Vec<Broker>,
    /// Where SASL_SSL (SCRAM-SHA-256 or PLAIN) is spoken, on a secured cluster.
    pub(crate) sasl_address: String,
    /// Where TLS with a client's certificate is spoken, on a secured cluster.
    pub(crate) mutual_tls_address: String,
}

impl Kafka {
    /// The one broker that most tests share, started by the first of them.
    pub(crate) fn shared() -> &'static Kafka {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(|| Kafka::start(1))
    }

    /// A cluster of `count` brokers without security.
    pub(crate) fn start(count: usize) -> Kafka {
        Kafka::launch(count, None)
    }

    /// One broker that also has a listener for SASL over TLS and one for mutual TLS.
    pub(crate) fn start_secured(certificates: &Certificates) -> Kafka {
        Kafka::launch(1, Some(certificates))
    }

    fn launch(count: usize, certificates: Option<&Certificates>) -> Kafka {
        let ports: Vec<_> = (0..count).map(|_| (free_port(), free_port())).collect();
        let voters: Vec<_> =
            ports.iter().zip(1..).map(|((_, port), id)| format!("{id}@127.0.0.1:{port}")).collect();
        let (sasl, mutual_tls) = (free_port(), free_port());
        let (secure, listeners) = match certificates {
            Some(c) => {
                (secure_properties(c), format!(",SASL://127.0.0.1:{sasl},MTLS://127.0.0.1:{mutual_tls}"))
            }
            None => (String::new(), String::new()),
        };
        let scram = certificates.map(|_| format!("SCRAM-SHA-256=[name={},password={}]", USER.0, USER.1));

        let mut brokers: Vec<_> = std::thread::scope(|scope| {
            let formats: Vec<_> = ports
                .iter()
                .zip(1..)
                .map(|(&(port, controller_port), id)| {
                    let plain = format!("PLAINTEXT://127.0.0.1:{port}{listeners}");
                    let controller = format!("CONTROLLER://127.0.0.1:{controller_port}");
                    let properties = properties(id, &plain, &controller, &voters.join(","), count) + &secure;
                    let scram = scram.as_deref();
                    scope.spawn(move || Broker::format(&folder(id), port, &properties, scram))
                })
                .collect();
            formats.into_iter().map(|f| f.join().expect("the broker's folder is formatted")).collect()
        });
        brokers.iter_mut().for_each(Broker::start);

        let kafka = Kafka {
            brokers,
            sasl_address: format!("127.0.0.1:{sasl}"),
            mutual_tls_address: format!("127.0.0.1:{mutual_tls}"),
        };
        kafka.wait_for_brokers(count);
        kafka
    }

    /// The bootstrap list of the listeners without security.
    pub(crate) fn brokers(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(Broker::address).collect();
        addresses.join(",")
    }

    /// Kills a broker at once (signal 9); its logs stay. Brokers are counted from 0.
    pub(crate) fn kill(&mut self, index: usize) {
        self.brokers[index].kill();
    }

    /// Shuts a broker down in order.
    pub(crate) fn stop(&mut self, index: usize) {
        self.brokers[index].stop();
    }

    /// Starts a killed or stopped broker again and waits until the whole cluster is there.
    pub(crate) fn restart(&mut self, index: usize) {
        self.brokers[index].start();
        self.wait_for_brokers(self.brokers.len());
    }

    /// The broker that leads a partition, counted from 0.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> usize {
        until("a leader", SOON, || {
            let metadata = self.client().fetch_metadata(Some(topic), Duration::from_secs(5)).ok()?;
            let partition = metadata.topics().first()?.partitions().iter().find(|p| p.id() == partition)?;
            usize::try_from(partition.leader() - 1).ok()
        })
    }

    fn wait_for_brokers(&self, count: usize) {
        let client = self.client();
        let start = std::time::Instant::now();
        loop {
            let metadata = client.fetch_metadata(None, Duration::from_secs(1));
            if metadata.is_ok_and(|m| m.brokers().len() == count) {
                return;
            }
            if start.elapsed() > SOON {
                let logs: Vec<_> = self.brokers.iter().map(Broker::log).collect();
                panic!("not all {count} brokers answer after {SOON:?}:\n{}", logs.join("\n"));
            }
        }
    }

    fn client(&self) -> BaseConsumer {
        ClientConfig::new().set("bootstrap.servers", self.brokers()).create().expect("a client")
    }
}

/// A folder for a broker that nobody else uses.
fn folder(id: usize) -> std::path::PathBuf {
    static SEQUENCE: AtomicU32 = AtomicU32::new(0);
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-{}-{sequence}-{id}", std::process::id()))
}

/// Settings that make a small, quick broker: few internal partitions, and clean-up that looks
/// every second instead of every five minutes.
fn properties(id: usize, listeners: &str, controller: &str, voters: &str, count: usize) -> String {
    let internal_replicas = count.min(3);
    format!(
        "
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners},{controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL
auto.create.topics.enable=false
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
offsets.topic.replication.factor={internal_replicas}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={internal_replicas}
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=500
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
"
    )
}

/// What the secured listeners ask of a client; the plain one beside them is for the harness itself.
fn secure_properties(certificates: &Certificates) -> String {
    let (user, password) = USER;
    let keystore = certificates.server().display().to_string();
    let truststore = certificates.authority().display().to_string();
    format!(
        "
sasl.enabled.mechanisms=SCRAM-SHA-256,PLAIN
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}=\"{password}\";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.mtls.ssl.client.auth=required
"
    )
}
