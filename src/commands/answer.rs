//! What `sql` and `report` share: opening the book, and writing an answer down.

use std::io::{self, Write as _};

use anyhow::Context as _;
use chrono::SecondsFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use query::output::{self, Format, OutputError};
use query::{Answer, Coverage, QueryError, Session};

use crate::config::Config;
use crate::exit::Usage;

/// Reads `--format`.
pub(super) fn format_parser() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(Format::ALL.iter().map(|format| format.as_str()));
    names.try_map(|name| Format::parse(&name).ok_or("no such format"))
}

/// Asks the book at its latest version, and writes the answer to standard output. Blocks.
///
/// Where the format has no place for what the answer stands on, a line on standard error says it.
pub(super) fn print(
    config: &Config,
    format: Format,
    ask: impl AsyncFnOnce(&Session) -> Result<Answer, QueryError> + Send,
) -> anyhow::Result<()> {
    let question = async || -> anyhow::Result<()> {
        let book = lake::Book::open(&config.lake.location).await?;
        let session = Session::open(&book, config.query).map_err(usage_or_failure)?;
        let answer = ask(&session).await.map_err(usage_or_failure)?;
        let coverage = answer.coverage.clone();
        let written =
            output::write(answer, format, &mut io::stdout().lock()).await.map_err(|error| match error {
                OutputError::Query(error) => usage_or_failure(error),
                error @ OutputError::DuplicateColumn(_) => anyhow::anyhow!(Usage(error.to_string())),
                error => error.into(),
            })?;
        if written.complete && format != Format::Json {
            // A closed standard error must not turn an answer into a failure.
            let _ = writeln!(io::stderr(), "{}", summary(&coverage, written.rows));
        }
        Ok(())
    };
    tokio::task::block_in_place(|| query::run_on_large_stack(question))
        .context("free some memory: the system gives no thread for the query")?
}

fn usage_or_failure(error: QueryError) -> anyhow::Error {
    if error.is_refusal() { anyhow::anyhow!(Usage(error.to_string())) } else { error.into() }
}

fn summary(coverage: &Coverage, rows: u64) -> String {
    let newest = match coverage.newest_occurred_at {
        Some(at) => format!("newest event {}", at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        None => "no events yet".to_owned(),
    };
    let unit = if rows == 1 { "row" } else { "rows" };
    format!(
        "{rows} {unit} from version {} of the book; {newest}; times in {}",
        coverage.book_version, coverage.tz
    )
}
