//! `gatebook run`: everything in one process.

use std::io::{self, Write as _};

use ingest::{Control, Gap};

use super::ingest::settings;
use super::serve::stopped;
use crate::asker::Asker;
use crate::config::Config;
use crate::saved::{Keeper, SavedReports};
use crate::service::{self, Api};

const EXAMPLES: &str = "\
Examples:
  gatebook run                                     ingest, upkeep and the HTTP API, until it is told to stop
  curl http://127.0.0.1:8080/health/readyz         whether it works";

/// Arguments of `gatebook run`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Accept that this topic was deleted and created again: its new records are read from their start,
    /// and the entries of the old ones stay
    #[arg(long, value_name = "TOPIC")]
    accept_new_topic: Vec<String>,

    /// Accept that these offsets expired unread: the loss then stands in a segment for ever
    #[arg(long, value_name = "TOPIC:PARTITION:FROM-TO")]
    accept_gap: Vec<Gap>,
}

/// Runs `gatebook run`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let settings = settings(&config, args.accept_new_topic, args.accept_gap);
    let saved = SavedReports::load(&config)?;
    let api = Api::bind(&config, true).await?;
    let keeper = Keeper::new(Asker::new(&config), saved);
    // A closed standard error must not stop the work.
    let _ = writeln!(io::stderr(), "answering at http://{}/", api.address());
    service::run(&config, settings, Control::default(), api, Some(keeper), stopped()).await
}
