//! `gatebook serve`: the HTTP API over a book that others fill.

use std::io::{self, Write as _};

use crate::config::Config;
use crate::service::Api;
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook serve                                                   on http.listen, 127.0.0.1:8080 by default
  curl 'http://127.0.0.1:8080/api/v1/reports/usage?by=method'
  curl 'http://127.0.0.1:8080/api/v1/reports/denials?by=day,reason&format=csv'";

/// Arguments of `gatebook serve`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {}

/// Runs `gatebook serve`.
pub(crate) async fn run(_: Args, config: Config) -> anyhow::Result<()> {
    let api = Api::bind(&config, false).await?;
    let address = api.address();
    // A closed standard error must not stop the API.
    let _ = writeln!(io::stderr(), "answering at http://{address}/");
    api.run(stopped()).await;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn stopped() {
    if let Err(error) = signal::stop().await {
        tracing::warn!(%error, "signals end this process at once");
        std::future::pending::<()>().await;
    }
}
