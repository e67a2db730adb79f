//! Times of reports and records: a zone is needed, in the text or in the name of the column.

use super::row::{Key, Row, Value};
use crate::rejection::{Reason, Rejection};
use crate::vendor::times;

/// Where a row keeps a time, and where one whose name says UTC; with the name that a rejection gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) plain: Key,
    pub(super) utc: Key,
    pub(super) name: &'static str,
}

pub(super) const TIMESTAMP: Column =
    Column { plain: Key::Timestamp, utc: Key::TimestampUtc, name: "Timestamp" };

impl Column {
    /// The time; none where the row has none.
    pub(super) fn read(self, row: &Row<'_>) -> Result<Option<i64>, Rejection<'static>> {
        let (value, is_utc) = match row.value(self.utc) {
            Some(value) => (value, true),
            None => match row.value(self.plain) {
                Some(value) => (value, false),
                None => return Ok(None),
            },
        };
        let found = match value {
            Value::Number(number) => times::epoch(number).ok_or("a number out of range"),
            Value::Text(text) => read(text, is_utc),
            Value::Flag(_) => Err("a flag"),
        };
        found.map(Some).map_err(|found| {
            let detail =
                format!("found {found}, expected a time with a zone, or a column `{} (UTC)`", self.name);
            Rejection::field(Reason::BadTime, self.name, detail)
        })
    }
}

/// Microseconds since 1970 UTC, or what was found instead.
fn read(text: &str, is_utc: bool) -> Result<i64, &'static str> {
    if let Some(at) = times::zoned(text) {
        return Ok(at);
    }
    if let Some(at) = dot_net(text).or_else(|| epoch(text)) {
        return Ok(at);
    }
    let (bare, zone) = split_zone(text);
    let offset = match zone {
        Some(offset) => offset,
        None if is_utc => "Z",
        // A time without a zone is told apart from what is no time at all.
        None => {
            return Err(if us(text, "Z").or_else(|| iso(text, "Z")).is_some() {
                "no zone"
            } else {
                "another text"
            });
        }
    };
    us(bare, offset).or_else(|| iso(bare, offset)).ok_or("another text")
}

/// `2026-03-14T09:05:07`, or a blank for the T.
fn iso(text: &str, offset: &str) -> Option<i64> {
    times::zoned(&format!("{text}{offset}"))
}

/// A number since 1970 UTC, written as a text.
fn epoch(text: &str) -> Option<i64> {
    if text.len() < 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    times::epoch(text.parse().ok()?)
}

/// `/Date(1773479107000)/`, as .NET writes JSON: milliseconds since 1970 UTC; an offset behind them says only
/// where.
fn dot_net(text: &str) -> Option<i64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inner.char_indices().skip(1).find(|(_, letter)| matches!(letter, '+' | '-'));
    let milliseconds: i64 = end.map_or(inner, |(at, _)| &inner[..at]).parse().ok()?;
    milliseconds.checked_mul(1_000)
}

/// The time without its zone, and the zone as an offset: `… UTC`, `… (UTC)`, `… GMT`, `… Z`, `… (UTC-08:00)`,
/// `… -08:00`.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    let (bare, zone) = match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some(parts) => parts,
        None => match text.rsplit_once(' ') {
            Some((bare, zone)) if zone.ends_with(['Z', 'z']) && zone.len() > 1 => (bare, zone),
            Some(parts) => parts,
            None => return (text, None),
        },
    };
    let bare = bare.trim_end();
    let is_utc = |zone: &str| ["UTC", "GMT", "Z"].iter().any(|name| zone.eq_ignore_ascii_case(name));
    if is_utc(zone) {
        return (bare, Some("Z"));
    }
    let offset = zone.get(..3).filter(|name| is_utc(name)).map_or(zone, |_| &zone[3..]);
    let is_offset = offset.starts_with(['+', '-']) && offset.len() == 6 && offset.as_bytes()[3] == b':';
    if is_offset { (bare, Some(offset)) } else { (text, None) }
}

/// `3/14/2026 9:05:07 AM`: month first, as the product writes it in every language; 24 hours without AM and
/// PM.
fn us(text: &str, offset: &str) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    let (date, time, half) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let mut date = date.split('/').map(number);
    let (month, day, year) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.split(':').map(number);
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) if half.eq_ignore_ascii_case("AM") => hour % 12,
        Some(half) if half.eq_ignore_ascii_case("PM") => hour % 12 + 12,
        Some(_) => return None,
    };
    if date.next().is_some() || clock.next().is_some() || year < 1000 {
        return None;
    }
    times::zoned(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}{offset}"
    ))
}

/// One to four digits.
fn number(text: &str) -> Option<u16> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_utc: bool, expected: Result<&str, &'static str>) {
        let expected = expected.map(|text| times::zoned(text).expect("a time"));
        assert_eq!(read(text, is_utc), expected, "{text}");
    }

    #[test]
    fn american_and_iso_times_need_a_zone() {
        for text in [
            "3/14/2026 5:05:07 PM UTC",
            "3/14/2026 5:05:07 PM (UTC)",
            "03/14/2026 17:05:07 Z",
            "3/14/2026 9:05:07 AM (UTC-08:00)",
            "3/14/2026 9:05:07 AM -08:00",
            "2026-03-14T17:05:07Z",
            "2026-03-14 17:05:07.0000000+00:00",
            "2026-03-14 17:05:07 UTC",
            "2026-03-14 17:05:07 Z",
            "/Date(1773507907000)/",
            "/Date(1773507907000-0800)/",
        ] {
            check(text, false, Ok("2026-03-14T17:05:07Z"));
        }
        check("12/1/2026 12:00:00 AM UTC", false, Ok("2026-12-01T00:00:00Z"));
        check("12/1/2026 12:30 PM UTC", false, Ok("2026-12-01T12:30:00Z"));
        check("3/14/2026 9:05:07 AM", true, Ok("2026-03-14T09:05:07Z"));
        check("3/14/2026 9:05:07.25 AM", true, Ok("2026-03-14T09:05:07.25Z"));
        check("2026-03-14T09:05:07", true, Ok("2026-03-14T09:05:07Z"));
        // A zone in the text counts more than the column's name.
        check("2026-03-14T09:05:07+01:00", true, Ok("2026-03-14T08:05:07Z"));
        for text in ["3/14/2026 9:05:07 AM", "2026-03-14T09:05:07", "2026-03-14 09:05:07"] {
            check(text, false, Err("no zone"));
        }
        for text in [
            "14/3/2026 9:05:07 AM UTC",
            "3/14/2026",
            "9:05 AM UTC",
            "3/14/26 9:05:07 AM UTC",
            "soon UTC",
            "13/1",
        ] {
            check(text, false, Err("another text"));
        }
        check("3/14/2026 13:05:07 PM", true, Err("another text"));
    }
}
