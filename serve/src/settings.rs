//! What the server is told.

use std::net::SocketAddr;
use std::time::Duration;

use crate::access::Tokens;

/// What the server is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may ask; without tokens whoever reaches the address.
    pub tokens: Tokens,
    /// What one client may use.
    pub limits: Limits,
}

/// The limits of the server. Past each stands a wait or an error that names it, never growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// Questions to the book at a time, until their last byte is sent; more are told to come again.
    pub questions: usize,
    /// Bytes of the head of a request.
    pub head_bytes: usize,
    /// How long a head may take, and how long a connection may be idle.
    pub head_timeout: Duration,
    /// How long a question may take until its next rows come.
    pub answer_timeout: Duration,
    /// How long a client may take to accept some more bytes.
    pub stall_timeout: Duration,
    /// How long open answers may go on once the server is told to stop.
    pub shutdown_timeout: Duration,
}
