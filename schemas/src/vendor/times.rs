//! Times as vendors write them.

use super::json::Json;
use super::when::When;
use crate::moment;

const SECOND_US: i64 = 1_000_000;
use crate::DAY_US;

/// The longest text that is read as a time: RFC 3339 with nine digits and an offset has 35 bytes.
const TEXT_BYTES_MAX: usize = 64;

/// How a source writes its times.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Writing {
    /// It documents them as UTC, so that a missing zone says nothing.
    pub(crate) in_utc: bool,
    /// It writes `3/14/2026 9:05:07 AM` too, month first, as .NET does for no culture.
    pub(crate) month_first: bool,
}

impl Writing {
    /// The time under a key: a number since 1970, or a text; `Unsaid` where there is nothing, none where it is no time.
    pub(crate) fn when<'t>(self, value: Option<Json<'t>>) -> Option<When<'t>> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Some(When::Unsaid) };
        match value.as_text() {
            Some(text) => self.read(text),
            None => number(value).map(When::At),
        }
    }

    /// The clock of several that says most, the first of equals; `Unsaid` where all are silent, none where what is
    /// said is no time.
    pub(crate) fn best<'t>(self, clocks: &[Option<Json<'t>>]) -> Option<When<'t>> {
        let (mut best, mut is_garbled) = (When::Unsaid, false);
        for clock in clocks {
            match self.when(*clock) {
                Some(when) => best = best.or_better(when),
                None => is_garbled = true,
            }
            if matches!(best, When::At(_)) {
                break;
            }
        }
        (best != When::Unsaid || !is_garbled).then_some(best)
    }

    /// Reads RFC 3339; also a blank for its `T`, a comma for its point, an offset without a colon or behind a blank, a
    /// zone by name (`UTC`, `(UTC-08:00)`); a part of it alone; seconds, milliseconds or microseconds since 1970.
    pub(crate) fn read(self, text: &str) -> Option<When<'_>> {
        if let Some(at_us) = moment::parse(text) {
            return Some(When::At(at_us));
        }
        let text = text.trim_ascii();
        if !text.is_ascii() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if let Some(at_us) = dot_net(text).or_else(|| digits(text)) {
            return Some(When::At(at_us));
        }
        let (bare, zone) = split_zone(text);
        let offset = zone.unwrap_or("+00:00");
        let (date, clock) = match split_date(bare, self.month_first) {
            Some((date, clock)) => (Some(date), clock),
            None => (None, bare),
        };
        let at = |date: [u16; 3]| moment_of(date, clock, offset);
        match date {
            Some(date) if clock.is_empty() => {
                zone.is_none().then_some(())?;
                Some(When::NoTimeOfDay(moment_of(date, "0:00:00", offset)?, text))
            }
            Some(date) if zone.is_some() || self.in_utc => Some(When::At(at(date)?)),
            Some(date) => Some(When::NoZone(at(date)?, text)),
            None => Some(When::NoDate(at([1970, 1, 1])?.rem_euclid(DAY_US), text)),
        }
    }
}

/// A moment of a source whose times are UTC by its documentation.
pub(crate) fn utc(text: &str) -> Option<i64> {
    Writing { in_utc: true, month_first: false }.read(text)?.at_us()
}

/// A number since 1970 UTC: seconds up to the year 5138, else milliseconds, else microseconds.
pub(crate) fn epoch(number: i64) -> Option<i64> {
    match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(SECOND_US),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000),
        _ => Some(number),
    }
}

/// As [`epoch`], also of seconds with a fraction, as some collectors write them.
fn number(value: Json<'_>) -> Option<i64> {
    value.as_number().and_then(epoch).or_else(|| fraction(&value.as_scalar()?))
}

fn fraction(text: &str) -> Option<i64> {
    let seconds =
        text.parse::<f64>().ok().filter(|_| text.bytes().all(|byte| b"0123456789.".contains(&byte)))?;
    (seconds < 1e11).then_some((seconds * 1e6).round() as i64)
}

/// A number since 1970 UTC, written as a text: not so short that it may be a part of a date.
fn digits(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.len() >= 9 {
        epoch(text.parse().ok()?)
    } else {
        fraction(text).filter(|_| text.len() > 9)
    }
}

/// `/Date(1773479107000)/`, as .NET writes JSON: milliseconds since 1970 UTC; an offset behind them says only
/// where.
fn dot_net(text: &str) -> Option<i64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inner.char_indices().skip(1).find(|(_, letter)| matches!(letter, '+' | '-'));
    let milliseconds: i64 = end.map_or(inner, |(at, _)| &inner[..at]).parse().ok()?;
    milliseconds.checked_mul(1_000)
}

/// The time without its zone, and the zone as an offset or `Z`: `…Z`, `…+0100`, `… UTC`, `… (UTC)`, `… GMT`, `… Z`,
/// `… (UTC-08:00)`, `… -08:00`.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    let inner = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    let (bare, zone) = match inner.or_else(|| text.rsplit_once(' ')) {
        Some((bare, zone)) if zone_of(zone).is_some() => (bare, zone),
        _ => match text.rfind(['Z', 'z', '+', '-']) {
            // Behind a clock it is a zone, else a part of a date.
            Some(at) if text[..at].contains(':') => text.split_at(at),
            _ => return (text, None),
        },
    };
    match zone_of(zone) {
        Some(offset) => (bare.trim_ascii_end(), Some(offset)),
        None => (text, None),
    }
}

/// The offset of a zone: `Z` for those that are UTC by name.
fn zone_of(zone: &str) -> Option<&str> {
    let is_utc = |zone: &str| ["UTC", "GMT", "Z"].iter().any(|name| zone.eq_ignore_ascii_case(name));
    if is_utc(zone) {
        return Some("Z");
    }
    let offset = zone.get(..3).filter(|name| is_utc(name)).map_or(zone, |_| &zone[3..]);
    let is_offset = matches!(offset.as_bytes(), [b'+' | b'-', _, _, b':', _, _] | [b'+' | b'-', _, _, _, _]);
    is_offset.then_some(offset)
}

/// Year, month and day, and the clock behind them.
fn split_date(text: &str, month_first: bool) -> Option<([u16; 3], &str)> {
    if let Some((date, rest)) = text.split_at_checked(10)
        && matches!(date.as_bytes()[4], b'-')
        && let Some(clock) = match rest.as_bytes() {
            [] => Some(rest),
            [b'T' | b't' | b' ', _, ..] => Some(rest[1..].trim_ascii_start()),
            _ => None,
        }
    {
        let mut parts = date.split('-');
        let of_length = |part: Option<&str>, length| part.filter(|part| part.len() == length).and_then(small);
        let date = [of_length(parts.next(), 4)?, of_length(parts.next(), 2)?, of_length(parts.next(), 2)?];
        return Some((date, clock));
    }
    let (date, clock) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = date.split('/').map(small);
    let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
    (month_first && parts.next().is_none() && year >= 1000)
        .then_some(([year, month, day], clock.trim_ascii_start()))
}

/// The moment of a date, a clock (`17:05`, `9:05:07.25 PM`, `17:05:07,123`) and an offset.
fn moment_of([year, month, day]: [u16; 3], clock: &str, offset: &str) -> Option<i64> {
    let (clock, half) = match clock.split_once(' ') {
        Some((clock, half)) => (clock, Some(half.trim_ascii())),
        None => (clock, None),
    };
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut parts = clock.split(':').map(small);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) if half.eq_ignore_ascii_case("AM") => hour % 12,
        Some(half) if half.eq_ignore_ascii_case("PM") => hour % 12 + 12,
        Some(_) => return None,
    };
    if parts.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let (fraction_us, rest) = moment::fraction(fraction.as_bytes())?;
    let offset_s = match offset.as_bytes() {
        &[sign, h1, h2, m1, m2] => moment::zone_offset_s(&[sign, h1, h2, b':', m1, m2]),
        zone => moment::zone_offset_s(zone),
    }?;
    let (date, clock) = ([year, month, day].map(i64::from), [hour, minute, second].map(i64::from));
    rest.is_empty().then(|| moment::of(date, clock, fraction_us, offset_s))?
}

/// One to four digits.
fn small(text: &str) -> Option<u16> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Writing = Writing { in_utc: false, month_first: true };
    const UTC: Writing = Writing { in_utc: true, month_first: true };

    fn at(text: &str) -> i64 {
        moment::parse(text).expect("a time")
    }

    #[test]
    fn each_form_with_a_zone_is_a_moment() {
        for text in [
            "3/14/2026 5:05:07 PM UTC",
            "3/14/2026 5:05:07 PM (UTC)",
            "03/14/2026 17:05:07 Z",
            "3/14/2026 9:05:07 AM (UTC-08:00)",
            "3/14/2026 9:05:07 AM -08:00",
            "2026-03-14T17:05:07Z",
            "2026-03-14 17:05:07.0000000+00:00",
            "2026-03-14 18:05:07,000 +0100",
            "2026-03-14T18:05:07+0100",
            "2026-03-14 17:05:07 UTC",
            "2026-03-14 17:05:07 Z",
            " 2026-03-14t17:05:07z ",
            "/Date(1773507907000)/",
            "/Date(1773507907000-0800)/",
            "1773507907",
            "1773507907000",
            "1773507907.0",
        ] {
            assert_eq!(PLAIN.read(text), Some(When::At(at("2026-03-14T17:05:07Z"))), "{text}");
        }
        for (text, expected) in [
            ("12/1/2026 12:00:00 AM UTC", "2026-12-01T00:00:00Z"),
            ("12/1/2026 12:30 PM UTC", "2026-12-01T12:30:00Z"),
            ("2026-03-01 08:00:00.123456789Z", "2026-03-01T08:00:00.123456Z"),
        ] {
            assert_eq!(PLAIN.read(text), Some(When::At(at(expected))), "{text}");
        }
    }

    #[test]
    fn without_a_zone_it_is_utc_and_says_so_unless_that_is_documented() {
        for (text, expected) in [
            ("3/14/2026 9:05:07 AM", "2026-03-14T09:05:07Z"),
            ("3/14/2026 9:05:07.25 AM", "2026-03-14T09:05:07.25Z"),
            ("2026-03-14T09:05:07", "2026-03-14T09:05:07Z"),
            ("2026-03-14 09:05:07,123", "2026-03-14T09:05:07.123Z"),
            ("2026-03-14 09:05", "2026-03-14T09:05:00Z"),
        ] {
            assert_eq!(PLAIN.read(text), Some(When::NoZone(at(expected), text)), "{text}");
            assert_eq!(UTC.read(text), Some(When::At(at(expected))), "{text}");
        }
        let zoned = Some(When::At(at("2026-03-14T08:05:07Z")));
        assert_eq!(UTC.read("2026-03-14T09:05:07+01:00"), zoned);
    }

    #[test]
    fn a_part_alone_is_told_apart() {
        for (text, expected) in [
            ("12:01:02,123", "1970-01-01T12:01:02.123Z"),
            ("9:05 PM", "1970-01-01T21:05:00Z"),
            ("12:01:02Z", "1970-01-01T12:01:02Z"),
            ("00:30:00+01:00", "1970-01-01T23:30:00Z"),
        ] {
            assert_eq!(UTC.read(text), Some(When::NoDate(at(expected), text)), "{text}");
        }
        for text in ["2026-03-14", "3/14/2026"] {
            assert_eq!(UTC.read(text), Some(When::NoTimeOfDay(at("2026-03-14T00:00:00Z"), text)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "soon",
            "soon UTC",
            "UTC",
            "14/3/2026 9:05:07 AM UTC",
            "3/14/26 9:05:07 AM UTC",
            "3/14/2026 13:05:07 PM",
            "2026-02-30 09:05:07",
            "2026-3-1 09:05:07",
            "2026-03-14T",
            "2026-03-14T09",
            "2026-03-14T25:00:00",
            "2026-03-14Z",
            "2026-03-14T09:05:07 later",
            "2026-03-14T09:05:07+1",
            "2026-03-14T09:05:07.",
            "13/1",
            "1.5",
            "25:00:00",
            "7:5:3:1",
            "8c1b6e2e-0000-4000-8000-000000000000",
            "２026-03-01T00:30:00Z",
        ] {
            assert_eq!(PLAIN.read(text), None, "{text}");
            assert_eq!(UTC.read(text), None, "{text}");
        }
        let month_last = Writing::default();
        assert_eq!(month_last.read("3/14/2026 9:05:07 AM"), None);
    }

    #[test]
    fn numbers_tell_their_unit_by_their_size() {
        let expected = moment::parse("2026-03-01T08:00:00Z");
        for number in [1_772_352_000, 1_772_352_000_000, 1_772_352_000_000_000] {
            assert_eq!(epoch(number), expected, "{number}");
        }
    }

    #[test]
    fn no_text_of_these_letters_breaks_it() {
        // Each has two signs of a time behind one another, where slices are cut.
        let parts = [
            "",
            "2026-03-14",
            "3/14/2026",
            "T",
            " ",
            "12:01",
            ":02",
            ",5",
            "Z",
            "+01",
            "00",
            "(",
            ")",
            "PM",
            "-",
        ];
        for first in parts {
            for second in parts {
                for third in parts {
                    let text = format!("{first}{second}{third}");
                    let _ = (PLAIN.read(&text), UTC.read(&text));
                }
            }
        }
    }
}
