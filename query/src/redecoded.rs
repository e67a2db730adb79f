//! Days whose events a later decoder read anew, as an answer tells them.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::parameter::TimeRange;

/// Ranges of days that an answer tells; beyond, the last one reaches over all the others.
const RANGES_MAX: usize = 32;

/// Days in a row, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRange {
    /// The first day.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
}

/// The days among these that lie in the range, or all.
pub(crate) fn ranges(days: &BTreeSet<NaiveDate>, within: Option<TimeRange>) -> Vec<DayRange> {
    let is_within = |day: &&NaiveDate| {
        within.is_none_or(|TimeRange { from, to }| {
            // The range is half open, and a moment at midnight begins the next day.
            from.date_naive() <= **day && **day <= (to - TimeDelta::microseconds(1)).date_naive()
        })
    };
    let mut ranges: Vec<DayRange> = Vec::new();
    for &from in days.iter().filter(is_within) {
        let to = from.checked_add_days(Days::new(1)).unwrap_or(from);
        let is_full = ranges.len() == RANGES_MAX;
        match ranges.last_mut() {
            Some(last) if last.to == from || is_full => last.to = to,
            _ => ranges.push(DayRange { from, to }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 1).expect("a day") + Days::new(number)
    }

    #[track_caller]
    fn check(days: &[u64], within: Option<(&str, &str)>, expected: &[(u64, u64)]) {
        let at = |text: &str| text.parse().expect("a moment");
        let within = within.map(|(from, to)| TimeRange { from: at(from), to: at(to) });
        let found = ranges(&days.iter().map(|number| day(*number)).collect(), within);
        let range = |&(from, to): &(u64, u64)| DayRange { from: day(from), to: day(to) };
        assert_eq!(found, expected.iter().map(range).collect::<Vec<_>>());
    }

    #[test]
    fn days_in_a_row_are_one_range() {
        check(&[], None, &[]);
        check(&[0, 1, 2, 5], None, &[(0, 3), (5, 6)]);
    }

    #[test]
    fn a_range_has_the_days_of_its_moments() {
        let days = &[0, 1, 2, 3];
        check(days, Some(("2026-10-02T00:00:00Z", "2026-10-03T00:00:00Z")), &[(1, 2)]);
        check(days, Some(("2026-10-02T23:59:59Z", "2026-10-03T00:00:00.000001Z")), &[(1, 3)]);
        check(days, Some(("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")), &[]);
    }

    #[test]
    fn many_ranges_end_in_one_that_reaches_over_the_others() {
        let days: Vec<u64> = (0..100).map(|number| number * 2).collect();
        let mut expected: Vec<(u64, u64)> = (0..31).map(|number| (number * 2, number * 2 + 1)).collect();
        expected.push((62, 199));
        check(&days, None, &expected);
    }
}
