//! An answer of another server, as it comes over HTTP.

use std::io;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::ipc::IpcReader;
use super::protocol::Begun;
use crate::answer::Answer;
use crate::error::QueryError;
use crate::output::COVERAGE_KEY;

/// Reads the answer to `sql` in [`Format::Arrow`](crate::output::Format::Arrow), as its bytes come.
///
/// # Errors
///
/// [`QueryError::BrokeOff`] where the bytes stop early, or are none of such an answer.
pub async fn read_answer(
    sql: String,
    mut bytes: BoxStream<'static, io::Result<Vec<u8>>>,
) -> Result<Answer, QueryError> {
    let mut reader = IpcReader::new();
    let mut first = None;
    while reader.schema().is_none() {
        let Some(piece) = bytes.try_next().await.map_err(QueryError::BrokeOff)? else { break };
        reader.push(piece);
        first = reader.next().map_err(QueryError::BrokeOff)?;
    }
    let broke_off = |text: &str| QueryError::BrokeOff(io::Error::other(text.to_owned()));
    let schema = reader.schema().ok_or_else(|| broke_off("there were no columns"))?;
    let text =
        schema.metadata().get(COVERAGE_KEY).ok_or_else(|| broke_off("it does not say what it covers"))?;
    let begun: Begun =
        serde_json::from_str(text).map_err(|error| QueryError::BrokeOff(io::Error::other(error)))?;
    let coverage = begun.coverage(sql);
    let state = (reader, bytes, first);
    let rows = stream::try_unfold(state, |(mut reader, mut bytes, first)| async {
        if let Some(rows) = first {
            return Ok(Some((rows, (reader, bytes, None))));
        }
        loop {
            if let Some(rows) = reader.next().map_err(QueryError::BrokeOff)? {
                return Ok(Some((rows, (reader, bytes, None))));
            }
            match bytes.try_next().await.map_err(QueryError::BrokeOff)? {
                Some(piece) => reader.push(piece),
                None => return reader.finish().map_err(QueryError::BrokeOff).map(|()| None),
            }
        }
    });
    Ok(Answer::of_stream(coverage, schema, rows.boxed()))
}
