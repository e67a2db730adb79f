//! The `gatebook` command. It composes the rooms and holds no logic of its own: [`cli`] is what can be
//! typed, [`config`] what can be set, [`commands`] what is done, [`exit`] how it ends.

mod answer_file;
mod asker;
mod cli;
mod commands;
mod config;
mod exit;
mod progress;
mod saved;
mod service;
mod signal;
mod table;
mod telemetry;
mod user;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Builder;

/// How long what still blocks at the end of a command may take: an answer of a broker that nobody waits for any more.
const LEFT_OVERS_MAX: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = cli::parse();
    let ended = telemetry::start().and_then(|()| {
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("raise the limit of threads of this user or container")?;
        let ended = runtime.block_on(commands::run(cli));
        runtime.shutdown_timeout(LEFT_OVERS_MAX);
        ended
    });
    exit::code(ended)
}
