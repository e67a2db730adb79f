//! A small world for demonstrations and tests: two organisations whose people sign in by several products for five weeks,
//! with stories of which the truth is known.
//!
//! The same seed and the same end give the same records, byte for byte. No name, number or address belongs to anyone:
//! domains end in `.example`, and numbers and addresses lie in ranges that are kept for fiction, documentation and tests.

mod act;
mod directory;
mod duo;
mod entra;
mod gatebook;
mod gates;
mod habits;
mod mfa_server;
mod people;
mod stories;
#[cfg(test)]
mod tests;
mod times;

use std::collections::BTreeMap;

use schemas::Source;

use self::act::{Act, What};
use self::gates::{DAY_US, HOUR_US};
use self::people::{ALDER, BIRCH, People};
use self::stories::{Stories, stories};
use crate::traffic::LoadCurve;
use crate::traffic::random::{Random, mix};

/// For how long people sign in before the end: five weeks.
const HISTORY_US: i64 = 35 * DAY_US;

/// How long a try may go on: records that come out of order are put in order within that.
const REORDER_US: i64 = HOUR_US;

/// What a sign-in becomes in records, on average over all products, in hundredths.
const RECORDS_PER_CENT: u64 = 165;

/// A topic of the world, which carries the log of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// What the organisation's own servers write.
    Gatebook,
    /// Microsoft Entra: sign-ins and audits.
    Entra,
    /// Duo: authentications, telephony, administrators.
    Duo,
    /// The reports of the MFA Server.
    MfaServer,
}

impl Feed {
    /// Every feed.
    pub const ALL: &'static [Self] = &[Self::Gatebook, Self::Entra, Self::Duo, Self::MfaServer];

    /// The product.
    #[must_use]
    pub const fn source(self) -> Source {
        match self {
            Self::Gatebook => Source::Gatebook,
            Self::Entra => Source::Entra,
            Self::Duo => Source::Duo,
            Self::MfaServer => Source::MfaServer,
        }
    }

    /// Whose records these are, where they do not say it.
    #[must_use]
    pub const fn tenant(self) -> Option<&'static str> {
        match self {
            Self::Gatebook | Self::Entra => None,
            Self::Duo => Some(BIRCH.id),
            Self::MfaServer => Some(ALDER.id),
        }
    }
}

/// A record as it comes to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldRecord {
    /// Kafka's timestamp, in microseconds since 1970 UTC.
    pub timestamp_us: i64,
    /// One JSON object.
    pub value: Vec<u8>,
}

/// What is hidden in the world, and how it is found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Story {
    /// The report that shows it.
    pub report: &'static str,
    /// As what it shows it.
    pub kind: &'static str,
    /// The person, address, range of numbers or server that it is about.
    pub subject: String,
    /// When it began and ended, in microseconds since 1970 UTC.
    pub span_us: (i64, i64),
    /// What happened.
    pub what: String,
}

/// The world until a moment.
#[derive(Clone, Debug)]
pub struct World {
    seed: u64,
    until_us: i64,
    sign_ins: u64,
    people: People,
}

impl World {
    /// A world that ends at `until_us`, with about so many records.
    #[must_use]
    pub fn new(seed: u64, until_us: i64, records: u64) -> Self {
        Self { seed, until_us, sign_ins: records * 100 / RECORDS_PER_CENT, people: People::new() }
    }

    /// When it begins, in microseconds since 1970 UTC.
    #[must_use]
    pub fn from_us(&self) -> i64 {
        self.until_us - HISTORY_US
    }

    /// The names that other products use for the organisations: theirs, and ours.
    #[must_use]
    pub fn tenants() -> [(&'static str, &'static str); 2] {
        [(ALDER.guid, ALDER.id), (BIRCH.guid, BIRCH.id)]
    }

    /// The domains of short names such as `NAME\user`.
    #[must_use]
    pub fn domains() -> [(&'static str, &'static str); 2] {
        [(ALDER.short, ALDER.domain), (BIRCH.short, BIRCH.domain)]
    }

    /// The authentication servers that should speak: those that do, and one that was ordered and never came.
    pub fn servers() -> impl Iterator<Item = &'static str> {
        gates::SERVERS.iter().map(|(name, _)| *name).chain([gates::MFA_SERVER.0, "mfa-syd-01"])
    }

    /// The stories, in the order in which they begin.
    #[must_use]
    pub fn stories(&self) -> Vec<Story> {
        stories(&self.people, self.until_us).told
    }

    /// The file of each organisation's directory, with the tenant's name: most people, some who never sign in, and not all
    /// who do.
    #[must_use]
    pub fn directories(&self) -> Vec<(&'static str, String)> {
        directory::files(&self.people)
    }

    /// The records of a feed, in the order in which they come to Kafka.
    pub fn records(&self, feed: Feed) -> impl Iterator<Item = WorldRecord> + Send + use<> {
        History::new(self.clone(), feed)
    }

    /// What goes on after the end, as the organisation's own servers tell of it: somebody comes to a gate at each of these
    /// moments.
    pub fn live<M: Iterator<Item = i64> + Send + 'static>(
        &self,
        moments: M,
    ) -> impl Iterator<Item = WorldRecord> + Send + use<M> {
        let (people, mut random) = (self.people.clone(), Random::new(self.seed ^ 0x11fe));
        moments.flat_map(move |at_us| {
            let mut records = Vec::new();
            let who = random.below(people.len() as u32) as usize;
            habits::sign_in(&people, who, at_us, at_us, &mut random, &mut |act| {
                if act.feed == Feed::Gatebook {
                    records.push(written(&people, &Act { at_us: act.at_us.min(at_us), ..act }));
                }
            });
            records
        })
    }
}

/// The records of one feed, put in order.
struct History {
    world: World,
    feed: Feed,
    moments: LoadCurve,
    stories: Stories,
    /// What was told and may not go out yet, by Kafka's timestamp and the order in which it was told.
    waiting: BTreeMap<(i64, u64), Act>,
    told: u64,
    random: Random,
    /// Up to when everything was told.
    now_us: i64,
    days: i64,
}

impl History {
    fn new(world: World, feed: Feed) -> Self {
        let mut stories = stories(&world.people, world.until_us);
        let acts = std::mem::take(&mut stories.acts);
        let from_us = world.from_us();
        let mut history = Self {
            moments: LoadCurve::new(mix(world.seed), from_us, world.until_us, world.sign_ins),
            random: Random::new(world.seed),
            waiting: BTreeMap::new(),
            told: 0,
            now_us: from_us,
            days: 0,
            feed,
            stories,
            world,
        };
        acts.into_iter().for_each(|act| history.tell(act));
        history
    }

    fn tell(&mut self, act: Act) {
        self.told += 1;
        if act.feed == self.feed {
            self.waiting.insert((act.at_us + act.late_us, self.told), act);
        }
    }

    /// The next sign-in of somebody; false when there are no more.
    fn go_on(&mut self) -> bool {
        let Some(at_us) = self.moments.next() else {
            self.now_us = i64::MAX;
            return false;
        };
        self.now_us = at_us;
        let mut acts = Vec::new();
        let people = &self.world.people;
        if at_us >= self.world.from_us() + self.days * DAY_US {
            let from_us = self.world.from_us() + self.days * DAY_US;
            habits::upkeep(people, self.days, from_us, &mut self.random, &mut |act| acts.push(act));
            self.days += 1;
        }
        // Somebody else comes where this one is in a story.
        let drawn = self.random.below(people.len() as u32) as usize;
        let others = (drawn..people.len()).chain(0..drawn);
        let free = others.into_iter().find(|who| !self.stories.is_on_stage(*who, at_us));
        if let Some(who) = free {
            let until_us = self.world.until_us;
            habits::sign_in(people, who, at_us, until_us, &mut self.random, &mut |act| acts.push(act));
        }
        let until_us = self.world.until_us;
        acts.into_iter().filter(|act| act.at_us < until_us).for_each(|act| self.tell(act));
        true
    }
}

impl Iterator for History {
    type Item = WorldRecord;

    fn next(&mut self) -> Option<WorldRecord> {
        loop {
            let due_us = self.waiting.first_key_value().map(|((timestamp_us, _), _)| *timestamp_us);
            if due_us.is_some_and(|due_us| due_us <= self.now_us.saturating_sub(REORDER_US))
                || self.now_us == i64::MAX
            {
                let (_, act) = self.waiting.pop_first()?;
                return Some(written(&self.world.people, &act));
            }
            self.go_on();
        }
    }
}

/// What the product writes of it.
fn written(people: &People, act: &Act) -> WorldRecord {
    let (human, at_us) = (people.get(act.who), act.at_us);
    let value = match (&act.what, act.feed) {
        (What::Event(event), Feed::Gatebook) => gatebook::event(human, at_us, event),
        (What::Event(event), Feed::Entra) => entra::event(human, at_us, event),
        (What::Event(event), Feed::Duo) => duo::event(human, at_us, event),
        (What::Event(event), Feed::MfaServer) => mfa_server::event(human, at_us, event),
        (What::Telephony { method, credits, key }, _) => {
            duo::telephony(human, at_us, *method, *credits, *key)
        }
        (What::Change(change), Feed::Duo) => duo::change(human, at_us, *change),
        (What::Change(change), Feed::MfaServer) => mfa_server::change(human, at_us, *change),
        (What::Change(change), Feed::Entra | Feed::Gatebook) => {
            entra::change(human, at_us, *change, mix(at_us.cast_unsigned()))
        }
    };
    WorldRecord { timestamp_us: at_us + act.late_us, value: value.to_string().into_bytes() }
}
