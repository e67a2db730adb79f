//! Why a question has no answer.

use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

use projections::ProjectError;
use projections::repeats::RepeatsError;

use crate::limits::Limits;
use crate::views::tables;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The question cannot be asked: the asker can change it.
    #[error("{0}")]
    Refused(String),
    /// The answer needs more than a limit allows.
    #[error("{0}")]
    TooLarge(String),
    /// Others are asking: it can be asked again in a moment.
    #[error("{0}")]
    Busy(String),
    /// An answer of another server broke off, or is none.
    #[error("ask again: the answer broke off")]
    BrokeOff(#[source] io::Error),
    /// The process that answers free SQL failed.
    #[error("ask again; if that does not help, restart the server: a process for SQL failed")]
    Worker(#[from] io::Error),
    /// A value in the book does not fit the question. Its text is left out: it may be personal.
    #[error(
        "check casts, patterns and arguments (try_cast gives null): a value does not fit what the query does with it"
    )]
    Value,
    /// The engine itself failed on the question.
    #[error("write the query another way: the engine cannot work on it")]
    Engine,
    /// The book could not be read.
    #[error("the book cannot be read; `gatebook check` says whether it is whole")]
    Read(#[source] Box<DataFusionError>),
    /// The book's log could not be read.
    #[error("the book's log cannot be read; `gatebook check` says whether it is whole")]
    Log(#[from] DeltaTableError),
    /// The directory could not be read.
    #[error(transparent)]
    Directory(#[from] lake::DirectoryError),
    /// What the directory says could not be read on the way.
    #[error("restore the folder directory/ of the lake from a backup: what directories say cannot be read")]
    Listings(#[source] Box<DataFusionError>),
    /// Entries of the book could not be read.
    #[error(transparent)]
    Lake(#[from] lake::ReadError),
}

impl QueryError {
    /// Whether the asker, not the machine, must change something.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it is the question's own doing, and not the machine's.
    #[must_use]
    pub fn is_askers(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::TooLarge(_) | Self::Value | Self::Engine)
    }

    /// What went wrong before the first row: mostly the question itself.
    pub(crate) fn while_planning(error: DataFusionError, limits: &Limits) -> Self {
        match error.find_root() {
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Collection(_) => Self::Refused(advice(&error)),
            _ => Self::while_running(error, limits),
        }
    }

    /// What went wrong on the way.
    pub(crate) fn while_running(error: DataFusionError, limits: &Limits) -> Self {
        match error.find_root() {
            // The book is read through its store: what else fails to be read or written are spill files.
            DataFusionError::ResourcesExhausted(_) | DataFusionError::IoError(_) => {
                let Limits { section, memory_bytes, spill_bytes, .. } = limits;
                Self::TooLarge(format!(
                    "ask for a shorter range, fewer groups or fewer columns: the question needs more than its \
                     {memory_bytes} bytes of memory ({section}.memory_bytes_max) and {spill_bytes} bytes of spill files \
                     ({section}.spill_bytes_max)"
                ))
            }
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_) => Self::Refused(advice(&error)),
            DataFusionError::ArrowError(arrow, _) if !is_about_reading(arrow) => Self::Value,
            DataFusionError::Execution(_) => Self::Value,
            DataFusionError::External(source)
                if matches!(source.downcast_ref(), Some(RepeatsError::TooMany)) =>
            {
                Self::TooLarge(RepeatsError::TooMany.to_string())
            }
            DataFusionError::External(source) if source.is::<lake::DirectoryError>() => {
                Self::Listings(Box::new(error))
            }
            DataFusionError::External(source) if source.is::<RepeatsError>() => Self::Read(Box::new(error)),
            DataFusionError::External(source) if source.is::<ProjectError>() => match source.downcast_ref() {
                Some(
                    too_many @ (ProjectError::TooMany { .. }
                    | ProjectError::Behind { .. }
                    | ProjectError::Repeats(RepeatsError::TooMany)),
                ) => Self::TooLarge(too_many.to_string()),
                _ => Self::Read(Box::new(error)),
            },
            DataFusionError::External(source) if !source.is::<DeltaTableError>() => {
                if source.is::<object_store::Error>() || source.is::<io::Error>() {
                    Self::Read(Box::new(error))
                } else {
                    Self::Value
                }
            }
            DataFusionError::Internal(_) | DataFusionError::Context(..) => Self::Engine,
            _ => Self::Read(Box::new(error)),
        }
    }
}

/// Whether the files are at fault, and not what is asked of them.
fn is_about_reading(error: &ArrowError) -> bool {
    matches!(error, ArrowError::IoError(..) | ArrowError::ParquetError(_) | ArrowError::IpcError(_))
}

/// The engine's message, which repeats the query and never the book, with what to do.
fn advice(error: &DataFusionError) -> String {
    let message = match error.find_root() {
        DataFusionError::SQL(parser, _) => parser.to_string(),
        DataFusionError::Plan(message) => message.clone(),
        other => other.strip_backtrace(),
    };
    // The engine's names for what has none.
    let message = message.replace("datafusion.public.", "");
    let is_about_tables = message.starts_with("table '") || message.contains("information_schema");
    if is_about_tables {
        let tables: Vec<&str> = tables().map(|(name, _)| name).collect();
        return format!("use one of the tables {}: {message}", tables.join(", "));
    }
    format!("change the query: {message}")
}
