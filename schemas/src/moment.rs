//! Moments as text: RFC 3339.

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±hh:mm)` into microseconds since 1970 UTC; `None` for anything
/// else. `t` and `z` may be lower case; a blank in place of `T` is refused.
///
/// A fraction may have any number of digits; those after the sixth are cut off. A leap second (`:60`) is
/// read where one can be, in the last second of a UTC day, as the last microsecond before it, so that the
/// event stays in its day. `-00:00` (RFC 3339 section 4.3: UTC, place unknown) is read as UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_first_chunk::<19>()?;
    if head[4] != b'-'
        || head[7] != b'-'
        || head[13] != b':'
        || head[16] != b':'
        || !matches!(head[10], b'T' | b't')
    {
        return None;
    }
    let date = [two(head, 0)? * 100 + two(head, 2)?, two(head, 5)?, two(head, 8)?];
    let clock = [two(head, 11)?, two(head, 14)?, two(head, 17)?];
    let (fraction_us, zone) = match tail.split_first() {
        Some((b'.', digits)) => fraction(digits)?,
        _ => (0, tail),
    };
    of(date, clock, fraction_us, zone_offset_s(zone)?)
}

/// The moment of year, month and day, of hour, minute and second, of microseconds, and of the seconds that the zone is
/// ahead of UTC; none where there is no such date or clock. No number is below 0.
#[inline]
pub(crate) fn of(
    [year, month, day]: [i64; 3],
    [hour, minute, second]: [i64; 3],
    fraction_us: i64,
    offset_s: i64,
) -> Option<i64> {
    let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let utc_s = days_since_1970(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
    if second < 60 {
        return Some(utc_s * SECOND_US + fraction_us);
    }
    (utc_s % DAY_S == 0).then_some(utc_s * SECOND_US - 1)
}

/// Two digits.
#[inline]
fn two(bytes: &[u8; 19], at: usize) -> Option<i64> {
    let (tens, ones) = (bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// The microseconds that the digits behind the point are, and what follows them; none where there is no digit.
#[inline]
pub(crate) fn fraction(digits: &[u8]) -> Option<(i64, &[u8])> {
    let digit_count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digit_count == 0 {
        return None;
    }
    let kept = digit_count.min(6);
    let value = digits[..kept].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((value * [1, 100_000, 10_000, 1_000, 100, 10, 1][kept], &digits[digit_count..]))
}

/// Seconds that the zone is ahead of UTC.
#[inline]
pub(crate) fn zone_offset_s(zone: &[u8]) -> Option<i64> {
    let &[sign, h1, h2, b':', m1, m2] = zone else {
        return matches!(zone, b"Z" | b"z").then_some(0);
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, by counting years from March, so that the
/// leap day is the last of a year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeZone, Utc};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|text| {
            DateTime::parse_from_rfc3339(text).expect("the expected time is valid").timestamp_micros()
        });
        assert_eq!(parse(text), expected, "{text}");
    }

    #[test]
    fn zones_become_utc() {
        check("2026-03-01T00:30:00Z", Some("2026-03-01T00:30:00Z"));
        check("2026-03-01T00:30:00+01:00", Some("2026-02-28T23:30:00Z"));
        check("2024-02-29T23:59:59-23:59", Some("2024-03-01T23:58:59Z"));
        check("2026-03-01t00:30:00z", Some("2026-03-01T00:30:00Z"));
        check("2026-03-01T00:30:00-00:00", Some("2026-03-01T00:30:00Z"));
        check("2000-02-29T00:00:00Z", Some("2000-02-29T00:00:00Z"));
        check("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z"));
        check("9999-12-31T23:59:59.999999Z", Some("9999-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn fractions_are_cut_to_microseconds() {
        check("2026-03-01T00:30:00.5Z", Some("2026-03-01T00:30:00.500000Z"));
        check("2026-03-01T00:30:00.123456789Z", Some("2026-03-01T00:30:00.123456Z"));
        check("1969-12-31T23:59:59.9999999999999999999999Z", Some("1969-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn a_leap_second_stays_in_its_day() {
        check("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.999999Z"));
        check("2017-01-01T00:59:60.7+01:00", Some("2016-12-31T23:59:59.999999Z"));
        check("2016-12-31T22:59:60Z", None);
        check("2016-12-31T23:59:61Z", None);
    }

    #[test]
    fn anything_else_is_no_time() {
        let bad = [
            "",
            "2026-03-01",
            "2026-03-01T00:30:00",
            "2026-03-01 00:30:00Z",
            "2026-03-01T00:30Z",
            "1772325000",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T00:60:00Z",
            "2026-03-01T00:30:00.Z",
            "2026-03-01T00:30:00,5Z",
            "2026-03-01T00:30:00+0100",
            "2026-03-01T00:30:00+24:00",
            "2026-03-01T00:30:00+01:60",
            "2026-03-01T00:30:00Z ",
            " 2026-03-01T00:30:00Z",
            "2026-03-01T00:30:00ZZ",
            "+026-03-01T00:30:00Z",
            "2026-03-01T00:30:00.5",
            "2O26-03-01T00:30:00Z",
            "1900-02-29T00:00:00Z",
            "２026-03-01T00:30:00Z",
        ];
        for text in bad {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn every_moment_reads_back(us in -62_167_219_200_000_000_i64..253_402_300_800_000_000, offset_min in -1439..1440) {
            let utc = Utc.timestamp_micros(us).single().expect("in range");
            let zone = chrono::FixedOffset::east_opt(offset_min * 60).expect("in range");
            let text = utc.with_timezone(&zone).to_rfc3339();
            // Near the ends a zone can push the local year out of four digits.
            prop_assume!(!text.starts_with(['+', '-']));
            prop_assert_eq!(parse(&text), Some(us));
        }

        #[test]
        fn what_is_read_chrono_reads_alike(text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-6][0-9])") {
            let expected = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp_micros());
            prop_assert_eq!(parse(&text), expected);
        }
    }
}
