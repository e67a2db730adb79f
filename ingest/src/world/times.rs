//! Moments as the products write them.

use chrono::{DateTime, SecondsFormat, Utc};

pub(super) fn moment(at_us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at_us).unwrap_or_default()
}

/// `2026-03-01T08:00:00.123Z`
pub(super) fn rfc3339(at_us: i64) -> String {
    moment(at_us).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// With seven digits, as Azure Monitor writes it.
pub(super) fn azure(at_us: i64) -> String {
    moment(at_us).format("%Y-%m-%dT%H:%M:%S%.6f0Z").to_string()
}

/// With an offset, as Duo writes it.
pub(super) fn offset(at_us: i64) -> String {
    moment(at_us).format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
