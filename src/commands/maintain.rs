//! `gatebook maintain`: upkeep of the book, and of what is derived from it.

use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::HumanCount;
use lake::Book;
use lake::maintain::{Done, Lease, LeaseError};

use crate::commands::projections;
use crate::config::Config;
use crate::progress::Progress;
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook maintain           do what is due, again and again, until it is told to stop
  gatebook maintain --once    do all that is due now, for a timer of your own";

/// How long `--once` waits for a foreign lease to end: a lease lasts at most 30 s, and a little more is
/// needed to see that it has ended.
pub(super) const LEASE_WAIT_MAX: Duration = Duration::from_secs(35);

/// Arguments of `gatebook maintain`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Do all that is due, then stop
    #[arg(long)]
    once: bool,
}

/// Runs `gatebook maintain`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    if args.once {
        let done = once(&config, LEASE_WAIT_MAX).await?;
        // A closed standard error must not turn what was done into a failure.
        let _ = writeln!(io::stderr(), "{}", summary(&done));
        return match projections::catch_up(&config, LEASE_WAIT_MAX).await {
            // They are kept up already, by `run` or `projections follow`.
            Err(error) if matches!(error.downcast_ref(), Some(LeaseError::Held { .. })) => Ok(()),
            caught_up => caught_up,
        };
    }
    // Upkeep can be left at any instant: what it had not committed is done again by the next owner, once
    // the lease has ended.
    tokio::select! {
        () = Box::pin(again_and_again(&config)) => Ok(()),
        () = Box::pin(projections::keep_up(&config)) => Ok(()),
        stopped = signal::stop() => Ok(stopped?),
    }
}

/// Upkeep at its interval, for ever.
pub(crate) async fn again_and_again(config: &Config) {
    loop {
        match once(config, Duration::ZERO).await {
            Ok(done) if done == Done::default() => tracing::debug!("nothing is due"),
            Ok(done) => tracing::info!("upkeep done: {}", summary(&done)),
            Err(error) => match error.downcast_ref::<LeaseError>() {
                Some(LeaseError::Held { .. }) => tracing::debug!("another process maintains the book"),
                _ => tracing::warn!("upkeep failed, trying again at the next interval: {error:#}"),
            },
        }
        tokio::time::sleep(config.maintain.interval).await;
    }
}

async fn once(config: &Config, wait_max: Duration) -> anyhow::Result<Done> {
    let upkeep = &config.maintain.upkeep;
    let mut book = Book::open(&config.lake.location).await?;
    let mut lease = Lease::take(&config.lake.location, upkeep.lease, wait_max).await?;
    let mut shown = Progress::new("rows merged", None);
    let done = book.maintain(upkeep, &mut lease, &mut |done| shown.set(done.rows_merged)).await;
    drop(shown);
    lease.release().await?;
    Ok(done?)
}

fn summary(done: &Done) -> String {
    let parts = [
        (done.files_merged, "small files merged"),
        (done.files_written, "files written"),
        (done.days_removed, "expired days removed"),
        (done.rows_removed, "expired rows removed"),
        (done.checkpoints, "checkpoints written"),
        (done.log_entries_removed, "old log entries removed"),
        (done.files_vacuumed, "unused files deleted"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", HumanCount(*count)))
        .collect();
    if parts.is_empty() { "nothing was due".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_was_done_and_nothing_else() {
        assert_eq!(summary(&Done::default()), "nothing was due");
        let done = Done { files_merged: 1200, files_written: 3, ..Done::default() };
        assert_eq!(summary(&done), "1,200 small files merged, 3 files written");
    }
}
