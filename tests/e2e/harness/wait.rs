//! Waiting for something to become true, with an end.

use std::time::{Duration, Instant};

/// How often a condition is looked at: often enough to kill within a batch.
const POLL: Duration = Duration::from_millis(5);

/// Long enough for anything that should happen at once, on two busy cores.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Polls `condition` until it gives a value.
///
/// # Panics
/// With `what`, after `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(POLL);
    }
}
