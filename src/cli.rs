//! The command line: what can be typed. Help, and later the manual page and completions, come from here.

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{commands, exit};

const EXAMPLES: &str = "\
Examples:
  gatebook demo                                      see it at work, with nothing to install
  gatebook config show --default > gatebook.toml     a complete, commented configuration
  gatebook config check                              what is wrong with it, if anything
  gatebook produce --topic auth-events --count 1000  believable traffic, to try it
  gatebook ingest --until-caught-up                  from Kafka to the book
  gatebook report usage --by day,method              what was used, and how it ended";

/// Examples stand before the options: they are what most readers look for.
const HELP: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// The command that [`query::SqlPool`] starts.
pub(crate) const SQL_WORKER: &str = "sql-worker";

/// The audit and reporting pipeline for multi-factor authentication: Kafka to one Delta table, exactly once
#[derive(Debug, Parser)]
#[command(name = "gatebook", version, before_help = EXAMPLES, after_help = exit::CODES)]
pub(crate) struct Cli {
    /// The configuration; without it gatebook.toml in the working folder, where there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant for each command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it all at work: traffic of a day, a book, reports, an API, with nothing to install
    Demo(commands::demo::Args),
    /// Ingest, upkeep and the HTTP API in one process
    Run(commands::run::Args),
    /// Answer reports over HTTP from a book that others fill
    Serve(commands::serve::Args),
    /// Take records from Kafka into the book, each exactly once
    Ingest(commands::ingest::Args),
    /// Keep the book in order: compaction, checkpoints, clean-up, retention
    Maintain(commands::maintain::Args),
    /// Keep attempts and sign-ins up with the book, or make them anew
    Projections(commands::projections::Args),
    /// Prove from the book alone that every offset is accounted for once
    Check(commands::check::Args),
    /// Look at what could not be read, and produce it again
    Rejections(commands::rejections::Args),
    /// Show where each partition stands: what the book holds, and what waits in Kafka
    Status(commands::status::Args),
    /// Look after the lake as a whole
    Lake(commands::lake::Args),
    /// Say who is who, and who is enabled when, by the files of directories
    Directory(commands::directory::Args),
    /// Cut wrong links between ids and persons, and take a cut back
    Identities(commands::identities::Args),
    /// Ask the book one question in SQL
    Sql(commands::sql::Args),
    /// Answer SQL for another process, which starts this one
    #[command(name = SQL_WORKER, hide = true)]
    SqlWorker,
    /// Ask the book a named question
    Report(commands::report::Args),
    /// List the named questions, a line each
    Reports(commands::reports::Args),
    /// Write events in a schema that other tools read
    Export(commands::export::Args),
    /// Say what a code or text of any vendor means, and what can be done about it
    Explain(commands::explain::Args),
    /// Show what a file of a product's records would become: nothing else is needed
    Decode(commands::decode::Args),
    /// Show what the decoders of today make of events whose bytes were kept, and replace it where asked
    Redecode(commands::redecode::Args),
    /// Send a file, standard input or synthetic traffic to a topic
    Produce(commands::produce::Args),
    /// Show or check the configuration
    Config(commands::config::Args),
    /// Make an access token for the HTTP API
    Token(commands::token::Args),
    /// Print what a shell needs to complete commands
    Completions(commands::completions::Args),
}

/// Reads the command line. Prints help, the version or what is wrong with it, and ends the process.
pub(crate) fn parse() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The whole command line, each command with its examples first.
pub(crate) fn command() -> clap::Command {
    examples_first(Cli::command())
}

fn examples_first(command: clap::Command) -> clap::Command {
    command.help_template(HELP).mut_subcommands(examples_first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples_before_its_options() {
        for sub in command().get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
            let help = sub.render_help().to_string();
            let examples = help.find("Examples:").unwrap_or_else(|| panic!("no examples: {help}"));
            assert!(help.find("Usage:").is_some_and(|usage| examples < usage), "{help}");
        }
    }
}
