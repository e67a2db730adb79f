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
mod people;
mod random;
mod stories;
mod tenants;
mod text;

use std::collections::VecDeque;

use self::attempt::Attempt;
pub use self::load_curve::LoadCurve;
use self::people::People;
use self::random::Random;
use self::stories::Stories;
pub use self::stories::Story;
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
    stories: Option<Box<Stories>>,
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
            stories: None,
        }
    }

    /// The same stream with stories in the hours before `to_us`, and what there is to tell of them: somebody
    /// guesses codes, a server is out, somebody approves what he did not ask for, numbers of one range get many text
    /// messages. Each story names the moments that are to be among those that are written.
    pub fn with_stories(self, to_us: i64) -> (Self, Vec<Story>) {
        let stories = Stories::new(&self.people, to_us);
        let told = stories.told(to_us);
        (Self { stories: Some(Box::new(stories)), ..self }, told)
    }

    /// Appends the next event, which occurred at `occurred_at_us` (microseconds since 1970 UTC, written to
    /// the millisecond), to `out`, without a line end. Moments should not go back.
    pub fn write(&mut self, occurred_at_us: i64, out: &mut Vec<u8>) {
        if let Some(stories) = &mut self.stories
            && let Some(attempt) = stories.next(occurred_at_us, &self.people, &mut self.random)
        {
            return self.append(occurred_at_us, &attempt, out);
        }
        let is_due = self.open.front().is_some_and(|open| open.check_at_us <= occurred_at_us);
        let attempt = match self.open.pop_front_if(|_| is_due) {
            Some(open) => open.attempt.check(&mut self.random),
            None => Attempt::draw(&self.people, self.open.len() < OPEN_CHECKS_MAX, &mut self.random),
        };
        let attempt = match &self.stories {
            Some(stories) => stories.spoil(occurred_at_us, attempt),
            None => attempt,
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

    use schemas::vocabulary::{AuthResult, DenialReason, Method};
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
    fn stories_are_told_as_they_happen() {
        let to_us = MONDAY_US + DAY_US;
        let (mut traffic, told) = Traffic::new(1).with_stories(to_us);
        let mut moments: Vec<i64> = LoadCurve::new(1, MONDAY_US, to_us, 60_000).collect();
        moments.extend(told.iter().flat_map(|story| &story.moments_us));
        moments.sort_unstable();
        let values: Vec<_> = moments
            .into_iter()
            .map(|at_us| {
                let mut value = Vec::new();
                traffic.write(at_us, &mut value);
                value
            })
            .collect();
        assert_eq!(told.len(), 4);
        assert!(told.windows(2).all(|pair| pair[0].span_us.0 < pair[1].span_us.0));
        let (mut codes, mut timeouts, mut pushes, mut texts, mut approved) = (0, 0, 0, 0, 0);
        decode(&values, &mut |event| {
            let is_from_abroad = event.client_ip == Some("198.19.254.254");
            codes += i32::from(is_from_abroad && event.denial_reason == Some(DenialReason::WrongCode));
            timeouts += i32::from(
                event.server_name == Some("mfa-fra-01")
                    && event.denial_reason == Some(DenialReason::ServiceTimeout),
            );
            if is_from_abroad && event.method == Some(Method::MobileAppNotification) {
                pushes += 1;
                approved += i32::from(event.result == AuthResult::Success);
                assert!(told[2].what.contains(event.user_id), "{event:?}");
            }
            texts += i32::from(event.phone_number.is_some_and(|number| number.starts_with("+1876555")));
        });
        assert_eq!((codes, pushes, approved, texts), (40, 14, 1, 150));
        assert!(timeouts > 50, "{timeouts} at the server that is out");
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
