//! Attempts: what people did to pass a gate, each counted once, out of the events that count.
//!
//! [`attempter`] says what an attempt is; [`view`] is the table that SQL sees. Nothing is stored: each answer is folded from the
//! version of the book that it reads, so that late events, copies and superseded states are always in it.

mod attempter;
mod columns;
mod part;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::attempter::stronger;
pub(crate) use self::columns::COLUMNS;
pub(crate) use self::view::{ABOUT, Attempts, VIEW};
