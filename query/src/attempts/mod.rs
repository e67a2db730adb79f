//! Attempts: what people did to pass a gate, each counted once, out of the events that count.
//!
//! What an attempt is, and how they are kept, stands in [`projections`]. [`view`] is the table that SQL sees: the stored
//! rows, and those that are not stored yet.

mod columns;
#[cfg(test)]
mod edge_kept_tests;
#[cfg(test)]
pub(crate) mod kept_tests;
mod repeated_keys;
mod stored;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::columns::COLUMNS;
pub(crate) use self::stored::StoredAttempts;
pub(crate) use self::view::{ABOUT, Attempts, VIEW};
