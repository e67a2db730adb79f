//! The lake: the book, a Delta Lake table in which everything lands, and its upkeep.
//!
//! This is the only room that knows Delta. Its words:
//!
//! - [`Book`]: the one table at one version. It is opened, refreshed, landed on, read.
//! - [`Landing`]: what one commit adds: files of entries, [`Segment`]s, and with them the offsets.
//! - [`PartitionId`]: whose offsets.
//! - [`ActiveFile`]: a data file of the book's version.
//! - [`Directory`]: the other table, of who is who: what directories say, and which links an operator cut.
//!
//! It never talks to Kafka, never decodes an event, and never edits a row. Offsets are written
//! nowhere but in the commit that holds their entries.

mod active_file;
mod book;
mod check;
mod data_file;
mod directory;
mod failpoint;
mod landing;
mod listing;
mod location;
pub mod maintain;
mod partition;
pub mod projections;
mod ranges;
mod read;
mod reader;
mod rejected;
mod removal;
mod segment;
mod statistics;
mod store;
mod table;
mod totals;

pub use active_file::ActiveFile;
pub use book::{Book, Changed, OpenError, STATISTICS_COLUMNS};
pub use check::{
    CheckError, CheckReport, CheckedPartition, FINDINGS_SHOWN_MAX, Finding, Findings, Invariant,
};
pub use data_file::{DataFile, Encoder, Origin, encode};
pub use directory::{
    ChangeError, Cut, Difference, Directory, DirectoryContent, DirectoryError, DirectoryVersion, Import,
    Imported, Undone,
};
pub use failpoint::failpoint;
pub use landing::{LandError, Landing, Outcome};
pub use location::{Location, LocationError};
pub use partition::PartitionId;
pub use read::{ReadError, Users, any_between};
pub use rejected::{Address, AddressError, NotWhole, Rejected, Wanted};
pub use segment::Segment;
pub use totals::{PartitionTotals, Totals};
