//! Moments as reports write them.

use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;

/// RFC 3339 in a zone, to the millisecond.
pub(super) fn local(at_us: i64, tz: Tz) -> String {
    let at = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::Millis, true)
}
