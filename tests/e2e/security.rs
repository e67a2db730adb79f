//! TLS, mutual TLS, SASL PLAIN and SCRAM against a real listener.

use std::sync::OnceLock;

use crate::harness::certificates::Certificates;
use crate::harness::event::events;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::{Kafka, USER};
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;

/// One secured broker for all tests here.
fn secured() -> &'static (Kafka, Certificates) {
    static SECURED: OnceLock<(Kafka, Certificates)> = OnceLock::new();
    SECURED.get_or_init(|| {
        let certificates = Certificates::create();
        (Kafka::start_secured(&certificates), certificates)
    })
}

/// A deployment that trusts the test's authority, and `lines` of librdkafka properties.
fn deployment(address: &str, topic: &Topic, lines: &str) -> Deployment {
    let authority = secured().1.authority();
    Deployment::new(address, &topic.name)
        .set("kafka.properties", &format!("\"ssl.ca.location\" = \"{}\"\n{lines}", authority.display()))
}

fn sasl(mechanism: &str, password: &str) -> String {
    format!(
        "\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"{mechanism}\"\n\
         \"sasl.username\" = \"{}\"\n\"sasl.password\" = \"{password}\"",
        USER.0
    )
}

/// The deployment lands what a topic on the secured broker holds.
fn lands(topic: &Topic, deployment: &Deployment) {
    topic.produce(0, &events(0..1_000));
    deployment.catch_up();
    Truth::read(topic).assert_is_all_of(&deployment.book());
}

#[test]
fn scram_over_tls() {
    let kafka = &secured().0;
    let topic = Topic::create(&kafka.brokers(), "scram", 1, &[]);
    lands(&topic, &deployment(&kafka.sasl_address, &topic, &sasl("SCRAM-SHA-256", USER.1)));
}

#[test]
fn plain_over_tls() {
    let kafka = &secured().0;
    let topic = Topic::create(&kafka.brokers(), "plain", 1, &[]);
    lands(&topic, &deployment(&kafka.sasl_address, &topic, &sasl("PLAIN", USER.1)));
}

#[test]
fn mutual_tls() {
    let (kafka, certificates) = secured();
    let topic = Topic::create(&kafka.brokers(), "mutual-tls", 1, &[]);
    let lines = format!(
        "\"security.protocol\" = \"SSL\"\n\"ssl.certificate.location\" = \"{}\"\n\"ssl.key.location\" = \"{}\"",
        certificates.client_certificate().display(),
        certificates.client_key().display()
    );
    lands(&topic, &deployment(&kafka.mutual_tls_address, &topic, &lines));
}

#[test]
fn a_wrong_password_is_named_and_not_printed() {
    let kafka = &secured().0;
    let topic = Topic::create(&kafka.brokers(), "wrong-password", 1, &[]);
    let deployment =
        deployment(&kafka.sasl_address, &topic, &sasl("SCRAM-SHA-256", "not-the-password-at-all"));
    let ended = deployment.run(&["ingest", "--until-caught-up"]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("credentials"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("not-the-password-at-all"), "{}", ended.stderr);
}

#[test]
fn an_unknown_authority_is_refused() {
    let kafka = &secured().0;
    let topic = Topic::create(&kafka.brokers(), "unknown-authority", 1, &[]);
    let stranger = Certificates::create();
    let lines = format!(
        "\"ssl.ca.location\" = \"{}\"\n{}",
        stranger.authority().display(),
        sasl("SCRAM-SHA-256", USER.1)
    );
    let deployment = Deployment::new(&kafka.sasl_address, &topic.name).set("kafka.properties", &lines);
    let ended = deployment.run(&["ingest", "--until-caught-up"]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
}
