//! The HTTP API: the reports and lists of [`query`] for other programs, what a monitor asks for, and a page to
//! read about it.
//!
//! The way of a request: the [server] bounds connections; the [door](door) looks up the [operation](operations),
//! asks who is there ([`access`]), reads the parameters and the format, and calls the operation; an [answer](stream)
//! streams rows as they come, from one [snapshot](snapshots) of the book. What is wrong is said as a
//! [problem] document (RFC 9457).
//!
//! What it never does: write to the lake, answer from more than one version of the book, or end an answer cleanly
//! that is not whole.

mod access;
mod door;
mod format;
mod live;
mod metrics;
mod openapi;
mod operations;
mod page;
mod problem;
mod query_string;
mod scram;
mod server;
mod settings;
mod snapshots;
mod stream;

pub use access::{Scope, Token, Tokens, Unprotected};
pub use live::Live;
pub use openapi::document as openapi_document;
pub use scram::{NewToken, Verifier, VerifierError};
pub use server::{BindError, Server};
pub use settings::{Limits, Settings};
pub use snapshots::{SnapshotError, Snapshots};
