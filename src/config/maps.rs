//! Sections `[fields]`, `[tenants]` and `[domains]`: what is stored of an event, and how its names are read.

use std::collections::BTreeMap;

use ingest::Topic;
use schemas::{Maps, Source};

use super::reader::Reader;
use super::value::Value;
use super::{fields, template};

/// Reads `[fields]`, `[tenants]` and `[domains]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Maps {
    let domains = table(reader, "domains").into_iter();
    Maps {
        fields: fields::read(reader),
        keep_raw: reader.parsed("ingest.keep_raw", |text| match text {
            "rejections" => Ok(false),
            "all" => Ok(true),
            _ => Err("give \"rejections\" or \"all\""),
        }),
        tenant: None,
        tenants: table(reader, "tenants"),
        domains: domains.map(|(short, domain)| (short.to_ascii_uppercase(), domain)).collect(),
    }
}

/// The bytes of other products' records have keys of their own: no field can be blanked in them.
pub(super) fn check_raw(reader: &mut Reader<'_>, maps: &Maps, topics: &[Topic]) {
    let other = topics.iter().find(|topic| topic.source != Source::Gatebook);
    if let (true, false, Some(topic)) = (maps.keep_raw, maps.fields.stores_all(), other) {
        let advice = format!(
            "give \"rejections\", or switch all [fields] on: records of source {} hold switched-off fields that cannot \
             be left out",
            topic.source.as_str()
        );
        reader.problem("ingest.keep_raw", advice);
    }
}

fn table(reader: &mut Reader<'_>, table: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (name, setting) in reader.settings().open_table(table) {
        match &setting.value {
            Value::Text(text) if !text.is_empty() => {
                names.insert(name.to_owned(), text.clone());
            }
            _ => reader.problem(&template::join(table, name), "give a name that is not empty"),
        }
    }
    names
}
