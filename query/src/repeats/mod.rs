//! The view of the events that count: of copies one, and of a sign-in that was sent again the last state.
//!
//! Which ones these are is found out in [`projections::repeats`].

mod condition;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::view::{ABOUT, CountedEvents, VIEW};
