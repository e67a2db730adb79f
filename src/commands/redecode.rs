//! `gatebook redecode`: what the decoders of today make of events whose bytes were kept.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Context as _;
use chrono::{NaiveDate, Utc};
use ingest::redecode::{self, Comparison, DayDone, Example, Question, Range};
use lake::Book;
use lake::maintain::Lease;
use schemas::Source;

use super::decode::source;
use super::maintain::LEASE_WAIT_MAX;
use crate::config::Config;
use crate::exit::Usage;
use crate::table::Table;
use crate::user;

const EXAMPLES: &str = "\
Examples:
  gatebook redecode --from 2026-10-01 --to 2026-11-01            what a newer version reads differently, by column
  gatebook redecode --from 2026-10-01 --to 2026-10-02 --source entra
  gatebook redecode --from 2026-10-01 --to 2026-11-01 --apply    replace it, a day at a time; the old rows are kept";

/// Arguments of `gatebook redecode`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The first day, in UTC
    #[arg(long, value_name = "DAY")]
    from: NaiveDate,

    /// The day after the last
    #[arg(long, value_name = "DAY")]
    to: NaiveDate,

    /// Events of this product alone
    #[arg(long, value_parser = source)]
    source: Option<Source>,

    /// Replace what reads differently; asks nothing. The old rows stay as kind superseded
    #[arg(long)]
    apply: bool,

    /// Who does it, for the removal entries; the system's user where this is not given
    #[arg(long, value_name = "NAME", requires = "apply", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    actor: Option<String>,
}

/// Runs `gatebook redecode`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let Args { from, to, source, apply, actor } = args;
    if from >= to {
        anyhow::bail!(Usage("give a day before --to as --from".to_owned()));
    }
    let range = Range { from, to, source };
    let now_us = Utc::now().timestamp_micros();
    let asked = Question { topics: &config.topics, maps: &config.maps, range, now_us };
    if apply {
        return replace(&asked, &actor.unwrap_or_else(user::name), &config).await;
    }
    let book = Book::open(&config.lake.location).await?;
    let comparison = redecode::compare(&book, &asked)
        .await
        .context("the kept bytes were not compared; the book is as it was")?;
    let advice = match comparison.differing() {
        0 => "",
        _ => " The same command with --apply replaces what reads differently.",
    };
    let mut out = io::stdout().lock();
    write!(out, "{}\nNothing was changed.{advice}\n", text(&comparison, false))?;
    out.flush()?;
    Ok(())
}

async fn replace(asked: &Question<'_>, actor: &str, config: &Config) -> anyhow::Result<()> {
    let mut book = Book::open(&config.lake.location).await?;
    let mut lease = Lease::take(&config.lake.location, config.maintain.upkeep.lease, LEASE_WAIT_MAX).await?;
    let applied = redecode::apply(&mut book, &mut lease, asked, actor, &mut |done| {
        // A reader that went away must not keep the later days from being done.
        let _ = writeln!(io::stdout(), "{}", line(&done));
    })
    .await;
    // Whatever happened, the next owner need not wait.
    let released = lease.release().await;
    let comparison = applied.context(
        "run the same command again once the cause is gone: the days above are done, the others are as they were",
    )?;
    released?;
    let mut out = io::stdout().lock();
    write!(out, "\n{}", text(&comparison, true))?;
    out.flush()?;
    Ok(())
}

/// What was done to a day.
fn line(done: &DayDone) -> String {
    let DayDone { day, events, replaced } = done;
    let moved = match replaced.moved {
        0 => String::new(),
        moved => format!(", of them {moved} moved to another day"),
    };
    format!("{day}: {} of {events} events replaced{moved}", replaced.events)
}

fn text(comparison: &Comparison, is_done: bool) -> String {
    let Comparison { events, unreadable, same, kept, columns, decoders } = comparison;
    let mut table = Table::new(&["events", "what"]);
    let mut row = |count: u64, what: &str| table.row(vec![count.to_string(), what.to_owned()]);
    row(*events, "in the range");
    row(*unreadable, "of them without kept bytes, or of a topic that is not configured");
    row(*same, "read the same");
    row(comparison.differing(), if is_done { "were replaced" } else { "would read differently" });
    for (why, count) in kept {
        row(
            *count,
            &format!("{}: {why}", if is_done { "stay as they are" } else { "would stay as they are" }),
        );
    }
    let mut text = table.to_string();
    for (old, new) in decoders {
        let _ = write!(text, "\nread by {old}, now by {new}");
    }
    if !decoders.is_empty() {
        text.push('\n');
    }
    for (column, (count, examples)) in columns {
        let _ = writeln!(text, "\n{column}: {count}");
        for Example { place, old, new } in examples {
            let told = |value: &str| if value.is_empty() { "(nothing)".to_owned() } else { value.to_owned() };
            let _ = writeln!(text, "  {place}: {} → {}", told(old), told(new));
        }
    }
    text
}
