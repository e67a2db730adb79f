//! Believable synthetic traffic: authentication events of source `gatebook`, for demonstrations, tests of
//! load and benchmarks.
//!
//! [`Traffic`] decides what happens, [`LoadCurve`] when. People, tenants and servers are the same in every
//! run; the seed decides who does what. No name, number or address belongs to anyone: domains end in
//! `.example`, and numbers and addresses lie in ranges that are kept for fiction, documentation and tests.

mod attempt;
mod gates;
mod load_curve;
mod outcomes;
pub(crate) mod people;
pub(crate) mod random;
mod tenants;
mod text;

use std::collections::VecDeque;

use self::attempt::Attempt;
pub use self::load_curve::LoadCurve;
use self::people::People;
use self::random::Random;
use self::text::{MomentText, hex};

/// How long people take to type a code that was sent to them.
const CHECK_AFTER_US: i64 = 20_000_000;

/// Codes that wait for their check. Past it no code is sent ahead of its check: traffic as fast as it goes
/// must not gather them without end.
const OPEN_CHECKS_MAX: usize = 10_000;

/// A stream of authentication events, one JSON object each, of about 450 bytes on average.
///
/// The same seed and the same moments give the same bytes. Half of the tenants log a user's names and
/// e-mail address; phone numbers stand with voice calls and text messages alone, device tokens with the
/// mobile app alone. Where a text message was sent ahead of its check (`pending`), the check follows
/// about 20 seconds later as an event of the same `attempt_id`.
#[derive(Debug, Clone)]
pub struct Traffic {
    people: People,
    random: Random,
    moments: MomentText,
    /// Attempts whose code was sent, in the order in which they are checked.
    open: VecDeque<Open>,
}

#[derive(Debug, Clone)]
struct Open {
    check_at_us: i64,
    attempt: Attempt,
}

impl Traffic {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            people: People::new(),
            random: Random::new(seed),
            moments: MomentText::new(),
            open: VecDeque::with_capacity(OPEN_CHECKS_MAX),
        }
    }

    /// Appends the next event, which occurred at `occurred_at_us` (microseconds since 1970 UTC, written to
    /// the millisecond), to `out`, without a line end. Moments should not go back.
    pub fn write(&mut self, occurred_at_us: i64, out: &mut Vec<u8>) {
        let is_due = self.open.front().is_some_and(|open| open.check_at_us <= occurred_at_us);
        let attempt = match self.open.pop_front_if(|_| is_due) {
            Some(open) => open.attempt.check(&mut self.random),
            None => Attempt::draw(&self.people, self.open.len() < OPEN_CHECKS_MAX, &mut self.random),
        };
        if attempt.is_open() {
            let check_at_us = occurred_at_us + CHECK_AFTER_US;
            self.open.push_back(Open { check_at_us, attempt: attempt.clone() });
        }
        self.append(occurred_at_us, &attempt, out);
    }

    fn append(&mut self, occurred_at_us: i64, attempt: &Attempt, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"event_id":""#);
        hex(out, self.random.next());
        hex(out, self.random.next());
        out.extend_from_slice(br#"","occurred_at":""#);
        self.moments.append(out, occurred_at_us);
        out.push(b'"');
        attempt.write(out);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use schemas::vocabulary::{AuthResult, Method};
    use schemas::{Decoder, Element, Event, Maps, Record, Source, TimeLimits, UnknownCounts};

    use super::*;

    /// 2026-03-02, a Monday.
    const MONDAY_US: i64 = 1_772_409_600_000_000;
    const DAY_US: i64 = 86_400_000_000;

    /// The values of a day's traffic.
    fn day(seed: u64, count: u64) -> Vec<Vec<u8>> {
        let mut traffic = Traffic::new(seed);
        let moments = LoadCurve::new(seed, MONDAY_US, MONDAY_US + DAY_US, count);
        let event = |at_us| {
            let mut value = Vec::new();
            traffic.write(at_us, &mut value);
            value
        };
        moments.map(event).collect()
    }

    /// Decodes values as ingest would; nothing may be rejected or unknown.
    fn decode(values: &[Vec<u8>], see: &mut dyn FnMut(&Event<'_>)) {
        let mut decoder = Decoder::new(Source::Gatebook, &Maps::default());
        let now_us = MONDAY_US + DAY_US;
        let limits = TimeLimits { max_age_us: Some(DAY_US), max_ahead_us: 0, now_us };
        let mut counts = UnknownCounts::default();
        for value in values {
            let record = Record { value: Some(value), timestamp_us: Some(now_us) };
            decoder.decode(&record, &limits, &mut counts, &mut |_, element| match element {
                Element::Event(event) => see(&event),
                element => panic!("{element:?}: {}", String::from_utf8_lossy(value)),
            });
        }
        assert!(counts.is_empty(), "{counts:?}");
    }

    #[test]
    fn every_event_keeps_the_contract() {
        let values = day(1, 10_000);
        let mut ids = HashSet::new();
        decode(&values, &mut |event| {
            assert!(ids.insert(event.event_id.to_owned()), "an id twice");
            assert_eq!(event.denial_reason.is_some(), event.result == AuthResult::Denied, "{event:?}");
            let by_phone = matches!(event.method, Some(Method::VoiceCall | Method::TextMessage));
            let by_app = matches!(event.method, Some(Method::MobileAppNotification | Method::MobileAppCode));
            assert_eq!(event.phone_number.is_some(), by_phone, "{event:?}");
            assert_eq!(event.device_token.is_some(), by_app, "{event:?}");
        });
        assert_eq!(ids.len(), 10_000);
        let average = values.iter().map(Vec::len).sum::<usize>() / values.len();
        assert!((400..=470).contains(&average), "{average} bytes");
    }

    #[test]
    fn most_attempts_succeed_and_every_sent_code_is_checked() {
        let (mut results, mut open) = ([0; 3], HashSet::new());
        decode(&day(1, 10_000), &mut |event| {
            results[event.result as usize] += 1;
            let attempt_id = event.attempt_id.map(str::to_owned);
            if event.result == AuthResult::Pending {
                open.insert(attempt_id.expect("a code that was sent has an attempt"));
            } else if let Some(attempt_id) = attempt_id {
                open.remove(&attempt_id);
            }
        });
        let [success, denied, pending] = results;
        assert!((8_600..9_000).contains(&success), "{success} succeeded");
        assert!((900..1_200).contains(&denied), "{denied} were denied");
        assert!((150..300).contains(&pending), "{pending} were pending");
        assert!(open.len() < 5, "{} codes were never checked", open.len());
    }

    #[test]
    fn a_seed_names_its_traffic() {
        assert_eq!(day(1, 1_000), day(1, 1_000));
        assert_ne!(day(1, 1_000)[0], day(2, 1_000)[0]);
    }
}
