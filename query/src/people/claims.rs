//! Whose an id is, as directories say, over time; and which links an operator cut. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lake::DirectoryContent;
use schemas::{Enabled, ListedId};

use super::learner::SourceId;

/// Who is listed with an id, and when they are enabled.
type Claim = (Enabled, Arc<str>);

/// What directories and operators say, ready to be asked by id.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// By tenant. There can be a million ids: each takes as little memory as can be.
    by_id: HashMap<String, HashMap<ListedId, Vec<Claim>>>,
    persons: BTreeMap<(String, String), ListedPerson>,
    cuts: HashMap<SourceId, Apart>,
}

/// What directories say of a person beside their ids.
#[derive(Debug, Default)]
pub(super) struct ListedPerson {
    /// The directories that list the person.
    pub(super) directories: BTreeSet<String>,
    /// When the person is enabled by any of them: periods that do not touch, in the order of time.
    pub(super) enabled: Vec<Enabled>,
}

/// What an operator says that an id is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Apart {
    /// Anybody's: it stands for itself.
    pub(super) from_all: bool,
    /// One of these persons'.
    pub(super) from: BTreeSet<String>,
}

/// To whom an id belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A person of a directory.
    Person(String),
    /// Directories list it for several persons at the same time.
    Conflict,
}

/// To whom an id belongs in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tenure {
    pub(super) valid: Enabled,
    pub(super) owner: Owner,
}

impl Claims {
    pub(crate) fn of(content: &DirectoryContent) -> Self {
        let mut claims = Self::default();
        for import in &content.imports {
            let by_id = claims.by_id.entry(import.tenant_id.clone()).or_default();
            for listing in &import.listings {
                let name: Arc<str> = listing.person.as_str().into();
                for id in &listing.ids {
                    let claims = by_id.entry(id.clone()).or_insert_with(|| Vec::with_capacity(1));
                    claims.push((listing.enabled, Arc::clone(&name)));
                }
                let whose = (import.tenant_id.clone(), listing.person.clone());
                let person = claims.persons.entry(whose).or_default();
                person.directories.insert(import.directory.clone());
                person.enabled.push(listing.enabled);
            }
        }
        for person in claims.persons.values_mut() {
            person.enabled = joined(std::mem::take(&mut person.enabled));
        }
        for cut in content.cuts_in_force() {
            let id = SourceId {
                tenant_id: cut.tenant_id.clone(),
                source: cut.source.clone(),
                user_key: cut.user_key.clone(),
            };
            let apart = claims.cuts.entry(id).or_default();
            match &cut.from_person {
                Some(person) => drop(apart.from.insert(person.clone())),
                None => apart.from_all = true,
            }
        }
        claims
    }

    /// The persons that directories list, by tenant and name.
    pub(super) fn persons(&self) -> &BTreeMap<(String, String), ListedPerson> {
        &self.persons
    }

    /// What an operator says that the id is not.
    pub(super) fn apart(&self, id: &SourceId) -> Option<&Apart> {
        self.cuts.get(id)
    }

    /// To whom an id belongs: all of time, in pieces. None where no directory lists it, or none but for those from whom it
    /// was cut. What is listed for one source decides over what is listed for all.
    pub(super) fn tenures(&self, id: &SourceId) -> Vec<Tenure> {
        let apart = self.apart(id);
        if apart.is_some_and(|apart| apart.from_all) {
            return Vec::new();
        }
        let of = |source: Option<String>| {
            let claims = self.claims(&id.tenant_id, source, &id.user_key);
            let is_meant = |(_, person): &&Claim| !apart.is_some_and(|it| it.from.contains(&**person));
            tenures(claims.iter().filter(is_meant).map(|(enabled, person)| (*enabled, &**person)))
        };
        let own = of(Some(id.source.clone()));
        if own.is_empty() { of(None) } else { own }
    }

    /// To whom an address belongs that a source gives beside an id.
    pub(super) fn address(&self, tenant_id: &str, address: &str) -> Vec<Tenure> {
        tenures(self.claims(tenant_id, None, address).iter().map(|(enabled, person)| (*enabled, &**person)))
    }

    /// The ids that belong to one after the other: of these it matters when an event was.
    pub(super) fn reused(&self) -> BTreeSet<&str> {
        let is_reused = |claims: &Vec<Claim>| claims.iter().any(|(_, person)| *person != claims[0].1);
        let all = self.by_id.values().flatten();
        all.filter(|(_, claims)| is_reused(claims)).map(|(id, _)| id.user_key.as_str()).collect()
    }

    /// The tenants that directories speak of.
    pub(super) fn tenants(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// The ids with which directories list a person.
    pub(super) fn listed_ids<'c>(
        &'c self,
        tenant_id: &str,
        person: &'c str,
    ) -> impl Iterator<Item = &'c ListedId> {
        let by_id = self.by_id.get(tenant_id).into_iter().flatten();
        by_id.filter(move |(_, claims)| claims.iter().any(|(_, name)| **name == *person)).map(|(id, _)| id)
    }

    fn claims(&self, tenant_id: &str, source: Option<String>, user_key: &str) -> &[Claim] {
        let Some(by_id) = self.by_id.get(tenant_id) else { return &[] };
        by_id.get(&ListedId { source, user_key: user_key.to_owned() }).map_or(&[], Vec::as_slice)
    }
}

/// Whose an id is when, from the periods in which those that are listed with it are enabled.
///
/// Between two owners, and after the last one, the id stays with the one before: a disabled account that is used is its
/// owner's. Before the first owner it is theirs.
fn tenures<'a>(claims: impl Iterator<Item = (Enabled, &'a str)>) -> Vec<Tenure> {
    let mut edges: Vec<(i64, bool, &str)> = Vec::new();
    for (enabled, person) in claims {
        edges.push((enabled.from_us.unwrap_or(i64::MIN), true, person));
        edges.extend(enabled.to_us.map(|to_us| (to_us, false, person)));
    }
    edges.sort_unstable();
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: Vec<(i64, Owner)> = Vec::new();
    let mut edges = edges.into_iter().peekable();
    while let Some((at_us, begins, person)) = edges.next() {
        let count = holders.entry(person).or_default();
        *count = if begins { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            holders.remove(person);
        }
        if edges.peek().is_some_and(|(next_us, ..)| *next_us == at_us) {
            continue;
        }
        let mut all = holders.keys();
        let owner = match (all.next(), all.next()) {
            (None, _) => continue,
            (Some(person), None) => Owner::Person((*person).to_owned()),
            _ => Owner::Conflict,
        };
        if found.last().is_none_or(|(_, last)| *last != owner) {
            found.push((at_us, owner));
        }
    }
    let starts: Vec<i64> = found.iter().map(|(from_us, _)| *from_us).collect();
    let tenure = |(index, (from_us, owner)): (usize, (i64, Owner))| Tenure {
        valid: Enabled { from_us: (index > 0).then_some(from_us), to_us: starts.get(index + 1).copied() },
        owner,
    };
    found.into_iter().enumerate().map(tenure).collect()
}

/// Periods as such that do not touch.
fn joined(mut periods: Vec<Enabled>) -> Vec<Enabled> {
    periods.sort_unstable();
    let mut joined: Vec<Enabled> = Vec::new();
    for period in periods {
        match joined.last_mut() {
            Some(last)
                if last.to_us.is_none_or(|to_us| period.from_us.is_none_or(|from_us| from_us <= to_us)) =>
            {
                last.to_us = last.to_us.zip(period.to_us).map(|(one_us, other_us)| one_us.max(other_us));
            }
            _ => joined.push(period),
        }
    }
    joined.shrink_to_fit();
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `from..to`, where either can be absent.
    fn period(text: &str) -> Enabled {
        let (from, to) = text.split_once("..").expect("a period");
        Enabled { from_us: from.parse().ok(), to_us: to.parse().ok() }
    }

    fn told(period: Enabled) -> String {
        let text = |us: Option<i64>| us.map_or(String::new(), |us| us.to_string());
        format!("{}..{}", text(period.from_us), text(period.to_us))
    }

    /// Takes `person from..to`, and expects the same of an owner, or of `!` for a conflict.
    #[track_caller]
    fn check(claims: &[&str], expected: &[&str]) {
        let claims: Vec<(Enabled, &str)> = claims
            .iter()
            .map(|claim| claim.split_once(' ').map(|(person, text)| (period(text), person)).expect("a claim"))
            .collect();
        let owner = |owner: &Owner| match owner {
            Owner::Person(person) => person.clone(),
            Owner::Conflict => "!".to_owned(),
        };
        let told = |claims: Vec<(Enabled, &str)>| -> Vec<String> {
            let found = tenures(claims.into_iter());
            found.iter().map(|it| format!("{} {}", owner(&it.owner), told(it.valid))).collect()
        };
        assert_eq!(told(claims.clone()), expected);
        assert_eq!(told(claims.into_iter().rev().collect()), expected, "in any order");
    }

    #[test]
    fn an_id_stays_with_its_owner_until_the_next_one_begins() {
        check(&["ada 10..20"], &["ada .."]);
        check(&["ada 10..20", "ada 30..40"], &["ada .."]);
        check(&["ada 10..20", "bob 30..40"], &["ada ..30", "bob 30.."]);
        check(&["ada ..20", "bob 20..", "ada ..5"], &["ada ..20", "bob 20.."]);
        check(&["ada 1..2", "bob 3..4", "ada 5..6"], &["ada ..3", "bob 3..5", "ada 5.."]);
    }

    #[test]
    fn two_at_a_time_are_a_conflict_and_nobody_is_guessed() {
        check(&["ada ..", "bob 10..20"], &["ada ..10", "! 10..20", "ada 20.."]);
        check(&["ada 1..20", "bob 10..20"], &["ada ..10", "! 10.."]);
        check(&["ada ..", "bob .."], &["! .."]);
    }

    #[test]
    fn periods_that_touch_are_one() {
        let check = |periods: &[&str], expected: &[&str]| {
            let found = joined(periods.iter().map(|text| period(text)).collect());
            assert_eq!(found.into_iter().map(told).collect::<Vec<_>>(), expected);
        };
        check(&["5..10", "..3", "10..12", "20.."], &["..3", "5..12", "20.."]);
        check(&["1..", "2..3"], &["1.."]);
        check(&["2..9", "3..4"], &["2..9"]);
    }
}
