//! Times as vendors write them. A time without a zone is read as UTC only where the vendor's documentation says so.

use crate::moment;

const SECOND_US: i64 = 1_000_000;

/// RFC 3339 with a zone, any number of digits behind the second, a blank for `T`, and offsets without a colon.
pub(crate) fn zoned(text: &str) -> Option<i64> {
    let text = text.trim();
    moment::parse(text).or_else(|| {
        let mut mended = with_t(text)?;
        // +0100 for +01:00
        let tail = mended.len().checked_sub(5)?;
        if mended.is_char_boundary(tail)
            && mended[tail..].starts_with(['+', '-'])
            && mended[tail + 1..].bytes().all(|byte| byte.is_ascii_digit())
        {
            mended.insert(tail + 3, ':');
        }
        moment::parse(&mended)
    })
}

/// As [`zoned`], and without a zone UTC: where the vendor says that its times are.
pub(crate) fn utc(text: &str) -> Option<i64> {
    let text = text.trim();
    zoned(text).or_else(|| moment::parse(&format!("{}Z", with_t(text)?)))
}

fn with_t(text: &str) -> Option<String> {
    let mut mended = text.to_owned();
    if mended.as_bytes().get(10) == Some(&b' ') {
        mended.replace_range(10..11, "T");
    }
    mended.is_ascii().then_some(mended)
}

/// A number since 1970 UTC: seconds up to the year 5138, else milliseconds, else microseconds.
pub(crate) fn epoch(number: i64) -> Option<i64> {
    match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(SECOND_US),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000),
        _ => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_needed_or_documented() {
        let expected = moment::parse("2026-03-01T08:00:00.123456Z");
        for text in [
            "2026-03-01T08:00:00.1234567Z",
            "2026-03-01 08:00:00.123456789Z",
            "2026-03-01T09:00:00.123456+01:00",
            "2026-03-01T09:00:00.123456+0100",
        ] {
            assert_eq!(zoned(text), expected, "{text}");
        }
        for text in ["2026-03-01T08:00:00", "2026-03-01", "08:00:00", "3/1/2026 8:00:00 AM", ""] {
            assert_eq!(zoned(text), None, "{text}");
        }
        assert_eq!(utc("2026-03-01 08:00:00.123456"), expected);
        assert_eq!(utc("2026-03-01T09:00:00.123456+01:00"), expected);
        assert_eq!(utc("2026-03-01"), None);
    }

    #[test]
    fn numbers_tell_their_unit_by_their_size() {
        let expected = moment::parse("2026-03-01T08:00:00Z");
        for number in [1_772_352_000, 1_772_352_000_000, 1_772_352_000_000_000] {
            assert_eq!(epoch(number), expected, "{number}");
        }
    }
}
