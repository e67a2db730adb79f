//! Local periods as a person tells them: by what a clock on the wall shows, and nothing else.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Timelike as _,
    Utc,
};
use chrono_tz::Tz;
use serde_json::Value;

/// A period, with the first moment that has its label and the first one after it without. They sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    label: String,
}

/// A group's value: absent ones last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Period(Period),
    Text(String),
    Absent,
}

impl Cell {
    pub(super) fn label(&self) -> Value {
        match self {
            Self::Period(period) => period.label.as_str().into(),
            Self::Text(text) => text.as_str().into(),
            Self::Absent => Value::Null,
        }
    }

    pub(super) fn period(&self) -> Option<&Period> {
        if let Self::Period(period) = self { Some(period) } else { None }
    }
}

fn label(group: &str, at: DateTime<Utc>, tz: Tz) -> Option<String> {
    let local = at.with_timezone(&tz);
    Some(match group {
        "quarter_hour" => {
            let minute = local.minute() / 15 * 15;
            format!("{}:{minute:02}{}", local.format("%Y-%m-%dT%H"), local.format("%:z"))
        }
        "hour" => local.format("%Y-%m-%dT%H:00%:z").to_string(),
        "day" => local.format("%Y-%m-%d").to_string(),
        "week" => local.date_naive().week(chrono::Weekday::Mon).first_day().to_string(),
        "month" => local.format("%Y-%m").to_string(),
        _ => return None,
    })
}

const QUARTER: TimeDelta = TimeDelta::minutes(15);

thread_local! {
    static KNOWN: RefCell<HashMap<(String, Tz), Period>> = RefCell::default();
}

/// The period of a time group in which a moment lies; none of another group. Its edges are looked for, quarter hour by
/// quarter hour.
pub(super) fn period(group: &str, at: DateTime<Utc>, tz: Tz) -> Option<Period> {
    let label = label(group, at, tz)?;
    let key = (format!("{group} {label}"), tz);
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return Some(known);
    }
    let is_it = |at: DateTime<Utc>| self::label(group, at, tz).as_ref() == Some(&label);
    let quarter_us = at.timestamp_micros().div_euclid(900_000_000) * 900_000_000;
    let quarter = DateTime::from_timestamp_micros(quarter_us)?;
    let (mut start, mut end) = (quarter, quarter + QUARTER);
    while is_it(start - QUARTER) {
        start -= QUARTER;
    }
    while is_it(end) {
        end += QUARTER;
    }
    let period = Period { start, end, label };
    KNOWN.with_borrow_mut(|known| known.insert(key, period.clone()));
    Some(period)
}

/// The period before: what is compared with what.
pub(super) enum Back {
    Length(TimeDelta),
    Days(u64),
    Months(u32),
}

impl Back {
    /// By the shortest time group; without one by the range's own length in local months, days, or what it is.
    pub(super) fn of(by: &[&str], from: DateTime<Utc>, to: DateTime<Utc>, tz: Tz) -> Self {
        for (group, back) in [
            ("quarter_hour", Self::Length(QUARTER)),
            ("hour", Self::Length(TimeDelta::hours(1))),
            ("day", Self::Days(1)),
            ("week", Self::Days(7)),
            ("month", Self::Months(1)),
        ] {
            if by.contains(&group) {
                return back;
            }
        }
        let date = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
        let is_midnight = |at: DateTime<Utc>| moment(date(at).and_time(chrono::NaiveTime::MIN), tz) == at;
        if !is_midnight(from) || !is_midnight(to) {
            return Self::Length(to - from);
        }
        let months = |date: NaiveDate| date.year() * 12 + date.month() as i32;
        if date(from).day() == 1 && date(to).day() == 1 {
            return Self::Months((months(date(to)) - months(date(from))) as u32);
        }
        Self::Days((date(to) - date(from)).num_days() as u64)
    }

    /// The moment before that a range's first one is compared with.
    pub(super) fn start(&self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz).naive_local();
        match self {
            Self::Length(length) => at - *length,
            Self::Days(days) => moment(local - Days::new(*days), tz),
            Self::Months(months) => moment(local - Months::new(*months), tz),
        }
    }

    /// As [`Self::start`], of the moment after the last: of a month that has no such day, its end.
    pub(super) fn end(&self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let Self::Months(months) = self else { return self.start(at, tz) };
        let local = at.with_timezone(&tz).naive_local();
        let earlier = local - Months::new(*months);
        if earlier.day() == local.day() {
            return moment(earlier, tz);
        }
        let next = earlier.date().with_day(1).expect("a first day") + Months::new(1);
        moment(next.and_time(chrono::NaiveTime::MIN), tz)
    }

    /// The moment as which one of before is told.
    pub(super) fn forward(&self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz).naive_local();
        match self {
            Self::Length(length) => at + *length,
            Self::Days(days) => moment(local + Days::new(*days), tz),
            Self::Months(months) => moment(local + Months::new(*months), tz),
        }
    }
}

/// The first moment at which a clock shows this; where clocks skipped it, the first one after.
fn moment(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    let shown = tz.from_local_datetime(&local).earliest();
    let skipped = || {
        let minute = local.with_second(0).and_then(|local| local.with_nanosecond(0)).expect("a minute");
        (1..600).find_map(|later| tz.from_local_datetime(&(minute + TimeDelta::minutes(later))).earliest())
    };
    shown.or_else(skipped).expect("a moment").to_utc()
}
