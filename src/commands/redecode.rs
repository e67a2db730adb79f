//! `gatebook redecode`: what the decoders of today would make of events whose bytes were kept.

use std::io::{self, Write as _};

use anyhow::Context as _;
use chrono::{NaiveDate, Utc};
use ingest::redecode::{self, Comparison, Example, Range};
use lake::Book;
use schemas::Source;

use super::decode::source;
use crate::config::Config;
use crate::exit::Usage;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  gatebook redecode --from 2026-10-01 --to 2026-11-01            what a newer version reads differently, by column
  gatebook redecode --from 2026-10-01 --to 2026-10-02 --source entra";

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
}

/// Runs `gatebook redecode`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let Args { from, to, source } = args;
    if from >= to {
        anyhow::bail!(Usage("give a day before --to as --from".to_owned()));
    }
    let book = Book::open(&config.lake.location).await?;
    let range = Range { from, to, source };
    let now_us = Utc::now().timestamp_micros();
    let comparison = redecode::compare(&book, &config.topics, &config.maps, &range, now_us)
        .await
        .context("the kept bytes were not compared; the book is as it was")?;
    let mut out = io::stdout().lock();
    write!(out, "{}", text(&comparison))?;
    out.flush()?;
    Ok(())
}

fn text(comparison: &Comparison) -> String {
    let Comparison { events, unreadable, same, no_events, columns, decoders } = comparison;
    let others: u64 = no_events.values().sum();
    let differing = events - unreadable - same - others;
    let mut table = Table::new(&["events", "what"]);
    let mut row = |count: u64, what: &str| table.row(vec![count.to_string(), what.to_owned()]);
    row(*events, "in the range");
    row(*unreadable, "of them without kept bytes, or of a topic that is not configured");
    row(*same, "read the same");
    row(differing, "would read differently");
    for (what, count) in no_events {
        row(*count, &format!("would be no event any more: {what}"));
    }
    let mut text = table.to_string();
    for (old, new) in decoders {
        text.push_str(&format!("\nread by {old}, now by {new}"));
    }
    if !decoders.is_empty() {
        text.push('\n');
    }
    for (column, (count, examples)) in columns {
        text.push_str(&format!("\n{column}: {count}\n"));
        for Example { place, old, new } in examples {
            let told = |value: &str| if value.is_empty() { "(nothing)".to_owned() } else { value.to_owned() };
            text.push_str(&format!("  {place}: {} → {}\n", told(old), told(new)));
        }
    }
    text.push_str("\nNothing was changed.\n");
    text
}
