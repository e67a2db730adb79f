//! The keys that there are. They are read from `default.toml`, where each key, its explanation and its
//! default stand together, so that these cannot drift apart.

use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

use super::value::{Shape, Value};

/// The complete, commented configuration.
pub(crate) const DEFAULT_TOML: &str = include_str!("default.toml");

/// The table whose names librdkafka knows.
pub(super) const PROPERTIES: &str = "kafka.properties";

/// The tables that take any name.
const OPEN_TABLES: &[&str] = &[PROPERTIES, "tenants", "domains", "servers"];

/// The lists of tables.
pub(super) const LISTS: &[&str] = &["topics", "tokens"];

/// The keys whose value in `default.toml` is an example. Without them nothing can start.
const REQUIRED: &[&str] = &[
    "kafka.brokers",
    "topics.#.name",
    "topics.#.source",
    "lake.location",
    "tokens.#.name",
    "tokens.#.scopes",
    "tokens.#.verifier",
];

/// The keys that take a word beside true and false.
const WORDS: &[(&str, &str)] = &[("fields.phone_number", "prefix")];

/// A key, where it may stand and what it takes.
#[derive(Debug)]
pub(super) struct Key {
    /// The dotted path, with `#` for the number in a list: `topics.#.name`.
    pub(super) path: String,
    /// What it takes.
    pub(super) shape: Shape,
    /// What holds where nobody sets it; `None` for a required key.
    pub(super) default: Option<Value>,
}

/// Every key, in the order of `default.toml`.
pub(super) fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(read);
    &KEYS
}

/// The key of a path; a number in a list may stand for `#`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    let path = general(path);
    keys().iter().find(|key| key.path == path)
}

/// Whether a path is a section: something below it is a key.
pub(super) fn is_section(path: &str) -> bool {
    let path = general(path);
    is_open_table(&path) || keys().iter().any(|key| under(&key.path, &path).is_some())
}

/// The sections, in the order of `default.toml`.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut sections: Vec<&str> = Vec::new();
    for key in keys() {
        let section = key.path.split('.').next().unwrap_or_default();
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections.into_iter().chain(open_sections())
}

/// The sections that take any name.
pub(super) fn open_sections() -> impl Iterator<Item = &'static str> {
    OPEN_TABLES.iter().copied().filter(|table| !table.contains('.'))
}

/// Whether a path is a table that takes any name.
pub(super) fn is_open_table(path: &str) -> bool {
    OPEN_TABLES.contains(&path)
}

/// Whether a path is a name in a table that takes any.
pub(super) fn is_open(path: &str) -> bool {
    OPEN_TABLES.iter().any(|table| under(path, table).is_some())
}

/// The number in a list that a path is about.
pub(super) fn number(path: &str, list: &str) -> Option<usize> {
    under(path, list)?.split('.').next()?.parse().ok()
}

/// The rest of a path below a section.
pub(super) fn under<'a>(path: &'a str, section: &str) -> Option<&'a str> {
    path.strip_prefix(section)?.strip_prefix('.')
}

/// A name below a section; the empty section is the document.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// A path with `#` for the number in a list.
pub(super) fn general(path: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some((list, rest)) = LISTS.iter().find_map(|list| Some((list, under(path, list)?))) else {
        return path.to_owned();
    };
    match rest.split_once('.') {
        Some((number, name)) if is_number(number) => format!("{list}.#.{name}"),
        None if is_number(rest) => format!("{list}.#"),
        _ => path.to_owned(),
    }
}

/// What `default.toml` says with the keys that it only shows: lines that begin with `#` and no blank.
fn with_shown_keys() -> String {
    let shown = |line: &'static str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|first: char| first == '[' || first.is_ascii_lowercase()) => key,
        _ => line,
    };
    DEFAULT_TOML.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn read() -> Vec<Key> {
    let text = with_shown_keys();
    let table = DeTable::parse(&text).expect("a test parses default.toml");
    let mut keys = Vec::new();
    gather(table.get_ref(), "", &mut keys);
    keys.sort_by_key(|(start, _)| *start);
    keys.into_iter().map(|(_, key)| key).collect()
}

fn gather(table: &DeTable<'_>, section: &str, keys: &mut Vec<(usize, Key)>) {
    for (name, value) in table {
        let path = join(section, name.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => gather(table, &path, keys),
            DeValue::Array(tables) => {
                for table in tables.iter().filter_map(|table| table.get_ref().as_table()) {
                    gather(table, &format!("{path}.#"), keys);
                }
            }
            scalar => {
                let value = Value::from_toml(scalar).expect("a test reads default.toml");
                let default = (!REQUIRED.contains(&path.as_str())).then(|| value.clone());
                let word = WORDS.iter().find(|(key, _)| *key == path);
                let shape = word.map_or(value.shape(), |(_, word)| Shape::SwitchOr(word));
                keys.push((name.span().start, Key { path, shape, default }));
            }
        }
    }
}
