//! The persons whose attempts may still go on, in memory: an event that follows the last one costs no reading.

use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use ahash::RandomState;
use chrono::NaiveDate;

use crate::attempter::{Attempt, Attempter};
use crate::held::{Held, day_of, names};
use crate::output::{Output, Shown};
use crate::rules::Rules;

/// The last events of a person that are held one by one, and all of this last time up to a bound: what the partitions of a
/// topic tell of somebody comes a little out of order. Of those before, only what may go on is held.
const TAIL_MIN: usize = 8;
const TAIL_US: i64 = 5_000_000;
const TAIL_MAX: usize = 8_192;

/// Persons whose last event is known: 32 bytes each.
const LAST_SEEN_MAX: usize = 1 << 23;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is in.
    In,
    /// It may belong to what is not in memory: the person's events are to be read again.
    Late,
}

/// The persons in memory.
pub(crate) struct Persons {
    rules: Arc<Rules>,
    held: HashMap<Box<str>, Person, RandomState>,
    /// By a hash of the key, of persons who are not in memory: when their last event was. Where two share a hash, the later.
    last_seen: HashMap<u64, i64, RandomState>,
    /// Whoever is in neither has no event from this moment on.
    known_since_us: i64,
    hasher: RandomState,
    /// Counts what was touched, so that who was touched longest ago goes first.
    clock: u64,
    bytes: usize,
}

/// Of one person, all since the last silence.
struct Person {
    /// What is left of the events before the tail.
    base: Attempter,
    /// The last event that went into it.
    base_last_us: Option<i64>,
    /// The latest that an event before all this may have happened.
    before_us: i64,
    /// The events, in order.
    tail: Vec<Held>,
    last_us: i64,
    /// The rows that stand for them now, by a hash of what each tells.
    shown: HashMap<u64, Shown, RandomState>,
    is_changed: bool,
    touched: u64,
}

impl Persons {
    /// Nobody is in memory, and whoever has an event from this moment on is to be told of by [`Self::saw`].
    pub(crate) fn new(rules: Arc<Rules>, known_since_us: i64) -> Self {
        let hasher = RandomState::new();
        Self {
            rules,
            held: HashMap::with_hasher(hasher.clone()),
            last_seen: HashMap::with_hasher(hasher.clone()),
            known_since_us,
            hasher,
            clock: 0,
            bytes: 0,
        }
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Somebody had an event.
    pub(crate) fn saw(&mut self, key: &str, at_us: i64) {
        if self.last_seen.len() >= LAST_SEEN_MAX {
            // From now on only what comes is known: everything before is read again where it matters.
            self.known_since_us = self.last_seen.values().copied().max().unwrap_or(at_us).max(at_us);
            self.last_seen.clear();
        }
        // Whoever was not known may have had another event, up to that moment.
        let last = self.last_seen.entry(self.hasher.hash_one(key)).or_insert(self.known_since_us);
        *last = (*last).max(at_us);
    }

    /// Takes in an event.
    pub(crate) fn take(&mut self, key: &str, held: Held, output: &mut Output) -> Taken {
        self.clock += 1;
        let silence_us = self.rules.silence_us();
        let is_after = |at_us: i64, last_us: i64| at_us > last_us.saturating_add(silence_us);
        let Some(person) = self.held.get_mut(key) else {
            let before_us = self.last_seen.get(&self.hasher.hash_one(key)).copied();
            let before_us = before_us.unwrap_or(self.known_since_us);
            if !is_after(held.at_us, before_us) {
                return Taken::Late;
            }
            self.hold(key, Person::beginning(held, before_us));
            return Taken::In;
        };
        person.touched = self.clock;
        if is_after(held.at_us, person.last_us) {
            let before_us = person.last_us;
            self.bytes -= person.bytes();
            person.show(key, &self.rules, output);
            *person = Person { touched: self.clock, ..Person::beginning(held, before_us) };
            self.bytes += person.bytes();
            return Taken::In;
        }
        let first_us = person.tail.first().map_or(person.last_us, |first| first.at_us);
        let is_known = match person.base_last_us {
            Some(base_last_us) => held.at_us > base_last_us,
            None => {
                held.at_us >= first_us
                    || (is_after(held.at_us, person.before_us) && !is_after(first_us, held.at_us))
            }
        };
        if !is_known {
            return Taken::Late;
        }
        self.bytes += held.bytes();
        person.last_us = person.last_us.max(held.at_us);
        let place = person.tail.partition_point(|other| *other <= held);
        person.tail.insert(place, held);
        person.is_changed = true;
        Taken::In
    }

    /// Puts somebody into memory whose events were read: `tail` is all since a silence, or since `base` was left off. Their
    /// rows are given out at once: what else changed of them is folded next, and is to find these.
    pub(crate) fn put(
        &mut self,
        key: &str,
        base: Attempter,
        before_us: i64,
        tail: Vec<Held>,
        output: &mut Output,
    ) {
        let Some(last_us) = tail.last().map(|last| last.at_us) else { return };
        let mut person = Person {
            base,
            base_last_us: None,
            before_us,
            tail,
            last_us,
            shown: HashMap::default(),
            is_changed: true,
            touched: 0,
        };
        person.show(key, &self.rules, output);
        self.hold(key, person);
    }

    fn hold(&mut self, key: &str, person: Person) {
        self.bytes += person.bytes() + key.len();
        let person = Person { touched: self.clock, ..person };
        if let Some(before) = self.held.insert(key.into(), person) {
            self.bytes -= before.bytes() + key.len();
        }
    }

    /// Lets somebody go, whose events are read again.
    pub(crate) fn drop_person(&mut self, key: &str) {
        if let Some(person) = self.held.remove(key) {
            self.bytes -= person.bytes() + key.len();
            self.saw(key, person.last_us);
        }
    }

    /// Lets everybody go of whom an event of these days is in memory.
    pub(crate) fn drop_persons_of(&mut self, days: &BTreeSet<NaiveDate>) {
        if days.is_empty() {
            return;
        }
        let is_of = |at_us: i64| days.contains(&day_of(at_us));
        let has_any = |person: &Person| person.tail.iter().any(|held| is_of(held.at_us));
        let gone = self.held.iter().filter(|(_, person)| has_any(person)).map(|(key, _)| key.clone());
        gone.collect::<Vec<_>>().iter().for_each(|key| self.drop_person(key));
    }

    /// Gives out the rows of everybody whose events changed.
    pub(crate) fn show(&mut self, output: &mut Output) {
        for (key, person) in self.held.iter_mut().filter(|(_, person)| person.is_changed) {
            self.bytes -= person.bytes();
            person.show(key, &self.rules, output);
            self.bytes += person.bytes();
        }
    }

    /// Lets the half of all persons go who were touched longest ago. Their rows have been given out.
    pub(crate) fn make_room(&mut self) {
        let mut touched: Vec<u64> = self.held.values().map(|person| person.touched).collect();
        if touched.is_empty() {
            return;
        }
        let middle = touched.len() / 2;
        let (_, middle, _) = touched.select_nth_unstable(middle);
        let middle = *middle;
        let gone: Vec<Box<str>> =
            self.held.iter().filter(|(_, it)| it.touched <= middle).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.drop_person(key));
    }
}

impl Person {
    fn beginning(held: Held, before_us: i64) -> Self {
        Self {
            base: Attempter::default(),
            base_last_us: None,
            before_us,
            last_us: held.at_us,
            tail: vec![held],
            shown: HashMap::default(),
            is_changed: true,
            touched: 0,
        }
    }

    fn bytes(&self) -> usize {
        let tail: usize = self.tail.iter().map(Held::bytes).sum();
        size_of::<Self>() + tail + self.base.bytes() + self.shown.len() * size_of::<(u64, Shown)>()
    }

    /// Gives out the rows that stand for the person's events, where they are not those that were given out already.
    fn show(&mut self, key: &str, rules: &Rules, output: &mut Output) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let source = names(key)[1];
        let mut before = std::mem::take(&mut self.shown);
        let mut give = |attempt: &Attempt, shown: Option<&mut HashMap<u64, Shown, RandomState>>| {
            let hash = hash(attempt);
            let row = before.remove(&hash).unwrap_or_else(|| output.add(key, attempt));
            if let Some(shown) = shown {
                shown.insert(hash, row);
            }
        };
        let since_us = self.last_us.saturating_sub(TAIL_US);
        let old = self.tail.partition_point(|held| held.at_us < since_us);
        let count = self.tail.len();
        let old = old.min(count.saturating_sub(TAIL_MIN)).max(count.saturating_sub(TAIL_MAX));
        if old >= TAIL_MIN {
            let rest = self.tail.split_off(old);
            for held in std::mem::replace(&mut self.tail, rest) {
                self.base.take(rules, &held.step(source), &mut |attempt| give(&attempt, None));
                self.base_last_us = Some(held.at_us);
            }
            self.base.let_go(rules, &mut |attempt| give(&attempt, None));
        }
        let mut fold = self.base.clone();
        let mut shown = HashMap::default();
        for held in &self.tail {
            fold.take(rules, &held.step(source), &mut |attempt| give(&attempt, Some(&mut shown)));
        }
        fold.end(&mut |attempt| give(&attempt, Some(&mut shown)));
        before.into_values().for_each(|row| output.void(key, &row));
        self.shown = shown;
    }
}

fn hash(attempt: &Attempt) -> u64 {
    // The same for all that one process compares, and nobody can choose it.
    static HASHER: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    let mut hasher = std::hash::BuildHasher::build_hasher(&*HASHER);
    attempt.hash(&mut hasher);
    hasher.finish()
}
