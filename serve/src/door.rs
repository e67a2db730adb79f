//! The door: every request passes here, and nothing else lets one in.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request as HttpRequest;
use axum::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use query::output::Format;
use query::{ParameterError, SqlPool};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::access::Tokens;
use crate::format;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::operations::{Access, Gives, OPERATIONS, Operation, Takes};
use crate::problem::Problem;
use crate::query_string::{self, Given};
use crate::settings::Limits;
use crate::snapshots::Snapshots;

/// Bytes of JSON that one byte of text may take: `\u0000`.
const JSON_BYTES_PER_BYTE: usize = 6;

/// Bytes of a body beside its text.
const BODY_SLACK_BYTES: usize = 1024;

/// What all requests share.
pub(crate) struct State {
    pub(crate) snapshots: Snapshots,
    pub(crate) live: Arc<dyn Live>,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) questions: Arc<Semaphore>,
    pub(crate) sql: SqlPool,
    pub(crate) metrics: Metrics,
    /// Where questions are worked on, apart from connections and from ingest.
    pub(crate) runtime: Handle,
}

/// A request that was let in.
pub(crate) struct Request<'r> {
    /// The name of its token; empty where there are none.
    asker: &'r str,
    headers: &'r HeaderMap,
    /// JSON, where a body was taken.
    body: Option<Bytes>,
    /// The format asked for by name.
    format: Option<Format>,
    /// The other parameters.
    given: Vec<Given<'r>>,
}

impl Request<'_> {
    /// Who asks: the name of the token.
    pub(crate) fn asker(&self) -> &str {
        self.asker
    }

    /// The body; none of a request that has none.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// The format of the answer.
    pub(crate) fn format(&self) -> Result<Format, Problem> {
        self.format.map_or_else(|| format::accepted(self.headers), Ok)
    }

    /// The parameters but the format, by name.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Refuses parameters that would do nothing.
    pub(crate) fn takes_no_parameters(&self) -> Result<(), Problem> {
        let Some((name, _)) = self.given.first() else { return Ok(()) };
        Err(ParameterError::unknown(name, "this takes `format` alone", "format=csv").into())
    }
}

/// The router: an entry for each operation, and problem documents for everything else.
pub(crate) fn router(state: Arc<State>) -> Router {
    let mut router = Router::new();
    for operation in OPERATIONS.iter() {
        let state = Arc::clone(&state);
        router = router.route(
            &operation.path,
            any(move |request: HttpRequest| async move { answer(&state, Some(operation), request).await }),
        );
    }
    router.fallback(move |request: HttpRequest| async move { answer(&state, None, request).await })
}

async fn answer(state: &State, operation: Option<&'static Operation>, request: HttpRequest) -> Response {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let answered = match enter(state, operation, &head, !body.is_end_stream()) {
        Ok((operation, mut request)) => match read_body(state, operation, &head, body).await {
            Ok(body) => {
                request.body = body;
                operation.answer(state, request).await
            }
            Err(problem) => Err(problem),
        },
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(Problem::into_response);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    let name = operation.map_or("none", |operation| operation.name);
    state.metrics.answered(name, response.status(), began.elapsed());
    // The address of a request may name a tenant: it is not logged.
    tracing::debug!(operation = name, status = response.status().as_u16(), "answered");
    response
}

/// Lets a request in, or says why not.
fn enter<'r>(
    state: &'r State,
    operation: Option<&'static Operation>,
    head: &'r Parts,
    has_body: bool,
) -> Result<(&'static Operation, Request<'r>), Problem> {
    let streams = operation.is_some_and(|operation| matches!(operation.gives, Gives::Rows(_)));
    if head.version < Version::HTTP_11 && streams {
        return Err(Problem::old_protocol());
    }
    let headers = &head.headers;
    let asker = match operation.map(|operation| operation.access) {
        Some(Access::Anyone) => "",
        Some(Access::Scope(scope)) => state.tokens.admit(headers, Some(scope))?,
        Some(Access::AnyToken) | None => state.tokens.admit(headers, None)?,
    };
    let operation = operation.ok_or_else(Problem::not_found)?;
    match operation.takes {
        Takes::Nothing if head.method != Method::GET && head.method != Method::HEAD => {
            return Err(Problem::method_not_allowed("GET, HEAD"));
        }
        Takes::Nothing if has_body => return Err(Problem::body_refused()),
        Takes::Json(_) if head.method != Method::POST => return Err(Problem::method_not_allowed("POST")),
        Takes::Either(_) if ![Method::GET, Method::HEAD, Method::POST].contains(&head.method) => {
            return Err(Problem::method_not_allowed("GET, HEAD, POST"));
        }
        Takes::Either(_) if has_body && head.method != Method::POST => return Err(Problem::body_refused()),
        Takes::Nothing | Takes::Json(_) | Takes::Either(_) => {}
    }
    let mut given = query_string::parse(head.uri.query().unwrap_or_default())?;
    let mut format = None;
    if matches!(operation.gives, Gives::Rows(_)) {
        let mut named = given.extract_if(.., |(name, _)| name == "format").map(|(_, value)| value);
        let first = named.next();
        if let (Some(value), Some(_)) = (&first, named.next()) {
            return Err(ParameterError::twice("format", value).into());
        }
        drop(named);
        format = first.map(|value| format::named(&value)).transpose()?;
    } else if let Some((name, _)) = given.first() {
        return Err(ParameterError::unknown(name, "this takes none", &operation.path).into());
    }
    Ok((operation, Request { asker, headers, body: None, format, given }))
}

/// Reads the body that the operation takes.
async fn read_body(
    state: &State,
    operation: &Operation,
    head: &Parts,
    body: Body,
) -> Result<Option<Bytes>, Problem> {
    if matches!(operation.takes, Takes::Nothing) || head.method != Method::POST {
        return Ok(None);
    }
    // A page of another site can send other types than this one without being asked whether it may.
    let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::no_json());
    }
    let bytes_max = state.sql.limits().text_bytes * JSON_BYTES_PER_BYTE + BODY_SLACK_BYTES;
    let within = state.limits.head_timeout;
    match timeout(within, axum::body::to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(Some(bytes)),
        Ok(Err(_)) => Err(Problem::body_too_long(bytes_max)),
        Err(_) => Err(Problem::body_too_slow(within.as_secs())),
    }
}
