//! Section `[maintain]`: when upkeep is due.

use std::time::Duration;

use ::lake::maintain::Upkeep;

use super::reader::Reader;

/// Section `[maintain]`.
#[derive(Debug, Clone)]
pub(crate) struct Maintain {
    /// `maintain.interval_s`: from one look at what is due to the next.
    pub(crate) interval: Duration,
    /// What is due, and when.
    pub(crate) upkeep: Upkeep,
}

const SECONDS_PER_HOUR: u64 = 60 * 60;

impl Maintain {
    /// Reads `[maintain]`; days are removed when `[lake]` says so.
    pub(super) fn read(reader: &mut Reader<'_>, retention_days: u64) -> Self {
        let interval_s = reader.number("maintain.interval_s", 1..=86_400, "seconds");
        let vacuum_after_hours = reader.number("maintain.vacuum_after_hours", 1..=87_600, "hours");
        // Whoever waits for a foreign lease waits half a minute: it must have ended by then.
        let lease_s = reader.number("maintain.lease_s", 5..=30, "seconds");
        Self {
            interval: Duration::from_secs(interval_s),
            upkeep: Upkeep {
                retention_days: u32::try_from(retention_days).unwrap_or(u32::MAX),
                compact_files_min: reader.size("maintain.compact_files_min", 2..=10_000, "files"),
                compact_file_bytes_max: reader.number(
                    "maintain.compact_file_bytes_max",
                    1 << 20..=4 << 30,
                    "bytes",
                ),
                compact_rows_max: reader.number("maintain.compact_rows_max", 10_000..=100_000_000, "rows"),
                checkpoint_commits: reader.number("maintain.checkpoint_commits", 1..=10_000, "commits"),
                vacuum_after: Duration::from_secs(vacuum_after_hours * SECONDS_PER_HOUR),
                lease: Duration::from_secs(lease_s),
            },
        }
    }
}
