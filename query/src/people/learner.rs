//! From ids and addresses that were seen together to persons. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// An id as a source uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SourceId {
    pub(super) tenant_id: String,
    pub(super) source: String,
    /// In canonical form.
    pub(super) user_key: String,
}

/// By which rule an id is a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// The id is an address (a UPN or an e-mail address).
    Address,
    /// An event gave the id together with an e-mail address.
    Email,
    /// None: the id stands for itself.
    Unmatched,
}

impl Rule {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Email => "email",
            Self::Unmatched => "unmatched",
        }
    }
}

/// What is known of an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The id in the spellings in which it came.
    pub(super) user_ids: BTreeSet<String>,
    emails: BTreeSet<String>,
    pub(super) first_at_us: Option<i64>,
    pub(super) last_at_us: Option<i64>,
    pub(super) events: i64,
}

/// An id, whose it is, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: SourceId,
    pub(super) seen: Seen,
    /// The person's name: the first of their addresses, that of an id before that of an e-mail; else the id, with its source.
    pub(super) person: String,
    pub(super) rule: Rule,
}

/// Learns which ids are one person's.
#[derive(Debug, Default)]
pub(super) struct Learner {
    ids: BTreeMap<SourceId, Seen>,
}

impl Learner {
    /// Takes in that some events gave this id, in this spelling, with this e-mail address.
    pub(super) fn take(
        &mut self,
        id: SourceId,
        user_id: &str,
        email: Option<&str>,
        (first_at_us, last_at_us): (i64, i64),
        events: i64,
    ) {
        let seen = self.ids.entry(id).or_default();
        seen.user_ids.insert(user_id.to_owned());
        let email = email.map(|email| email.trim().to_lowercase()).filter(|email| is_address(email));
        seen.emails.extend(email);
        seen.first_at_us = Some(seen.first_at_us.map_or(first_at_us, |at_us| at_us.min(first_at_us)));
        seen.last_at_us = Some(seen.last_at_us.map_or(last_at_us, |at_us| at_us.max(last_at_us)));
        seen.events += events;
    }

    /// Whose each id is.
    pub(super) fn finish(self) -> Vec<Identity> {
        let mut groups = Groups::default();
        for (id, seen) in &self.ids {
            for address in addresses(id, seen) {
                groups.join(Node::Id(id), Node::Address(&id.tenant_id, address));
            }
        }
        let mut names: BTreeMap<usize, (bool, &str)> = BTreeMap::new();
        for (id, seen) in &self.ids {
            let group = groups.of(Node::Id(id));
            // The address of an id names a person better than an e-mail address; of several the first in the alphabet.
            let own = is_address(&id.user_key).then_some((false, id.user_key.as_str()));
            let all = own.into_iter().chain(seen.emails.iter().map(|email| (true, email.as_str())));
            for name in all {
                names.entry(group).and_modify(|first| *first = (*first).min(name)).or_insert(name);
            }
        }
        let identity = |id: &SourceId, seen: &Seen| {
            let name = names.get(&groups.of(Node::Id(id)));
            let rule = match name {
                _ if is_address(&id.user_key) => Rule::Address,
                Some(_) => Rule::Email,
                None => Rule::Unmatched,
            };
            // The same word can be another one's id in another source.
            let alone = || format!("{} ({})", id.user_key, id.source);
            let person = name.map_or_else(alone, |(_, name)| (*name).to_owned());
            Identity { id: id.clone(), seen: seen.clone(), person, rule }
        };
        self.ids.iter().map(|(id, seen)| identity(id, seen)).collect()
    }
}

/// Whether an id is an address. A part before the sign and a part after it are enough: sources write what they like.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
        && !text.contains([' ', '\\'])
}

fn addresses<'i>(id: &'i SourceId, seen: &'i Seen) -> impl Iterator<Item = &'i str> {
    let own = is_address(&id.user_key).then_some(id.user_key.as_str());
    own.into_iter().chain(seen.emails.iter().map(String::as_str))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node<'i> {
    Id(&'i SourceId),
    Address(&'i str, &'i str),
}

/// Which nodes hang together.
#[derive(Default)]
struct Groups<'i> {
    numbers: BTreeMap<Node<'i>, usize>,
    /// By number: the number of another node of the group, or its own.
    parents: Vec<usize>,
}

impl<'i> Groups<'i> {
    fn number(&mut self, node: Node<'i>) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(node).or_insert(next);
        if number == next {
            self.parents.push(next);
        }
        number
    }

    fn join(&mut self, one: Node<'i>, other: Node<'i>) {
        let (one, other) = (self.number(one), self.number(other));
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one.max(other)] = one.min(other);
    }

    fn root(&self, mut number: usize) -> usize {
        while self.parents[number] != number {
            number = self.parents[number];
        }
        number
    }

    /// The group of a node; of one that was never joined, a number that no other has.
    fn of(&self, node: Node<'i>) -> usize {
        self.numbers.get(&node).map_or(usize::MAX, |number| self.root(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `source user_key [email]`, and expects `source user_key → person (rule)`.
    #[track_caller]
    fn check(seen: &[&str], expected: &[&str]) {
        let learn = |seen: &mut dyn Iterator<Item = &&str>| {
            let mut learner = Learner::default();
            for line in seen {
                let mut parts = line.split(' ');
                let mut part = || parts.next().map(str::to_owned);
                let (source, user_key) = (part().expect("a source"), part().expect("an id"));
                let id = SourceId { tenant_id: "acme".into(), source, user_key: user_key.clone() };
                learner.take(id, &user_key, part().as_deref(), (1, 2), 1);
            }
            let told = |identity: Identity| {
                let Identity { id, person, rule, .. } = identity;
                format!("{} {} → {person} ({})", id.source, id.user_key, rule.as_str())
            };
            learner.finish().into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(learn(&mut seen.iter()), expected);
        assert_eq!(learn(&mut seen.iter().rev()), expected, "in any order");
    }

    #[test]
    fn one_address_is_one_person_in_every_source() {
        check(
            &["entra ada@acme.example", "duo ada@acme.example", "okta bob@acme.example"],
            &[
                "duo ada@acme.example → ada@acme.example (address)",
                "entra ada@acme.example → ada@acme.example (address)",
                "okta bob@acme.example → bob@acme.example (address)",
            ],
        );
    }

    #[test]
    fn an_email_links_an_id_to_an_address() {
        check(
            &["mfa-server ada", "mfa-server ada Ada@Acme.example", "entra ada@acme.example", "duo ada"],
            &[
                "duo ada → ada (duo) (unmatched)",
                "entra ada@acme.example → ada@acme.example (address)",
                "mfa-server ada → ada@acme.example (email)",
            ],
        );
    }

    #[test]
    fn links_go_on_over_several_ids() {
        check(
            &[
                "a x one@a.example",
                "b x one@a.example",
                "b y two@a.example",
                "b x two@a.example",
                "c zed@a.example one@a.example",
            ],
            &[
                "a x → zed@a.example (email)",
                "b x → zed@a.example (email)",
                "b y → zed@a.example (email)",
                "c zed@a.example → zed@a.example (address)",
            ],
        );
    }

    #[test]
    fn what_is_no_address_links_nobody() {
        check(
            &["a x none", "b y none", "a z a@b", "b w a@b"],
            &[
                "a x → x (a) (unmatched)",
                "a z → z (a) (unmatched)",
                "b w → w (b) (unmatched)",
                "b y → y (b) (unmatched)",
            ],
        );
    }
}
