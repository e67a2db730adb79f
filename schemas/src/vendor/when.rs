//! When something happened, as far as its source says; and what is made of a time that says too little.

use std::borrow::Cow;

use crate::DAY_US;

/// A time as its source gives it. Each that says too little keeps its text, to be noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum When<'t> {
    /// A moment, in microseconds since 1970 UTC.
    At(i64),
    /// A date and time without a zone; the moment if that is UTC.
    NoZone(i64, &'t str),
    /// A date alone; the moment at which it begins in UTC.
    NoTimeOfDay(i64, &'t str),
    /// A time of day alone, in microseconds since midnight UTC.
    NoDate(i64, &'t str),
    /// Nothing is said.
    #[default]
    Unsaid,
}

impl<'t> When<'t> {
    /// The moment, if it is one without Kafka's help.
    pub(crate) fn at_us(self) -> Option<i64> {
        match self {
            Self::At(at_us) | Self::NoZone(at_us, _) | Self::NoTimeOfDay(at_us, _) => Some(at_us),
            Self::NoDate(..) | Self::Unsaid => None,
        }
    }

    /// The moment, with what is missing taken from the time at which Kafka took the record: a time of day is the
    /// latest that is not after it, but for the `ahead_us_max` by which clocks may differ.
    pub(super) fn resolve(self, received_at_us: i64, ahead_us_max: i64) -> i64 {
        match self {
            Self::NoDate(of_day_us, _) => {
                let latest_us = received_at_us.saturating_add(ahead_us_max);
                latest_us.saturating_sub(latest_us.saturating_sub(of_day_us).rem_euclid(DAY_US))
            }
            _ => self.at_us().unwrap_or(received_at_us),
        }
    }

    /// What an event notes where this says too little, and the fixed word under which it is counted: texts would be
    /// as many as events.
    pub(super) fn note(self) -> Option<(&'t str, &'static str)> {
        match self {
            Self::At(_) => None,
            Self::NoZone(_, text) => Some((text, "(no zone)")),
            Self::NoTimeOfDay(_, text) => Some((text, "(no time of day)")),
            Self::NoDate(_, text) => Some((text, "(no date)")),
            Self::Unsaid => Some(("(none)", "(none)")),
        }
    }

    /// Its part in an id that is made of what an event says; none where it is no moment: then the judge adds the moment.
    pub(crate) fn id_part(self) -> Option<String> {
        self.at_us().map(|at_us| at_us.to_string())
    }

    /// The one of two clocks that says more; the first of equals.
    pub(crate) fn or_better(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::At(_) => 0,
            Self::NoZone(..) => 1,
            Self::NoTimeOfDay(..) => 2,
            Self::NoDate(..) => 3,
            Self::Unsaid => 4,
        }
    }
}

/// An id that the source gave, or one that was made of what the event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id<'t> {
    /// Unique, as far as the source keeps its word.
    Own(Cow<'t, str>),
    /// By [`derived_id`](super::derived_id).
    Made(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment;

    #[track_caller]
    fn check(of_day: &str, received: &str, expected: &str) {
        let at = |text: &str| moment::parse(text).expect("a time");
        let of_day_us = at(&format!("1970-01-01T{of_day}Z"));
        let found = When::NoDate(of_day_us, of_day).resolve(at(received), 5 * 60 * 1_000_000);
        assert_eq!(found, at(expected), "{of_day}");
    }

    #[test]
    fn a_time_of_day_is_the_latest_before_kafka_took_the_record() {
        check("12:01:02.123", "2026-03-01T12:01:03Z", "2026-03-01T12:01:02.123Z");
        check("12:01:02", "2026-03-01T12:01:02Z", "2026-03-01T12:01:02Z");
        check("23:59:58", "2026-03-01T00:00:01Z", "2026-02-28T23:59:58Z");
        check("12:01:02", "2026-03-01T12:01:01Z", "2026-03-01T12:01:02Z");
        check("12:06:01", "2026-03-01T12:01:01Z", "2026-03-01T12:06:01Z");
        check("12:06:02", "2026-03-01T12:01:01Z", "2026-02-28T12:06:02Z");
        check("00:00:30", "2026-02-28T23:58:00Z", "2026-03-01T00:00:30Z");
        // Before 1970 too.
        check("12:00:00", "1969-12-31T11:00:00Z", "1969-12-30T12:00:00Z");
    }

    #[test]
    fn no_timestamp_is_too_large() {
        for received_at_us in [i64::MIN, i64::MAX] {
            let _ = When::NoDate(DAY_US - 1, "").resolve(received_at_us, DAY_US);
        }
    }

    #[test]
    fn the_clock_that_says_more_counts() {
        let zoneless = When::NoZone(1, "a");
        assert_eq!(zoneless.or_better(When::At(2)), When::At(2));
        assert_eq!(zoneless.or_better(When::NoZone(2, "b")), zoneless);
        assert_eq!(When::Unsaid.or_better(zoneless), zoneless);
    }
}
