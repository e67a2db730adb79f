//! The commands, one file each. A command takes its own arguments and the checked configuration, calls a
//! room, prints data on standard output and messages on standard error; it holds no logic.
//!
//! Each has `Args` and `run(args, config) -> anyhow::Result<()>`, async where the room is. An error ends the
//! command with exit code 1; one that is, or carries as its context, a [`crate::exit::Usage`] with 2.

pub(crate) mod config;

use crate::cli::{Cli, Command};

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let path = cli.config.as_deref();
    match cli.command {
        Command::Config(args) => config::run(&args, path),
    }
}
