//! `gatebook report run`, `saved` and `schedule`: what is asked again and again.

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use query::saved::Saved;

use super::answer::{self, OutputArgs};
use crate::asker::Asker;
use crate::config::Config;
use crate::exit::Usage;
use crate::saved::{Keeper, Pass, SavedReports, Standing};
use crate::signal;
use crate::table::{NONE, Table};

const RUN_EXAMPLES: &str = "\
Examples:
  gatebook report run denials-daily                                on the terminal, of its range as it is now
  gatebook report run denials-daily --format csv --output a.csv    in a file of your choice
  gatebook report run denials-daily --save                         in its own folder, under the name of its period";

const SAVED_EXAMPLES: &str = "\
Examples:
  gatebook report saved               what there is, when it is due, and what failed
  gatebook config show                which file names them (reports.file)";

const SCHEDULE_EXAMPLES: &str = "\
Examples:
  gatebook report schedule            write what is due, again and again, until it is told to stop
  gatebook report schedule --once     write all that is due now, for a timer of your own";

/// Arguments of `gatebook report run`.
#[derive(Debug, clap::Args)]
#[command(before_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    /// The saved report
    name: String,

    /// Write it to its own folder in each of its formats; a period that is there already stays
    #[arg(long, conflicts_with_all = ["output", "format"])]
    save: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `gatebook report saved`.
#[derive(Debug, clap::Args)]
#[command(before_help = SAVED_EXAMPLES)]
pub(crate) struct SavedArgs {}

/// Arguments of `gatebook report schedule`.
#[derive(Debug, clap::Args)]
#[command(before_help = SCHEDULE_EXAMPLES)]
pub(crate) struct ScheduleArgs {
    /// Write all that is due, then stop; fails where any of it failed
    #[arg(long)]
    once: bool,
}

/// Runs `gatebook report run`.
pub(super) fn run(args: &RunArgs, config: &Config) -> anyhow::Result<()> {
    let reports = SavedReports::load(config)?;
    let saved = reports.named(&args.name)?;
    if args.save {
        let files = reports.save(saved, &Asker::new(config), Utc::now())?;
        for file in files {
            // A closed standard error must not turn what was done into a failure.
            let _ = writeln!(io::stderr(), "{}", file.display());
        }
        return Ok(());
    }
    let question = saved.question(Utc::now()).map_err(|error| Usage(format!("{}: {error}", saved.name)))?;
    answer::print(config, &args.output, async |session| {
        saved.report.answer(session, &question.parameters).await
    })
}

/// Runs `gatebook report saved`.
pub(super) fn list(config: &Config) -> anyhow::Result<()> {
    let reports = SavedReports::load(config)?;
    let now = Utc::now();
    let mut table =
        Table::new(&["name", "report", "range", "formats", "folder", "every", "next due", "missing"]);
    let mut troubles = Vec::new();
    for saved in &reports.all {
        let Standing { next, missing, trouble } = reports.standing(saved, now);
        table.row(row(saved, next, missing));
        troubles.extend(trouble.map(|trouble| format!("{}: {trouble}", saved.name)));
    }
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    for trouble in troubles {
        writeln!(out, "\n{trouble}")?;
    }
    Ok(out.flush()?)
}

fn row(saved: &Saved, next: Option<DateTime<Utc>>, missing: usize) -> Vec<String> {
    let formats: Vec<&str> = saved.formats.iter().map(|format| format.as_str()).collect();
    vec![
        saved.name.clone(),
        saved.report.name.to_owned(),
        saved.range_text(),
        formats.join(","),
        saved.output.clone().unwrap_or_else(|| NONE.to_owned()),
        saved.schedule.map_or_else(|| NONE.to_owned(), |schedule| schedule.to_string()),
        next.map_or_else(|| NONE.to_owned(), |next| local(next, saved.tz)),
        saved.schedule.map_or_else(|| NONE.to_owned(), |_| missing.to_string()),
    ]
}

fn local(at: DateTime<Utc>, tz: Tz) -> String {
    at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Runs `gatebook report schedule`.
pub(super) async fn schedule(args: &ScheduleArgs, config: &Config) -> anyhow::Result<()> {
    let reports = SavedReports::load(config)?;
    if !reports.has_schedule() {
        let file = config.reports.file.display();
        anyhow::bail!(Usage(format!("give a report in {file} a schedule: none has one")));
    }
    let mut keeper = Keeper::new(Asker::new(config), reports);
    if args.once {
        let Pass { written, waiting, failed } = keeper.pass(Utc::now());
        // A closed standard error must not turn what was done into a failure.
        let _ = writeln!(
            io::stderr(),
            "{written} files written, {waiting} wait until they are settled, {failed} failed"
        );
        anyhow::ensure!(
            failed == 0,
            "look at the lines above, or at `gatebook report saved`: {failed} failed"
        );
        return Ok(());
    }
    // It can be left at any instant: what has no name yet is written again.
    tokio::select! {
        () = keeper.keep_up() => Ok(()),
        stopped = signal::stop() => Ok(stopped?),
    }
}
