//! `gatebook reports`: what can be asked.

use std::io::{self, Write as _};

use query::report::REPORTS;

const EXAMPLES: &str = "\
Examples:
  gatebook reports                    what can be asked, a line each
  gatebook report denials --help      what one of them counts, and what it takes";

/// Arguments of `gatebook reports`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {}

/// Runs `gatebook reports`.
pub(crate) fn run() -> anyhow::Result<()> {
    let width = REPORTS.iter().map(|report| report.name.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for report in REPORTS {
        writeln!(out, "{:width$}  {}", report.name, report.asks)?;
    }
    Ok(out.flush()?)
}
