//! Which periods of a saved report are missing.

use chrono::{DateTime, Utc};
use query::output::Format;
use query::saved::{Saved, SavedQuestion};

use super::place::{Memory, Place};

/// What was due and is not written.
#[derive(Debug)]
pub(super) struct Missing {
    /// How far everything was written.
    pub(super) memory: Memory,
    /// The oldest first.
    pub(super) dues: Vec<Due>,
    /// Whether more was missed than is made up.
    pub(super) is_cut: bool,
}

/// One moment at which it was due.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) question: SavedQuestion,
    /// The formats whose file is not there.
    pub(super) formats: Vec<Format>,
}

impl Missing {
    /// Looks what is missing. At a first start that is the last period alone.
    pub(super) fn find(saved: &Saved, place: &Place, now: DateTime<Utc>) -> anyhow::Result<Self> {
        let remembered = place.memory()?;
        let mut dues = Vec::new();
        let Some(schedule) = saved.schedule else {
            return Ok(Self { memory: remembered.unwrap_or_default(), dues, is_cut: false });
        };
        let mut newest_first = schedule.dues(now, saved.tz);
        let mut reached = remembered.is_none();
        let done_until = match &remembered {
            Some(memory) => memory.done_until,
            None => first_start(saved, place, now)?,
        };
        for at in newest_first.by_ref() {
            if at <= done_until {
                reached = true;
                break;
            }
            let due = Due::at(saved, place, at)?;
            if !due.formats.is_empty() {
                dues.push(due);
            }
        }
        dues.reverse();
        // Weeks and months may not have been due so often since then.
        let is_cut = !reached && dues.len() == query::saved::DUES_MAX;
        let memory = Memory { done_until, ..remembered.unwrap_or_default() };
        Ok(Self { memory, dues, is_cut })
    }

    /// How far everything is written now, of what was due until `now`.
    pub(super) fn done_until(
        &self,
        saved: &Saved,
        place: &Place,
        now: DateTime<Utc>,
    ) -> anyhow::Result<DateTime<Utc>> {
        let Some(schedule) = saved.schedule else { return Ok(self.memory.done_until) };
        let mut since: Vec<_> =
            schedule.dues(now, saved.tz).take_while(|at| *at > self.memory.done_until).collect();
        since.reverse();
        let mut done = self.memory.done_until;
        for at in since {
            if !Due::at(saved, place, at)?.formats.is_empty() {
                break;
            }
            done = at;
        }
        Ok(done)
    }
}

/// Where nothing is remembered, the last of which there is a file, else the one before the last.
fn first_start(saved: &Saved, place: &Place, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let dues = || saved.schedule.into_iter().flat_map(|schedule| schedule.dues(now, saved.tz));
    for at in dues() {
        if Due::at(saved, place, at)?.formats.is_empty() {
            return Ok(at);
        }
    }
    Ok(dues().nth(1).unwrap_or_default())
}

impl Due {
    /// What it asks at a moment, and which of its files are not there.
    pub(super) fn at(saved: &Saved, place: &Place, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let question = saved.question(at)?;
        let mut formats = Vec::new();
        for format in &saved.formats {
            if !place.holds(&saved.file_name(&question.period, *format))? {
                formats.push(*format);
            }
        }
        Ok(Self { question, formats })
    }
}
