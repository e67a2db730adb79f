//! What is wrong, as a problem document (RFC 9457).

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use query::{ParameterError, QueryError};
use serde::Serialize;

use crate::snapshots::SnapshotError;

/// The media type of problem documents.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong with a request, or with the server.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    /// `urn:gatebook:problem:NAME`, stable.
    r#type: String,
    title: &'static str,
    #[serde(serialize_with = "code")]
    status: StatusCode,
    /// What to do, and what happened.
    detail: String,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// A value of it that would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    #[serde(skip)]
    headers: Vec<(HeaderName, &'static str)>,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:gatebook:problem:{name}"),
            title,
            status,
            detail: detail.into(),
            parameter: None,
            example: None,
            headers: Vec::new(),
        }
    }

    fn with(mut self, header: HeaderName, value: &'static str) -> Self {
        self.headers.push((header, value));
        self
    }

    pub(crate) fn not_found() -> Self {
        let detail = "see /api/v1/openapi.json for what there is";
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing at this address", detail)
    }

    /// `allowed` is the value of the header `Allow`.
    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("ask with {allowed}");
        let title = "The method is not known here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail).with(ALLOW, allowed)
    }

    pub(crate) fn body_refused() -> Self {
        let detail = "send the request without a body";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-refused", "The request has a body", detail)
            .with(CONNECTION, "close")
    }

    pub(crate) fn body_too_long(bytes: usize) -> Self {
        let detail =
            format!("send a shorter text: the body may have {bytes} bytes (6 x sql.text_bytes_max + 1024)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-long", "The body is too long", detail)
            .with(CONNECTION, "close")
    }

    pub(crate) fn body_too_slow(seconds: u64) -> Self {
        let detail =
            format!("send the body at once: it did not come within {seconds} s (http.head_timeout_s)");
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body did not come", detail)
            .with(CONNECTION, "close")
    }

    pub(crate) fn no_json() -> Self {
        let detail = "send JSON, and say so: `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no-json", "The body is no JSON", detail)
    }

    pub(crate) fn bad_body(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-body", "The body cannot be read", detail)
    }

    pub(crate) fn old_protocol() -> Self {
        let detail = "use HTTP/1.1 (in nginx `proxy_http_version 1.1`): HTTP/1.0 cannot tell an answer that broke off \
                      from one that is whole";
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "http-version", "HTTP/1.0 is not spoken", detail)
    }

    pub(crate) fn foreign_host() -> Self {
        let detail = "address this server as localhost, 127.0.0.1 or [::1], or protect it by an access token: without \
                      one, any web page could ask it under another name";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "The host is another one", detail)
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "send an access token as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic; \
                      `gatebook token` makes one";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid access token is needed", detail)
            .with(WWW_AUTHENTICATE, "Bearer realm=\"gatebook\"")
            .with(WWW_AUTHENTICATE, "Basic realm=\"gatebook\", charset=\"UTF-8\"")
    }

    pub(crate) fn forbidden(scope: &str) -> Self {
        let detail = format!("use a token with the scope {scope}");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The token does not reach this", detail)
    }

    pub(crate) fn not_acceptable(formats: &str) -> Self {
        let detail = format!("accept one of {formats}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", "No accepted format can be given", detail)
    }

    pub(crate) fn busy() -> Self {
        let detail =
            "come again in a moment: as many questions are being answered as http.questions_max allows";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many questions at a time", detail)
            .with(RETRY_AFTER, "1")
    }

    pub(crate) fn too_slow(seconds: u64) -> Self {
        let detail = format!(
            "ask for a shorter range or fewer groups: no row came within {seconds} s (http.answer_timeout_s)"
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-slow", "The question takes too long", detail)
    }

    pub(crate) fn not_ready(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not everything works", detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "look at the server's log; `gatebook check` says whether the book is whole";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The question could not be answered", detail)
    }

    pub(crate) fn bad_query_string(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", "The query string cannot be read", detail)
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "bad-parameter",
            "A parameter cannot be read",
            format!("{}: {}", error.name, error.expected),
        );
        problem.parameter = Some(error.name.into_owned());
        problem.example = Some(error.example);
        problem
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::Refused(_) | QueryError::Value | QueryError::Engine => Self::new(
                StatusCode::BAD_REQUEST,
                "refused",
                "The question cannot be asked",
                error.to_string(),
            ),
            QueryError::TooLarge(_) => {
                let title = "The answer needs more than is allowed";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-large", title, error.to_string())
            }
            QueryError::Busy(_) => {
                let title = "Too many questions at a time";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title, error.to_string())
                    .with(RETRY_AFTER, "1")
            }
            QueryError::Read(_)
            | QueryError::Log(_)
            | QueryError::Lake(_)
            | QueryError::Directory(_)
            | QueryError::Listings(_)
            | QueryError::Worker(_)
            | QueryError::BrokeOff(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a question could not be answered");
                Self::internal()
            }
        }
    }
}

impl From<SnapshotError> for Problem {
    fn from(error: SnapshotError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the book cannot be read");
        let detail = "look at the server's log, and see `gatebook check`";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-book", "The book cannot be read", detail)
            .with(RETRY_AFTER, "5")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let text = serde_json::to_string(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            headers.append(name, HeaderValue::from_static(value));
        }
        response
    }
}

fn code<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
