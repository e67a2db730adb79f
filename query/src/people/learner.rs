//! From ids and addresses that were seen together to persons. Pure.

#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use schemas::Enabled;

use super::claims::{Claims, Owner, Tenure};
use super::groups::{Groups, Linked, Whose};

/// An id as a source uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SourceId {
    pub(super) tenant_id: String,
    pub(super) source: String,
    /// In canonical form.
    pub(super) user_key: String,
}

impl SourceId {
    /// The name of the person who is known by this id alone. The same word can be another one's id in another source.
    pub(super) fn alone(&self) -> String {
        format!("{} ({})", self.user_key, self.source)
    }
}

/// By which rule an id is a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A directory lists the id with the person.
    Directory,
    /// The id is an address (a UPN or an e-mail address).
    Address,
    /// The id is an address that the configured map of domains made of it.
    DomainMap,
    /// An event gave the id together with an e-mail address.
    Email,
    /// None: an operator cut what linked it.
    Cut,
    /// None: directories list it, or what it hangs on, for several persons at the same time.
    Conflict,
    /// None: the id stands for itself.
    Unmatched,
}

impl Rule {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Address => "address",
            Self::DomainMap => "domain-map",
            Self::Email => "email",
            Self::Cut => "cut",
            Self::Conflict => "conflict",
            Self::Unmatched => "unmatched",
        }
    }

    /// Whether it says whose an id is.
    pub(crate) const fn is_match(self) -> bool {
        !matches!(self, Self::Cut | Self::Conflict | Self::Unmatched)
    }
}

/// What is known of an id in a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The id in the spellings in which it came.
    pub(super) user_ids: BTreeSet<String>,
    pub(super) first_at_us: Option<i64>,
    pub(super) last_at_us: Option<i64>,
    pub(super) events: i64,
}

/// An id, whose it is in a period, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: SourceId,
    pub(super) seen: Seen,
    /// The person's name: that of the directory; else the first of their addresses, that of an id before that of an e-mail;
    /// else the id, with its source.
    pub(super) person: String,
    pub(super) rule: Rule,
    pub(super) valid: Enabled,
}

/// Learns which ids are one person's.
#[derive(Debug)]
pub(super) struct Learner {
    claims: Arc<Claims>,
    ids: BTreeMap<SourceId, Known>,
}

/// What is known of an id.
#[derive(Debug, Default)]
struct Known {
    emails: BTreeSet<String>,
    /// To whom directories say that it belongs, all of time in pieces; empty where none lists it.
    tenures: Vec<Tenure>,
    /// What was seen in each piece; one where there are none.
    seen: Vec<Seen>,
}

impl Learner {
    pub(super) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, ids: BTreeMap::new() }
    }

    /// Takes in that some events gave this id, in this spelling, with this e-mail address, between two moments. Those of an
    /// id that belongs to one after the other come moment by moment; of others it need not be known when they were.
    pub(super) fn take(
        &mut self,
        id: SourceId,
        user_id: &str,
        email: Option<&str>,
        when_us: Option<(i64, i64)>,
        events: i64,
    ) {
        let known = match self.ids.entry(id) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(vacant) => {
                let tenures = self.claims.tenures(vacant.key());
                let seen = vec![Seen::default(); tenures.len().max(1)];
                vacant.insert(Known { emails: BTreeSet::new(), tenures, seen })
            }
        };
        let email = email.map(|email| email.trim().to_lowercase()).filter(|email| is_address(email));
        known.emails.extend(email);
        let is_before = |tenure: &&Tenure| {
            tenure.valid.to_us.zip(when_us).is_some_and(|(to_us, (first_at_us, _))| to_us <= first_at_us)
        };
        let piece = known.tenures.iter().take_while(is_before).count();
        let Some(seen) = known.seen.get_mut(piece) else { return };
        if !seen.user_ids.contains(user_id) {
            seen.user_ids.insert(user_id.to_owned());
        }
        if let Some((first_at_us, last_at_us)) = when_us {
            seen.first_at_us = Some(seen.first_at_us.map_or(first_at_us, |at_us| at_us.min(first_at_us)));
            seen.last_at_us = Some(seen.last_at_us.map_or(last_at_us, |at_us| at_us.max(last_at_us)));
        }
        seen.events += events;
    }

    /// Whose each id is.
    pub(super) fn finish(self) -> Vec<Identity> {
        self.learned(|_| {})
    }

    /// Whose each id is, and whose each address that was seen with one.
    pub(super) fn finish_with_addresses(self) -> (Vec<Identity>, HashMap<(String, String), Whose>) {
        let mut addresses = HashMap::new();
        let identities = self.learned(|groups| {
            let all = groups.of_addresses();
            addresses.extend(
                all.map(|(tenant_id, address, whose)| ((tenant_id.to_owned(), address.to_owned()), whose)),
            );
        });
        (identities, addresses)
    }

    fn learned(self, look: impl FnOnce(&Groups<'_>)) -> Vec<Identity> {
        let mut linked: Vec<Linked<'_>> = self.ids.iter().map(|(id, known)| self.linked(id, known)).collect();
        self.cut(&mut linked);
        let groups = Groups::of(&linked, &self.claims);
        look(&groups);
        let mut found = Vec::with_capacity(linked.len());
        for (number, (id, known)) in self.ids.iter().enumerate() {
            let alone = || id.alone();
            let identity = |person, rule, valid, seen: &Seen| Identity {
                id: id.clone(),
                seen: seen.clone(),
                person,
                rule,
                valid,
            };
            for (tenure, seen) in known.tenures.iter().zip(&known.seen) {
                let (person, rule) = match &tenure.owner {
                    Owner::Person(person) => (person.clone(), Rule::Directory),
                    Owner::Conflict => (alone(), Rule::Conflict),
                };
                found.push(identity(person, rule, tenure.valid, seen));
            }
            if let ([], [seen]) = (known.tenures.as_slice(), known.seen.as_slice()) {
                let is_apart = self.claims.apart(id).is_some();
                let (person, rule) = match groups.whose(number) {
                    Whose::Person(person) => (person, link(&linked[number], seen)),
                    Whose::Conflict => (alone(), Rule::Conflict),
                    Whose::Nobody if is_apart => (alone(), Rule::Cut),
                    Whose::Nobody => (alone(), Rule::Unmatched),
                };
                found.push(identity(person, rule, Enabled::default(), seen));
            }
        }
        found
    }

    /// An id with all addresses that link it.
    fn linked<'i>(&'i self, id: &'i SourceId, known: &'i Known) -> Linked<'i> {
        let own = is_address(&id.user_key).then_some((true, id.user_key.as_str()));
        let emails = known.emails.iter().map(|email| (false, email.as_str()));
        let emails = emails.filter(|(_, email)| own.is_none_or(|(_, own)| own != *email));
        Linked {
            tenant_id: &id.tenant_id,
            addresses: own.into_iter().chain(emails).collect(),
            tenures: &known.tenures,
        }
    }

    /// Takes out the links that an operator cut: all of an id, or those that lead to a person. Where they lead is seen in
    /// what is linked without any id of which links are cut, so that it does not depend on these.
    fn cut(&self, linked: &mut [Linked<'_>]) {
        let mut links = Vec::new();
        for (number, id) in self.ids.keys().enumerate() {
            if let Some(apart) = self.claims.apart(id) {
                links.push((number, apart, std::mem::take(&mut linked[number].addresses)));
            }
        }
        if links.is_empty() {
            return;
        }
        let groups = Groups::of(linked, &self.claims);
        for (number, apart, addresses) in links {
            let tenant_id = linked[number].tenant_id;
            let is_kept = |(_, address): &(bool, &str)| {
                !apart.from_all && !groups.leads_to(tenant_id, address, &apart.from, &self.claims)
            };
            linked[number].addresses = addresses.into_iter().filter(is_kept).collect();
        }
    }
}

/// By what an id is linked to a person.
fn link(id: &Linked<'_>, seen: &Seen) -> Rule {
    let is_mapped =
        || !seen.user_ids.is_empty() && seen.user_ids.iter().all(|user_id| user_id.contains('\\'));
    match id.addresses.first() {
        Some((true, _)) if is_mapped() => Rule::DomainMap,
        Some((true, _)) => Rule::Address,
        _ => Rule::Email,
    }
}

/// Whether an id is an address. A part before the sign and a part after it are enough: sources write what they like.
pub(super) fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
        && !text.contains([' ', '\\'])
}
