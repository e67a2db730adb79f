//! Section `[ingest]`: the limits of taking records in.

use std::time::Duration;

use ingest::Limits;

use super::lake::DAYS_MAX;
use super::reader::Reader;

/// How long `--until-caught-up` looks for a broker: longer than a broker needs to start, and a person to
/// notice a wrong address.
const CONNECT_MAX: Duration = Duration::from_secs(60);

/// Events of each partition among which a repeat must at least be flagged.
const DUPLICATE_WINDOW_MIN: u64 = 10_000;

/// Reads `[ingest]`; events may be as old as they are kept, unless it says otherwise.
pub(super) fn read(reader: &mut Reader<'_>, retention_days: u64) -> Limits {
    let pipelines = reader.size("ingest.pipelines", 0..=256, "pipelines");
    let max_event_age_days = match reader.number("ingest.max_event_age_days", 0..=DAYS_MAX, "days") {
        0 => retention_days,
        days => days,
    };
    Limits {
        pipelines: match pipelines {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            pipelines => pipelines,
        },
        commit_interval: Duration::from_millis(reader.number(
            "ingest.commit_interval_ms",
            10..=600_000,
            "milliseconds",
        )),
        batch_rows_max: reader.size("ingest.batch_rows_max", 1_000..=10_000_000, "rows"),
        batch_bytes_max: reader.size("ingest.batch_bytes_max", 4 << 20..=1 << 30, "bytes"),
        batch_days_max: reader.size("ingest.batch_days_max", 64..=10_000, "days"),
        duplicate_window: reader.size(
            "ingest.duplicate_window",
            DUPLICATE_WINDOW_MIN..=100_000_000,
            "events",
        ),
        max_event_age: days(max_event_age_days),
        max_event_ahead: Duration::from_secs(reader.number(
            "ingest.max_event_ahead_s",
            0..=31_536_000,
            "seconds",
        )),
        keep_unparsed: reader.switch("ingest.keep_unparsed"),
        commit_retry_max: Duration::from_secs(reader.number("ingest.commit_retry_s", 1..=86_400, "seconds")),
        connect_max: CONNECT_MAX,
    }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
