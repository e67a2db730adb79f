//! Sections `[suspicious]` and `[expected]`: what reports expect.

use query::{Expectations, Suspicious};
use schemas::Source;

use super::reader::Reader;

/// A week: what is looked at beside a range.
const SECONDS_MAX: u64 = 7 * 86_400;

/// Pauses are looked back over with the day before the range.
const PAUSE_S_MAX: u64 = 6 * 3_600;

/// Reads `[suspicious]` and `[expected]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Expectations {
    let mut count = |key: &str| reader.number(&format!("suspicious.{key}"), 1..=1_000_000, "rows");
    let (fatigue_prompts_min, many_persons_min) = (count("fatigue_prompts_min"), count("many_persons_min"));
    let (wrong_codes_min, number_range_messages_min) =
        (count("wrong_codes_min"), count("number_range_messages_min"));
    let first_time_successes_min = count("first_time_successes_min");
    let mut pause = |key: &str| reader.number(&format!("suspicious.{key}"), 1..=PAUSE_S_MAX, "seconds");
    let (fatigue_pause_s, many_persons_pause_s) = (pause("fatigue_pause_s"), pause("many_persons_pause_s"));
    let (wrong_codes_pause_s, number_range_pause_s) =
        (pause("wrong_codes_pause_s"), pause("number_range_pause_s"));
    let (fraud_pause_s, follow_s) = (pause("fraud_pause_s"), pause("follow_s"));
    let enrolment_follow_s = reader.number("suspicious.enrolment_follow_s", 1..=SECONDS_MAX, "seconds");
    let mut percent = |key: &str| reader.number(&format!("suspicious.{key}"), 0..=100, "per cent");
    let many_persons_denied_percent_min = percent("many_persons_denied_percent_min");
    let number_range_verified_percent_max = percent("number_range_verified_percent_max");
    let first_time_days = reader.number("suspicious.first_time_days", 1..=90, "days");
    let first_time_known_days_min = reader.number("suspicious.first_time_known_days_min", 1..=90, "days");
    if first_time_known_days_min > first_time_days {
        let advice =
            "give no more days than suspicious.first_time_days: what lies further back is not looked at";
        reader.problem("suspicious.first_time_known_days_min", advice);
    }
    Expectations {
        suspicious: Suspicious {
            fatigue_prompts_min,
            fatigue_pause_s,
            follow_s,
            enrolment_follow_s,
            many_persons_min,
            many_persons_pause_s,
            many_persons_denied_percent_min,
            wrong_codes_min,
            wrong_codes_pause_s,
            fraud_pause_s,
            number_range_messages_min,
            number_range_pause_s,
            number_range_verified_percent_max,
            first_time_days,
            first_time_successes_min,
            first_time_known_days_min,
        },
        servers: names(reader, "expected.servers"),
        sources: sources(reader),
    }
}

/// Comma-separated names.
fn names(reader: &mut Reader<'_>, path: &str) -> Vec<String> {
    let text = reader.optional_text(path).unwrap_or_default();
    let names: Vec<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() && !text.is_empty() {
        reader.problem(path, "give names, comma-separated, or nothing");
    }
    names
}

fn sources(reader: &mut Reader<'_>) -> Vec<String> {
    let path = "expected.sources";
    let names = names(reader, path);
    let all: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
    if names.iter().any(|name| !all.contains(&name.as_str())) {
        reader.problem(
            path,
            format!("give any of {}, comma-separated; another one is among them", all.join(", ")),
        );
    }
    names
}

#[cfg(test)]
mod tests {
    use query::Expectations;

    use crate::config::{Config, DEFAULT_TOML, Environment, File};

    fn expectations(from: &str, to: &str) -> Result<Expectations, String> {
        assert!(DEFAULT_TOML.contains(from), "{from} is a line of it");
        let text = DEFAULT_TOML.replace(from, to);
        let config = Config::read(Some(File { name: "gatebook.toml", text: &text }), &Environment::new());
        config.map(|config| config.expectations).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_file_holds_the_defaults_of_the_room() {
        assert_eq!(expectations("[expected]", "[expected]"), Ok(Expectations::default()));
    }

    #[test]
    fn who_should_speak_is_a_list_of_names() {
        let found = expectations("servers = \"\"", "servers = \"mfa-1, mfa-2\"").expect("reads");
        assert_eq!(found.servers, ["mfa-1", "mfa-2"]);
        let refused = expectations("sources = \"\"", "sources = \"entra, entro\"");
        assert!(refused.is_err_and(|error| error.contains("expected.sources: give any of gatebook")));
    }

    #[test]
    fn an_id_cannot_be_known_for_longer_than_is_looked_at() {
        let refused = expectations("first_time_known_days_min = 7", "first_time_known_days_min = 31");
        assert!(refused.is_err_and(|error| error.contains("no more days than suspicious.first_time_days")));
    }
}
