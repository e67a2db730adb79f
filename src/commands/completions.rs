//! `gatebook completions`: what a shell completes.

use std::io::{self, Write as _};

use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  gatebook completions bash > /etc/bash_completion.d/gatebook
  gatebook completions zsh > ~/.zfunc/_gatebook
  gatebook completions fish > ~/.config/fish/completions/gatebook.fish";

/// Arguments of `gatebook completions`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Runs `gatebook completions`.
pub(crate) fn run(args: &Args) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "gatebook", &mut script);
    io::stdout().write_all(&script)
}
