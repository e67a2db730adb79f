//! What `sql`, `report` and `rejections list` share: where an answer goes.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use chrono::SecondsFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use query::output::Format;
use query::{Answer, Coverage, QueryError, Session};

use crate::answer_file::{Existing, write, write_file};
use crate::asker::Asker;
use crate::config::Config;
use crate::exit::Usage;

pub(super) use crate::answer_file::usage_or_failure;

/// How an answer is written, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// How the answer is written
    #[arg(long, default_value = Format::Table.as_str(), value_parser = format_parser())]
    format: Format,

    /// Write it to this file, and to FILE.coverage.json what it stands on, with its SHA-256
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl OutputArgs {
    pub(super) fn new(format: Format, output: Option<PathBuf>) -> Self {
        Self { format, output }
    }
}

/// Reads `--format`.
pub(super) fn format_parser() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(Format::ALL.iter().map(|format| format.as_str()));
    names.try_map(|name| Format::parse(&name).ok_or("no such format"))
}

/// Asks the book at its latest version, and writes the answer down. Blocks.
///
/// Where the format has no place for what the answer stands on, a line on standard error says it.
pub(super) fn print(
    config: &Config,
    args: &OutputArgs,
    ask: impl AsyncFnOnce(&Session) -> Result<Answer, QueryError> + Send,
) -> anyhow::Result<()> {
    check_terminal(args)?;
    ask_session(config, async |session| {
        let answer = ask(session).await.map_err(usage_or_failure)?;
        write_down(answer, args).await
    })
}

/// Asks the book and the directory at their latest versions. Blocks.
pub(super) fn ask_session<T: Send>(
    config: &Config,
    ask: impl AsyncFnOnce(&Session) -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    Asker::new(config).ask(ask)
}

/// Refuses to fill a terminal with bytes.
pub(super) fn check_terminal(args: &OutputArgs) -> anyhow::Result<()> {
    if args.output.is_none() && !args.format.is_text() && io::stdout().is_terminal() {
        let advice = "send it to a file with --output FILE: a terminal cannot show this format";
        anyhow::bail!(Usage(advice.to_owned()));
    }
    Ok(())
}

/// Writes an answer to where it was asked for.
pub(super) async fn write_down(answer: Answer, args: &OutputArgs) -> anyhow::Result<()> {
    let coverage = answer.coverage.clone();
    let written = match &args.output {
        Some(path) => write_file(answer, args.format, path, Existing::Replaced).await?,
        None => write(answer, args.format, &mut io::stdout().lock()).await?,
    };
    if written.complete && !args.format.holds_coverage() {
        // A closed standard error must not turn an answer into a failure.
        let _ = writeln!(io::stderr(), "{}", summary(&coverage, written.rows));
    }
    Ok(())
}

fn summary(coverage: &Coverage, rows: u64) -> String {
    let newest = match coverage.newest_occurred_at {
        Some(at) => format!("newest event {}", at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        None => "no events yet".to_owned(),
    };
    let unit = if rows == 1 { "row" } else { "rows" };
    let directory = coverage.directory_version.map(|version| format!(" and {version} of the directory"));
    let redecoded: Vec<String> =
        coverage.redecoded_days.iter().map(|days| format!("from {} to {}", days.from, days.to)).collect();
    let redecoded = match redecoded.as_slice() {
        [] => String::new(),
        ranges => format!("; read anew by a later decoder: {}", ranges.join(", ")),
    };
    format!(
        "{rows} {unit} from version {} of the book{}; {newest}; times in {}{redecoded}",
        coverage.book_version,
        directory.unwrap_or_default(),
        coverage.tz
    )
}
