//! Parameters: how they are declared, and how moments, time zones and ranges are read.

mod declared;

use std::borrow::Cow;

use chrono::{
    DateTime, Datelike as _, LocalResult, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone as _,
    Utc,
};
use chrono_tz::Tz;

pub use declared::{Parameter, Takes};

use crate::period::day_start;

/// The years that a moment may lie in. Before 1970 zones were not whole quarter hours apart.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// How long the default range is.
const DEFAULT_RANGE: TimeDelta = TimeDelta::hours(24);

/// A parameter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {expected}; for example {example}")]
pub struct ParameterError {
    /// The parameter.
    pub name: Cow<'static, str>,
    /// What to give, and what is wrong with what was given.
    pub expected: String,
    /// A value that would do.
    pub example: String,
}

/// Characters of an unknown name that are repeated.
const NAME_CHARS_MAX: usize = 40;

impl ParameterError {
    /// There is no such parameter; `advice` says which there are.
    #[must_use]
    pub fn unknown(name: &str, advice: &str, example: &str) -> Self {
        Self {
            name: name.chars().take(NAME_CHARS_MAX).collect::<String>().into(),
            expected: format!("is no parameter; {advice}"),
            example: example.to_owned(),
        }
    }

    /// A parameter that is given twice, with one of its values.
    #[must_use]
    pub fn twice(name: &str, value: &str) -> Self {
        let example = format!("{name}={value}");
        Self { name: name.to_owned().into(), expected: "give it once".to_owned(), example }
    }
}

/// Half open: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The moment after the last.
    pub to: DateTime<Utc>,
}

impl TimeRange {
    /// Reads a range; without `to` it ends now, without `from` it is 24 hours long.
    ///
    /// # Errors
    ///
    /// A text is no moment, or the range holds none.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        tz: Tz,
        now: DateTime<Utc>,
    ) -> Result<Self, ParameterError> {
        let to = to.map_or(Ok(now), |text| parse_moment("to", text, tz))?;
        let from = from.map_or(Ok(to - DEFAULT_RANGE), |text| parse_moment("from", text, tz))?;
        if from >= to {
            return Err(ParameterError {
                name: "from".into(),
                expected: format!(
                    "give a moment before `to`, which is {} in UTC",
                    to.to_rfc3339_opts(SecondsFormat::AutoSi, true)
                ),
                example: local_text(to - DEFAULT_RANGE, tz),
            });
        }
        Ok(Self { from, to })
    }
}

/// Reads the parameter `tz`, an IANA name; UTC by default.
///
/// # Errors
///
/// No such zone.
pub(crate) fn parse_tz(text: Option<&str>) -> Result<Tz, ParameterError> {
    let Some(text) = text else { return Ok(Tz::UTC) };
    text.trim().parse().map_err(|_| ParameterError {
        name: "tz".into(),
        expected: "give the name of an IANA time zone".to_owned(),
        example: "Europe/Berlin".to_owned(),
    })
}

/// Reads a moment: RFC 3339, or a local date or date-time in `tz`. A date is its first moment.
pub(crate) fn parse_moment(name: &'static str, text: &str, tz: Tz) -> Result<DateTime<Utc>, ParameterError> {
    let text = text.trim();
    let error = |expected: String, example: String| ParameterError { name: name.into(), expected, example };
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return bounded(name, moment.to_utc());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        if !YEARS.contains(&date.year()) {
            return Err(out_of_range(name));
        }
        return Ok(day_start(date, tz));
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let Some(local) = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    else {
        return Err(error(
            "give an RFC 3339 time, or a local date or date-time in the zone of `tz`".to_owned(),
            "2026-10-25, 2026-10-25T13:30 or 2026-10-25T13:30:00+02:00".to_owned(),
        ));
    };
    if !YEARS.contains(&local.year()) {
        return Err(out_of_range(name));
    }
    match tz.from_local_datetime(&local) {
        LocalResult::Single(moment) => Ok(moment.to_utc()),
        LocalResult::Ambiguous(first, second) => Err(error(
            format!("give the offset too, since this local time comes twice in {tz}"),
            format!("{} or {}", first.to_rfc3339(), second.to_rfc3339()),
        )),
        LocalResult::None => Err(error(
            format!(
                "give another time, since this local time does not exist in {tz}: the clocks were set forward over it"
            ),
            local_text(day_start(local.date(), tz), tz),
        )),
    }
}

fn bounded(name: &'static str, moment: DateTime<Utc>) -> Result<DateTime<Utc>, ParameterError> {
    if YEARS.contains(&moment.year()) { Ok(moment) } else { Err(out_of_range(name)) }
}

fn out_of_range(name: &'static str) -> ParameterError {
    ParameterError {
        name: name.into(),
        expected: format!("give a year from {} to {}", YEARS.start(), YEARS.end()),
        example: "2026-10-25".to_owned(),
    }
}

/// A moment as local time with its offset.
fn local_text(moment: DateTime<Utc>, tz: Tz) -> String {
    moment.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::Secs, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tz: &str, expected: &str) {
        let tz = parse_tz(Some(tz)).expect("a zone");
        let found = match parse_moment("from", text, tz) {
            Ok(moment) => moment.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_moments() {
        check("2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25T00:30:00Z");
        check("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z");
        check("2026-10-25 13:30", "Asia/Kathmandu", "2026-10-25T07:45:00Z");
        check("2026-10-25T13:30:00.5", "UTC", "2026-10-25T13:30:00.500Z");
    }

    #[test]
    fn a_date_begins_when_its_midnight_is_skipped_or_repeated() {
        check("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z");
        check("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z");
        check("2026-11-01", "America/Havana", "2026-11-01T04:00:00Z");
        check("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z");
    }

    #[test]
    fn says_what_to_give_instead() {
        check(
            "2026-10-25T02:30",
            "Europe/Berlin",
            "from: give the offset too, since this local time comes twice in Europe/Berlin; \
             for example 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00",
        );
        check(
            "2026-03-29T02:30",
            "Europe/Berlin",
            "from: give another time, since this local time does not exist in Europe/Berlin: the clocks were set \
             forward over it; for example 2026-03-29T00:00:00+01:00",
        );
        check(
            "yesterday",
            "UTC",
            "from: give an RFC 3339 time, or a local date or date-time in the zone of `tz`; \
             for example 2026-10-25, 2026-10-25T13:30 or 2026-10-25T13:30:00+02:00",
        );
        check("1969-12-31", "UTC", "from: give a year from 1970 to 9999; for example 2026-10-25");
    }

    #[test]
    fn a_range_is_the_last_day_by_default_and_never_empty() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        let range = TimeRange::parse(None, None, Tz::UTC, now).expect("a range");
        assert_eq!((range.from, range.to), (now - TimeDelta::days(1), now));
        let error =
            TimeRange::parse(Some("2026-01-02"), Some("2026-01-02"), Tz::UTC, now).expect_err("empty");
        assert_eq!(
            error.to_string(),
            "from: give a moment before `to`, which is 2026-01-02T00:00:00Z in UTC; for example 2026-01-01T00:00:00+00:00"
        );
    }
}
