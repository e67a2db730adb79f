//! Questions to the lake: free SQL and the named reports, and how their answers are written down.
//!
//! Words:
//!
//! - A [`Session`] answers from one version of the book, through one view for each kind of entry:
//!   `events`, `changes`, `rejections`, `superseded`, `segments`, `removals`.
//! - An [`Answer`] is a stream of rows, and its [`Coverage`]: what the answer stands on.
//! - [`usage`] is a report: a named question with typed parameters.
//! - [`output`] writes an answer as a table, as JSON or as CSV.
//! - [`Limits`] bound what one question may use.
//!
//! This room never writes to the lake, and sees nothing of the machine but the book: no other file, no
//! URL, no setting can be reached by SQL. It reads no clock; the time comes in as a parameter. It does not
//! promise that hostile SQL leaves the process alive: one question runs in one process of its own.

mod answer;
mod coverage;
mod error;
mod large_stack;
mod limits;
pub mod output;
mod parameter;
mod period;
mod session;
#[cfg(test)]
mod test_book;
#[cfg(test)]
mod tests;
pub mod usage;
mod views;

pub use answer::Answer;
pub use coverage::{Coverage, NextOffset, Question};
pub use error::QueryError;
pub use large_stack::run_on_large_stack;
pub use limits::Limits;
pub use parameter::ParameterError;
pub use session::Session;
