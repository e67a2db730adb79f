//! Sections `[attempts]` and `[servers."NAME"]`: which events are one attempt, and how long codes live.

use query::Rules;

use super::reader::Reader;
use super::value::Value;

const SECOND_US: i64 = 1_000_000;

/// The key of a server's codes.
const TIMEOUT: &str = ".sms_timeout_s";

/// How long a code may live, and a pause within an attempt may last: an hour. Everything within that of an event is read
/// again when it came late.
const SECONDS_MAX: u64 = 3_600;

/// Reads `[attempts]` and `[servers."NAME"]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Rules {
    let gap_s = reader.number("attempts.gap_s", 1..=SECONDS_MAX, "seconds");
    let own_s = reader.number("attempts.sms_timeout_own_s", 1..=SECONDS_MAX, "seconds");
    let cloud_s = reader.number("attempts.sms_timeout_cloud_s", 1..=SECONDS_MAX, "seconds");
    let us = |seconds: u64| i64::try_from(seconds).unwrap_or(0) * SECOND_US;
    let mut rules =
        Rules { gap_us: us(gap_s), life_own_us: us(own_s), life_cloud_us: us(cloud_s), ..Rules::default() };
    for (path, setting) in reader.settings().open_table("servers") {
        let full = format!("servers.{path}");
        // Below a name that anybody chooses, every value is a text.
        let seconds = match &setting.value {
            Value::Text(text) => text.parse().ok().filter(|seconds| (1..=SECONDS_MAX).contains(seconds)),
            _ => None,
        };
        match (path.strip_suffix(TIMEOUT), seconds) {
            (Some(server), Some(seconds)) => drop(rules.life_us.insert(server.to_owned(), us(seconds))),
            (Some(_), None) => {
                reader.problem(&full, format!("give a number of seconds from 1 to {SECONDS_MAX}"))
            }
            (None, _) => reader.problem(&full, "remove it; a server has the key sms_timeout_s alone"),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use query::Rules;

    use crate::config::{Config, DEFAULT_TOML, Environment, File};

    fn rules(more: &str) -> Result<Rules, String> {
        let text = format!("{DEFAULT_TOML}\n{more}");
        let config = Config::read(Some(File { name: "gatebook.toml", text: &text }), &Environment::new());
        config.map(|config| config.rules).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_file_holds_the_defaults_of_the_room() {
        assert_eq!(rules(""), Ok(Rules::default()));
    }

    #[test]
    fn a_server_has_a_life_of_its_own_for_its_codes() {
        let found = rules("[servers.\"gate-1.corp.example\"]\nsms_timeout_s = 240").expect("reads");
        assert_eq!(found.life_us.get("gate-1.corp.example"), Some(&240_000_000));
        assert!(
            rules("[servers.a]\nsms_timeout_s = 0")
                .is_err_and(|error| error.contains("servers.a.sms_timeout_s"))
        );
        assert!(rules("[servers.a]\ntimeout = 3").is_err_and(|error| error.contains("sms_timeout_s")));
    }
}
