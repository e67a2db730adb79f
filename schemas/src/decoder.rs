//! The decoder of a topic's source.

use crate::element::Element;
use crate::fields::Fields;
use crate::gatebook::GatebookDecoder;
use crate::record::Record;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;

/// The product whose log format a topic carries: key `source` of `[[topics]]`, and the column of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Gatebook's own contract: one JSON object a record ([`crate::gatebook`]).
    Gatebook,
}

impl Source {
    /// Every source.
    pub const ALL: &'static [Self] = &[Self::Gatebook];

    /// The source as it stands in the configuration and in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gatebook => "gatebook",
        }
    }

    /// Reads a source; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str() == text)
    }
}

/// The decoder of one source. It owns scratch space: keep one for each thread and use it again.
#[derive(Debug)]
pub enum Decoder {
    /// For [`Source::Gatebook`].
    Gatebook(GatebookDecoder),
}

impl Decoder {
    /// A decoder for a source, which does not read the switched-off fields.
    pub fn new(source: Source, fields: &Fields) -> Self {
        match source {
            Source::Gatebook => Self::Gatebook(GatebookDecoder::new(fields)),
        }
    }

    /// Name and version, for the column `decoder`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gatebook(_) => GatebookDecoder::NAME,
        }
    }

    /// Reads a record: calls `emit` for each of its elements, in order, with the element's index from 0.
    ///
    /// What was unknown is added to `counts` when the element is emitted.
    pub fn decode(
        &mut self,
        record: &Record<'_>,
        limits: &TimeLimits,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(u32, Element<'_>),
    ) {
        match self {
            Self::Gatebook(decoder) => decoder.decode(record, limits, counts, emit),
        }
    }
}
