//! The `gatebook` command. It composes the rooms and holds no logic of its own: [`cli`] is what can be
//! typed, [`config`] what can be set, [`commands`] what is done, [`exit`] how it ends.

mod cli;
mod commands;
mod config;
mod exit;
mod progress;
mod service;
mod signal;
mod table;
mod telemetry;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::parse();
    let result = match telemetry::start() {
        Ok(()) => commands::run(cli).await,
        Err(error) => Err(error),
    };
    exit::code(result)
}
