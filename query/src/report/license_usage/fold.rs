//! The persons of one month, counted by the groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;
use roaring::RoaringBitmap;
use schemas::is_somebody;

use super::super::group::Group;
use super::super::made::Made;
use super::super::parameters::ReportParameters;
use super::super::people_parameters::tenants;
use super::{Month, overlaps};
use crate::parameter::TimeRange;
use crate::people::Owners;
use crate::sums::{IdEvents, Numbers};

/// The values of a row's groups: tenant, method, source; none of a group that was not asked for.
type Key = [Option<String>; 3];

/// What was seen of a group.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By number.
    persons: RoaringBitmap,
    /// Those among them of whom a rule says who they are.
    matched: RoaringBitmap,
    pub(super) attempts: i64,
    events: i64,
}

impl Seen {
    fn see(&mut self, person: u32, is_matched: bool) {
        self.persons.insert(person);
        if is_matched {
            self.matched.insert(person);
        }
    }
}

/// What is counted as one, by number: persons, or ids.
pub(super) struct Whose<'o> {
    owners: &'o Owners,
    /// Ids of which it matters when an event was.
    reused: BTreeSet<&'o str>,
    /// Whether each id counts by itself.
    is_raw: bool,
    /// By the number of the id: that of what it counts as, and whether a rule says so. None where each event is to be asked.
    of_ids: HashMap<u32, Option<(u32, bool)>, RandomState>,
    /// By tenant and name.
    persons: HashMap<(String, String), u32, RandomState>,
}

impl<'o> Whose<'o> {
    pub(super) fn new(owners: &'o Owners, is_raw: bool) -> Self {
        Self {
            owners,
            reused: owners.reused(),
            is_raw,
            of_ids: HashMap::default(),
            persons: HashMap::default(),
        }
    }

    /// As what an id counts at a moment.
    pub(super) fn at(&mut self, [tenant, source, user_key]: [&str; 3], at_us: i64) -> (u32, bool) {
        let whose = self.owners.of(tenant, source, user_key, at_us);
        let next = self.persons.len() as u32;
        let person = (tenant.to_owned(), whose.person.into_owned());
        (*self.persons.entry(person).or_insert(next), whose.rule.is_match())
    }

    /// As what an id counts at any time.
    fn of(&mut self, number: u32, id: [&str; 3], at_us: i64) -> Option<(u32, bool)> {
        if self.is_raw {
            return Some((number, true));
        }
        if let Some(known) = self.of_ids.get(&number) {
            return *known;
        }
        let [_, _, user_key] = id;
        let whose = (!self.reused.contains(user_key)).then(|| self.at(id, at_us));
        self.of_ids.insert(number, whose);
        whose
    }
}

/// Counts a month.
pub(super) struct Fold {
    by: Vec<Group>,
    /// The values that tenant, source and method may have.
    allowed: [Option<Vec<String>>; 3],
    seen: BTreeMap<Key, Seen>,
}

impl Fold {
    pub(super) fn new(parameters: &ReportParameters) -> Self {
        let mut seen = BTreeMap::new();
        if parameters.by.is_empty() {
            // The one row of a month without groups says zero of an empty one.
            seen.insert(Key::default(), Seen::default());
        }
        let allowed = [Group::Tenant, Group::Source, Group::Method]
            .map(|group| parameters.filters.of(group).map(<[String]>::to_vec));
        Self { by: parameters.by.clone(), allowed, seen }
    }

    /// The group of what a tenant and a source have by a method.
    pub(super) fn group(&mut self, [tenant, source]: [&str; 2], method: Option<&str>) -> &mut Seen {
        let has = |group| self.by.contains(&group);
        let key = [
            has(Group::Tenant).then(|| tenant.to_owned()),
            method.filter(|_| has(Group::Method)).map(str::to_owned),
            has(Group::Source).then(|| source.to_owned()),
        ];
        self.seen.entry(key).or_default()
    }

    /// Takes in that somebody was seen, whose events are counted already.
    pub(super) fn see(
        &mut self,
        [tenant, source, _]: [&str; 3],
        method: Option<&str>,
        (person, is_matched): (u32, bool),
    ) {
        self.group([tenant, source], method).see(person, is_matched);
    }

    /// Takes in the ids of the month.
    pub(super) fn take_ids(
        &mut self,
        ids: &[IdEvents],
        names: &Numbers,
        whose: &mut Whose<'_>,
        part: TimeRange,
    ) {
        let at_us = part.to.timestamp_micros() - 1;
        // By the numbers of tenant, source and method, so that no text is compared for each id.
        let mut groups: HashMap<[u32; 3], Option<Seen>, RandomState> = HashMap::default();
        for of_id in ids.chunk_by(|one, next| one.id == next.id) {
            let number = of_id[0].id;
            let id = names.id_of(number);
            let person = is_somebody(id[2]).then(|| whose.of(number, id, at_us)).flatten();
            let [tenant, source] = names.whose_of(number);
            for it in of_id {
                let group = groups.entry([tenant, source, it.method]).or_insert_with(|| {
                    let words = [Some(id[0]), Some(id[1]), names.text_of(it.method)];
                    let allowed = self.allowed.iter().zip(words);
                    let is_asked = |(allowed, word): (&Option<Vec<String>>, Option<&str>)| match allowed {
                        Some(allowed) => word.is_some_and(|word| allowed.iter().any(|it| it == word)),
                        None => true,
                    };
                    allowed.into_iter().all(is_asked).then(Seen::default)
                });
                let Some(seen) = group else { continue };
                seen.events += it.events;
                if let Some((person, is_matched)) = person {
                    seen.see(person, is_matched);
                }
            }
        }
        for ([tenant, source, method], seen) in groups {
            let Some(seen) = seen else { continue };
            let [tenant, source] = [tenant, source].map(|text| names.text_of(text).unwrap_or_default());
            let group = self.group([tenant, source], names.text_of(method));
            group.events += seen.events;
            group.persons |= seen.persons;
            group.matched |= seen.matched;
        }
    }

    /// Tells the rows of the month.
    pub(super) fn tell(
        mut self,
        month: &Month,
        parameters: &ReportParameters,
        whose: &Whose<'_>,
        made: &mut Made,
    ) {
        let tenants = tenants(parameters);
        let is_asked = |tenant: &str| tenants.is_empty() || tenants.iter().any(|it| it == tenant);
        let listed = whose.owners.listed();
        let is_enabled = |periods: &[_]| periods.iter().any(|period| overlaps(period, month.part));
        let enabled: Vec<(&str, &str)> = listed
            .iter()
            .filter(|((tenant, _), periods)| is_asked(tenant) && is_enabled(periods))
            .map(|(whose, _)| *whose)
            .collect();
        let number = |(tenant, person): &(&str, &str)| {
            whose.persons.get(&((*tenant).to_owned(), (*person).to_owned())).copied()
        };
        let numbers_listed: RoaringBitmap = listed.keys().filter_map(number).collect();
        let is_whole = !self.by.contains(&Group::Method) && !self.by.contains(&Group::Source);
        if is_whole && self.by.contains(&Group::Tenant) {
            for (tenant, _) in &enabled {
                let key = [Some((*tenant).to_owned()), None, None];
                self.seen.entry(key).or_default();
            }
        }
        for ([tenant, method, source], seen) in &self.seen {
            let mut row = made.row();
            row.text("month", month.label.as_str())
                .text("start", month.start.to_rfc3339())
                .text("end", month.end.to_rfc3339())
                .maybe("tenant", tenant.as_deref())
                .maybe("method", method.as_deref())
                .maybe("source", source.as_deref())
                .number("persons", seen.persons.len() as i64)
                .number("attempts", seen.attempts)
                .number("events", seen.events);
            if whose.is_raw {
                continue;
            }
            row.number("unmatched", seen.persons.difference_len(&seen.matched) as i64)
                .number("not_in_directory", seen.persons.difference_len(&numbers_listed) as i64);
            if is_whole {
                let of_row = |whose: &&(&str, &str)| tenant.as_deref().is_none_or(|it| it == whose.0);
                let is_seen =
                    |whose: &&(&str, &str)| number(whose).is_some_and(|it| seen.persons.contains(it));
                let not_seen = enabled.iter().filter(of_row).filter(|whose| !is_seen(whose)).count();
                row.number("not_seen", not_seen as i64);
            }
        }
    }
}
