//! Sections `[fields]`, `[tenants]` and `[domains]`: what is stored of an event, and how its names are read.

use std::collections::BTreeMap;

use schemas::Maps;

use super::reader::Reader;
use super::value::Value;
use super::{fields, template};

/// Reads `[fields]`, `[tenants]` and `[domains]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Maps {
    let domains = table(reader, "domains").into_iter();
    Maps {
        fields: fields::read(reader),
        tenant: None,
        tenants: table(reader, "tenants"),
        domains: domains.map(|(short, domain)| (short.to_ascii_uppercase(), domain)).collect(),
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
