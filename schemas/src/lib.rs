//! What an authentication event is: its fields, its vocabularies, its Arrow schemas, and the decoders
//! that read it from a Kafka record.
//!
//! Words (the house's own list is in `ARCHITECTURE.md`):
//!
//! - A **record** ([`Record`]) is what Kafka delivered: bytes and a timestamp.
//! - An **element** ([`Element`]) is one entry of a record. A record of source `gatebook` is one element.
//! - An **event** ([`Event`]) is an element that decoded into one authentication event.
//! - A **change** ([`Change`]) is an element about the life of an account or a method; an element that is well formed and
//!   neither is **skipped**, by the source's own kind.
//! - A **rejection** ([`Rejection`]) is an element that should have decoded and did not. It has a stable
//!   [`Reason`], and a detail that never repeats a value of the record.
//! - A **kind** ([`Kind`]) is what a row of the book is. Its columns stand in one table, [`COLUMNS`], from
//!   which the Arrow schemas ([`event_schema`] and its siblings) and the machine-readable contract
//!   ([`contract`]) are made.
//!
//! The way of an event: [`Decoder::decode`] reads a record and emits borrowed elements;
//! [`EventBuilder`] and [`RejectionBuilder`] gather them, with their [`Place`], into Arrow record batches.
//!
//! Who is who, outside of any event, says a directory's file: [`read_directory_file`].
//!
//! What a vendor's code means, how it is read and what can be done about it, tells [`explain`].
//!
//! What this room never does: input or output, reading a clock (the time comes in as
//! [`TimeLimits::now_us`]), waiting, logging. It drops nothing: what it cannot read is a rejection, what it
//! does not know is counted in [`UnknownCounts`].

// The fuzz targets' properties name the crate as a stranger does.
#[cfg(test)]
extern crate self as schemas;

mod address;
pub mod arrays;
mod change_builder;
mod column;
pub mod contract;
mod day;
mod decoder;
mod directory_file;
mod element;
mod event_builder;
pub mod explain;
mod fields;
mod fingerprint;
pub mod gatebook;
mod json_text;
mod kind;
mod list_column;
mod maps;
mod moment;
mod place;
mod place_column;
mod record;
mod redaction;
mod rejection;
mod rejection_builder;
mod source;
mod text_column;
mod time_limits;
mod unknown;
mod user_key;
mod vendor;
pub mod vocabulary;

pub use change_builder::ChangeBuilder;
pub use column::{COLUMNS, Column, ColumnType, NOT_CONTENT, SetBy};
pub use day::{DAY_US, day_number, day_start_us};
pub use decoder::Decoder;
pub use directory_file::{
    DirectoryFile, Enabled, FileProblem, FileProblems, LISTINGS_MAX, ListedId, Listing, read_directory_file,
};
pub use element::{Change, Element, Event, Step};
pub use event_builder::EventBuilder;
pub use fields::{Fields, PhoneNumber};
pub use fingerprint::{Fingerprint, Fingerprinter};
pub use kind::{
    Kind, book_schema, change_schema, event_schema, rejection_schema, removal_schema, segment_schema,
    superseded_schema,
};
pub use maps::Maps;
pub use place::Place;
pub use record::{RECORD_BYTES_MAX, Record};
pub use redaction::{Redaction, redact};
pub use rejection::{Reason, Rejection};
pub use rejection_builder::RejectionBuilder;
pub use source::{SameId, Source};
pub use time_limits::TimeLimits;
pub use unknown::{NameCounts, UnknownCounts};
pub use user_key::{NOBODY, is_somebody};
pub use vendor::LEGACY_CLIENTS;
