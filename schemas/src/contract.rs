//! The contract of source `gatebook`, machine-readable.
