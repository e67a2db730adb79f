//! Persons: which of the ids that sources use are one human.
//!
//! Links are learned from the events that count: an id that is an address stands for that address in every source of the
//! tenant, and an event that gives an id and an e-mail address links the two. Ids that no address was ever seen with are
//! nobody's but their own, and say so.

mod learner;
mod view;

pub(crate) use self::view::{IDENTITIES, PERSONS, People};
