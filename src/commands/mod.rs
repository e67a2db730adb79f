//! The commands, one file each. A command takes its own arguments and the checked configuration, calls a
//! room, prints data on standard output and messages on standard error; it holds no logic.
//!
//! Each has `Args` and `run(args, config) -> anyhow::Result<()>`, async where the room is. An error ends the
//! command with exit code 1; one that is, or carries as its context, a [`crate::exit::Usage`] with 2.

mod actor;
mod answer;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod directory;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod identities;
pub(crate) mod ingest;
pub(crate) mod lake;
pub(crate) mod maintain;
pub(crate) mod produce;
pub(crate) mod projections;
pub(crate) mod redecode;
pub(crate) mod rejections;
pub(crate) mod report;
pub(crate) mod reports;
pub(crate) mod run;
mod saved;
pub(crate) mod serve;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod token;

use crate::cli::{Cli, Command};
use crate::config::Config;

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let path = cli.config.as_deref();
    let config = || Config::load(path);
    match cli.command {
        Command::Ingest(args) => ingest::run(args, config()?).await,
        Command::Maintain(args) => maintain::run(args, config()?).await,
        Command::Projections(args) => projections::run(args, config()?).await,
        Command::Check(args) => check::run(args, config()?).await,
        Command::Rejections(args) => rejections::run(args, config()?).await,
        Command::Status(args) => status::run(args, config()?).await,
        Command::Lake(args) => lake::run(args, config()?).await,
        Command::Directory(args) => directory::run(args, config()?).await,
        Command::Identities(args) => identities::run(args, config()?).await,
        Command::Sql(args) => sql::run(args, config).await,
        Command::SqlWorker => sql::work(),
        Command::Report(args) => report::run(args, &config()?).await,
        Command::Reports(reports::Args {}) => reports::run(),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args, &config()?),
        Command::Redecode(args) => redecode::run(args, config()?).await,
        Command::Produce(args) => produce::run(args, config()?).await,
        Command::Config(args) => config::run(&args, path),
        Command::Decode(args) => decode::run(&args),
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Run(args) => run::run(args, config()?).await,
        Command::Serve(args) => serve::run(args, config()?).await,
        Command::Token(args) => token::run(&args),
        Command::Completions(args) => Ok(completions::run(&args)?),
    }
}
