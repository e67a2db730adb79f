//! Section `[lake]`: where the book lies and how long its days are kept.

use lake::Location;

use super::reader::Reader;

/// Section `[lake]`.
#[derive(Debug, Clone)]
pub(crate) struct Lake {
    /// `lake.location`: the folder of the lake.
    pub(crate) location: Location,
    /// `lake.retention_days`: how many days entries are kept.
    pub(crate) retention_days: u64,
}

/// A hundred years: beyond any duty to keep, and far from the limits of a date.
pub(super) const DAYS_MAX: u64 = 36_500;

impl Lake {
    /// `None` where the location cannot be used, for which a problem then stands.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let location = reader.parsed("lake.location", |text| Location::parse(text).map(Some));
        let retention_days = reader.number("lake.retention_days", 1..=DAYS_MAX, "days");
        Some(Self { location: location?, retention_days })
    }
}
