//! What the measurements of decoders share.

use schemas::{Place, TimeLimits};

const DAY_US: i64 = 86_400_000_000;
/// The clock of a measurement, in microseconds since 1970.
pub(crate) const NOW_US: i64 = 1_772_323_200_000_000;
/// As ingest has them by default.
pub(crate) const LIMITS: TimeLimits =
    TimeLimits { max_age_us: Some(730 * DAY_US), max_ahead_us: DAY_US, now_us: NOW_US };

/// Seconds that this thread has run: a wall clock would also measure what else the machine does.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    let nanoseconds = stat.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.expect("the first number is the time on a core") / 1e9
}

/// Where a record came from.
pub(crate) fn place(offset: usize) -> Place<'static> {
    Place {
        topic: "auth-events",
        topic_id: "q3VtZ2F0ZWJvb2stdG9waWM",
        partition: 1,
        offset: offset as i64,
        element_index: 0,
        received_at_us: NOW_US,
    }
}
