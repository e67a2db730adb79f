//! Records at a rate.

use std::time::{Duration, Instant};

/// The shortest wait: below it the sender would spin. At higher rates records go in small bursts instead.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Says when the next record may go. The rate holds on average: what a slow broker holds up is made up for.
#[derive(Debug)]
pub(super) struct Pace {
    /// Records a second; zero is as fast as it goes.
    rate: u32,
    started: Instant,
    sent: u64,
    /// Records that may go before the clock is looked at again.
    due: u64,
}

impl Pace {
    pub(super) fn new(rate: u32, started: Instant) -> Self {
        Self { rate, started, sent: 0, due: 0 }
    }

    /// How long to wait until the next record is due; zero where it is due now.
    pub(super) fn wait(&mut self) -> Duration {
        if self.rate == 0 || self.sent < self.due {
            return Duration::ZERO;
        }
        self.wait_after(self.started.elapsed())
    }

    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    fn wait_after(&mut self, elapsed: Duration) -> Duration {
        let (rate, second_ns) = (u128::from(self.rate), 1_000_000_000);
        self.due = (elapsed.as_nanos() * rate / second_ns) as u64;
        if self.sent < self.due {
            return Duration::ZERO;
        }
        let due_ns = (u128::from(self.sent + 1) * second_ns).div_ceil(rate);
        Duration::from_nanos(due_ns as u64).saturating_sub(elapsed).max(WAIT_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records that go within `elapsed` when the clock is looked at every `look`.
    fn sent_within(rate: u32, elapsed: Duration, look: Duration) -> u64 {
        let mut pace = Pace::new(rate, Instant::now());
        let mut now = Duration::ZERO;
        while now <= elapsed {
            while pace.sent < pace.due || pace.wait_after(now).is_zero() {
                pace.sent();
            }
            now += look;
        }
        pace.sent
    }

    #[test]
    fn the_rate_holds_however_often_the_clock_is_looked_at() {
        let minute = Duration::from_secs(60);
        for look_ms in [1, 7, 100, 3_000] {
            let look = Duration::from_millis(look_ms);
            assert!(sent_within(1000, minute, look).abs_diff(60_000) <= look_ms, "every {look_ms} ms");
        }
        assert_eq!(sent_within(1, minute, Duration::from_secs(1)), 60);
    }

    #[test]
    fn the_wait_ends_when_the_next_record_is_due() {
        let mut pace = Pace::new(4, Instant::now());
        assert_eq!(pace.wait_after(Duration::from_millis(50)), Duration::from_millis(200));
        assert_eq!(pace.wait_after(Duration::from_millis(250)), Duration::ZERO);
        let mut fastest = Pace::new(0, Instant::now());
        assert_eq!(fastest.wait(), Duration::ZERO);
    }
}
