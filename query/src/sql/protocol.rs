//! What the server and a worker say to each other.
//!
//! Down, on the worker's standard input: lines of JSON, first a [`Start`], then a [`Ask`] for each question. Up, on its
//! standard output: frames of a tag, a length (32 bits, little-endian) and so many bytes. A worker says [`Tag::Ready`]
//! once, and to each question either [`Tag::Failed`], or [`Tag::Begun`], the bytes of an Arrow IPC stream in pieces of
//! [`Tag::Data`], and [`Tag::End`] or [`Tag::Failed`].

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use projections::Rules;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::limits::SqlLimits;
use crate::coverage::{Coverage, NextOffset};
use crate::error::QueryError;
use crate::redecoded::DayRange;

/// Bytes of a frame beyond those of the longest row: what is longer is no frame.
const FRAME_SLACK_BYTES: usize = 1 << 20;

/// Bytes of what is said in the log of a failure.
const LOG_BYTES_MAX: usize = 500;

/// What a worker is told first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Start {
    /// The folder of the lake.
    pub(super) location: String,
    /// The folder of its spill files.
    pub(super) spill: PathBuf,
    pub(super) limits: SqlLimits,
    /// How attempts are made.
    pub(super) rules: Rules,
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) sql: String,
}

/// What an answer stands on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) book_version: u64,
    /// Absent in what an older server says, too.
    #[serde(default)]
    pub(super) directory_version: Option<u64>,
    pub(super) offsets: Vec<NextOffset>,
    pub(super) newest_occurred_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) redecoded_days: Vec<DayRange>,
}

impl Begun {
    /// The coverage of the answer to a question.
    pub(super) fn coverage(self, sql: String) -> Coverage {
        Coverage::of_sql(
            self.book_version,
            self.directory_version,
            self.offsets,
            self.newest_occurred_at,
            self.redecoded_days,
            sql,
        )
    }
}

/// Why there is no answer, or no more of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "text", rename_all = "kebab-case")]
pub(super) enum Failed {
    Refused(String),
    TooLarge(String),
    Value,
    Engine,
    /// The book cannot be read; what happened, for the log.
    Read(String),
}

impl From<QueryError> for Failed {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(text) => Self::Refused(text),
            QueryError::TooLarge(text) => Self::TooLarge(text),
            QueryError::Value => Self::Value,
            QueryError::Engine => Self::Engine,
            QueryError::Read(source) => Self::Read(for_the_log(&source.to_string())),
            error => Self::Read(for_the_log(&error.to_string())),
        }
    }
}

impl From<Failed> for QueryError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(text) => Self::Refused(text),
            Failed::TooLarge(text) => Self::TooLarge(text),
            Failed::Value => Self::Value,
            Failed::Engine => Self::Engine,
            Failed::Read(text) => Self::Read(Box::new(DataFusionError::External(text.into()))),
        }
    }
}

/// In one line that is not too long.
fn for_the_log(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line[..line.floor_char_boundary(LOG_BYTES_MAX)].to_owned()
}

/// The end of an answer that is none, or not whole.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) why: Failed,
    /// Whether the worker has not ended its work on it.
    pub(super) still_works: bool,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    /// The book is open, and questions are waited for.
    Ready = b'R',
    /// [`Begun`], as JSON.
    Begun = b'B',
    /// Bytes of the Arrow IPC stream.
    Data = b'D',
    /// The answer is whole. A byte says that the worker has not ended its work on it, as a join may not for a while
    /// after its rows are not wanted any more.
    End = b'E',
    /// [`Ended`], as JSON.
    Failed = b'F',
}

/// Writes a frame. Blocks while the reader has no room.
pub(super) fn write_frame(out: &mut impl Write, tag: Tag, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("a frame is too long"))?;
    out.write_all(&[tag as u8])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(bytes)?;
    out.flush()
}

/// Reads a frame; none where the writer is gone.
pub(super) async fn read_frame(
    from: &mut (impl AsyncRead + Unpin),
    limits: &SqlLimits,
) -> io::Result<Option<(Tag, Vec<u8>)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let tags = [Tag::Ready, Tag::Begun, Tag::Data, Tag::End, Tag::Failed];
    let tag = tags.into_iter().find(|tag| *tag as u8 == head[0]);
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let (Some(tag), true) = (tag, length <= limits.row_bytes + FRAME_SLACK_BYTES) else {
        return Err(io::Error::other("a worker wrote what is no frame"));
    };
    let mut bytes = vec![0; length];
    match from.read_exact(&mut bytes).await {
        Ok(_) => Ok(Some((tag, bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
