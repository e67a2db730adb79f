//! What `sql`, `report` and `rejections list` share: opening the book, and writing an answer down.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chrono::SecondsFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use query::output::{self, Format, OutputError, Written};
use query::{Answer, Coverage, Covered, QueryError, Resources, Session};
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::exit::Usage;

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
    let question = async || -> anyhow::Result<T> {
        let book = lake::Book::open(&config.lake.location).await?;
        let directory = lake::Directory::open(&config.lake.location).await?;
        let session = Resources::new(config.query, Arc::new(config.rules.clone()))
            .map(|resources| resources.expecting(Arc::new(config.expectations.clone())))
            .and_then(|resources| Session::open(&book, &directory, &resources))
            .map_err(usage_or_failure)?;
        ask(&session).await
    };
    tokio::task::block_in_place(|| query::run_on_large_stack(question))
        .context("free some memory: the system gives no thread for the query")?
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
        Some(path) => write_file(answer, args.format, path).await?,
        None => write(answer, args.format, &mut io::stdout().lock()).await?,
    };
    if written.complete && !args.format.holds_coverage() {
        // A closed standard error must not turn an answer into a failure.
        let _ = writeln!(io::stderr(), "{}", summary(&coverage, written.rows));
    }
    Ok(())
}

async fn write(answer: Answer, format: Format, out: &mut dyn Write) -> anyhow::Result<Written> {
    output::write(answer, format, out).await.map_err(|error| match error {
        OutputError::Query(error) => usage_or_failure(error),
        error @ OutputError::DuplicateColumn(_) => anyhow::anyhow!(Usage(error.to_string())),
        error => error.into(),
    })
}

/// Writes a file and its coverage beside it. The file gets its name last, so that a part never looks whole.
async fn write_file(answer: Answer, format: Format, path: &Path) -> anyhow::Result<Written> {
    let coverage = answer.coverage.clone();
    let (part, beside) = (with_suffix(path, ".part"), with_suffix(path, ".coverage.json"));
    let failed = |path: &Path| format!("choose another --output: {} cannot be written", path.display());
    let mut file = Hashed {
        file: BufWriter::new(File::create(&part).with_context(|| failed(&part))?),
        hash: Sha256::new(),
    };
    let written = match write(answer, format, &mut file).await {
        Ok(written) => written,
        Err(error) => {
            // What is left of it is named `.part`; removing it is a courtesy.
            let _ = fs::remove_file(&part);
            return Err(error);
        }
    };
    let Hashed { file, hash } = file;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(|| failed(&part))?;
    file.sync_all().with_context(|| failed(&part))?;
    let covered = Covered { coverage: &coverage, rows: written.rows, complete: written.complete };
    let mut covered = serde_json::to_value(covered)?;
    covered["format"] = format.as_str().into();
    covered["sha256"] = format!("{:x}", hash.finalize()).into();
    fs::write(&beside, format!("{covered:#}\n")).with_context(|| failed(&beside))?;
    fs::rename(&part, path).with_context(|| failed(path))?;
    Ok(written)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file, and the hash of what was written to it.
struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn usage_or_failure(error: QueryError) -> anyhow::Error {
    if error.is_refusal() { anyhow::anyhow!(Usage(error.to_string())) } else { error.into() }
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
