//! Section `[http]`: where the HTTP API listens.

use std::net::SocketAddr;

use super::reader::Reader;

/// Checks `http.listen`. No command of this version listens, so nothing carries the address further.
pub(super) fn check(reader: &mut Reader<'_>) {
    reader.parsed("http.listen", |text| match text.parse::<SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err("give ADDRESS:PORT, such as \"127.0.0.1:8080\" or \"[::1]:8080\""),
    });
}
