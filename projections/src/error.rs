//! Why projections cannot be made.

use arrow::error::ArrowError;
use lake::projections::ProjectionsError;
use lake::{OpenError, ReadError};

use crate::repeats::RepeatsError;

/// Why projections cannot be made. What is stored is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no book.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The book cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be told which events count.
    #[error(transparent)]
    Repeats(#[from] RepeatsError),
    /// The table of projections cannot be read or written.
    #[error(transparent)]
    Table(#[from] ProjectionsError),
    /// Columns of a file are not what they should be.
    #[error("see `gatebook check`: the columns of a file do not fit together")]
    Columns(#[from] ArrowError),
    /// Nothing is stored, and there is too much for memory.
    #[error(
        "run `gatebook projections rebuild` once: attempts are stored nowhere yet, and {events} events are too many to \
         fold for one question"
    )]
    TooMany {
        /// How many there are.
        events: u64,
    },
    /// What is stored lacks too much.
    #[error(
        "let `gatebook run` or `gatebook projections follow` catch up: more than {events} events are not in the \
         projections yet, too many to fold for one question"
    )]
    Behind {
        /// How many were counted.
        events: u64,
    },
}
