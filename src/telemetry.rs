//! Log lines: to standard error, for people on a terminal and for machines as JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::exit::Usage;

/// Which lines are written: a level, or `TARGET=LEVEL`, comma-separated.
const FILTER: &str = "GATEBOOK_LOG";

/// `json` writes each line as a JSON object.
const FORMAT: &str = "GATEBOOK_LOG_FORMAT";

/// What is written unless [`FILTER`] names the same target. delta-rs writes errors and warnings about
/// commit races that the lake settles, and DataFusion about plans: a line of theirs would be a false alarm.
const QUIET: &str =
    "info,deltalake_core=off,delta_kernel=off,datafusion=off,object_store=warn,rdkafka=warn,librdkafka=warn";

/// Starts writing log lines. Once a process.
pub(crate) fn start() -> anyhow::Result<()> {
    let asked = std::env::var(FILTER).unwrap_or_default();
    let filter = EnvFilter::try_new(format!("{QUIET},{asked}").trim_end_matches(',')).map_err(|error| {
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
