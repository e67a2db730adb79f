//! Days of UTC.

use chrono::NaiveDate;

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;

/// When a day begins, in microseconds since 1970.
#[must_use]
pub fn day_start_us(day: NaiveDate) -> i64 {
    i64::from(day_number(day)) * DAY_US
}

/// The number of a day since 1970: how a column of days holds it.
#[must_use]
pub fn day_number(day: NaiveDate) -> i32 {
    day.signed_duration_since(NaiveDate::default()).num_days() as i32
}
