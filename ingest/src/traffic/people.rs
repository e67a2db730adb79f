//! The people who sign in: who they are, where they belong, how they like to pass the gate.

use super::random::{Random, choose_index, mix, scale};
use super::tenants::{Naming, TENANTS, Tenant};
use super::text::{decimal, hex, padded};

/// People in the busiest group. Each further group has twice as many people and is as busy as a whole, so
/// that a person's activity falls off as Zipf's law has it, without one person being a tenth of all traffic.
const GROUP_PEOPLE: u32 = 50;
const GROUP_COUNT: u32 = 10;

/// Everyone: 51,150 people.
const PEOPLE: u32 = GROUP_PEOPLE * ((1 << GROUP_COUNT) - 1);

/// Name pairs of a tenant before a number has to tell two people of one name apart.
const NAME_PAIRS: u32 = (FIRST_NAMES.len() * LAST_NAMES.len()) as u32;

/// Sends neighbouring members to unlike names; coprime to [`NAME_PAIRS`], so that no pair comes twice.
const NAME_STRIDE: u32 = 1543;

/// Everyone who ever signs in. The same people in every run, whatever the seed.
#[derive(Debug, Clone)]
pub(super) struct People {
    members: Vec<Member>,
}

/// Whose a person is, and the how-manieth of that tenant.
#[derive(Debug, Clone, Copy)]
struct Member {
    tenant_index: u16,
    number: u16,
}

impl People {
    pub(super) fn new() -> Self {
        let mut sizes = [0_u16; TENANTS.len()];
        let members = (0..PEOPLE).map(|index| {
            let tenant_index = choose_index(TENANTS, mix(u64::from(index)));
            let number = sizes[tenant_index];
            sizes[tenant_index] += 1;
            Member { tenant_index: tenant_index as u16, number }
        });
        Self { members: members.collect() }
    }

    pub(super) fn draw(&self, random: &mut Random) -> Person {
        let group = random.below(GROUP_COUNT);
        let first = GROUP_PEOPLE * ((1 << group) - 1);
        let index = first + random.below(GROUP_PEOPLE << group);
        let member = self.members[index as usize];
        let number = u32::from(member.number);
        let pair = (number % NAME_PAIRS * NAME_STRIDE + u32::from(member.tenant_index)) % NAME_PAIRS;
        Person {
            tenant: &TENANTS[usize::from(member.tenant_index)],
            first_name: &FIRST_NAMES[pair as usize % FIRST_NAMES.len()],
            last_name: &LAST_NAMES[pair as usize / FIRST_NAMES.len()],
            namesake: number / NAME_PAIRS,
            traits: mix(u64::from(index) + (1 << 32)),
        }
    }
}

/// One person. What lasts about them follows from `traits`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) tenant: &'static Tenant,
    pub(super) first_name: &'static Name,
    pub(super) last_name: &'static Name,
    /// Zero for the first of this name in the tenant.
    namesake: u32,
    traits: u64,
}

impl Person {
    /// Bits that are always the same for this person and `purpose`.
    pub(super) fn trait_bits(&self, purpose: u64) -> u64 {
        mix(self.traits ^ purpose)
    }

    pub(super) fn write_user_id(&self, out: &mut Vec<u8>) {
        match self.tenant.naming {
            Naming::Email => self.write_email(out),
            Naming::Account => self.write_account(out),
            Naming::DownLevel => {
                out.extend_from_slice(b"CORP\\\\");
                self.write_account(out);
            }
        }
    }

    pub(super) fn write_email(&self, out: &mut Vec<u8>) {
        self.write_account(out);
        out.push(b'@');
        out.extend_from_slice(self.tenant.domain.as_bytes());
        out.extend_from_slice(b".example");
    }

    fn write_account(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.first_name.ascii.as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.last_name.ascii.as_bytes());
        if self.namesake > 0 {
            decimal(out, self.namesake + 1);
        }
    }

    /// A number of an exchange that is kept for fiction (555).
    pub(super) fn write_phone_number(&self, out: &mut Vec<u8>) {
        let bits = self.trait_bits(1);
        let area = AREA_CODES[scale(bits, AREA_CODES.len() as u32) as usize];
        out.extend_from_slice(b"+1");
        out.extend_from_slice(area.as_bytes());
        out.extend_from_slice(b"555");
        padded::<4>(out, bits as u32);
    }

    /// 64 hexadecimal digits.
    pub(super) fn write_device_token(&self, out: &mut Vec<u8>) {
        for part in 2..6 {
            hex(out, self.trait_bits(part));
        }
    }
}

/// A name as it is shown and as it stands in an address.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) shown: &'static str,
    pub(crate) ascii: &'static str,
}

const fn name(shown: &'static str, ascii: &'static str) -> Name {
    Name { shown, ascii }
}

const AREA_CODES: [&str; 12] =
    ["201", "212", "303", "312", "404", "415", "503", "512", "617", "702", "718", "808"];

#[rustfmt::skip]
pub(crate) const FIRST_NAMES: &[Name] = &[
    name("Maria", "maria"), name("Jürgen", "juergen"), name("Aisha", "aisha"), name("Wei", "wei"),
    name("Olivia", "olivia"), name("Noah", "noah"), name("Zoë", "zoe"), name("Liam", "liam"),
    name("Priya", "priya"), name("Łukasz", "lukasz"), name("Emma", "emma"), name("Ahmed", "ahmed"),
    name("Sofia", "sofia"), name("Björn", "bjoern"), name("Grace", "grace"), name("Kenji", "kenji"),
    name("Amara", "amara"), name("Peter", "peter"), name("Chloé", "chloe"), name("Ivan", "ivan"),
    name("Hannah", "hannah"), name("Mateo", "mateo"), name("Yuki", "yuki"), name("Omar", "omar"),
    name("Ingrid", "ingrid"), name("David", "david"), name("Fatima", "fatima"), name("Lars", "lars"),
    name("Nina", "nina"), name("Tomás", "tomas"), name("Ruth", "ruth"), name("Samuel", "samuel"),
    name("Elena", "elena"), name("Kofi", "kofi"), name("Anna", "anna"), name("Marco", "marco"),
    name("Leila", "leila"), name("Sven", "sven"), name("Mia", "mia"), name("Daniel", "daniel"),
    name("Zanele", "zanele"), name("Pavel", "pavel"), name("Julia", "julia"), name("Hugo", "hugo"),
    name("Nadia", "nadia"), name("Erik", "erik"), name("Clara", "clara"), name("Raj", "raj"),
    name("Lucy", "lucy"), name("André", "andre"), name("Sara", "sara"), name("Tim", "tim"),
    name("Bianca", "bianca"), name("Jonas", "jonas"), name("Mei", "mei"), name("Adam", "adam"),
    name("Greta", "greta"), name("Felix", "felix"), name("Ines", "ines"), name("Victor", "victor"),
    name("Paula", "paula"), name("Simon", "simon"), name("Vera", "vera"), name("Max", "max"),
];

#[rustfmt::skip]
pub(crate) const LAST_NAMES: &[Name] = &[
    name("Lopez", "lopez"), name("Müller", "mueller"), name("Khan", "khan"), name("Chen", "chen"),
    name("Smith", "smith"), name("Novák", "novak"), name("O'Brien", "obrien"), name("Patel", "patel"),
    name("Kowalski", "kowalski"), name("Jones", "jones"), name("Hassan", "hassan"), name("Rossi", "rossi"),
    name("Larsen", "larsen"), name("Tanaka", "tanaka"), name("Okafor", "okafor"), name("Weber", "weber"),
    name("Dubois", "dubois"), name("Petrov", "petrov"), name("Meyer", "meyer"), name("García", "garcia"),
    name("Sato", "sato"), name("Ali", "ali"), name("Berg", "berg"), name("Brown", "brown"),
    name("Silva", "silva"), name("Fischer", "fischer"), name("Haddad", "haddad"), name("Nilsson", "nilsson"),
    name("Mensah", "mensah"), name("Wagner", "wagner"), name("Ferrari", "ferrari"), name("Wilson", "wilson"),
    name("Yilmaz", "yilmaz"), name("Moreau", "moreau"), name("Singh", "singh"), name("Davis", "davis"),
    name("Schmidt", "schmidt"), name("Costa", "costa"), name("Lind", "lind"), name("Evans", "evans"),
    name("Dlamini", "dlamini"), name("Horvat", "horvat"), name("Becker", "becker"), name("Moore", "moore"),
    name("Ivanova", "ivanova"), name("Hansen", "hansen"), name("Keller", "keller"), name("Gupta", "gupta"),
    name("Clark", "clark"), name("Martin", "martin"), name("Kim", "kim"), name("Wolf", "wolf"),
    name("Conti", "conti"), name("Dahl", "dahl"), name("Wang", "wang"), name("Lewis", "lewis"),
    name("Vogel", "vogel"), name("Nguyen", "nguyen"), name("Ortiz", "ortiz"), name("Lee", "lee"),
    name("Roth", "roth"), name("King", "king"), name("Marek", "marek"), name("Young", "young"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_people_share_a_user_id_within_a_tenant() {
        let people = People::new();
        let mut random = Random::new(7);
        let mut drawn: HashSet<u64> = HashSet::new();
        let mut ids: HashSet<(&str, Vec<u8>)> = HashSet::new();
        for _ in 0..400_000 {
            let person = people.draw(&mut random);
            if drawn.insert(person.traits) {
                let mut id = Vec::new();
                person.write_user_id(&mut id);
                assert!(ids.insert((person.tenant.id, id.clone())), "{}", String::from_utf8_lossy(&id));
            }
        }
        assert!(drawn.len() > 45_000, "{} people", drawn.len());
    }
}
