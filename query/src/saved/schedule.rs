//! When a saved report is due.

use std::fmt;

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;

use super::relative::quarter_hour;
use crate::period::{Grain, resolve};

/// How many moments are looked back: what was due before is not made up.
pub const DUES_MAX: usize = 400;

/// When a saved report is due: once in each local hour, day, week or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub(super) every: Every,
    /// The local time on the first day of the period; of an hour, the minute in it.
    pub(super) at: NaiveTime,
    /// Whether it waits for late events.
    pub when: When,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    Hour,
    Day,
    Week,
    Month,
}

/// What it waits for once it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing.
    Due,
    /// Until the answer says that it is settled.
    Settled,
}

impl Schedule {
    /// The moments at which it was due until now, the newest first; [`DUES_MAX`] of them.
    pub fn dues(self, now: DateTime<Utc>, tz: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        let mut inside = now;
        let back = move || {
            let (start, due) = self.in_period(inside, tz);
            // Any moment of the period before.
            inside = start - TimeDelta::microseconds(1);
            due
        };
        // In an hour that clocks cut short, the minute may not exist.
        std::iter::repeat_with(back)
            .take(DUES_MAX + 1)
            .flatten()
            .filter(move |due| *due <= now)
            .take(DUES_MAX)
    }

    /// When it is due next.
    #[must_use]
    pub fn next(self, now: DateTime<Utc>, tz: Tz) -> Option<DateTime<Utc>> {
        let mut inside = now;
        // An hour without the minute may come between.
        for _ in 0..4 {
            let period = self.every.grain().period(quarter_hour(inside), tz);
            if let Some(due) = self.in_period(inside, tz).1.filter(|due| *due > now) {
                return Some(due);
            }
            inside = period.end.to_utc();
        }
        None
    }

    /// The beginning of the period that a moment lies in, and when it is due in it.
    fn in_period(self, inside: DateTime<Utc>, tz: Tz) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
        let period = self.every.grain().period(quarter_hour(inside), tz);
        let start = period.start.to_utc();
        let due = match self.every {
            Every::Hour => {
                let due = start + TimeDelta::minutes(self.at.minute().into());
                Some(due).filter(|due| *due < period.end.to_utc())
            }
            // A time that clocks skip is the one to which they were set; of one that comes twice it is the first.
            Every::Day | Every::Week | Every::Month => {
                Some(resolve(start.with_timezone(&tz).date_naive().and_time(self.at), tz))
            }
        };
        (start, due)
    }
}

impl Every {
    pub(super) const ALL: &'static [(&'static str, Self)] =
        &[("hour", Self::Hour), ("day", Self::Day), ("week", Self::Week), ("month", Self::Month)];

    const fn grain(self) -> Grain {
        match self {
            Self::Hour => Grain::Hour,
            Self::Day => Grain::Day,
            Self::Week => Grain::Week,
            Self::Month => Grain::Month,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Every::ALL.iter().find(|(_, every)| *every == self.every).map_or("", |(name, _)| *name);
        match self.every {
            Every::Hour => write!(f, "{name} at :{:02}", self.at.minute())?,
            _ => write!(f, "{name} at {}", self.at.format("%H:%M"))?,
        }
        match self.when {
            When::Due => Ok(()),
            When::Settled => f.write_str(", when settled"),
        }
    }
}
