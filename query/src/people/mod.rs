//! Persons: which of the ids that sources use are one human.
//!
//! Links are learned from the events that count: an id that is an address stands for that address in every source of the
//! tenant, and an event that gives an id and an e-mail address links the two. Directories say it outright, and their word
//! comes first; what an operator cut links nothing. Ids that nothing was ever seen with are nobody's but their own, and say
//! so.

mod claims;
mod counts;
mod groups;
mod kept;
mod known;
mod learner;
mod listed;
mod owners;
mod period;
#[cfg(test)]
mod tests;
mod view;

pub use self::counts::{IdentityCount, identity_counts, is_seen};
pub(crate) use self::kept::KeptOwners;
pub(crate) use self::known::Known;
pub(crate) use self::listed::{ABOUT, COLUMNS, Listed, VIEW};
pub(crate) use self::owners::{Owners, PersonalId, canonical};
pub(crate) use self::period::period;
pub(crate) use self::view::{IDENTITIES, PERSONS, People};
