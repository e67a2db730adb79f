//! A plain HTTP client that sees what is on the wire: statuses, heads, and whether a body came to its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::gatebook::{Deployment, ENDS};
use super::process::Process;

/// A running API.
pub(crate) struct Api {
    pub(crate) process: Process,
    pub(crate) address: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to the end that HTTP says it has.
    pub(crate) is_whole: bool,
}

impl Api {
    /// Starts `gatebook serve` or `run`, and waits until it says where it answers.
    pub(crate) fn start(deployment: &Deployment, command: &str) -> Api {
        Api::of(deployment.spawn(&[command]))
    }

    /// A process that says on standard error where it answers.
    pub(crate) fn of(process: Process) -> Api {
        const SIGN: &str = "answering at http://";
        process.wait_for_line(SIGN, ENDS);
        let said = process.stderr();
        let (_, rest) = said.split_once(SIGN).expect("the line is there");
        let address = rest.split('/').next().expect("an address").to_owned();
        Api { process, address }
    }

    /// Asks, with nothing but the address.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    /// Asks with a method and headers.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let host = headers.iter().find(|(name, _)| *name == "Host").map_or("localhost", |(_, host)| host);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers.iter().filter(|(name, _)| *name != "Host") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(format!("{head}\r\n").as_bytes())
    }

    /// Asks with POST and a body of JSON.
    pub(crate) fn post(&self, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(&self.request(target, headers, body))
    }

    /// The bytes of such a request, for a client that does more than wait for the answer.
    pub(crate) fn request(&self, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut head = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }

    /// Sends bytes, and reads what comes until the server closes the connection.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        // A server that refuses a request may close before it has read all of it.
        let _ = stream.write_all(bytes);
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received);
        Answer::parse(&received)
    }
}

impl Answer {
    fn parse(received: &[u8]) -> Answer {
        let end = received.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(received)));
        let head = String::from_utf8(received[..end].to_vec()).expect("a head is text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header has a name");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers: Vec<_> = lines.map(header).collect();
        let rest = &received[end + 4..];
        let is_chunked =
            headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let (body, is_whole) = if is_chunked { unchunk(rest) } else { (rest.to_vec(), true) };
        Answer { status: status.expect("a status"), headers, body, is_whole }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// The body of chunks, and whether the last one was there.
fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return (body, false) };
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size else { return (body, false) };
        rest = &rest[end + 2..];
        if size == 0 {
            return (body, true);
        }
        if rest.len() < size + 2 {
            body.extend_from_slice(rest);
            return (body, false);
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}
