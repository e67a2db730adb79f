//! Local periods: which quarter hour, hour, day, week or month of a zone a moment lies in.
//!
//! A quarter hour of UTC is the atom: it lies within one local period, since every zone's offset from UTC
//! has been a multiple of 15 minutes since 1972, and since 2023 (the Antarctic station Casey was the last)
//! clocks change only on a quarter hour. Where one changed at 00:01, what happened in that quarter hour
//! counts by the clock that held at its start.

use chrono::{
    DateTime, Datelike as _, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, Offset as _, TimeDelta,
    TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;
pub(crate) use schemas::{DAY_US, day_number, day_start_us};

/// Microseconds of a quarter hour.
pub(crate) const QUARTER_HOUR_US: i64 = DAY_US / 96;

const QUARTER_HOUR: TimeDelta = TimeDelta::minutes(15);

/// Quarter hours within which a skipped local time ends: zones have skipped a whole day.
const SKIPPED_STEPS_MAX: i32 = 2 * 96;

/// How long a period is. Their order in this list is that of their lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Grain {
    QuarterHour,
    Hour,
    Day,
    Week,
    Month,
}

/// A period of local time, half open. Periods sort by their start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period {
    /// The first moment, with its own offset.
    pub(crate) start: DateTime<FixedOffset>,
    /// The moment after the last, with its own offset.
    pub(crate) end: DateTime<FixedOffset>,
    /// Day `2026-10-25`, week by its Monday, month `2026-10`; hour and quarter hour as local time with
    /// offset, which tells a repeated hour from its first.
    pub(crate) label: String,
}

impl Grain {
    /// The period that the quarter hour from `quarter` on lies in.
    pub(crate) fn period(self, quarter: DateTime<Utc>, tz: Tz) -> Period {
        let local = quarter.with_timezone(&tz).naive_local();
        let date = local.date();
        let days = |label: String, first: NaiveDate, next: NaiveDate| Period {
            start: fixed(day_start(first, tz), tz),
            end: fixed(day_start(next, tz), tz),
            label,
        };
        match self {
            Self::QuarterHour => Period {
                start: fixed(quarter, tz),
                end: fixed(quarter + QUARTER_HOUR, tz),
                label: fixed(quarter, tz).format("%Y-%m-%dT%H:%M%:z").to_string(),
            },
            Self::Hour => hour(quarter, tz),
            Self::Day => days(date.to_string(), date, date + TimeDelta::days(1)),
            Self::Week => {
                let monday = date - TimeDelta::days(date.weekday().num_days_from_monday().into());
                days(monday.to_string(), monday, monday + TimeDelta::days(7))
            }
            Self::Month => {
                let first = date - TimeDelta::days(date.day0().into());
                days(date.format("%Y-%m").to_string(), first, first + Months::new(1))
            }
        }
    }
}

/// From one moment to the one that it is compared with: the same local time so many days or months away, or an
/// exact time away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    Exact(TimeDelta),
    Days(u32),
    Months(u32),
}

impl Shift {
    /// One period further.
    pub(crate) fn by_one(grain: Grain) -> Self {
        match grain {
            Grain::QuarterHour => Self::Exact(QUARTER_HOUR),
            Grain::Hour => Self::Exact(TimeDelta::hours(1)),
            Grain::Day => Self::Days(1),
            Grain::Week => Self::Days(7),
            Grain::Month => Self::Months(1),
        }
    }

    /// The length of a range: in months where it begins and ends with local months, in days where it begins and
    /// ends with local days.
    pub(crate) fn by_length(from: DateTime<Utc>, to: DateTime<Utc>, tz: Tz) -> Self {
        let date = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
        let (first, end) = (date(from), date(to));
        if day_start(first, tz) != from || day_start(end, tz) != to {
            return Self::Exact(to - from);
        }
        if first.day() == 1 && end.day() == 1 {
            let months = (end.year() - first.year()) * 12 + end.month() as i32 - first.month() as i32;
            return Self::Months(months.unsigned_abs());
        }
        Self::Days((end - first).num_days().unsigned_abs() as u32)
    }

    pub(crate) fn forward(self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz).naive_local();
        match self {
            Self::Exact(length) => at + length,
            Self::Days(days) => resolve(local + Days::new(days.into()), tz),
            Self::Months(months) => resolve(local + Months::new(months), tz),
        }
    }

    /// As [`Self::back`], of the moment after the last: where the earlier month has no such day, its own end.
    pub(crate) fn back_end(self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz).naive_local();
        let Self::Months(months) = self else { return self.back(at, tz) };
        let earlier = local - Months::new(months);
        if earlier.day() == local.day() {
            return resolve(earlier, tz);
        }
        let first = earlier.date() - TimeDelta::days(earlier.date().day0().into());
        day_start(first + Months::new(1), tz)
    }

    pub(crate) fn back(self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz).naive_local();
        match self {
            Self::Exact(length) => at - length,
            Self::Days(days) => resolve(local - Days::new(days.into()), tz),
            Self::Months(months) => resolve(local - Months::new(months), tz),
        }
    }
}

/// The run of quarter hours that show the same hour at the same offset; shorter than an hour where clocks
/// change by half an hour.
fn hour(quarter: DateTime<Utc>, tz: Tz) -> Period {
    let shown = |at: DateTime<Utc>| {
        let local = fixed(at, tz);
        (local.date_naive(), local.hour(), *local.offset())
    };
    let (mut start, mut end) = (quarter, quarter + QUARTER_HOUR);
    while shown(start - QUARTER_HOUR) == shown(quarter) {
        start -= QUARTER_HOUR;
    }
    while shown(end) == shown(quarter) {
        end += QUARTER_HOUR;
    }
    let label = fixed(quarter, tz).format("%Y-%m-%dT%H:00%:z").to_string();
    Period { start: fixed(start, tz), end: fixed(end, tz), label }
}

/// The first moment of a local day: midnight, the earlier one where it comes twice; where it is skipped,
/// the moment to which the clocks were set.
pub(crate) fn day_start(date: NaiveDate, tz: Tz) -> DateTime<Utc> {
    resolve(date.and_time(chrono::NaiveTime::MIN), tz)
}

/// The moment of a local time: the earlier one where it comes twice; where it is skipped, the moment to which the
/// clocks were set.
pub(crate) fn resolve(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    let part = TimeDelta::nanoseconds(i64::from(local.nanosecond()))
        + TimeDelta::seconds(i64::from(local.num_seconds_from_midnight() % 900));
    let exact = tz.from_local_datetime(&local).earliest();
    let later = || {
        // From the next whole quarter hour on: clocks change on those.
        (1..SKIPPED_STEPS_MAX)
            .find_map(|step| tz.from_local_datetime(&(local - part + QUARTER_HOUR * step)).earliest())
    };
    exact.or_else(later).map_or_else(|| local.and_utc(), |moment| moment.to_utc())
}

fn fixed(at: DateTime<Utc>, tz: Tz) -> DateTime<FixedOffset> {
    let local = at.with_timezone(&tz);
    local.with_timezone(&local.offset().fix())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(grain: Grain, at: &str, tz: Tz, expected: [&str; 3]) {
        let at: DateTime<Utc> = at.parse().expect("a moment");
        let period = grain.period(at, tz);
        let found = [period.label.clone(), period.start.to_rfc3339(), period.end.to_rfc3339()];
        assert_eq!(found, expected);
        assert!(period.start <= at && at < period.end);
    }

    #[test]
    fn days_differ_in_length_at_clock_changes() {
        let berlin = chrono_tz::Europe::Berlin;
        let spring = ["2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"];
        check(Grain::Day, "2026-03-28T23:00:00Z", berlin, spring);
        check(Grain::Day, "2026-03-29T21:45:00Z", berlin, spring);
        let autumn = ["2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"];
        check(Grain::Day, "2026-10-24T22:00:00Z", berlin, autumn);
        check(Grain::Day, "2026-10-25T22:45:00Z", berlin, autumn);
        check(
            Grain::Week,
            "2026-10-25T22:45:00Z",
            berlin,
            ["2026-10-19", "2026-10-19T00:00:00+02:00", autumn[2]],
        );
        check(
            Grain::Month,
            "2026-10-31T22:45:00Z",
            berlin,
            ["2026-10", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"],
        );
    }

    #[test]
    fn what_is_compared_lies_one_calendar_period_apart() {
        let berlin = chrono_tz::Europe::Berlin;
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment");
        let day = Shift::by_one(Grain::Day);
        assert_eq!(day.back(at("2026-10-25T23:00:00Z"), berlin), at("2026-10-24T22:00:00Z"), "25 hours");
        assert_eq!(day.forward(at("2026-03-28T01:30:07.5Z"), berlin), at("2026-03-29T01:00:00Z"), "skipped");
        let month = Shift::by_one(Grain::Month);
        assert_eq!(
            month.back(at("2026-03-31T10:00:00Z"), berlin),
            at("2026-02-28T11:00:00Z"),
            "the last day"
        );
        assert_eq!(
            month.back_end(at("2026-03-28T23:00:00Z"), berlin),
            at("2026-02-28T23:00:00Z"),
            "all of February"
        );
        assert_eq!(month.back_end(at("2026-03-14T23:00:00Z"), berlin), at("2026-02-14T23:00:00Z"));
        let length = |from, to| Shift::by_length(at(from), at(to), berlin);
        assert_eq!(length("2026-09-30T22:00:00Z", "2026-11-30T23:00:00Z"), Shift::Months(2));
        assert_eq!(length("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z"), Shift::Days(2));
        assert_eq!(
            length("2026-10-24T22:00:00Z", "2026-10-26T22:00:00Z"),
            Shift::Exact(TimeDelta::hours(48))
        );
    }

    #[test]
    fn repeated_hours_are_two() {
        let berlin = chrono_tz::Europe::Berlin;
        let first = ["2026-10-25T02:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"];
        let second = ["2026-10-25T02:00+01:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"];
        check(Grain::Hour, "2026-10-25T00:45:00Z", berlin, first);
        check(Grain::Hour, "2026-10-25T01:00:00Z", berlin, second);
        let half = ["2026-04-05T01:00+10:30", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"];
        check(Grain::Hour, "2026-04-04T15:15:00Z", chrono_tz::Australia::Lord_Howe, half);
    }

    #[test]
    fn zones_lie_quarter_hours_apart() {
        let kathmandu = chrono_tz::Asia::Kathmandu;
        let hour = ["2026-01-01T00:00+05:45", "2026-01-01T00:00:00+05:45", "2026-01-01T01:00:00+05:45"];
        check(Grain::Hour, "2025-12-31T18:15:00Z", kathmandu, hour);
        check(Grain::Hour, "2025-12-31T19:00:00Z", kathmandu, hour);
        let quarter = ["2026-01-01T00:15+05:45", "2026-01-01T00:15:00+05:45", "2026-01-01T00:30:00+05:45"];
        check(Grain::QuarterHour, "2025-12-31T18:30:00Z", kathmandu, quarter);
    }

    /// What the whole of this file rests on, for each zone that the time zone database has.
    #[test]
    fn clocks_change_on_quarter_hours_of_utc() {
        let offset = |tz: &Tz, at_s: i64| {
            let at = DateTime::from_timestamp(at_s, 0).expect("a moment");
            at.with_timezone(tz).offset().fix().local_minus_utc()
        };
        let day_s = 86_400;
        for tz in chrono_tz::TZ_VARIANTS {
            // 2023 to 2037, day by day.
            for day in 19_358..24_837 {
                let (mut before, mut after) = (day * day_s, (day + 1) * day_s);
                let (old, new) = (offset(&tz, before), offset(&tz, after));
                assert_eq!(new % 900, 0, "{tz}");
                while old != new && after - before > 1 {
                    let middle = i64::midpoint(before, after);
                    if offset(&tz, middle) == old { before = middle } else { after = middle }
                }
                assert!(old == new || after % 900 == 0, "{tz} changed at {after}");
            }
        }
    }
}
