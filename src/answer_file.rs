//! An answer as a file, with what it stands on beside it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use query::output::{self, Format, OutputError, Written};
use query::{Answer, Covered, QueryError};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use crate::exit::Usage;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is replaced.
    Replaced,
    /// It stays, and what would have replaced it fails.
    Kept,
}

/// Writes an answer down.
pub(crate) async fn write(answer: Answer, format: Format, out: &mut dyn Write) -> anyhow::Result<Written> {
    output::write(answer, format, out).await.map_err(|error| match error {
        OutputError::Query(error) => usage_or_failure(error),
        error @ OutputError::DuplicateColumn(_) => anyhow::anyhow!(Usage(error.to_string())),
        error => error.into(),
    })
}

pub(crate) fn usage_or_failure(error: QueryError) -> anyhow::Error {
    if error.is_refusal() { anyhow::anyhow!(Usage(error.to_string())) } else { error.into() }
}

/// Writes a file, and its coverage beside it. The file gets its name last, so that a part never looks whole, and what has
/// its name has its coverage.
pub(crate) async fn write_file(
    answer: Answer,
    format: Format,
    path: &Path,
    existing: Existing,
) -> anyhow::Result<Written> {
    let coverage = answer.coverage.clone();
    let (part, beside) = (with_suffix(path, ".part"), with_suffix(path, ".coverage.json"));
    let failed = |path: &Path| format!("choose another place: {} cannot be written", path.display());
    let mut file = Hashed {
        file: BufWriter::new(File::create(&part).with_context(|| failed(&part))?),
        hash: Sha256::new(),
    };
    // What is left of it is named `.part`; removing it is a courtesy.
    let part = TempPath::try_from_path(part.clone()).with_context(|| failed(&part))?;
    let written = write(answer, format, &mut file).await?;
    let Hashed { file, hash } = file;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(|| failed(&part))?;
    file.sync_all().with_context(|| failed(&part))?;
    let covered = Covered { coverage: &coverage, rows: written.rows, complete: written.complete };
    let mut covered = serde_json::to_value(covered)?;
    covered["format"] = format.as_str().into();
    covered["sha256"] = format!("{:x}", hash.finalize()).into();
    let told = format!("{covered:#}\n");
    let save = || {
        let mut file = File::create(&beside)?;
        file.write_all(told.as_bytes())?;
        file.sync_all()
    };
    save().with_context(|| failed(&beside))?;
    lake::failpoint("answer-coverage-written");
    match existing {
        Existing::Replaced => fs::rename(&part, path).with_context(|| failed(path))?,
        Existing::Kept => {
            part.persist_noclobber(path).map_err(|error| error.error).with_context(|| failed(path))?
        }
    }
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
