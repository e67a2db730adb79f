//! Questions to the lake: free SQL and the named reports, and how their answers are written down.
//!
//! Words:
//!
//! - A [`Session`] answers from one version of the book, through one view for each kind of entry:
//!   `events`, `changes`, `rejections`, `superseded`, `segments`, `removals`; and from one version of the directory.
//! - An [`Answer`] is a stream of rows, and its [`Coverage`]: what the answer stands on.
//! - A [`report`] is a named question with typed parameters.
//! - [`rejections`], [`status`] and [`reasons`] are lists: what could not be read, where each partition stands, why
//!   gates stay shut.
//! - [`output`] writes an answer as a table, JSON, CSV, Arrow or Parquet, as a workbook or a page.
//! - [`saved`] reads which reports are asked again and again, of which time, and when.
//! - [`Limits`] bound what one question may use.
//!
//! This room never writes to the lake, and sees nothing of the machine but the book: no other file, no
//! URL, no setting can be reached by SQL. It reads no clock; the time comes in as a parameter. It does not
//! promise that hostile SQL leaves the process alive: one question runs in one process of its own.

mod answer;
mod attempts;
mod basis;
mod coverage;
mod days;
mod error;
mod exceptions;
mod expectations;
mod folded;
mod function;
mod large_stack;
mod limits;
mod look_up;
mod ocsf;
pub mod output;
mod parameter;
mod people;
mod period;
mod redecoded;
mod rejections;
mod repeats;
pub mod report;
pub mod saved;
mod session;
mod sign_ins;
mod sql;
mod status;
mod sums;
#[cfg(test)]
mod test_book;
#[cfg(test)]
mod tests;
mod told;
mod views;
mod voices;
mod words;

use schemas::arrays;

pub use answer::Answer;
pub use coverage::{Coverage, Covered, NextOffset, Question};
pub use error::QueryError;
pub use expectations::{Expectations, Suspicious};
pub use large_stack::run_on_large_stack;
pub use limits::Limits;
pub use ocsf::{export_ocsf, export_parameters};
pub use parameter::{Parameter, ParameterError, Takes};
pub use people::{IdentityCount, identity_counts, is_seen};
pub use projections::Rules;
pub use redecoded::DayRange;
pub use rejections::{RejectionsParameters, rejections};
pub use session::{Resources, Session};
pub use sql::{SqlLimits, SqlPool, WorkerError, read_answer, sql_functions, sql_limits, sql_tables, work};
pub use status::{Waiting, status};
pub use words::{ReasonsParameters, reasons};
