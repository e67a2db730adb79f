//! A page to read about the API and to try it. It loads nothing from elsewhere, and its policy forbids that.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::Response;

/// A file of the page: its media type and its text.
pub(crate) type File = (&'static str, &'static str);

pub(crate) const HTML: File = ("text/html; charset=utf-8", include_str!("page/page.html"));
pub(crate) const SCRIPT: File = ("text/javascript; charset=utf-8", include_str!("page/page.js"));
pub(crate) const STYLE: File = ("text/css; charset=utf-8", include_str!("page/page.css"));

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn response((media_type, text): File) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
