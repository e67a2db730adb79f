//! `gatebook lake`: what concerns the lake as a whole.

use std::io::{self, Write as _};

use lake::Book;

use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  gatebook lake upgrade    add the columns that this version knows and the book lacks";

/// Arguments of `gatebook lake`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add the columns that this version knows and the book lacks; nothing is rewritten
    Upgrade,
}

/// Runs `gatebook lake`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let Action::Upgrade = args.action;
    let added = Book::upgrade(&config.lake.location).await?;
    let mut out = io::stdout().lock();
    for column in &added {
        writeln!(out, "{column}")?;
    }
    let message = match added.len() {
        0 => "the book has every column already".to_owned(),
        count => {
            format!("added {count} columns; older versions of gatebook cannot write to this book any more")
        }
    };
    // A closed standard error must not turn what was done into a failure.
    let _ = writeln!(io::stderr(), "{message}");
    Ok(())
}
