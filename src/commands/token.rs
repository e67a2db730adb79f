//! `gatebook token`: makes an access token for the HTTP API.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use serve::{NewToken, Scope, Token};

const EXAMPLES: &str = "\
Examples:
  gatebook token dashboards --scopes reports >> gatebook.toml      shows the token once, and accepts it from now on
  gatebook token monitor --scopes operate --to monitor.token       writes the token to a file of its own";

/// Arguments of `gatebook token`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Who it is for: lower-case letters, digits, hyphens
    #[arg(value_parser = Token::check_name)]
    name: String,

    /// What it reaches, comma-separated: reports, people, sql, operate
    #[arg(long, value_parser = scopes)]
    scopes: Scopes,

    /// Write the token to this new file, which its owner alone can read, and not to standard error
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Scopes(Vec<Scope>);

fn scopes(text: &str) -> Result<Scopes, String> {
    Scope::parse_list(text).map(Scopes)
}

/// Runs `gatebook token`: the block for the configuration on standard output, the token itself apart from it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let made = NewToken::generate(&args.name).context("the system has no random bytes")?;
    match &args.to {
        Some(path) => {
            let failed = || format!("choose another --to: {} cannot be made", path.display());
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .with_context(failed)?;
            writeln!(file, "{}", made.token).with_context(failed)?;
        }
        None => writeln!(
            io::stderr(),
            "the token, which is kept nowhere:\n  {}\nadd what stands on standard output to the configuration, and \
             start `gatebook serve` or `run` anew",
            made.token
        )?,
    }
    let names: Vec<&str> = args.scopes.0.iter().map(|scope| scope.as_str()).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "[[tokens]]\nname = {:?}\nscopes = {:?}", args.name, names.join(","))?;
    writeln!(out, "verifier = \"{}\"", made.verifier)?;
    Ok(out.flush()?)
}
