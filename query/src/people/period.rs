//! A period as text.

use chrono::{DateTime, SecondsFormat};
use schemas::Enabled;

/// `FROM/TO` in UTC, as ISO 8601 has it, `..` where it is open.
pub(crate) fn period(period: Enabled) -> String {
    let text = |at_us: Option<i64>| {
        let at = at_us.and_then(DateTime::from_timestamp_micros);
        at.map_or("..".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    format!("{}/{}", text(period.from_us), text(period.to_us))
}
