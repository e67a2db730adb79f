//! What one question may use.

/// The limits of one question. Past each stands an error that names it, never growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that sorts, groups and joins may hold together before they spill to disk, and past which
    /// what cannot spill fails.
    pub memory_bytes: usize,
    /// Bytes of spill files in the system's folder for temporary files.
    pub spill_bytes: u64,
    /// The section of the configuration that they stand in, for messages.
    pub section: &'static str,
    /// Groups of one report, which are folded in memory.
    pub groups: usize,
}

impl Default for Limits {
    /// Chosen to leave room beside ingest on a machine of 4 GiB.
    fn default() -> Self {
        Self { section: "query", memory_bytes: 1 << 30, spill_bytes: 10 << 30, groups: 1_000_000 }
    }
}
