//! `gatebook export`: the events that count, in a schema that other tools read.

use std::path::PathBuf;

use chrono::Utc;
use clap::{ArgMatches, Command, FromArgMatches};
use query::output::Format;
use query::report::ReportParameters;

use super::answer::{self, OutputArgs};
use super::report::Given;
use crate::config::Config;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  gatebook export --as ocsf                                  the last 24 hours, an OCSF event a line
  gatebook export --as ocsf --from 2026-10-01 --to 2026-11-01 --output october.ndjson
  gatebook export --as ocsf --tenant acme --result denied --format parquet --output denied.parquet";

/// Arguments of `gatebook export`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The schema
    #[arg(long = "as", value_enum)]
    schema: Schema,

    #[command(flatten)]
    chosen: Chosen,

    /// How the events are written
    #[arg(long, default_value = Format::Ndjson.as_str(), value_parser = answer::format_parser())]
    format: Format,

    /// Write them to this file, and to FILE.coverage.json what they stand on, with its SHA-256
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which events.
#[derive(Debug)]
struct Chosen(Given);

impl clap::Args for Chosen {
    fn augment_args(command: Command) -> Command {
        Given::options(command, query::export_parameters())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Chosen {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Given::read(matches, query::export_parameters())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Schema {
    /// OCSF 1.5, class Authentication (3002)
    Ocsf,
}

/// Runs `gatebook export`.
pub(crate) fn run(args: &Args, config: &Config) -> anyhow::Result<()> {
    let Args { schema: Schema::Ocsf, chosen: Chosen(given), format, output } = args;
    let parameters = ReportParameters::parse(query::export_parameters(), given.pairs(), Utc::now())
        .map_err(|error| Usage(format!("--{error}")))?;
    let output = OutputArgs::new(*format, output.clone());
    answer::print(config, &output, async |session| query::export_ocsf(session, &parameters).await)
}
