//! Section `[query]`: what the reports may use together.

use query::Limits;

use super::reader::Reader;

/// Reads `[query]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Limits {
    Limits {
        section: "query",
        memory_bytes: reader.size("query.memory_bytes_max", 16 << 20..=1 << 40, "bytes"),
        spill_bytes: reader.number("query.spill_bytes_max", 0..=1 << 50, "bytes"),
        groups: reader.size("query.groups_max", 1..=1_000_000_000, "groups"),
    }
}

#[cfg(test)]
mod tests {
    use query::Limits;

    use crate::config::{Config, DEFAULT_TOML, Environment, File};

    #[test]
    fn the_default_file_holds_the_defaults_of_the_room() {
        let file = File { name: "default.toml", text: DEFAULT_TOML };
        let config = Config::read(Some(file), &Environment::new()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.query, Limits::default());
    }
}
