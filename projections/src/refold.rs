//! Folding again what late events, copies, later states and replaced days have changed.
//!
//! Nothing of a person's past matters after a silence, so what a moment changes lies between the silence before it and
//! the one after it. All events between are read, all rows that stood for them are void, and new ones are given out.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::DAY_US;

use crate::ProjectError;
use crate::attempter::{Attempter, is_day_without_pause};
use crate::held::{ByPerson, Held, names};
use crate::output::Output;
use crate::persons::Persons;
use crate::reading::{Found, Reading, Windows};
use crate::rules::Rules;

const HOUR_US: i64 = 3_600_000_000;

/// How far around a moment a silence is looked for: first near, then far. Within two days and a half there is a silence or
/// the end of a day without any pause.
const LOOK_US: [i64; 3] = [HOUR_US, 6 * HOUR_US, 60 * HOUR_US];

/// Persons of whom something changed, by UTC day: from when to when.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    days: BTreeMap<i64, ByPerson<(i64, i64)>>,
}

impl Touched {
    pub(crate) fn touch(&mut self, key: &str, at_us: i64) {
        let day = self.days.entry(at_us.div_euclid(DAY_US)).or_default();
        match day.get_mut(key) {
            Some((from, to)) => (*from, *to) = ((*from).min(at_us), (*to).max(at_us)),
            None => drop(day.insert(key.into(), (at_us, at_us))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

/// Folds again.
pub(crate) struct Refold<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) reading: Reading<'a>,
    /// The newest event of the book's version: whoever has none after what was read is in memory from then on.
    pub(crate) newest_us: i64,
}

impl Refold<'_> {
    /// Folds again what was touched. All rows that were given out so far have been stored, where anything is.
    pub(crate) async fn run(
        &self,
        touched: Touched,
        persons: &mut Persons,
        output: &mut Output,
    ) -> Result<(), ProjectError> {
        for (_, day) in touched.days {
            let mut parts = vec![day];
            while let Some(part) = parts.pop() {
                let is_one = part.len() <= 1;
                let events_max =
                    if is_one { usize::MAX } else { self.reading.repeats.limits().refolded_events };
                if let Some(part) = self.fold(part, events_max, persons, output).await? {
                    // Too many events at once: one half of the persons after the other.
                    let half = part.len() / 2;
                    let mut first = ByPerson::default();
                    let mut second = ByPerson::default();
                    for (index, (key, touch)) in part.into_iter().enumerate() {
                        if index < half {
                            first.insert(key, touch)
                        } else {
                            second.insert(key, touch)
                        };
                    }
                    parts.extend([first, second]);
                }
                // What is read next is to find these rows.
                if let Some(table) = self.reading.table {
                    output.store_all(table).await?;
                }
            }
        }
        Ok(())
    }

    /// Gives the persons back where there are too many events.
    async fn fold(
        &self,
        touched: ByPerson<(i64, i64)>,
        events_max: usize,
        persons: &mut Persons,
        output: &mut Output,
    ) -> Result<Option<ByPerson<(i64, i64)>>, ProjectError> {
        let mut open = touched.clone();
        for (index, look_us) in LOOK_US.into_iter().enumerate() {
            let look_us = look_us.max(look_us / HOUR_US * 3 * self.rules.silence_us());
            let around = |(from, to): (i64, i64)| (from.saturating_sub(look_us), to.saturating_add(look_us));
            let windows: Windows = open.iter().map(|(key, touch)| (key.clone(), around(*touch))).collect();
            let windows = Arc::new(windows);
            let Some(mut found) = self.reading.of(&windows, output, events_max).await? else {
                return Ok(Some(touched));
            };
            let mut further = ByPerson::default();
            for (key, touch) in open {
                let mut found = found.remove(&key).unwrap_or_default();
                found.events.sort_unstable();
                let is_last = index + 1 == LOOK_US.len();
                match region(&found, touch, around(touch), self.rules.silence_us(), is_last) {
                    Some(region) => self.replace(&key, found, &region, around(touch), persons, output),
                    None => drop(further.insert(key, touch)),
                }
            }
            if further.is_empty() {
                return Ok(None);
            }
            open = further;
        }
        Ok(None)
    }

    /// Gives out rows for the events of a region in the place of those that stood for it.
    fn replace(
        &self,
        key: &str,
        found: Found,
        region: &Region,
        (from_us, to_us): (i64, i64),
        persons: &mut Persons,
        output: &mut Output,
    ) {
        let Found { mut events, rows } = found;
        let within = |at_us: i64| (region.from_us..=region.to_us).contains(&at_us);
        rows.iter().filter(|row| within(row.first_us)).for_each(|row| output.void(key, &row.shown));
        let has_later = events.last().is_some_and(|last| last.at_us > region.to_us)
            || rows.iter().any(|row| row.first_us > region.to_us);
        let before_us = events.iter().rev().map(|event| event.at_us).find(|at_us| *at_us < region.from_us);
        events.retain(|event| within(event.at_us));
        persons.drop_person(key);
        let before_us = before_us.unwrap_or(from_us);
        let Some(last_us) = events.last().map(|last| last.at_us) else { return };
        let mut attempter = region.chain_first_us.map_or_else(Attempter::default, Attempter::continuing);
        let source = names(key)[1];
        let mut give = |events: &[Held], attempter: &mut Attempter| {
            for event in events {
                attempter.take(self.rules, &event.step(source), &mut |attempt| output.give(key, &attempt));
            }
            attempter.end(&mut |attempt| output.give(key, &attempt));
        };
        if has_later || to_us < self.newest_us {
            give(&events, &mut attempter);
            persons.saw(key, last_us);
            return;
        }
        // The last stretch may go on: it is in memory from now on.
        let silence_us = self.rules.silence_us();
        let is_pause = |pair: &[Held]| pair[1].at_us - pair[0].at_us > silence_us;
        let stretch = events.windows(2).rposition(is_pause).map_or(0, |before| before + 1);
        let tail = events.split_off(stretch);
        let before_us = events.last().map_or(before_us, |last| last.at_us);
        if !events.is_empty() {
            give(&events, &mut attempter);
            attempter = Attempter::default();
        }
        persons.put(key, attempter, before_us, tail, output);
    }
}

/// What a touch may have changed.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    /// From this moment on.
    from_us: i64,
    /// Up to this one.
    to_us: i64,
    /// When the chain of events began that goes on in it without a silence; none after a silence.
    chain_first_us: Option<i64>,
}

/// Finds the region of a touch in what was read; none where it may reach beyond it.
fn region(
    found: &Found,
    (touch_from, touch_to): (i64, i64),
    (read_from, read_to): (i64, i64),
    silence_us: i64,
    is_last_look: bool,
) -> Option<Region> {
    // Everything that happened, or of which it was once believed: a removed event is where a row or the touch is.
    let events = found.events.iter().map(|event| (event.at_us, event.at_us));
    let rows = found.rows.iter().map(|row| (row.first_us, row.last_us));
    let mut points: Vec<(i64, i64)> = events.chain(rows).chain([(touch_from, touch_to)]).collect();
    points.sort_unstable();
    let (mut from_us, mut to_us) = points[0];
    for (start, end) in points {
        if start - to_us > silence_us {
            if to_us >= touch_from {
                break;
            }
            from_us = start;
            to_us = end;
        }
        to_us = to_us.max(end);
    }
    let mut region = Region { from_us, to_us, chain_first_us: None };
    if from_us.saturating_sub(read_from) <= silence_us {
        match cuts(found, silence_us).filter(|(cut, _)| found.events[*cut].at_us <= touch_from).last() {
            Some((cut, chain_first_us)) => {
                region.from_us = found.events[cut].at_us;
                region.chain_first_us = Some(chain_first_us);
            }
            None if is_last_look => {}
            None => return None,
        }
    }
    if read_to.saturating_sub(to_us) <= silence_us {
        // The day that decides must lie after the touch as a whole, and so must the pause before it that did not come.
        let mut later = cuts(found, silence_us)
            .filter(|(cut, _)| cut_day_us(found, *cut) - DAY_US - silence_us > touch_to);
        match later.next() {
            Some((cut, _)) => region.to_us = found.events[cut - 1].at_us,
            None if is_last_look => {}
            None => return None,
        }
    }
    Some(region)
}

/// The midnight before an event.
fn cut_day_us(found: &Found, cut: usize) -> i64 {
    found.events[cut].at_us.div_euclid(DAY_US) * DAY_US
}

/// Where a day without any pause ends, with the event after it and the beginning of the chain as far as it was read; but for
/// those over which a row reaches.
fn cuts(found: &Found, silence_us: i64) -> impl Iterator<Item = (usize, i64)> {
    let mut chain_first_us = None;
    found.events.iter().enumerate().filter_map(move |(index, event)| {
        let before = index.checked_sub(1).map(|before| found.events[before].at_us);
        let goes_on = before.filter(|before| event.at_us - before <= silence_us);
        let first_us = match goes_on {
            Some(_) => *chain_first_us.get_or_insert(event.at_us),
            None => *chain_first_us.insert(event.at_us),
        };
        let is_cut = is_day_without_pause(first_us, goes_on?, event.at_us);
        let is_crossed =
            found.rows.iter().any(|row| row.first_us < event.at_us && row.last_us >= event.at_us);
        (is_cut && !is_crossed).then_some((index, first_us))
    })
}
