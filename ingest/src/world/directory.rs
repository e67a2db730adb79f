//! What the organisations' directories say of their people.

use super::people::{ALDER, BIRCH, People, Tenant};

/// Of so many people one is in no directory: guests, and those who were forgotten.
const MISSING_EVERY: usize = 37;

/// People in each directory who never sign in.
const IDLE: usize = 6;

/// The file of each directory, with the tenant's name.
pub(super) fn files(people: &People) -> Vec<(&'static str, String)> {
    [&ALDER, &BIRCH].map(|tenant| (tenant.id, file(people, tenant))).to_vec()
}

fn file(people: &People, tenant: &Tenant) -> String {
    let mut text = "person,ids,enabled_from,enabled_to\n".to_owned();
    for (index, human) in people.iter() {
        if human.tenant.id == tenant.id && index % MISSING_EVERY != MISSING_EVERY - 1 {
            text += &format!("{},{} duo:{},2024-03-01,\n", human.email, human.email, human.account);
        }
    }
    for nth in 1..=IDLE {
        text += &format!("newcomer{nth}@{},newcomer{nth}@{},2024-03-01,\n", tenant.domain, tenant.domain);
    }
    text
}
