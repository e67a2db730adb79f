//! `gatebook config`: shows and checks the configuration.

use std::io::{self, Write as _};
use std::path::Path;

use crate::config::{Config, DEFAULT_TOML};

const EXAMPLES: &str = "\
Examples:
  gatebook config show --default > gatebook.toml   a complete, commented configuration
  gatebook config show                             what holds, and where it comes from
  gatebook config check                            everything that is wrong, before a start";

/// Arguments of `gatebook config`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do with it.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the configuration that holds, with where each value comes from; secrets are masked
    Show {
        /// Print the defaults instead, with an explanation of every key
        #[arg(long)]
        default: bool,
    },
    /// Say what is wrong with the configuration, without starting anything
    Check,
}

/// Runs `gatebook config`.
pub(crate) fn run(args: &Args, path: Option<&Path>) -> anyhow::Result<()> {
    match args.action {
        Action::Show { default: true } => print(DEFAULT_TOML),
        Action::Show { default: false } => print(&Config::load(path)?.show()),
        Action::Check => {
            let config = Config::load(path)?;
            let topics: Vec<&str> = config.topics.iter().map(|topic| topic.name.as_str()).collect();
            print(&format!(
                "good: {} from {} to {}\n",
                topics.join(", "),
                config.kafka.brokers,
                config.lake.location.folder().display()
            ))
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
