//! The decoder of a topic's source.

use crate::element::Element;
use crate::gatebook::GatebookDecoder;
use crate::maps::Maps;
use crate::record::Record;
use crate::source::Source;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;
use crate::vendor::{self, VendorDecoder};

/// The decoder of one source. It owns scratch space: keep one for each thread and use it again.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each topic lives as long as its pipeline")]
pub enum Decoder {
    /// For [`Source::Gatebook`].
    Gatebook(GatebookDecoder),
    /// For the sources that are products of others.
    Vendor(VendorDecoder),
}

impl Decoder {
    /// A decoder for a source, which reads names by the deployment's maps and not the switched-off fields.
    pub fn new(source: Source, maps: &Maps) -> Self {
        let vendor = match source {
            Source::Gatebook => return Self::Gatebook(GatebookDecoder::new(&maps.fields)),
            Source::MfaServer => vendor::MFA_SERVER,
            Source::Entra => vendor::ENTRA,
            Source::Duo => vendor::DUO,
            Source::Okta => vendor::OKTA,
            Source::Keycloak => vendor::KEYCLOAK,
            Source::O365 => vendor::O365,
            Source::CloudTrail => vendor::CLOUDTRAIL,
            Source::Ocsf => vendor::OCSF,
        };
        Self::Vendor(VendorDecoder::new(vendor, maps))
    }

    /// Name and version, for the column `decoder`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gatebook(_) => GatebookDecoder::NAME,
            Self::Vendor(decoder) => decoder.name(),
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
            Self::Vendor(decoder) => decoder.decode(record, limits, counts, emit),
        }
    }
}
