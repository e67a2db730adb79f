//! Progress of long work, on standard error: a bar on a terminal, elsewhere a line every few seconds.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Off a terminal, how long it takes from one line to the next: often enough to see that it lives, seldom
/// enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows how far a long work is. Dropping it clears the bar.
pub(crate) struct Progress {
    what: &'static str,
    total: Option<u64>,
    done: u64,
    shown_at: Instant,
    started_at: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts to show. `what` is counted, in the plural: "records"; `total` is how many there will be.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(what, total));
        let now = Instant::now();
        Self { what, total, done: 0, shown_at: now, started_at: now, bar }
    }

    /// So many are done since the start. Cheap enough for each batch, not for each record.
    pub(crate) fn set(&mut self, done: u64) {
        self.done = done;
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.shown_at.elapsed() >= LINE_INTERVAL => {
                self.shown_at = Instant::now();
                // A closed standard error must not stop the work.
                let _ = writeln!(io::stderr(), "{}", self.line());
            }
            None => {}
        }
    }

    fn line(&self) -> String {
        let seconds = self.started_at.elapsed().as_secs().max(1);
        let rate = HumanCount(self.done / seconds);
        let done = HumanCount(self.done);
        match self.total {
            Some(total) => format!("{done} of {} {}, {rate} a second", HumanCount(total), self.what),
            None => format!("{done} {}, {rate} a second", self.what),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &'static str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
        None => "{spinner} {human_pos} {msg}, {per_sec}, {elapsed}",
    };
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(what)
}
