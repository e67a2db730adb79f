//! Section `[kafka]`: where the records come from.

use std::collections::BTreeMap;

use ingest::Kafka;

use super::reader::Reader;
use super::template;
use super::value::Value;

/// Properties that have a key of their own.
const ELSEWHERE: &[(&str, &str)] = &[
    ("bootstrap.servers", "kafka.brokers"),
    ("metadata.broker.list", "kafka.brokers"),
    ("group.id", "kafka.group"),
];

/// Reads `[kafka]` and `[kafka.properties]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Kafka {
    let properties = properties(reader);
    if let Some((name, advice)) = need_of_tls(&properties, cfg!(feature = "tls")) {
        reader.problem(&template::join(template::PROPERTIES, name), advice);
    }
    let brokers = reader.parsed("kafka.brokers", brokers);
    let kafka = Kafka { brokers, group: reader.text("kafka.group"), properties };
    if let Err(fixed) = ingest::check_properties(&kafka) {
        reader.problem(template::PROPERTIES, fixed);
    }
    kafka
}

fn properties(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (name, setting) in reader.settings().open_table(template::PROPERTIES) {
        if let Some((_, key)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == name) {
            let path = template::join(template::PROPERTIES, name);
            reader.problem(&path, format!("remove it, and set {key} instead"));
        }
        if let Value::Text(text) = &setting.value {
            properties.insert(name.to_owned(), text.clone());
        }
    }
    properties
}

/// The property that needs TLS, and what to do, where this program is built without it. SCRAM and
/// OAUTHBEARER are in librdkafka only together with OpenSSL.
fn need_of_tls(properties: &BTreeMap<String, String>, tls: bool) -> Option<(&str, &'static str)> {
    if tls {
        return None;
    }
    let needs = |name: &str, value: &str| match name {
        "security.protocol" => value.contains("SSL"),
        "sasl.mechanism" | "sasl.mechanisms" => value.starts_with("SCRAM") || value == "OAUTHBEARER",
        _ => false,
    };
    let (name, _) = properties.iter().find(|(name, value)| needs(name, &value.to_ascii_uppercase()))?;
    let advice = "build Gatebook with TLS: `cargo build --release` has it; \
                  this program was built without it, by `--no-default-features`";
    Some((name, advice))
}

fn brokers(text: &str) -> Result<String, &'static str> {
    let brokers: Vec<&str> = text.split(',').map(str::trim).filter(|broker| !broker.is_empty()).collect();
    let port_is_number = |broker: &&str| match broker.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok(),
        None => true,
    };
    if brokers.is_empty() || !brokers.iter().all(port_is_number) {
        return Err("give HOST:PORT, comma-separated, such as \"kafka-1:9092,kafka-2:9092\"");
    }
    Ok(brokers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_tls(name: &str, value: &str, needs: bool) {
        let properties = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let need = need_of_tls(&properties, false);
        assert_eq!(need.is_some(), needs, "{name} = {value}");
        assert!(need.is_none_or(|(named, advice)| named == name && advice.contains("cargo build")));
        assert_eq!(need_of_tls(&properties, true), None);
    }

    #[test]
    fn tls_and_scram_need_a_program_that_has_them() {
        check_tls("security.protocol", "sasl_ssl", true);
        check_tls("security.protocol", "SSL", true);
        check_tls("security.protocol", "SASL_PLAINTEXT", false);
        check_tls("sasl.mechanism", "SCRAM-SHA-512", true);
        check_tls("sasl.mechanisms", "OAUTHBEARER", true);
        check_tls("sasl.mechanism", "PLAIN", false);
        check_tls("client.id", "SSL", false);
    }
}
