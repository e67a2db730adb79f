//! Projections: what is derived from the book and kept, so that it need not be made at each question.
//!
//! Words:
//!
//! - [`Attempt`]: what one person did, as one source tells it, to pass one gate once. [`Attempter`] makes them of events,
//!   by [`Rules`].
//! - [`Projector`]: keeps the stored attempts up with the book.
//! - [`Unstored`]: what the stored attempts lack at a version of the book, made in memory for one answer.
//! - [`sums`]: how many events count and how many attempts there are, by what reports tell apart.
//! - [`Repeats`](repeats::Repeats): which rows of the book are the same event, and which of them counts.
//!
//! This room reads the book and writes the table of projections, both through the lake. It knows no SQL, no Kafka and no
//! clock. All that it keeps can be dropped and made again, and comes out the same whatever the order in which events came.

mod attempter;
mod changes;
mod error;
mod held;
mod limits;
mod output;
mod persons;
mod projector;
mod reading;
mod rebuild;
mod refold;
pub mod repeats;
mod rows;
mod rules;
pub mod sums;
mod unstored;

pub use attempter::{Attempt, Attempter, EVENT_IDS_MAX, Outcome, Step, stronger};
pub use error::ProjectError;
pub use limits::Limits;
pub use projector::{Done, Projector, behind};
pub use rows::attempt_schema;
pub use rules::Rules;
pub use unstored::Unstored;
