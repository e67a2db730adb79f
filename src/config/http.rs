//! Section `[http]`: where the HTTP API listens, and what one client may use of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serve::{Limits, Tokens};

use super::reader::Reader;

/// SIGTERM ends a process within ten seconds, and ingest needs the rest.
const SHUTDOWN_S_MAX: u64 = 8;

/// Where the HTTP API listens, and what it allows.
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    pub(crate) limits: Limits,
}

/// Reads `[http]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Http {
    let seconds = |reader: &mut Reader<'_>, name: &str, max| {
        Duration::from_secs(reader.number(&format!("http.{name}"), 1..=max, "seconds"))
    };
    let listen = reader.parsed("http.listen", |text| {
        let advice = "give ADDRESS:PORT, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
        text.parse::<SocketAddr>().map(Some).map_err(|_| advice)
    });
    Http {
        listen: listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into()),
        limits: Limits {
            connections: reader.size("http.connections_max", 1..=65_536, "connections"),
            questions: reader.size("http.questions_max", 1..=4_096, "questions"),
            head_bytes: reader.size("http.head_bytes_max", 8_192..=1 << 20, "bytes"),
            head_timeout: seconds(reader, "head_timeout_s", 3_600),
            answer_timeout: seconds(reader, "answer_timeout_s", 86_400),
            stall_timeout: seconds(reader, "stall_timeout_s", 3_600),
            shutdown_timeout: seconds(reader, "shutdown_timeout_s", SHUTDOWN_S_MAX),
        },
    }
}

/// What can be reached from other machines must ask who is there.
pub(super) fn check_protection(reader: &mut Reader<'_>, http: &Http, tokens: &Tokens) {
    if let Err(error) = tokens.check_exposure(http.listen) {
        reader.problem("http.listen", error);
    }
}
