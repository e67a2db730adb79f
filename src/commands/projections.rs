//! `gatebook projections`: what is derived from the book and kept.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::HumanCount;
use lake::maintain::{Lease, LeaseError};
use lake::projections::{PartKind, Projections, ProjectionsError};
use lake::{Book, Location};
use projections::{Done, Limits, Projector, behind};

use crate::config::Config;
use crate::progress::Progress;
use crate::signal;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  gatebook projections rebuild   make attempts anew from the book; answers come from the old ones until it is done
  gatebook projections follow    keep them up with the book until it is told to stop (as `run` and `maintain` do)
  gatebook projections status    how far they are, and what they take";

/// How long a command waits for another process that keeps the projections: a lease lasts at most 30 s, and a little more
/// is needed to see that it has ended.
const LEASE_WAIT_MAX: Duration = Duration::from_secs(35);

/// From one look at the book to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How long to wait after a failure, or for another process.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// From one tidying up to the next.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// Arguments of `gatebook projections`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make everything anew
    Rebuild,
    /// Keep up with the book until it is told to stop
    Follow,
    /// Show how far they are, and what they take
    Status,
}

/// Runs `gatebook projections`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    match args.command {
        Command::Rebuild => rebuild(&config).await,
        Command::Follow => {
            tokio::select! {
                () = keep_up(&config) => Ok(()),
                stopped = signal::stop() => Ok(stopped?),
            }
        }
        Command::Status => status(&config).await,
    }
}

async fn rebuild(config: &Config) -> anyhow::Result<()> {
    let location = &config.lake.location;
    let mut lease = Lease::take_projections(location, config.maintain.upkeep.lease, LEASE_WAIT_MAX).await?;
    let began = Instant::now();
    let mut projector = Projector::open(location, Arc::new(config.rules.clone()), Limits::default()).await?;
    let mut progress = Progress::new("events folded", Some(projector.events()?));
    let mut done = 0;
    let rebuilt = {
        let mut tell = |events| {
            done = events;
            progress.set(events);
        };
        tokio::select! {
            rebuilt = projector.rebuild(&mut tell) => rebuilt,
            lost = keep(&mut lease) => return Err(lost.into()),
        }
    };
    drop(progress);
    while projector.table().merge_once().await? {
        lease.keep().await?;
    }
    lease.release().await?;
    let Done { book_version, attempts, .. } = rebuilt.context("nothing was changed")?;
    let (attempts, done, took_s) = (HumanCount(attempts), HumanCount(done), began.elapsed().as_secs_f64());
    let line = format!(
        "{attempts} attempts made of {done} events, up to version {book_version} of the book, in {took_s:.1} s"
    );
    // A closed standard error must not turn what was done into a failure.
    let _ = writeln!(io::stderr(), "{line}");
    Ok(())
}

/// Takes in what the projections lack.
pub(crate) async fn catch_up(config: &Config, wait_max: Duration) -> anyhow::Result<()> {
    let location = &config.lake.location;
    let mut lease = Lease::take_projections(location, config.maintain.upkeep.lease, wait_max).await?;
    let mut projector = Projector::open(location, Arc::new(config.rules.clone()), Limits::default()).await?;
    tokio::select! {
        taken_in = projector.refresh() => taken_in.map(drop)?,
        lost = keep(&mut lease) => return Err(lost.into()),
    }
    while projector.table().merge_once().await? {
        lease.keep().await?;
    }
    projector.table().tidy(config.maintain.upkeep.vacuum_after).await?;
    Ok(lease.release().await?)
}

/// Keeps the projections up with the book, for ever. Another process that does so is left to it.
pub(crate) async fn keep_up(config: &Config) {
    loop {
        if let Err(error) = keep_up_once(config).await {
            match error.downcast_ref::<LeaseError>() {
                Some(LeaseError::Held { .. }) => tracing::debug!("another process keeps the projections"),
                _ => tracing::warn!("the projections are behind, trying again: {error:#}"),
            }
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Takes the lease and keeps up until something fails.
async fn keep_up_once(config: &Config) -> anyhow::Result<()> {
    let location = &config.lake.location;
    let mut lease = Lease::take_projections(location, config.maintain.upkeep.lease, Duration::ZERO).await?;
    let ended = tokio::select! {
        lost = keep(&mut lease) => return Err(lost.into()),
        ended = follow(location, config) => ended,
        // Beside it: what is merged is not waited for.
        () = tidy(location, config) => Ok(()),
    };
    // The next try, or another process, is not to wait for the end of this lease.
    lease.release().await?;
    ended
}

async fn follow(location: &Location, config: &Config) -> anyhow::Result<()> {
    let mut projector = Projector::open(location, Arc::new(config.rules.clone()), Limits::default()).await?;
    loop {
        let began = Instant::now();
        if let Some(Done { book_version, attempts, rebuilt }) = projector.refresh().await? {
            let took_ms = began.elapsed().as_millis();
            if rebuilt {
                tracing::info!(book.version = book_version, attempts, took_ms, "projections made anew");
            } else {
                tracing::debug!(book.version = book_version, attempts, took_ms, "projections taken on");
            }
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Merges and tidies up, for ever. What fails is done again the next time: it does not stop what keeps up.
async fn tidy(location: &Location, config: &Config) {
    let mut tidied: Option<Instant> = None;
    let mut table = None;
    loop {
        let is_due = tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY_INTERVAL);
        if is_due {
            tidied = Some(Instant::now());
        }
        if let Err(error) = tidy_once(location, config, &mut table, is_due).await {
            tracing::warn!("the projections were not tidied up: {:#}", anyhow::Error::from(error));
            table = None;
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        tokio::time::sleep(4 * LOOK_INTERVAL).await;
    }
}

/// With the table that was opened before, if it was.
async fn tidy_once(
    location: &Location,
    config: &Config,
    kept: &mut Option<Projections>,
    is_due: bool,
) -> Result<(), ProjectionsError> {
    let table = match kept.take() {
        Some(table) => table,
        // The other task makes it where there is none.
        None => match Projections::open(location).await? {
            Some(table) => table,
            None => return Ok(()),
        },
    };
    let table = kept.insert(table);
    loop {
        // A merge that lost against a commit is done again the next time.
        match table.merge_once().await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::debug!(%error, "a merge of projections was not done");
                break;
            }
        }
    }
    if is_due { table.tidy(config.maintain.upkeep.vacuum_after).await } else { Ok(()) }
}

/// Renews the lease until it is lost.
async fn keep(lease: &mut Lease) -> LeaseError {
    loop {
        if let Err(lost) = lease.keep().await {
            return lost;
        }
        tokio::time::sleep(4 * LOOK_INTERVAL).await;
    }
}

async fn status(config: &Config) -> anyhow::Result<()> {
    let location = &config.lake.location;
    let book = Book::open(location).await?;
    let mut table = Table::new(&["what", "value"]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row("version of the book", book.version().to_string());
    match Projections::open(location).await? {
        None => {
            row("taken in", "nothing: run `gatebook projections rebuild`, or `gatebook maintain`".to_owned())
        }
        Some(mut kept) => {
            let standing = kept.standing().await?;
            let version = standing.map_or_else(|| "nothing".to_owned(), |it| it.book_version.to_string());
            row("taken in up to version", version);
            let has_rules = standing.is_some_and(|standing| standing.rules == config.rules.fingerprint());
            row(
                "by the rules of the configuration",
                if has_rules { "yes" } else { "no: made anew when it is kept up" }.to_owned(),
            );
            let missing = behind(&book, &mut kept).await?;
            row("events not taken in, at most", HumanCount(missing).to_string());
            let parts = kept.parts()?;
            let of = |kind: PartKind| parts.iter().filter(move |part| part.kind == kind);
            let rows = |kind| HumanCount(of(kind).map(|part| part.rows).sum()).to_string();
            row("rows of attempts", rows(PartKind::Attempt));
            row("rows that are void", rows(PartKind::Void));
            let sums = parts.iter().filter(|part| part.kind.adds_up());
            row("rows of sums", HumanCount(sums.map(|part| part.rows).sum()).to_string());
            row("files", parts.len().to_string());
            row("bytes", HumanCount(parts.iter().map(|part| part.size_bytes).sum()).to_string());
        }
    }
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    out.flush()?;
    Ok(())
}
