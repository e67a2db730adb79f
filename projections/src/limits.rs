//! How much is held in memory at a time.

/// How much of a book is held in memory at a time. More comes in parts, one after the other. A parameter, so that tests make
/// parts of little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Ids of events of a day among which copies are looked for, 8 bytes each.
    pub ids: u64,
    /// Events of a day that are folded when all is made anew, about 250 bytes each.
    pub rebuilt_events: u64,
    /// Events of several persons that are folded again, about 250 bytes each.
    pub refolded_events: usize,
}

impl Default for Limits {
    /// 256 MiB of each.
    fn default() -> Self {
        Self { ids: 1 << 25, rebuilt_events: 1 << 20, refolded_events: 1 << 20 }
    }
}
