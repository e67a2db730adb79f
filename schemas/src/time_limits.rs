//! How far an event's time may lie from the time at which Kafka took the record.

use crate::rejection::{Reason, Rejection};

/// How far Kafka's timestamp may lie ahead of the clock: a day, since a producer may set it.
const KAFKA_AHEAD_US_MAX: i64 = 24 * 60 * 60 * 1_000_000;

/// How far an event's time may lie from the time at which Kafka took the record.
///
/// A record's time is input that an attacker controls: dates spread over centuries would make a folder each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// How old an event may be, in microseconds; `None` takes any age (a backfill).
    pub max_age_us: Option<i64>,
    /// How far an event may lie ahead, in microseconds.
    pub max_ahead_us: i64,
    /// The clock, in microseconds since 1970 UTC.
    pub now_us: i64,
}

impl TimeLimits {
    /// Refuses an implausible time with [`Reason::ImplausibleTime`].
    ///
    /// Both are measured from Kafka's timestamp, or from the clock where Kafka gives none, so that a record
    /// read again years later is judged as on its first day. The one exception is Kafka's own timestamp
    /// more than a day ahead of the clock, since it can bound nothing.
    ///
    /// # Errors
    /// A rejection whose field is `received_at` where Kafka's timestamp is at fault, else `occurred_at`.
    pub fn check(
        &self,
        occurred_at_us: i64,
        kafka_timestamp_us: Option<i64>,
    ) -> Result<(), Rejection<'static>> {
        let received_at_us = kafka_timestamp_us.unwrap_or(self.now_us);
        if received_at_us > self.now_us.saturating_add(KAFKA_AHEAD_US_MAX) {
            let detail = "Kafka's timestamp of the record lies more than a day ahead of the clock";
            return Err(Rejection::field(Reason::ImplausibleTime, "received_at", detail));
        }
        if occurred_at_us > received_at_us.saturating_add(self.max_ahead_us) {
            let detail = "too far after Kafka's timestamp of the record";
            return Err(Rejection::field(Reason::ImplausibleTime, "occurred_at", detail));
        }
        if let Some(max_age_us) = self.max_age_us
            && occurred_at_us < received_at_us.saturating_sub(max_age_us)
        {
            let detail = "too long before Kafka's timestamp of the record";
            return Err(Rejection::field(Reason::ImplausibleTime, "occurred_at", detail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = KAFKA_AHEAD_US_MAX;

    fn check(max_age_days: Option<i64>, occurred_day: i64, kafka_day: Option<i64>) -> Option<&'static str> {
        let limits = TimeLimits {
            max_age_us: max_age_days.map(|days| days * DAY_US),
            max_ahead_us: DAY_US,
            now_us: 1000 * DAY_US,
        };
        limits.check(occurred_day * DAY_US, kafka_day.map(|day| day * DAY_US)).err().map(|rejection| {
            assert_eq!(rejection.reason, Reason::ImplausibleTime);
            rejection.field.unwrap_or("none")
        })
    }

    #[test]
    fn times_are_measured_from_the_kafka_timestamp() {
        assert_eq!(check(Some(30), 470, Some(500)), None);
        assert_eq!(check(Some(30), 469, Some(500)), Some("occurred_at"));
        assert_eq!(check(Some(30), 501, Some(500)), None);
        assert_eq!(check(Some(30), 502, Some(500)), Some("occurred_at"));
    }

    #[test]
    fn a_backfill_takes_any_age_and_no_future() {
        assert_eq!(check(None, -700_000, Some(500)), None);
        assert_eq!(check(None, 502, Some(500)), Some("occurred_at"));
    }

    #[test]
    fn the_clock_stands_in_where_kafka_gives_no_timestamp() {
        assert_eq!(check(Some(30), 970, None), None);
        assert_eq!(check(Some(30), 969, None), Some("occurred_at"));
    }

    #[test]
    fn a_kafka_timestamp_in_the_future_bounds_nothing() {
        assert_eq!(check(None, 1001, Some(1001)), None);
        assert_eq!(check(None, 1000, Some(1002)), Some("received_at"));
    }
}
