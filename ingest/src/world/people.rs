//! Who lives in the small world: two organisations, their people, and how each of them signs in.

use schemas::vocabulary::Method;

use crate::traffic::people::{FIRST_NAMES, LAST_NAMES};
use crate::traffic::random::{mix, scale};

/// An organisation.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    pub(super) domain: &'static str,
    /// Its name in `NAME\user`, as the MFA Server writes it.
    pub(super) short: &'static str,
    /// Its id in Entra.
    pub(super) guid: &'static str,
    people: usize,
    /// The first bytes of the addresses of its office.
    office: &'static str,
}

pub(super) const ALDER: Tenant = Tenant {
    id: "alder-bank",
    domain: "alder.example",
    short: "ALDER",
    guid: "8c1b6e2e-0000-4000-8000-00000000a1de",
    people: 160,
    office: "203.0.113.10",
};

pub(super) const BIRCH: Tenant = Tenant {
    id: "birch-clinic",
    domain: "birch.example",
    short: "BIRCH",
    guid: "8c1b6e2e-0000-4000-8000-00000000b12c",
    people: 100,
    office: "203.0.113.20",
};

/// By which products somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Through the MFA Server alone, as before the move to the cloud.
    Server,
    /// On the move: now the one, now the other.
    Both,
    /// Through Entra.
    Cloud,
    /// Through Entra, and through the servers of the virtual private network.
    CloudAndVpn,
    /// Through Entra, which leaves the second factor to Duo.
    Duo,
}

/// Where a telephone is: country code, the digits after it that are kept for fiction, and how many digits follow.
const PHONES: &[(&str, &str, u32)] = &[
    ("1", "212555", 4),
    ("1", "415555", 4),
    ("1", "312555", 4),
    ("1", "212555", 4),
    ("1", "416555", 4),
    ("44", "7700900", 3),
    ("61", "491570", 3),
];

/// One human.
#[derive(Debug, Clone)]
pub(super) struct Human {
    pub(super) tenant: &'static Tenant,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    /// `first.last`
    pub(super) account: String,
    pub(super) email: String,
    pub(super) way: Way,
    /// What they use first, and what else they have.
    pub(super) methods: [Method; 2],
    pub(super) home: String,
    pub(super) country: &'static str,
    /// What follows the country code.
    pub(super) number: String,
    pub(super) traits: u64,
}

impl Human {
    fn new(index: usize) -> Self {
        let tenant = if index < ALDER.people { &ALDER } else { &BIRCH };
        let traits = mix(index as u64 + 0x5_0000);
        let first = &FIRST_NAMES[index % FIRST_NAMES.len()];
        // No two of a tenant have both names in common.
        let last = &LAST_NAMES[(index * 7 + index / FIRST_NAMES.len()) % LAST_NAMES.len()];
        let account = format!("{}.{}", first.ascii, last.ascii);
        let (country, area, digits) = PHONES[scale(mix(traits ^ 1), PHONES.len() as u32) as usize];
        let home_bits = mix(traits ^ 2);
        let line = mix(traits ^ 3) % 10_u64.pow(digits);
        Self {
            tenant,
            first_name: first.shown,
            last_name: last.shown,
            email: format!("{account}@{}", tenant.domain),
            account,
            way: way(index),
            methods: methods(index, traits),
            home: format!("198.18.{}.{}", home_bits >> 8 & 0xff, home_bits & 0xff),
            country,
            number: format!("{area}{line:0width$}", width = digits as usize),
            traits,
        }
    }

    pub(super) fn phone(&self) -> String {
        format!("+{}{}", self.country, self.number)
    }

    pub(super) fn office(&self) -> &'static str {
        self.tenant.office
    }

    /// The token of their mobile app.
    pub(super) fn device(&self) -> String {
        format!("{:016x}{:016x}", mix(self.traits ^ 4), mix(self.traits ^ 5))
    }

    /// The place of their own server in the list of servers.
    pub(super) fn server_index(&self, count: usize) -> usize {
        (self.traits >> 8) as usize % count
    }
}

fn way(index: usize) -> Way {
    match index {
        index if index >= ALDER.people => Way::Duo,
        index if index % 5 == 0 => Way::Server,
        index if index % 5 == 1 => Way::Both,
        index if index % 4 == 3 => Way::Cloud,
        _ => Way::CloudAndVpn,
    }
}

fn methods(index: usize, traits: u64) -> [Method; 2] {
    // A server's people were enrolled when telephones were all there was.
    let has_server = matches!(way(index), Way::Server | Way::Both);
    match scale(mix(traits ^ 6), 100) {
        0..40 if !has_server => [Method::MobileAppNotification, Method::MobileAppCode],
        0..70 => [Method::TextMessage, Method::VoiceCall],
        70..85 => [Method::OathToken, Method::TextMessage],
        _ => [Method::MobileAppNotification, Method::TextMessage],
    }
}

/// Everyone.
#[derive(Debug, Clone)]
pub(super) struct People(Vec<Human>);

impl People {
    pub(super) fn new() -> Self {
        Self((0..ALDER.people + BIRCH.people).map(Human::new).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, index: usize) -> &Human {
        &self.0[index]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Human)> {
        self.0.iter().enumerate()
    }

    /// The `nth` person who signs in this way and has this method first.
    pub(super) fn find(&self, way: Way, method: Method, nth: usize) -> usize {
        let fits = |(_, human): &(usize, &Human)| human.way == way && human.methods[0] == method;
        self.iter().filter(fits).nth(nth).map_or(0, |(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_has_an_address_and_a_number_of_their_own() {
        let people = People::new();
        let emails: BTreeSet<_> = people.iter().map(|(_, human)| human.email.clone()).collect();
        assert_eq!(emails.len(), people.len());
    }
}
