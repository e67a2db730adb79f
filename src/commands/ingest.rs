//! `gatebook ingest`: Kafka to the book.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::HumanCount;
use ingest::{Control, Gap, Settings, Until};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::progress::Progress;
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook ingest                      until it is told to stop, by Ctrl-C or SIGTERM
  gatebook ingest --until-caught-up    until the book holds what Kafka holds now
  gatebook ingest --accept-gap auth-events:0:1200-1500
                                       go on although these offsets expired unread";

/// How often progress is looked at.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Arguments of `gatebook ingest`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Stop when the book holds everything that stood in Kafka at the start
    #[arg(long)]
    until_caught_up: bool,

    /// Accept that this topic was deleted and created again: its new records are read from their start,
    /// and the entries of the old ones stay
    #[arg(long, value_name = "TOPIC")]
    accept_new_topic: Vec<String>,

    /// Accept that these offsets expired unread: the loss then stands in a segment for ever
    #[arg(long, value_name = "TOPIC:PARTITION:FROM-TO")]
    accept_gap: Vec<Gap>,
}

/// Runs `gatebook ingest`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let is_watched = args.until_caught_up || io::stderr().is_terminal();
    let until = if args.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let settings = Settings { until, ..settings(&config, args.accept_new_topic, args.accept_gap) };
    let control = Control::default();
    let stopping = control.clone();
    tokio::spawn(async move {
        signal::stop().await?;
        stopping.stop();
        Ok::<_, io::Error>(())
    });
    let runtime = Handle::current();
    let landed = control.clone();
    let mut running = tokio::task::spawn_blocking(move || ingest::run(settings, &control, &runtime));
    // A service that runs for months is watched by `gatebook status`, not by a line every few seconds.
    let mut progress = is_watched.then(|| Progress::new("records", None));
    let summary = loop {
        tokio::select! {
            ended = &mut running => break ended?,
            () = tokio::time::sleep(PROGRESS_INTERVAL) => {
                if let Some(progress) = &mut progress {
                    progress.set(u64::try_from(landed.landed_records()).unwrap_or(0));
                }
            }
        }
    };
    drop(progress);
    let summary = summary?;
    let records = HumanCount(u64::try_from(summary.records).unwrap_or(0));
    // A closed standard error must not turn what was landed into a failure.
    let _ = writeln!(
        io::stderr(),
        "landed {records} records; `gatebook status` shows where each partition stands"
    );
    Ok(())
}

/// What ingest is told by the configuration, to go on until it is stopped.
pub(super) fn settings(config: &Config, accept_new_topics: Vec<String>, accept_gaps: Vec<Gap>) -> Settings {
    Settings {
        kafka: config.kafka.clone(),
        topics: config.topics.clone(),
        location: config.lake.location.clone(),
        maps: config.maps.clone(),
        limits: config.ingest.clone(),
        until: Until::Stopped,
        accept_new_topics,
        accept_gaps,
    }
}
