//! When events occur.

use super::random::Random;

const HOUR_US: i64 = 3_600_000_000;
const DAY_HOURS: i64 = 24;

/// How busy each hour of a working day is, in UTC: people sign in when they arrive and after lunch.
const HOUR_WEIGHTS: [u64; DAY_HOURS as usize] =
    [8, 6, 4, 4, 6, 12, 32, 76, 100, 92, 80, 72, 64, 80, 76, 68, 60, 48, 32, 24, 20, 16, 12, 10];

/// A weekend's hour carries this part of a working day's.
const WEEKEND_DIVISOR: u64 = 4;

/// Spreads a number of events over a span of time, in order, as working days and weekends would.
///
/// An iterator over moments in microseconds since 1970 UTC. The same seed gives the same moments.
#[derive(Debug, Clone)]
pub struct LoadCurve {
    from_us: i64,
    to_us: i64,
    count: u64,
    next_index: u64,
    /// Weight of the whole span.
    total: u128,
    hour: Hour,
    /// Weight of the span before `hour`.
    passed: u128,
    random: Random,
}

impl LoadCurve {
    /// `count` moments in `[from_us, to_us)`; none where the span is empty.
    pub fn new(seed: u64, from_us: i64, to_us: i64, count: u64) -> Self {
        let hours = from_us.div_euclid(HOUR_US)..=(to_us - 1).div_euclid(HOUR_US);
        let total = hours.map(|number| Hour::of(number, from_us, to_us).total()).sum();
        let hour = Hour::of(from_us.div_euclid(HOUR_US), from_us, to_us);
        let count = if to_us > from_us { count } else { 0 };
        Self { from_us, to_us, count, next_index: 0, total, hour, passed: 0, random: Random::new(seed) }
    }
}

impl Iterator for LoadCurve {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if self.next_index == self.count {
            return None;
        }
        // Each event has an equal slice of the weight and falls anywhere in it, so the order holds.
        let place = (u128::from(self.next_index) << 32) + u128::from(self.random.below(u32::MAX));
        let target = self.total * (place >> 8) / (u128::from(self.count) << 24);
        while target >= self.passed + self.hour.total() {
            self.passed += self.hour.total();
            self.hour = Hour::of(self.hour.number + 1, self.from_us, self.to_us);
        }
        self.next_index += 1;
        Some(self.hour.start_us + ((target - self.passed) / u128::from(self.hour.weight)) as i64)
    }
}

/// The part of an hour that lies in the span.
#[derive(Debug, Clone)]
struct Hour {
    /// Hours since 1970 UTC.
    number: i64,
    start_us: i64,
    length_us: u64,
    /// Weight of each microsecond.
    weight: u64,
}

impl Hour {
    fn of(number: i64, from_us: i64, to_us: i64) -> Self {
        let start_us = (number * HOUR_US).max(from_us);
        let end_us = ((number + 1) * HOUR_US).min(to_us);
        // 1970 began on a Thursday: days 2 and 3 were a weekend.
        let is_weekend = matches!(number.div_euclid(DAY_HOURS).rem_euclid(7), 2 | 3);
        let weight = HOUR_WEIGHTS[number.rem_euclid(DAY_HOURS) as usize];
        let weight = if is_weekend { weight / WEEKEND_DIVISOR } else { weight };
        Self { number, start_us, length_us: (end_us - start_us).max(0) as u64, weight }
    }

    fn total(&self) -> u128 {
        u128::from(self.weight) * u128::from(self.length_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = DAY_HOURS * HOUR_US;
    /// 2026-03-02, a Monday.
    const MONDAY_US: i64 = 1_772_409_600_000_000;

    fn week(count: u64) -> Vec<i64> {
        LoadCurve::new(1, MONDAY_US, MONDAY_US + 7 * DAY_US, count).collect()
    }

    #[test]
    fn moments_are_in_order_within_the_span_and_as_many_as_asked() {
        let moments = week(10_000);
        assert_eq!(moments.len(), 10_000);
        assert!(moments.is_sorted());
        assert!(moments[0] >= MONDAY_US && *moments.last().expect("many") < MONDAY_US + 7 * DAY_US);
        let short: Vec<i64> = LoadCurve::new(1, MONDAY_US + 7, MONDAY_US + 9, 100).collect();
        assert_eq!(short.iter().min().zip(short.iter().max()), Some((&(MONDAY_US + 7), &(MONDAY_US + 8))));
        assert_eq!(LoadCurve::new(1, MONDAY_US, MONDAY_US, 5).count(), 0);
    }

    #[test]
    fn mornings_are_busy_and_weekends_quiet() {
        let moments = week(100_000);
        let within = |from_us: i64, to_us: i64| {
            moments.iter().filter(|&&at| (from_us..to_us).contains(&(at - MONDAY_US))).count()
        };
        let (night, morning) = (within(2 * HOUR_US, 4 * HOUR_US), within(8 * HOUR_US, 10 * HOUR_US));
        assert!(morning > 15 * night, "{morning} in the morning, {night} at night");
        let (friday, sunday) = (within(4 * DAY_US, 5 * DAY_US), within(6 * DAY_US, 7 * DAY_US));
        assert!(friday > 3 * sunday, "{friday} on Friday, {sunday} on Sunday");
    }
}
