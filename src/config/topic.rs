//! `[[topics]]`: what is read.

use ingest::Topic;
use schemas::Source;

use super::reader::Reader;

/// The longest topic name that Kafka takes.
const NAME_CHARS_MAX: usize = 249;

/// Reads every topic, in the order of their numbers.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<Topic> {
    let numbers = reader.settings().numbers("topics");
    if numbers.is_empty() {
        reader.problem("topics", "write [[topics]] with name and source; no topic is configured");
    }
    let mut topics: Vec<Topic> = Vec::new();
    for number in numbers {
        let key = |name: &str| format!("topics.{number}.{name}");
        let topic = Topic {
            name: reader.parsed(&key("name"), name),
            source: reader.parsed(&key("source"), |text| source(text).map(Some)).unwrap_or(Source::Gatebook),
            tenant: reader.optional_text(&key("tenant")),
            backfill: reader.switch(&key("backfill")),
        };
        if topic.source.names_no_tenant() && topic.tenant.is_none() {
            let advice = format!("say whose events these are: records of {} do not", topic.source.as_str());
            reader.problem(&key("tenant"), advice);
        }
        if topics.iter().any(|earlier| earlier.name == topic.name && !topic.name.is_empty()) {
            reader.problem(&key("name"), "remove this block; an earlier one has the same name");
        }
        topics.push(topic);
    }
    topics
}

fn name(text: &str) -> Result<String, &'static str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text.len() > NAME_CHARS_MAX || !text.bytes().all(legal) || text == "." || text == ".." {
        return Err("give a Kafka topic's name: up to 249 letters, digits, dots, underscores and hyphens");
    }
    Ok(text.to_owned())
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
        format!("give one of {}; it is another text", known.join(", "))
    })
}
