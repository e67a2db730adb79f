//! The world as it is decoded: nothing is rejected or unknown, and the same seed makes the same records.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Decoder, Element, Maps, Record, TimeLimits, UnknownCounts};

use super::*;

/// 2026-11-24, a Tuesday.
const UNTIL_US: i64 = 1_795_478_400_000_000;

fn maps(feed: Feed) -> Maps {
    let pairs = |pairs: [(&str, &str); 2]| {
        pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).into_iter().collect::<BTreeMap<_, _>>()
    };
    Maps {
        tenant: feed.tenant().map(Into::into),
        tenants: pairs(World::tenants()),
        domains: pairs(World::domains()),
        ..Maps::default()
    }
}

/// What each record of a feed becomes.
fn decode(world: &World, feed: Feed, see: &mut dyn FnMut(&Element<'_>)) -> usize {
    let mut decoder = Decoder::new(feed.source(), &maps(feed));
    let limits = TimeLimits { max_age_us: Some(60 * DAY_US), max_ahead_us: 0, now_us: UNTIL_US + HOUR_US };
    let mut counts = UnknownCounts::default();
    let mut last_us = i64::MIN;
    let mut read = 0;
    for WorldRecord { timestamp_us, value } in world.records(feed) {
        assert!(timestamp_us >= last_us, "out of order");
        last_us = timestamp_us;
        let record = Record { value: Some(&value), timestamp_us: Some(timestamp_us) };
        decoder.decode(&record, &limits, &mut counts, &mut |_, element| {
            match element {
                Element::Event(_) | Element::Change(_) => {}
                ref element => panic!("{element:?}: {}", String::from_utf8_lossy(&value)),
            }
            see(&element);
        });
        read += 1;
    }
    assert!(counts.values.is_empty(), "{counts:?}");
    read
}

#[test]
fn every_record_is_an_event_or_a_change_of_somebody_who_is_known() {
    let world = World::new(1, UNTIL_US, 6_000);
    let emails: BTreeSet<String> = world.people.iter().map(|(_, human)| human.email.clone()).collect();
    let accounts: BTreeSet<String> = world.people.iter().map(|(_, human)| human.account.clone()).collect();
    let mut all = 0;
    for feed in Feed::ALL {
        let (mut events, mut changes) = (0, 0);
        all += decode(&world, *feed, &mut |element| match element {
            Element::Event(event) => {
                events += 1;
                let is_known = emails.contains(event.user_key) || accounts.contains(event.user_key);
                // Duo's telephony log names nobody.
                assert!(is_known || event.user_id == "unknown", "{event:?}");
                assert!(["alder-bank", "birch-clinic"].contains(&event.tenant_id), "{event:?}");
            }
            Element::Change(_) => changes += 1,
            _ => {}
        });
        assert!(events > 300, "{feed:?}: {events}");
        assert_eq!(changes > 0, *feed != Feed::Gatebook, "{feed:?}: {changes}");
    }
    assert!((5_000..8_000).contains(&all), "{all} records");
}

#[test]
fn a_seed_and_an_end_name_the_world() {
    let records = |seed| World::new(seed, UNTIL_US, 5_000).records(Feed::Entra).collect::<Vec<_>>();
    assert_eq!(records(1), records(1));
    assert_ne!(records(1), records(2));
}

#[test]
fn stories_are_told_as_they_happen() {
    let world = World::new(1, UNTIL_US, 5_000);
    let told = world.stories();
    let subjects: Vec<&str> = told.iter().map(|story| story.subject.as_str()).collect();
    assert_eq!(
        subjects.len(),
        subjects.iter().collect::<BTreeSet<_>>().len(),
        "each has its own: {subjects:?}"
    );
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    told.iter().for_each(|story| *kinds.entry(story.kind).or_default() += 1);
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            ("expired-code", 1),
            ("fatigue", 4),
            ("first-time", 2),
            ("fraud", 2),
            ("many-persons", 1),
            ("number-range", 1),
            ("other-server", 1),
            ("silent", 1),
            ("throttled", 1),
            ("wrong-codes", 2),
        ]
    );
    // A server that is silent says nothing at all.
    let (from_us, until_us) = told.iter().find(|story| story.kind == "silent").expect("told").span_us;
    let (mut silent, mut texts) = (0, 0);
    decode(&world, Feed::Gatebook, &mut |element| {
        let Element::Event(event) = element else { return };
        let is_then = (from_us..until_us).contains(&event.occurred_at_us);
        silent += i32::from(is_then && event.server_name == Some("mfa-nyc-01"));
        texts += i32::from(event.phone_number.is_some_and(|number| number.starts_with("+1876555")));
    });
    assert_eq!((silent, texts), (0, 150));
}
