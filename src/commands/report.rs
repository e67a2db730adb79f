//! `gatebook report`: the named reports.

use chrono::Utc;
use query::output::Format;
use query::usage::{UsageParameters, UsageText, usage};

use super::answer;
use crate::config::Config;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  gatebook report usage                                    the last 24 hours in one row
  gatebook report usage --by hour,method                   the same by hour and method
  gatebook report usage --from 2026-10-01 --to 2026-11-01 --tz Europe/Berlin --by day,result --format csv";

/// Arguments of `gatebook report`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which report.
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, clap::Subcommand)]
enum Report {
    /// How many events there were, and how they ended, by time and by what was used
    #[command(before_help = EXAMPLES)]
    Usage(UsageArgs),
}

#[derive(Debug, clap::Args)]
struct UsageArgs {
    /// From when: RFC 3339, or a local date or date-time in the zone [default: 24 hours before --to]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Until when, itself not included [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// The IANA time zone of local days and hours [default: UTC]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,

    /// Any of quarter_hour, hour, day, week, month, method, result, reason, reason_group, server, tenant,
    /// source, assurance, stage; comma-separated
    #[arg(long, value_name = "GROUPS")]
    by: Option<String>,

    /// How the answer is written
    #[arg(long, default_value = Format::Table.as_str(), value_parser = answer::format_parser())]
    format: Format,
}

/// Runs `gatebook report`.
pub(crate) fn run(args: Args, config: &Config) -> anyhow::Result<()> {
    let Report::Usage(args) = args.report;
    let text = UsageText {
        from: args.from.as_deref(),
        to: args.to.as_deref(),
        tz: args.tz.as_deref(),
        by: args.by.as_deref(),
    };
    let parameters =
        UsageParameters::parse(&text, Utc::now()).map_err(|error| Usage(format!("--{error}")))?;
    answer::print(config, args.format, async |session| usage(session, &parameters).await)
}
