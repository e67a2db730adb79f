//! Writes what is due, again and again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use query::report::Settled;
use query::saved::{Saved, When};
use query::{Question, Session};

use super::SavedReports;
use super::due::{Due, Missing};
use super::place::{Place, Trouble};
use crate::answer_file::{Existing, usage_or_failure, write_file};
use crate::asker::Asker;

/// From one look at what is due to the next.
const INTERVAL: Duration = Duration::from_secs(20);

/// How often a period that fails is tried before the process starts anew, and the pause before the second try, which
/// doubles each time up to the longest.
const TRIES_MAX: u32 = 10;
const PAUSE: TimeDelta = TimeDelta::minutes(1);
const PAUSE_MAX: TimeDelta = TimeDelta::hours(1);

/// How long a period that is not settled waits until it is asked again.
const UNSETTLED_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Writes what is due.
pub(crate) struct Keeper {
    asker: Asker,
    reports: SavedReports,
    /// By saved report and period: those that are to be asked again.
    again: HashMap<(String, String), Again>,
}

/// When a period is asked again.
struct Again {
    failed: u32,
    not_before: DateTime<Utc>,
}

/// What one look brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Files that were written.
    pub(crate) written: usize,
    /// Periods that wait until they are settled.
    pub(crate) waiting: usize,
    /// Periods, or whole saved reports, that failed.
    pub(crate) failed: usize,
}

/// How the try of one period ended.
enum Tried {
    Written(Vec<PathBuf>),
    Unsettled,
}

impl Keeper {
    pub(crate) fn new(asker: Asker, reports: SavedReports) -> Self {
        Self { asker, reports, again: HashMap::new() }
    }

    /// Writes what is due, for ever. Blocks no thread of others.
    pub(crate) async fn keep_up(self) {
        let mut keeper = self;
        if !keeper.reports.has_schedule() {
            return std::future::pending().await;
        }
        loop {
            let pass = tokio::task::spawn_blocking(move || {
                keeper.pass(Utc::now());
                keeper
            });
            // It is gone where it panicked: then nothing is written any more, and the log has said why.
            let Ok(back) = pass.await else {
                tracing::error!("restart this process: saved reports are not written any more");
                return std::future::pending().await;
            };
            keeper = back;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Writes what is due at a moment. What fails is told, and stops nothing else.
    pub(crate) fn pass(&mut self, now: DateTime<Utc>) -> Pass {
        let mut pass = Pass::default();
        let reports = self.reports.clone();
        for saved in reports.all.iter().filter(|saved| saved.schedule.is_some()) {
            let Some(place) = reports.place(saved) else { continue };
            if let Err(error) = self.keep(saved, &place, now, &mut pass) {
                pass.failed += 1;
                // Each trouble once: it is told anew where it changes.
                let key = (saved.name.clone(), String::new());
                let again = self.again.entry(key).or_insert(Again { failed: 0, not_before: now });
                again.failed += 1;
                if again.failed == 1 {
                    tracing::warn!(
                        report = saved.name,
                        "a saved report cannot be written, trying again: {error:#}"
                    );
                }
            } else {
                self.again.remove(&(saved.name.clone(), String::new()));
            }
        }
        pass
    }

    fn keep(
        &mut self,
        saved: &Saved,
        place: &Place,
        now: DateTime<Utc>,
        pass: &mut Pass,
    ) -> anyhow::Result<()> {
        let Some(_turn) = place.take_turn()? else {
            tracing::debug!(report = saved.name, "another process writes it");
            return Ok(());
        };
        let mut missing = Missing::find(saved, place, now)?;
        if place.memory()?.is_none() {
            // Before anything fails: what is due from now on is made up.
            place.remember(&missing.memory)?;
        }
        if missing.is_cut {
            tracing::warn!(
                report = saved.name,
                "more was missed than is made up: only the newest periods are written"
            );
        }
        for due in &missing.dues {
            let key = (saved.name.clone(), due.question.period.clone());
            let failed = self.again.get(&key).map_or(0, |again| again.failed);
            if self.again.get(&key).is_some_and(|again| again.not_before > now) || failed >= TRIES_MAX {
                continue;
            }
            match make(&self.asker, saved, place, due, waits(saved)) {
                Ok(Tried::Written(files)) => {
                    pass.written += files.len();
                    self.again.remove(&key);
                    if missing.memory.trouble.as_ref().is_some_and(|trouble| trouble.period == key.1) {
                        missing.memory.trouble = None;
                    }
                    lake::failpoint("saved-report-written");
                    missing.memory.done_until = missing.done_until(saved, place, now)?;
                    place.remember(&missing.memory)?;
                }
                Ok(Tried::Unsettled) => {
                    pass.waiting += 1;
                    self.again.insert(key, Again { failed, not_before: now + UNSETTLED_PAUSE });
                }
                Err(error) => {
                    pass.failed += 1;
                    let pause = PAUSE_MAX.min(PAUSE * (1_i32 << failed.min(10)));
                    self.again.insert(key.clone(), Again { failed: failed + 1, not_before: now + pause });
                    let told = format!("{error:#}");
                    if failed == 0 {
                        tracing::warn!(
                            report = saved.name,
                            period = key.1,
                            "a saved report failed, trying again: {told}"
                        );
                    }
                    missing.memory.trouble = Some(Trouble { period: key.1, at: now, error: told });
                    place.remember(&missing.memory)?;
                }
            }
        }
        Ok(())
    }
}

/// Answers one period from one version of the book, in each format that it lacks: the files that were written. Blocks.
pub(super) fn write(asker: &Asker, saved: &Saved, place: &Place, due: &Due) -> anyhow::Result<Vec<PathBuf>> {
    match make(asker, saved, place, due, false)? {
        Tried::Written(files) => Ok(files),
        Tried::Unsettled => Ok(Vec::new()),
    }
}

fn make(asker: &Asker, saved: &Saved, place: &Place, due: &Due, waits: bool) -> anyhow::Result<Tried> {
    asker.ask(async |session: &Session| {
        let mut written = Vec::new();
        for format in &due.formats {
            let answer =
                saved.report.answer(session, &due.question.parameters).await.map_err(usage_or_failure)?;
            if waits && !is_settled(&answer.coverage.question) {
                return Ok(Tried::Unsettled);
            }
            let path = place.file(&saved.file_name(&due.question.period, *format));
            write_file(answer, *format, &path, Existing::Kept).await?;
            tracing::info!(report = saved.name, file = %path.display(), "a saved report was written");
            written.push(path);
        }
        Ok(Tried::Written(written))
    })
}

fn waits(saved: &Saved) -> bool {
    saved.schedule.is_some_and(|schedule| schedule.when == When::Settled)
}

fn is_settled(question: &Question) -> bool {
    match question {
        Question::Report { settled: Settled { settled, .. }, .. } => *settled,
        _ => true,
    }
}
