//! Sums that are kept, and how a report adds them up in memory.
//!
//! What is kept, and how it stays true, stands in [`projections::sums`]. Here a part of the table is decoded once
//! ([`coded`]) and kept for all questions of the process ([`kept`]). A question says which quarter hours and days it adds
//! up ([`slots`]), and adds over codes ([`adding`]). What the table lacks at the version that is asked is counted in memory
//! ([`stored`]), so that an answer is exact to the last commit. [`persons`] tells which ids were seen rather than what they add up to.

mod adding;
mod coded;
mod kept;
mod persons;
mod slots;
mod stored;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::adding::{Adding, WordFilter, add_up};
pub(crate) use self::kept::Kept;
pub(crate) use self::persons::{IdEvents, IdsAsked, Numbers, Row, all_months, ids_in};
pub(crate) use self::slots::{Periods, Slots};
pub(crate) use self::stored::{AtVersion, StoredSums};
