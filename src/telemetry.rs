//! Log lines: to standard error, for people on a terminal and for machines as JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::exit::Usage;

/// Which lines are written: a level for all rooms, or `TARGET=LEVEL`, comma-separated.
const FILTER: &str = "GATEBOOK_LOG";

/// `json` writes each line as a JSON object.
const FORMAT: &str = "GATEBOOK_LOG_FORMAT";

/// Our own rooms. Other libraries are silent unless [`FILTER`] names them: delta-rs writes errors about
/// commit races that the lake settles, and its kernel several lines a commit.
const ROOMS: &[&str] = &["gatebook", "ingest", "lake", "query", "schemas", "serve"];

/// What the rooms write unless [`FILTER`] says otherwise.
const LEVEL: &str = "info";

/// Starts writing log lines. Once a process.
pub(crate) fn start() -> anyhow::Result<()> {
    let asked = std::env::var(FILTER).unwrap_or_default();
    let filter = EnvFilter::try_new(directives(&asked)).map_err(|error| {
        anyhow::Error::new(error).context(Usage(format!("give {FILTER} a level, such as info or debug")))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match std::env::var(FORMAT).as_deref() {
        Ok("json") => lines.json().flatten_event(true).init(),
        Ok("text") | Err(_) => lines.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
        Ok(_) => anyhow::bail!(Usage(format!("give {FORMAT} the value json or text; it is another one"))),
    }
    Ok(())
}

/// What the filter is told: a level without a target is meant for our rooms.
fn directives(asked: &str) -> String {
    let mut directives = vec!["off".to_owned()];
    for directive in
        std::iter::once(LEVEL).chain(asked.split(',')).map(str::trim).filter(|one| !one.is_empty())
    {
        match directive.parse::<LevelFilter>() {
            Ok(level) => directives.extend(ROOMS.iter().map(|room| format!("{room}={level}"))),
            Err(_) => directives.push(directive.to_owned()),
        }
    }
    directives.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level that holds for a target: the last word on it.
    #[track_caller]
    fn check(asked: &str, target: &str, level: &str) {
        let filter = EnvFilter::try_new(directives(asked)).expect("directives");
        let holds = filter.to_string();
        let expected = format!("{target}={level}");
        assert!(holds.split(',').any(|one| one == expected), "no {expected} in {holds}");
        assert!(holds.split(',').any(|one| one == "off"), "others are silent: {holds}");
    }

    #[test]
    fn rooms_speak_and_others_are_silent_unless_asked() {
        check("", "ingest", "info");
        check("debug", "ingest", "debug");
        check("debug,lake=trace", "lake", "trace");
        check("rdkafka=debug", "rdkafka", "debug");
        check("rdkafka=debug", "query", "info");
    }
}
