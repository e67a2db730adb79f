//! Section `[sql]`: what free SQL may use.

use std::time::Duration;

use query::SqlLimits;

use super::reader::Reader;

/// A worker's stacks hold the deepest plan of so many operators; far more could overflow them, which ends the worker.
const OPERATORS_CEILING: u64 = 5_000;

/// Reads `[sql]`.
pub(super) fn read(reader: &mut Reader<'_>) -> SqlLimits {
    let seconds = |reader: &mut Reader<'_>, name: &str| {
        Duration::from_secs(reader.number(&format!("sql.{name}"), 1..=86_400, "seconds"))
    };
    SqlLimits {
        text_bytes: reader.size("sql.text_bytes_max", 100..=1 << 20, "bytes"),
        tokens: reader.size("sql.tokens_max", 10..=100_000, "tokens"),
        operators: reader.size("sql.operators_max", 1..=OPERATORS_CEILING, "operators"),
        deadline: seconds(reader, "deadline_s_max"),
        fetch: seconds(reader, "fetch_s_max"),
        memory_bytes: reader.size("sql.memory_bytes_max", 64 << 20..=1 << 40, "bytes"),
        spill_bytes: reader.number("sql.spill_bytes_max", 0..=1 << 50, "bytes"),
        row_bytes: reader.size("sql.row_bytes_max", 1 << 10..=1 << 30, "bytes"),
        workers: reader.size("sql.workers", 1..=256, "processes"),
        waiting: reader.size("sql.waiting_max", 0..=10_000, "questions"),
        wait: seconds(reader, "wait_s_max"),
        questions_per_worker: reader.number("sql.questions_per_worker", 1..=1_000_000, "questions"),
    }
}

#[cfg(test)]
mod tests {
    use query::SqlLimits;

    use crate::config::{Config, DEFAULT_TOML, Environment, File};

    #[test]
    fn the_default_file_holds_the_defaults_of_the_room() {
        let file = File { name: "default.toml", text: DEFAULT_TOML };
        let config = Config::read(Some(file), &Environment::new()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.sql, SqlLimits::default());
    }
}
