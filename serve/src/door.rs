//! The door: every request passes here, and nothing else lets one in.

use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::Request as HttpRequest;
use axum::http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use query::ParameterError;
use query::output::Format;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::access::Tokens;
use crate::format;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::operations::{Access, Gives, OPERATIONS, Operation};
use crate::problem::Problem;
use crate::query_string::{self, Given};
use crate::settings::Limits;
use crate::snapshots::Snapshots;

/// What all requests share.
pub(crate) struct State {
    pub(crate) snapshots: Snapshots,
    pub(crate) live: Arc<dyn Live>,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) questions: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    /// Where questions are worked on, apart from connections and from ingest.
    pub(crate) runtime: Handle,
}

/// A request that was let in.
pub(crate) struct Request<'r> {
    headers: &'r HeaderMap,
    /// The format asked for by name.
    format: Option<Format>,
    /// The other parameters.
    given: Vec<Given<'r>>,
}

impl Request<'_> {
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
    for operation in OPERATIONS {
        let state = Arc::clone(&state);
        router = router.route(
            operation.path,
            any(move |request: HttpRequest| async move { answer(&state, Some(operation), request).await }),
        );
    }
    router.fallback(move |request: HttpRequest| async move { answer(&state, None, request).await })
}

async fn answer(state: &State, operation: Option<&'static Operation>, request: HttpRequest) -> Response {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    drop(body);
    let answered = match enter(state, operation, &head, has_body) {
        Ok((operation, request)) => (operation.call)(state, request).await,
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
    state: &State,
    operation: Option<&'static Operation>,
    head: &'r Parts,
    has_body: bool,
) -> Result<(&'static Operation, Request<'r>), Problem> {
    let streams = operation.is_some_and(|operation| matches!(operation.gives, Gives::Rows(_)));
    if head.version < Version::HTTP_11 && streams {
        return Err(Problem::old_protocol());
    }
    let headers = &head.headers;
    match operation.map(|operation| operation.access) {
        Some(Access::Anyone) => {}
        Some(Access::Scope(scope)) => state.tokens.admit(headers, Some(scope))?,
        Some(Access::AnyToken) | None => state.tokens.admit(headers, None)?,
    }
    let operation = operation.ok_or_else(Problem::not_found)?;
    if head.method != Method::GET && head.method != Method::HEAD {
        return Err(Problem::method_not_allowed());
    }
    if has_body {
        return Err(Problem::body_refused());
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
        return Err(ParameterError::unknown(name, "this takes none", operation.path).into());
    }
    Ok((operation, Request { headers, format, given }))
}
