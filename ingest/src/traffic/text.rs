//! Numbers and moments as text, appended without allocating.

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// Appends 16 hexadecimal digits.
pub(super) fn hex(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&std::array::from_fn::<u8, 16, _>(|at| {
        DIGITS[((value >> (60 - 4 * at)) & 0xf) as usize]
    }));
}

/// Appends a number in hexadecimal without leading zeros.
pub(super) fn short_hex(out: &mut Vec<u8>, value: u16) {
    let digit_count = (19 - (value | 1).leading_zeros() as usize) / 4;
    for at in (0..digit_count).rev() {
        out.push(DIGITS[usize::from((value >> (4 * at)) & 0xf)]);
    }
}

/// Appends a number in decimal without leading zeros.
pub(super) fn decimal(out: &mut Vec<u8>, value: u32) {
    if value >= 10 {
        decimal(out, value / 10);
    }
    out.push(DIGITS[(value % 10) as usize]);
}

/// Appends the last `WIDTH` decimal digits of a number.
pub(super) fn padded<const WIDTH: usize>(out: &mut Vec<u8>, mut value: u32) {
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(value % 10) as usize];
        value /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Writes moments as RFC 3339 in UTC, to the millisecond, and remembers the day that it wrote last.
#[derive(Debug, Clone)]
pub(super) struct MomentText {
    day: i64,
    date: Vec<u8>,
}

impl MomentText {
    pub(super) fn new() -> Self {
        Self { day: i64::MIN, date: Vec::with_capacity(11) }
    }

    /// Appends a moment given in microseconds since 1970 UTC, such as `2026-03-01T08:00:00.123Z`.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, at_us: i64) {
        let day = at_us.div_euclid(DAY_US);
        if day != self.day {
            self.day = day;
            self.write_date();
        }
        let ms = (at_us.rem_euclid(DAY_US) / 1000) as u32;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        out.extend_from_slice(&self.date);
        padded::<2>(out, hour);
        out.push(b':');
        padded::<2>(out, minute);
        out.push(b':');
        padded::<2>(out, second);
        out.push(b'.');
        padded::<3>(out, ms % 1000);
        out.push(b'Z');
    }

    /// The proleptic Gregorian date of a day counted from 1970. Years are counted from March, so that the
    /// leap day is the last of a year.
    fn write_date(&mut self) {
        let days = self.day + 719_468;
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = days.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
        self.date.clear();
        padded::<4>(&mut self.date, year as u32);
        self.date.push(b'-');
        padded::<2>(&mut self.date, month as u32);
        self.date.push(b'-');
        padded::<2>(&mut self.date, day as u32);
        self.date.push(b'T');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn numbers_are_written_in_full() {
        check(|out| hex(out, 0xab), "00000000000000ab");
        check(|out| short_hex(out, 0), "0");
        check(|out| short_hex(out, 0xf), "f");
        check(|out| short_hex(out, 0x10), "10");
        check(|out| short_hex(out, 0xabcd), "abcd");
        check(|out| decimal(out, 0), "0");
        check(|out| decimal(out, 4_294_967_295), "4294967295");
        check(|out| padded::<4>(out, 42), "0042");
    }

    #[test]
    fn moments_keep_the_calendar() {
        let mut text = MomentText::new();
        for (at_us, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_868_799_999_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000_000, "2000-03-01T00:00:00.000Z"),
            (1_772_352_000_123_456, "2026-03-01T08:00:00.123Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            check(|out| text.append(out, at_us), expected);
        }
    }
}
