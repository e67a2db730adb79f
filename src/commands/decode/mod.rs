//! `gatebook decode`: what a file of a source's records would become, without Kafka and without a book.

mod object;
mod records;
mod summary;

use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::Utc;
use schemas::{Decoder, Element, Maps, Record, Source, TimeLimits, UnknownCounts};

use self::object::described;
use self::records::records;
use self::summary::Summary;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  gatebook decode --source duo authlogs.json                 how many events, of which outcomes, and what was not read
  gatebook decode --source entra --format ndjson signins.json | head
                                                             each element, with the columns that it would have
  gatebook decode --source mfa-server export.csv";

/// Arguments of `gatebook decode`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The product whose records these are
    #[arg(long, value_parser = source)]
    source: Source,

    /// One record a line, a JSON array, an API's response, or a product's CSV; `-` is standard input
    file: PathBuf,

    /// What is printed
    #[arg(long, value_enum, default_value = "summary")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Counts, and the first records that could not be read
    Summary,
    /// A JSON object for each element
    Ndjson,
}

/// Reads `--source`.
pub(super) fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
        format!("give one of {}", known.join(", "))
    })
}

/// Runs `gatebook decode`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let bytes = read(&args.file)?;
    let mut decoder = Decoder::new(args.source, &Maps::default());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut summary = Summary::default();
    let mut unknown = UnknownCounts::default();
    for (line, record) in records(&bytes, args.source) {
        let mut written = Ok(());
        let mut elements = 0;
        let record = Record { value: Some(&record), timestamp_us: None };
        // However old or new: nothing is landed.
        let limits =
            TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: Utc::now().timestamp_micros() };
        decoder.decode(&record, &limits, &mut unknown, &mut |index, element| {
            elements += 1;
            summary.take_in(line, index, &element);
            if let (Format::Ndjson, Ok(())) = (args.format, &written) {
                written = writeln!(out, "{}", described(line, index, &element));
            }
        });
        summary.records += 1;
        if elements == 0 {
            summary.empty_records += 1;
            if let Format::Ndjson = args.format {
                written = writeln!(out, "{}", described(line, 0, &Element::Skipped("empty")));
            }
        }
        written?;
    }
    if let Format::Summary = args.format {
        write!(out, "{}", summary.text(&unknown))?;
    }
    out.flush()?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        let advice = || Usage(format!("choose another file: {} cannot be read", path.display()));
        bytes = fs::read(path).with_context(advice)?;
    }
    Ok(bytes)
}
