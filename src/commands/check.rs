//! `gatebook check`: proves the invariants of the book from the book alone.

use std::io::{self, Write as _};

use anyhow::bail;
use lake::{Book, CheckReport, Invariant};

use crate::config::Config;
use crate::progress::Progress;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  gatebook check                 every file is read; the exit code is 0 if the book is whole, else 1
  gatebook check > check.txt     the same, to keep";

/// Arguments of `gatebook check`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {}

/// Runs `gatebook check`.
pub(crate) async fn run(_args: Args, config: Config) -> anyhow::Result<()> {
    let mut book = Book::open(&config.lake.location).await?;
    let files = book.files()?.len() as u64;
    let mut shown = Progress::new("files", Some(files));
    let report = book.check(&mut |files| shown.set(files)).await?;
    drop(shown);
    let mut out = io::stdout().lock();
    print(&report, &mut out)?;
    out.flush()?;
    let broken = Invariant::ALL.iter().filter(|&&invariant| report.findings.count(invariant) > 0).count();
    if broken > 0 {
        bail!(
            "stop ingest and keep a copy of the lake as it is, then restore from a backup what the findings name: \
             {broken} of {} invariants do not hold",
            Invariant::ALL.len()
        );
    }
    Ok(())
}

fn print(report: &CheckReport, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "version {}: {} files, {} rows\n", report.version, report.files, report.rows)?;
    writeln!(out, "{}", partitions(report))?;
    write!(out, "{}", invariants(report))?;
    if !report.is_whole() {
        write!(out, "\n{}", findings(report))?;
    }
    Ok(())
}

fn partitions(report: &CheckReport) -> Table {
    let mut table = Table::new(&[
        "topic",
        "topic id",
        "partition",
        "from",
        "next",
        "records",
        "elements",
        "events",
        "changes",
        "rejections",
        "skipped",
        "removed",
        "superseded",
    ]);
    for (id, partition) in &report.partitions {
        let totals = &partition.totals;
        table.row(vec![
            totals.topic.clone(),
            id.topic_id.clone(),
            id.partition.to_string(),
            totals.first_offset.to_string(),
            totals.next_offset.to_string(),
            totals.records.to_string(),
            totals.elements.to_string(),
            totals.events.to_string(),
            totals.changes.to_string(),
            totals.rejections.to_string(),
            totals.skipped.to_string(),
            partition.removed.to_string(),
            partition.superseded.to_string(),
        ]);
    }
    table
}

fn invariants(report: &CheckReport) -> Table {
    let mut table = Table::new(&["invariant", "findings", "what must hold"]);
    for &invariant in Invariant::ALL {
        let findings = report.findings.count(invariant);
        table.row(vec![invariant.code().to_owned(), findings.to_string(), invariant.statement().to_owned()]);
    }
    table
}

/// The first findings of each invariant that does not hold.
fn findings(report: &CheckReport) -> Table {
    let mut table = Table::new(&["invariant", "where", "found", "expected"]);
    for finding in report.findings.shown() {
        table.row(vec![
            finding.invariant.code().to_owned(),
            finding.place.clone(),
            finding.found.clone(),
            finding.expected.clone(),
        ]);
    }
    table
}
