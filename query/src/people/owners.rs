//! Whose an id is, for those who ask row by row: by the same rules as the tables of people.
//!
//! The tables know the ids that events gave. A change can name an id that no event ever gave: it is whose a directory says,
//! else whose the address is that it is made of.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use schemas::{Enabled, Source};

use super::claims::{Claims, Owner};
use super::groups::Whose;
use super::learner::{Identity, Rule, SourceId, is_address};

/// To whom ids and addresses belong.
#[derive(Debug)]
pub(crate) struct Owners {
    claims: Arc<Claims>,
    /// By id, and of one that belongs to one after the other in the order of time.
    identities: Vec<Identity>,
    by_id: HashMap<SourceId, Range<usize>>,
    addresses: HashMap<(String, String), Whose>,
}

/// Whose an id is, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identified<'o> {
    pub(crate) person: Cow<'o, str>,
    pub(crate) rule: Rule,
}

/// An id of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PersonalId {
    /// None where a directory lists it for every source.
    pub(crate) source: Option<String>,
    pub(crate) user_key: String,
    pub(crate) user_ids: Vec<String>,
    pub(crate) rule: &'static str,
    pub(crate) valid: Enabled,
}

impl Owners {
    pub(super) fn new(
        claims: Arc<Claims>,
        identities: Vec<Identity>,
        addresses: HashMap<(String, String), Whose>,
    ) -> Self {
        let mut by_id: HashMap<SourceId, Range<usize>> = HashMap::with_capacity(identities.len());
        for (index, identity) in identities.iter().enumerate() {
            by_id.entry(identity.id.clone()).or_insert(index..index).end = index + 1;
        }
        Self { claims, identities, by_id, addresses }
    }

    /// Whose an id is at a moment.
    pub(crate) fn of(&self, tenant_id: &str, source: &str, user_key: &str, at_us: i64) -> Identified<'_> {
        let id = SourceId {
            tenant_id: tenant_id.to_owned(),
            source: source.to_owned(),
            user_key: user_key.to_owned(),
        };
        match self.by_id.get(&id) {
            Some(pieces) => {
                let pieces = &self.identities[pieces.clone()];
                let at = pieces.iter().find(|it| it.valid.to_us.is_none_or(|to_us| at_us < to_us));
                let identity = at.or(pieces.last());
                identity.map_or_else(
                    || Identified { person: id.alone().into(), rule: Rule::Unmatched },
                    |it| Identified { person: it.person.as_str().into(), rule: it.rule },
                )
            }
            None => self.of_unseen(&id, at_us),
        }
    }

    /// Whose an id is that no event ever gave.
    fn of_unseen(&self, id: &SourceId, at_us: i64) -> Identified<'_> {
        let alone = |rule| Identified { person: id.alone().into(), rule };
        let tenures = self.claims.tenures(id);
        let at = tenures.iter().find(|it| it.valid.to_us.is_none_or(|to_us| at_us < to_us));
        match at.or(tenures.last()).map(|it| &it.owner) {
            Some(Owner::Person(person)) => {
                return Identified { person: person.clone().into(), rule: Rule::Directory };
            }
            Some(Owner::Conflict) => return alone(Rule::Conflict),
            None => {}
        }
        if self.claims.apart(id).is_some() {
            return alone(Rule::Cut);
        }
        if !is_address(&id.user_key) {
            return alone(Rule::Unmatched);
        }
        match self.of_address(&id.tenant_id, &id.user_key) {
            Some(Whose::Person(person)) => Identified { person: person.clone().into(), rule: Rule::Address },
            Some(Whose::Conflict) => alone(Rule::Conflict),
            // An address is a person's name where nothing else is known.
            Some(Whose::Nobody) | None => {
                Identified { person: id.user_key.clone().into(), rule: Rule::Address }
            }
        }
    }

    fn of_address(&self, tenant_id: &str, address: &str) -> Option<&Whose> {
        self.addresses.get(&(tenant_id.to_owned(), address.to_owned()))
    }

    /// The persons that a text names, as tenant and name: by their name, by an id of theirs in some time of this range (in
    /// its canonical form or in a spelling in which it came), by an address; `SOURCE:ID` is the id in that source alone.
    pub(crate) fn named(&self, text: &str, (from_us, to_us): (i64, i64)) -> BTreeSet<(String, String)> {
        let only = text.split_once(':').and_then(|(source, id)| {
            let source = Source::ALL.iter().find(|it| it.as_str() == source)?;
            Some((source.as_str(), id))
        });
        let mut found = self.named_by_id(None, text, (from_us, to_us));
        if let Some((source, id)) = only {
            found.extend(self.named_by_id(Some(source), id, (from_us, to_us)));
        }
        let by_name = self.claims.persons().keys().filter(|(_, person)| person == text).cloned();
        found.extend(by_name);
        let by_name = self.identities.iter().filter(|it| it.person == text);
        found.extend(by_name.map(|it| (it.id.tenant_id.clone(), it.person.clone())));
        let address = text.to_lowercase();
        let of_address = self.addresses.iter().filter(|((_, held), _)| *held == address);
        found.extend(of_address.filter_map(|((tenant_id, _), whose)| match whose {
            Whose::Person(person) => Some((tenant_id.clone(), person.clone())),
            Whose::Conflict | Whose::Nobody => None,
        }));
        found
    }

    fn named_by_id(
        &self,
        source: Option<&str>,
        text: &str,
        (from_us, to_us): (i64, i64),
    ) -> BTreeSet<(String, String)> {
        let canonical = canonical(text);
        let is_in_time = |valid: &Enabled| {
            valid.from_us.is_none_or(|at_us| at_us < to_us) && valid.to_us.is_none_or(|at_us| at_us > from_us)
        };
        let is_it = |it: &&Identity| {
            source.is_none_or(|source| it.id.source == source)
                && (it.id.user_key == canonical || it.seen.user_ids.iter().any(|id| id == text))
                && is_in_time(&it.valid)
        };
        let seen = self.identities.iter().filter(is_it);
        let mut found: BTreeSet<_> = seen.map(|it| (it.id.tenant_id.clone(), it.person.clone())).collect();
        // What no event gave, a directory can list.
        let sources = Source::ALL.iter().map(|it| it.as_str());
        let sources: Vec<&str> = sources.filter(|it| source.is_none_or(|source| source == *it)).collect();
        for tenant_id in self.claims.tenants() {
            for source in &sources {
                let id = SourceId {
                    tenant_id: tenant_id.to_owned(),
                    source: (*source).to_owned(),
                    user_key: canonical.clone().into_owned(),
                };
                if self.by_id.contains_key(&id) {
                    continue;
                }
                for tenure in self.claims.tenures(&id) {
                    if let (Owner::Person(person), true) = (&tenure.owner, is_in_time(&tenure.valid)) {
                        found.insert((id.tenant_id.clone(), person.clone()));
                    }
                }
            }
        }
        found
    }

    /// The ids of a person that events gave, and those that directories list beside them.
    pub(crate) fn ids(&self, tenant_id: &str, person: &str) -> Vec<PersonalId> {
        let theirs = self.identities.iter().filter(|it| it.id.tenant_id == tenant_id && it.person == person);
        let mut ids: Vec<PersonalId> = theirs
            .map(|it| PersonalId {
                source: Some(it.id.source.clone()),
                user_key: it.id.user_key.clone(),
                user_ids: it.seen.user_ids.iter().cloned().collect(),
                rule: it.rule.as_str(),
                valid: it.valid,
            })
            .collect();
        for listed in self.claims.listed_ids(tenant_id, person) {
            let is_seen = |it: &PersonalId| {
                it.user_key == listed.user_key && (listed.source.is_none() || it.source == listed.source)
            };
            if !ids.iter().any(is_seen) {
                ids.push(PersonalId {
                    source: listed.source.clone(),
                    user_key: listed.user_key.clone(),
                    user_ids: Vec::new(),
                    rule: Rule::Directory.as_str(),
                    valid: Enabled::default(),
                });
            }
        }
        ids.sort();
        ids
    }

    /// The ids of some persons, each by tenant and name, in canonical form.
    pub(crate) fn keys_of(&self, persons: &BTreeSet<(&str, &str)>) -> BTreeSet<&str> {
        let is_theirs = |it: &&Identity| persons.contains(&(it.id.tenant_id.as_str(), it.person.as_str()));
        self.identities.iter().filter(is_theirs).map(|it| it.id.user_key.as_str()).collect()
    }

    /// The addresses of a person, of ids and of e-mail.
    pub(crate) fn addresses(&self, tenant_id: &str, person: &str) -> Vec<&str> {
        let is_theirs = |whose: &Whose| matches!(whose, Whose::Person(name) if name == person);
        let all =
            self.addresses.iter().filter(|((tenant, _), whose)| tenant == tenant_id && is_theirs(whose));
        let mut addresses: Vec<&str> = all.map(|((_, address), _)| address.as_str()).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Whom directories list, by tenant and name, and when each is enabled: periods that do not touch.
    pub(crate) fn listed(&self) -> BTreeMap<(&str, &str), &[Enabled]> {
        let persons = self.claims.persons().iter();
        persons
            .map(|((tenant, person), it)| ((tenant.as_str(), person.as_str()), it.enabled.as_slice()))
            .collect()
    }

    /// The ids that belong to one after the other: of these it matters when something was.
    pub(crate) fn reused(&self) -> BTreeSet<&str> {
        self.claims.reused()
    }
}

/// An id as the column `user_key` has it, without the map of domains.
pub(crate) fn canonical(id: &str) -> Cow<'_, str> {
    match schemas::Maps::default().user_key(id) {
        Cow::Borrowed(_) => Cow::Borrowed(id),
        Cow::Owned(key) => Cow::Owned(key),
    }
}
