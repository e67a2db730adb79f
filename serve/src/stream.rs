//! An answer as a response that streams, and breaks off where it cannot be finished.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use query::output::{Encoder, Format, OutputError};
use query::{Answer, Coverage, QueryError, Session};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use crate::door::State;
use crate::problem::Problem;
use crate::settings::Limits;

/// What the answer stands on, as far as it is known before the first row; a JSON object.
const COVERAGE: HeaderName = HeaderName::from_static("gatebook-coverage");

/// Bytes of that header; clients refuse longer heads. Past it the offsets are left out: the body's coverage, or
/// `/api/v1/status`, has them.
const COVERAGE_BYTES_MAX: usize = 6 * 1024;

/// What a page may do: be shown. It was written by those whose events it tells of, in part.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
                           form-action 'none'; sandbox";

/// Pieces of an answer that wait for the client.
const PIECES_AHEAD: usize = 2;

/// Asks one version of the book.
pub(crate) type Ask =
    Box<dyn for<'s> FnOnce(&'s Session) -> BoxFuture<'s, Result<Answer, QueryError>> + Send>;

/// A question to one version of the book.
pub(crate) fn ask<F>(question: F) -> Ask
where
    F: for<'s> FnOnce(&'s Session) -> BoxFuture<'s, Result<Answer, QueryError>> + Send + 'static,
{
    Box::new(question)
}

/// A question that was let in.
pub(crate) struct Question {
    /// Works on it, until the first rows can be taken.
    pub(crate) answer: BoxFuture<'static, Result<Answer, Problem>>,
    /// How long that may take.
    pub(crate) within: Duration,
    /// Held by whoever produces and by whoever sends: until the last byte is taken.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// Answers a question to the latest version of the book.
pub(crate) async fn respond_from_book(
    state: &State,
    name: &str,
    format: Format,
    ask: Ask,
) -> Result<Response, Problem> {
    let permit = Arc::clone(&state.questions).try_acquire_owned().map_err(|_| Problem::busy())?;
    let session = state.snapshots.latest().await?;
    let question = Question {
        answer: Box::pin(async move { Ok(ask(&session).await?) }),
        within: state.limits.answer_timeout,
        permit: Some(Arc::new(permit)),
    };
    respond(state, name, format, question).await
}

/// Sends an answer. The status is sent with the first rows; a failure after that breaks the transfer, so that no
/// client takes a part for the whole.
pub(crate) async fn respond(
    state: &State,
    name: &str,
    format: Format,
    question: Question,
) -> Result<Response, Problem> {
    let (begin, begun) = oneshot::channel();
    let (pieces, sent) = mpsc::channel(PIECES_AHEAD);
    let permit = question.permit.clone();
    state.runtime.spawn(produce(question, format, state.limits, begin, pieces));
    let coverage = begun.await.unwrap_or_else(|_| Err(Problem::internal()))?;
    let mut response = Response::new(body(sent, permit));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Ok(value) = HeaderValue::from_str(&header_text(&coverage)) {
        headers.insert(COVERAGE, value);
    }
    if format == Format::Html {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    }
    if !matches!(format, Format::Json | Format::Ndjson) {
        // A page is to be read where it was asked for.
        let disposition = if format == Format::Html { "inline" } else { "attachment" };
        let value = format!("{disposition}; filename=\"{name}.{}\"", format.as_str());
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// A piece of an answer.
enum Piece {
    Bytes(Bytes),
    /// Nothing follows: the answer is whole.
    End,
}

/// A body of these pieces. Where they stop without [`Piece::End`], it fails: hyper then drops the connection
/// without the end of the body.
fn body(pieces: mpsc::Receiver<Piece>, permit: impl Send + 'static) -> Body {
    let next = |held: Option<(mpsc::Receiver<Piece>, _)>| async {
        let (mut pieces, permit) = held?;
        match pieces.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some((pieces, permit)))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the answer broke off")), None)),
        }
    };
    Body::from_stream(stream::unfold(Some((pieces, permit)), next))
}

/// Pulls rows, and sends their bytes as the client takes them. Dropped or failed sends end the query.
async fn produce(
    question: Question,
    format: Format,
    limits: Limits,
    mut begin: oneshot::Sender<Result<Coverage, Problem>>,
    pieces: mpsc::Sender<Piece>,
) {
    let Question { answer, within, permit: _permit } = question;
    let first = tokio::select! {
        first = first_piece(answer, format, within) => first,
        // Nobody waits for it any more.
        () = begin.closed() => return,
    };
    let (mut answer, mut encoder, mut bytes, mut is_done) = match first {
        Ok(first) => first,
        Err(problem) => {
            let _ = begin.send(Err(problem));
            return;
        }
    };
    if begin.send(Ok(answer.coverage.clone())).is_err() {
        return;
    }
    loop {
        let piece = Piece::Bytes(std::mem::take(&mut bytes).into());
        if !send(&pieces, piece, limits.stall_timeout).await {
            return;
        }
        if is_done {
            send(&pieces, Piece::End, limits.stall_timeout).await;
            return;
        }
        let next = tokio::select! {
            next = timeout(within, next_piece(&mut answer, &mut encoder, &mut bytes)) => next,
            () = pieces.closed() => return,
        };
        is_done = match next {
            Ok(Ok(is_done)) => is_done,
            // What is said of it may repeat the question.
            Ok(Err(OutputError::Query(error))) if error.is_askers() => {
                tracing::warn!(
                    "an answer broke off: the question reached a limit, or a value does not fit it"
                );
                return;
            }
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an answer broke off");
                return;
            }
            Err(_) => {
                tracing::warn!("an answer broke off: no row came within http.answer_timeout_s");
                return;
            }
        };
    }
}

/// False when nobody takes it any more, or nobody took it in time.
async fn send(pieces: &mpsc::Sender<Piece>, piece: Piece, within: Duration) -> bool {
    timeout(within, pieces.send(piece)).await.is_ok_and(|sent| sent.is_ok())
}

type Begun = (Answer, Encoder, Vec<u8>, bool);

/// The first bytes: with the first rows, or at the end in a format that has none before.
async fn first_piece(
    answer: BoxFuture<'static, Result<Answer, Problem>>,
    format: Format,
    within: Duration,
) -> Result<Begun, Problem> {
    let too_slow = |_| Problem::too_slow(within.as_secs());
    let mut bytes = Vec::new();
    let begun = async {
        let mut answer = answer.await?;
        let mut encoder = Encoder::new(format, &answer).map_err(problem)?;
        let is_done = next_piece(&mut answer, &mut encoder, &mut bytes).await.map_err(problem)?;
        Ok::<_, Problem>((answer, encoder, is_done))
    };
    let (mut answer, mut encoder, mut is_done) = timeout(within, begun).await.map_err(too_slow)??;
    while bytes.is_empty() && !is_done {
        let next = timeout(within, next_piece(&mut answer, &mut encoder, &mut bytes)).await;
        is_done = next.map_err(too_slow)?.map_err(problem)?;
    }
    Ok((answer, encoder, bytes, is_done))
}

/// Appends the next rows, or some of the end; true where nothing follows.
async fn next_piece(
    answer: &mut Answer,
    encoder: &mut Encoder,
    bytes: &mut Vec<u8>,
) -> Result<bool, OutputError> {
    match answer.next().await? {
        Some(batch) => encoder.write(&batch, bytes).map(|()| false),
        None => encoder.finish(bytes).await,
    }
}

fn problem(error: OutputError) -> Problem {
    match error {
        OutputError::Query(error) => error.into(),
        // Where a workbook is gathered, there is no room: no client can change that.
        OutputError::Write(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a question could not be answered");
            Problem::internal()
        }
        error => QueryError::Refused(error.to_string()).into(),
    }
}

/// The coverage as one line of ASCII.
fn header_text(coverage: &Coverage) -> String {
    let mut short = coverage.impersonal();
    let text = ascii(&short.to_string());
    if text.len() <= COVERAGE_BYTES_MAX {
        return text;
    }
    short["offsets"] = Value::Null;
    let text = ascii(&short.to_string());
    // What is left is the question, which the client knows.
    if text.len() <= COVERAGE_BYTES_MAX {
        text
    } else {
        json!({"book_version": coverage.book_version}).to_string()
    }
}

/// JSON with everything beyond ASCII escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_without_its_end_fails() {
        let (pieces, sent) = mpsc::channel(4);
        for piece in [Piece::Bytes("whole".into()), Piece::End] {
            pieces.send(piece).await.unwrap_or_else(|_| panic!("there is room"));
        }
        assert_eq!(axum::body::to_bytes(body(sent, ()), 100).await.expect("whole"), "whole");
        let (pieces, sent) = mpsc::channel(4);
        pieces.send(Piece::Bytes("a part".into())).await.unwrap_or_else(|_| panic!("there is room"));
        drop(pieces);
        assert!(axum::body::to_bytes(body(sent, ()), 100).await.is_err(), "a part passed for the whole");
    }

    #[test]
    fn a_header_is_ascii_and_still_json() {
        let text = ascii(r#"{"tenant":"Zürich 🔑"}"#);
        assert_eq!(text, r#"{"tenant":"Z\u00fcrich \ud83d\udd11"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), json!({"tenant": "Zürich 🔑"}));
    }
}
