//! The name of a range, as names of files have it: the same range always has the same name.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::parameter::TimeRange;
use crate::period::day_start;

/// `2026-11-25`, `2026-W48`, `2026-11`, `2026-Q4`, `2026`; several days `2026-11-01_2026-11-25`, both included; anything
/// else as local times with their offset, the second one not included.
pub(super) fn of(range: TimeRange, tz: Tz) -> String {
    let day = |at: DateTime<Utc>| {
        let day = at.with_timezone(&tz).date_naive();
        (day_start(day, tz) == at).then_some(day)
    };
    if let (Some(from), Some(end)) = (day(range.from), day(range.to)) {
        return of_days(from, end);
    }
    let time = |at: DateTime<Utc>| {
        let local = at.with_timezone(&tz);
        let is_whole = at.timestamp_micros() % 60_000_000 == 0;
        local.format(if is_whole { "%Y-%m-%dT%H%M%z" } else { "%Y-%m-%dT%H%M%S%.f%z" }).to_string()
    };
    format!("{}_{}", time(range.from), time(range.to))
}

fn of_days(from: NaiveDate, end: NaiveDate) -> String {
    let months = |count| from.day() == 1 && from.checked_add_months(Months::new(count)) == Some(end);
    let days = (end - from).num_days();
    if days == 1 {
        from.to_string()
    } else if days == 7 && from.weekday() == chrono::Weekday::Mon {
        let week = from.iso_week();
        format!("{}-W{:02}", week.year(), week.week())
    } else if months(1) {
        from.format("%Y-%m").to_string()
    } else if months(3) && from.month0().is_multiple_of(3) {
        format!("{}-Q{}", from.year(), from.month0() / 3 + 1)
    } else if months(12) && from.month() == 1 {
        from.year().to_string()
    } else {
        format!("{from}_{}", end - TimeDelta::days(1))
    }
}
