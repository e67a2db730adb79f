//! Section `[kafka]`: where the records come from.

use std::collections::BTreeMap;
use std::fmt;

use super::reader::Reader;
use super::template;
use super::value::Value;

/// Section `[kafka]`.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    /// `kafka.brokers`: HOST:PORT, comma-separated.
    pub(crate) brokers: String,
    /// `kafka.group`: the consumer group.
    pub(crate) group: String,
    /// `[kafka.properties]`
    pub(crate) properties: Properties,
}

/// `[kafka.properties]`: librdkafka properties by name, secrets in clear.
#[derive(Clone, Default)]
pub(crate) struct Properties(pub(crate) BTreeMap<String, String>);

/// Properties that Gatebook sets itself: exactly once depends on them.
const OWN: &[(&str, &str)] = &[
    ("bootstrap.servers", "set kafka.brokers"),
    ("metadata.broker.list", "set kafka.brokers"),
    ("group.id", "set kafka.group"),
    ("enable.auto.commit", "the book holds the offsets"),
    ("enable.auto.offset.store", "the book holds the offsets"),
    ("auto.offset.reset", "a partition starts at the book's offset, or at its own start"),
    ("isolation.level", "aborted records are never read"),
    ("enable.partition.eof", "Gatebook looks for the end itself"),
];

impl Kafka {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let properties = Properties::read(reader);
        if let Some((name, advice)) = properties.need_of_tls(cfg!(feature = "tls")) {
            reader.problem(&template::join(template::OPEN_TABLE, name), advice);
        }
        Self {
            brokers: reader.parsed("kafka.brokers", brokers),
            group: reader.text("kafka.group"),
            properties,
        }
    }
}

impl Properties {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut properties = BTreeMap::new();
        for (name, setting) in reader.settings().properties() {
            let path = template::join(template::OPEN_TABLE, name);
            if let Some((_, why)) = OWN.iter().find(|(own, _)| *own == name) {
                reader.problem(&path, format!("remove it; Gatebook sets this property ({why})"));
            }
            if let Value::Text(text) = &setting.value {
                properties.insert(name.to_owned(), text.clone());
            }
        }
        Self(properties)
    }

    /// The property that needs TLS, and what to do, where this program is built without it. SCRAM and
    /// OAUTHBEARER are in librdkafka only together with OpenSSL.
    fn need_of_tls(&self, tls: bool) -> Option<(&str, String)> {
        if tls {
            return None;
        }
        let needs = |name: &str, value: &str| match name {
            "security.protocol" => value.contains("SSL"),
            "sasl.mechanism" | "sasl.mechanisms" => value.starts_with("SCRAM") || value == "OAUTHBEARER",
            _ => false,
        };
        let (name, _) = self.0.iter().find(|(name, value)| needs(name, &value.to_ascii_uppercase()))?;
        let advice = "build Gatebook with TLS (`cargo build --release`, which has the feature `tls`); \
                      this program was built without it (`--no-default-features`)";
        Some((name, advice.to_owned()))
    }
}

/// The names only: a value may be a secret.
impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
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
        let properties = Properties(BTreeMap::from([(name.to_owned(), value.to_owned())]));
        let need = properties.need_of_tls(false);
        assert_eq!(need.is_some(), needs, "{name} = {value}");
        assert!(need.is_none_or(|(named, advice)| named == name && advice.contains("cargo build")));
        assert_eq!(properties.need_of_tls(true), None);
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

    #[test]
    fn a_debug_print_shows_no_value() {
        let properties = Properties(BTreeMap::from([("sasl.password".to_owned(), "geheim".to_owned())]));
        assert_eq!(format!("{properties:?}"), r#"{"sasl.password"}"#);
    }
}
