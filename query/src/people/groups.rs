//! Which ids hang together by addresses, and whose they are by those among them that a directory lists. Pure.

use std::collections::{BTreeSet, HashMap};

use super::claims::{Claims, Owner, Tenure};

/// An id, as far as it is linked.
pub(super) struct Linked<'i> {
    pub(super) tenant_id: &'i str,
    /// The addresses by which it is linked; true for the id itself, where it is one.
    pub(super) addresses: Vec<(bool, &'i str)>,
    /// To whom directories say that it belongs; empty where none lists it.
    pub(super) tenures: &'i [Tenure],
}

/// Whose an id is that no directory lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// This person's.
    Person(String),
    /// It hangs on ids of several persons.
    Conflict,
    /// Nobody's but its own.
    Nobody,
}

/// Ids and addresses in groups.
///
/// What a directory lists is not joined to anything: it says whose the groups are that hang on it. So two persons of a
/// directory stay two, whatever they share; and a group that hangs on both is neither's.
pub(super) struct Groups<'i> {
    /// By tenant and address: its number.
    addresses: HashMap<(&'i str, &'i str), usize>,
    /// By number, of ids and then of addresses: the number of another one of the group, or its own.
    parents: Vec<usize>,
    /// By number: to whom directories say that it belongs.
    owners: Vec<BTreeSet<Owner>>,
    groups: HashMap<usize, Group<'i>>,
}

/// What is known of a group.
#[derive(Default)]
struct Group<'i> {
    /// To whom what it hangs on belongs, at any time.
    owners: BTreeSet<Owner>,
    /// The address of an id names a person better than an e-mail address; of several the first in the alphabet.
    name: Option<(bool, &'i str)>,
}

impl<'i> Groups<'i> {
    pub(super) fn of(ids: &[Linked<'i>], claims: &Claims) -> Self {
        let mut groups = Self {
            addresses: HashMap::new(),
            parents: (0..ids.len()).collect(),
            owners: ids.iter().map(|id| owners(id.tenures)).collect(),
            groups: HashMap::new(),
        };
        for (number, id) in ids.iter().enumerate() {
            for (_, address) in &id.addresses {
                let address = groups.number(id.tenant_id, address, claims);
                if groups.is_free(number) && groups.is_free(address) {
                    let (one, other) = (groups.find(number), groups.find(address));
                    groups.parents[one.max(other)] = one.min(other);
                }
            }
        }
        // No number's parent is larger than itself: what comes before is settled.
        for number in 0..groups.parents.len() {
            groups.parents[number] = groups.parents[groups.parents[number]];
        }
        for (number, id) in ids.iter().enumerate() {
            for (is_own, text) in &id.addresses {
                let address = groups.number(id.tenant_id, text, claims);
                match (groups.is_free(number), groups.is_free(address)) {
                    (_, true) => {
                        let root = groups.root(address);
                        let group = groups.groups.entry(root).or_default();
                        group.owners.extend(groups.owners[number].iter().cloned());
                        let name = (!*is_own, *text);
                        group.name = Some(group.name.map_or(name, |first| first.min(name)));
                    }
                    (true, false) => {
                        let root = groups.root(number);
                        let group = groups.groups.entry(root).or_default();
                        group.owners.extend(groups.owners[address].iter().cloned());
                    }
                    (false, false) => {}
                }
            }
        }
        groups
    }

    /// Whose the id is that stands at this place.
    pub(super) fn whose(&self, number: usize) -> Whose {
        let Some(group) = self.groups.get(&self.root(number)) else { return Whose::Nobody };
        match (group.owners.first(), group.owners.len(), group.name) {
            (Some(Owner::Person(person)), 1, _) => Whose::Person(person.clone()),
            (_, _, Some((_, name))) => Whose::Person(name.to_owned()),
            _ => Whose::Conflict,
        }
    }

    /// Whose each address is that an id or an event gave: by tenant and address.
    pub(super) fn of_addresses(&self) -> impl Iterator<Item = (&'i str, &'i str, Whose)> {
        self.addresses.iter().map(|((tenant_id, address), number)| {
            let whose = if self.is_free(*number) {
                self.whose(*number)
            } else {
                let mut owners = self.owners[*number].iter();
                match (owners.next(), owners.next()) {
                    (Some(Owner::Person(person)), None) => Whose::Person(person.clone()),
                    _ => Whose::Conflict,
                }
            };
            (*tenant_id, *address, whose)
        })
    }

    /// Whether an address leads to one of these persons.
    pub(super) fn leads_to(
        &self,
        tenant_id: &str,
        address: &str,
        persons: &BTreeSet<String>,
        claims: &Claims,
    ) -> bool {
        let is_one = |owner: &Owner| matches!(owner, Owner::Person(person) if persons.contains(person));
        match self.addresses.get(&(tenant_id, address)) {
            Some(number) if self.is_free(*number) => match self.whose(*number) {
                Whose::Person(person) => persons.contains(&person),
                Whose::Conflict | Whose::Nobody => false,
            },
            Some(number) => self.owners[*number].iter().any(is_one),
            None => {
                let owners = owners(&claims.address(tenant_id, address));
                owners.iter().any(is_one) || (owners.is_empty() && persons.contains(address))
            }
        }
    }

    fn number(&mut self, tenant_id: &'i str, address: &'i str, claims: &Claims) -> usize {
        let next = self.parents.len();
        let number = *self.addresses.entry((tenant_id, address)).or_insert(next);
        if number == next {
            self.parents.push(next);
            self.owners.push(owners(&claims.address(tenant_id, address)));
        }
        number
    }

    fn is_free(&self, number: usize) -> bool {
        self.owners[number].is_empty()
    }

    /// The number that stands for a group while groups are joined; shortens the way for the next time.
    fn find(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// The number that stands for a group once all are joined.
    fn root(&self, number: usize) -> usize {
        self.parents[number]
    }
}

fn owners(tenures: &[Tenure]) -> BTreeSet<Owner> {
    tenures.iter().map(|tenure| tenure.owner.clone()).collect()
}
