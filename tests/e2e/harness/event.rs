//! Authentication events of the source `gatebook`, as a producer would write them.

use chrono::{DateTime, SecondsFormat, Utc};

/// The values of events numbered `numbers`, all different, decided just now.
pub(crate) fn events(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let now = Utc::now();
    numbers.map(|n| event_at(n, now)).collect()
}

/// The value of event number `n`, decided at `occurred_at`. Every fifth is denied.
pub(crate) fn event_at(n: u64, occurred_at: DateTime<Utc>) -> Vec<u8> {
    let outcome = match n % 5 {
        0 => r#""result":"denied","denial_reason":"user-declined""#,
        _ => r#""result":"success""#,
    };
    let occurred_at = occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!(
        r#"{{"event_id":"event-{n}","occurred_at":"{occurred_at}","tenant_id":"tenant-{}","user_id":"user{}@example.org","method":"{}",{outcome},"server_name":"mfa-{}","server_ip":"10.0.0.{}","client_ip":"192.0.2.{}","application":"vpn"}}"#,
        n % 3,
        n % 97,
        ["mobile-app-notification", "voice-call", "text-message", "oath-token"][(n % 4) as usize],
        n % 2,
        n % 2 + 1,
        n % 250 + 1,
    )
    .into_bytes()
}

/// A value that no decoder reads as an event.
pub(crate) fn rubbish(n: u64) -> Vec<u8> {
    match n % 4 {
        0 => format!("rubbish {n}").into_bytes(),
        1 => Vec::new(),
        2 => format!(r#"{{"event_number":{n}}}"#).into_bytes(),
        _ => vec![0xff, 0xfe, n as u8],
    }
}
