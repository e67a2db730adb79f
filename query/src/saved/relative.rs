//! Ranges that move along with time.

use std::fmt;

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::parameter::TimeRange;
use crate::period::{Grain, day_start};

/// A range that moves along with time, in local days of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relative {
    /// From the beginning of the period until now.
    This(Span),
    /// The whole period before.
    Last(Span),
    /// So many whole days before today.
    LastDays(u32),
    /// So many hours before the beginning of this one.
    LastHours(u32),
}

/// A span of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// The words, as they are told to whoever gives another.
pub(super) const WORDS: &str = "today, yesterday, this-week, last-week, this-month, last-month, last-quarter, last-year, \
                                last-N-days or last-N-hours";

const NAMED: &[(&str, Relative)] = &[
    ("today", Relative::This(Span::Day)),
    ("yesterday", Relative::Last(Span::Day)),
    ("this-week", Relative::This(Span::Week)),
    ("last-week", Relative::Last(Span::Week)),
    ("this-month", Relative::This(Span::Month)),
    ("last-month", Relative::Last(Span::Month)),
    ("last-quarter", Relative::Last(Span::Quarter)),
    ("last-year", Relative::Last(Span::Year)),
];

/// Ten years.
const DAYS_MAX: u32 = 3_660;
const HOURS_MAX: u32 = DAYS_MAX * 24;

/// Shorter than any moment can be told apart.
const INSTANT: TimeDelta = TimeDelta::microseconds(1);

impl Relative {
    /// Reads a word; none for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((_, range)) = NAMED.iter().find(|(word, _)| *word == text) {
            return Some(*range);
        }
        let (count, unit) = text.strip_prefix("last-")?.split_once('-')?;
        let count = count.parse::<u32>().ok().filter(|count| *count > 0 && !text.contains('+'))?;
        match unit {
            "days" => (count <= DAYS_MAX).then_some(Self::LastDays(count)),
            "hours" => (count <= HOURS_MAX).then_some(Self::LastHours(count)),
            _ => None,
        }
    }

    /// The range at a moment. A period that is still going on ends there; at the very moment at which it begins it is
    /// the one that has just ended, so that a range is never empty.
    pub(super) fn at(self, now: DateTime<Utc>, tz: Tz) -> TimeRange {
        let date = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
        let days =
            |from: NaiveDate, to: NaiveDate| TimeRange { from: day_start(from, tz), to: day_start(to, tz) };
        match self {
            Self::This(span) => TimeRange { from: day_start(span.start(date(now - INSTANT)), tz), to: now },
            Self::Last(span) => {
                let end = span.start(date(now));
                days(span.start(end - TimeDelta::days(1)), end)
            }
            Self::LastDays(count) => {
                let end = date(now);
                days(end - TimeDelta::days(count.into()), end)
            }
            Self::LastHours(count) => {
                let to = Grain::Hour.period(quarter_hour(now), tz).start.to_utc();
                TimeRange { from: to - TimeDelta::hours(count.into()), to }
            }
        }
    }
}

/// The beginning of a moment's quarter hour, the atom of local periods.
pub(super) fn quarter_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    let us = at.timestamp_micros();
    DateTime::from_timestamp_micros(us - us.rem_euclid(crate::period::QUARTER_HOUR_US)).unwrap_or(at)
}

impl Span {
    /// The first day of the span that a day lies in. Weeks begin on Monday.
    fn start(self, day: NaiveDate) -> NaiveDate {
        let month = day - TimeDelta::days(day.day0().into());
        match self {
            Self::Day => day,
            Self::Week => day - TimeDelta::days(day.weekday().num_days_from_monday().into()),
            Self::Month => month,
            Self::Quarter => month - Months::new(month.month0() % 3),
            Self::Year => month - Months::new(month.month0()),
        }
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastDays(count) => write!(f, "last-{count}-days"),
            Self::LastHours(count) => write!(f, "last-{count}-hours"),
            named => {
                let word = NAMED.iter().find(|(_, range)| range == named).map(|(word, _)| *word);
                f.write_str(word.unwrap_or("as given"))
            }
        }
    }
}
