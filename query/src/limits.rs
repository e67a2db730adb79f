//! What one question may use.

/// The limits of one question. Past each stands an error that names it, never growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that sorts, groups and joins may hold together before they spill to disk, and past which
    /// what cannot spill fails.
    pub memory_bytes: usize,
    /// Bytes of spill files in the system's folder for temporary files.
    pub spill_bytes: u64,
    /// Bytes of one SQL text: the depth of a plan grows with it, and with the depth the stack.
    pub sql_bytes: usize,
    /// Groups of one report, which are folded in memory.
    pub groups: usize,
}

impl Default for Limits {
    /// Chosen to leave room beside ingest on a machine of 4 GiB.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, spill_bytes: 10 << 30, sql_bytes: 64 << 10, groups: 1_000_000 }
    }
}
