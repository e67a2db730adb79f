//! Named points at which a test can kill the process.
//!
//! `GATEBOOK_FAILPOINT=NAME` or `NAME:NTH` aborts at the first or the NTH passage, as abruptly as
//! `kill -9`: no destructor runs and nothing is flushed. Compiled into debug builds only.

/// Dies here if the environment asks for it.
#[cfg(debug_assertions)]
pub fn failpoint(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.get_or_init(|| {
        let asked = std::env::var("GATEBOOK_FAILPOINT").ok()?;
        let (name, nth) = asked.split_once(':').unwrap_or((&asked, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    if let Some((asked, nth)) = asked
        && asked == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth
    {
        std::process::abort();
    }
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub const fn failpoint(_name: &str) {}
