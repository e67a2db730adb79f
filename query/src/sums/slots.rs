//! Which days and quarter hours of UTC a question adds up, and which of them it tells apart.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Offset as _, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::period::{DAY_US, Grain, QUARTER_HOUR_US, Shift, day_start_us};

/// Quarter hours of a day.
const QUARTERS: i64 = 96;

/// Days around one within which clocks must not change for it to be counted by its local hours.
const CALM_DAYS: [i64; 6] = [-2, -1, 0, 1, 2, 3];

/// Stands for what is not added up.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// The local periods that a question tells apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Periods<'a> {
    pub(crate) grains: &'a [Grain],
    pub(crate) tz: Tz,
    /// How far later than its moment a count is read.
    pub(crate) shift: Option<Shift>,
}

/// Slots: times that need not be told apart, since they lie in the same periods. Each is named by one of its quarter hours.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(super) months: BTreeMap<NaiveDate, Month>,
    /// The quarter hour that stands for each slot, in quarter hours since 1970.
    stand_ins: Vec<i64>,
}

/// The slots of a month. What is counted by day is not counted by quarter hour.
#[derive(Debug)]
pub(super) struct Month {
    /// By the day of the month, from 0 on.
    pub(super) days: Vec<u32>,
    /// By the quarter hour of the month.
    pub(super) quarters: Vec<u32>,
}

impl Month {
    pub(super) fn has_days(&self) -> bool {
        self.days.iter().any(|slot| *slot != NO_SLOT)
    }

    pub(super) fn has_quarters(&self) -> bool {
        self.quarters.iter().any(|slot| *slot != NO_SLOT)
    }
}

impl Slots {
    /// Of the quarter hours from one to before another, as far as they lie in these months.
    pub(crate) fn new(
        (from, to): (i64, i64),
        months: impl Iterator<Item = NaiveDate>,
        periods: Periods<'_>,
    ) -> Self {
        let mut slots = Self { months: BTreeMap::new(), stand_ins: Vec::new() };
        let mut finder = Finder { periods, joint: HashMap::new(), last: None };
        for first in months {
            let next = first.checked_add_months(chrono::Months::new(1)).unwrap_or(first);
            let first_day = day_start_us(first).div_euclid(DAY_US);
            let days = day_start_us(next).div_euclid(DAY_US) - first_day;
            let mut month = Month {
                days: vec![NO_SLOT; days as usize],
                quarters: vec![NO_SLOT; (QUARTERS * days) as usize],
            };
            for index in 0..days {
                let start = (first_day + index) * QUARTERS;
                let (low, high) = (start.max(from), (start + QUARTERS).min(to));
                if low >= high {
                    continue;
                }
                let of_quarters =
                    (low - first_day * QUARTERS) as usize..(high - first_day * QUARTERS) as usize;
                let is_whole = high - low == QUARTERS;
                let by_day = &mut month.days[index as usize];
                finder.day(
                    low,
                    is_whole.then_some(by_day),
                    &mut month.quarters[of_quarters],
                    &mut slots.stand_ins,
                );
            }
            slots.months.insert(first, month);
        }
        slots
    }

    pub(super) fn len(&self) -> usize {
        self.stand_ins.len()
    }

    /// The beginning of the quarter hour that stands for a slot, in microseconds since 1970.
    pub(super) fn stand_in_us(&self, slot: usize) -> i64 {
        self.stand_ins.get(slot).copied().unwrap_or_default() * QUARTER_HOUR_US
    }
}

/// Finds the slots of one day after the other.
struct Finder<'a> {
    periods: Periods<'a>,
    /// By when the periods begin in which something lies.
    joint: HashMap<Vec<i64>, u32>,
    /// The local day or hour that was looked at last, and its slot.
    last: Option<(i64, u32)>,
}

impl Finder<'_> {
    /// Gives a slot to each quarter hour of a day from `low` on, or, where `by_day` can be and all have the same, to the day.
    fn day(&mut self, low: i64, by_day: Option<&mut u32>, quarters: &mut [u32], stand_ins: &mut Vec<i64>) {
        let day = low.div_euclid(QUARTERS);
        match self.periods.grains.iter().min() {
            None => quarters.fill(self.slot(Vec::new(), low, stand_ins)),
            Some(Grain::QuarterHour) => self.each(low, quarters, stand_ins, |quarter| vec![quarter]),
            Some(Grain::Hour) => match self.calm_offset(day) {
                Some(offset) => self.local(low, quarters, offset, 4, stand_ins),
                None => self.each(low, quarters, stand_ins, |quarter| vec![quarter]),
            },
            Some(_) => match self.calm_offset(day) {
                Some(offset) => self.local(low, quarters, offset, QUARTERS, stand_ins),
                None => {
                    let periods = self.periods;
                    self.each(low, quarters, stand_ins, |quarter| periods.of(quarter));
                }
            },
        }
        if let Some(by_day) = by_day
            && let Some(first) = quarters.first().copied()
            && quarters.iter().all(|slot| *slot == first)
        {
            *by_day = first;
            quarters.fill(NO_SLOT);
        }
    }

    fn each(
        &mut self,
        low: i64,
        quarters: &mut [u32],
        stand_ins: &mut Vec<i64>,
        joint: impl Fn(i64) -> Vec<i64>,
    ) {
        for (index, slot) in quarters.iter_mut().enumerate() {
            let quarter = low + index as i64;
            *slot = self.slot(joint(quarter), quarter, stand_ins);
        }
    }

    /// Where no clock changes: all quarter hours of a local day, or of a local hour, lie in the same periods.
    fn local(&mut self, low: i64, quarters: &mut [u32], offset: i64, length: i64, stand_ins: &mut Vec<i64>) {
        for (index, slot) in quarters.iter_mut().enumerate() {
            let quarter = low + index as i64;
            let local = (quarter + offset).div_euclid(length);
            *slot = match self.last {
                Some((known, slot)) if known == local => slot,
                _ if length < QUARTERS => self.slot(vec![quarter], quarter, stand_ins),
                _ => self.slot(self.periods.of(quarter), quarter, stand_ins),
            };
            self.last = Some((local, *slot));
        }
    }

    fn slot(&mut self, joint: Vec<i64>, quarter: i64, stand_ins: &mut Vec<i64>) -> u32 {
        *self.joint.entry(joint).or_insert_with(|| {
            stand_ins.push(quarter);
            (stand_ins.len() - 1) as u32
        })
    }

    /// The zone's offset in quarter hours on a day around which no clock changes, nor around the one that it is read as.
    fn calm_offset(&mut self, day: i64) -> Option<i64> {
        let Periods { tz, shift, .. } = self.periods;
        let offset = |at: DateTime<Utc>| i64::from(at.with_timezone(&tz).offset().fix().local_minus_utc());
        let start = DateTime::from_timestamp_micros(day.checked_mul(DAY_US)?)?;
        let here = offset(start);
        let is_calm = |start: DateTime<Utc>| {
            CALM_DAYS.iter().all(|days| {
                let near = start.checked_add_signed(TimeDelta::days(*days));
                near.is_some_and(|near| offset(near) == offset(start))
            })
        };
        let is_calm = is_calm(start) && shift.is_none_or(|shift| is_calm(shift.forward(start, tz)));
        let quarter_s = QUARTER_HOUR_US / 1_000_000;
        let offset = (is_calm && here % quarter_s == 0).then_some(here / quarter_s);
        if offset.is_none() {
            // The next calm day may have another offset.
            self.last = None;
        }
        offset
    }
}

impl Periods<'_> {
    /// When the periods begin in which a quarter hour lies.
    fn of(&self, quarter: i64) -> Vec<i64> {
        let at = DateTime::from_timestamp_micros(quarter * QUARTER_HOUR_US).unwrap_or_default();
        let at = self.shift.map_or(at, |shift| shift.forward(at, self.tz));
        let start = |grain: &Grain| grain.period(at, self.tz).start.timestamp_micros();
        self.grains.iter().map(start).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever shares a slot lies in the same periods as the quarter hour that stands for it, and each is in one slot.
    #[track_caller]
    fn check(tz: Tz, grains: &[Grain], shift: Option<Shift>, (from, to): (&str, &str)) {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment").timestamp_micros();
        let (from, to) = (at(from) / QUARTER_HOUR_US, at(to) / QUARTER_HOUR_US);
        let periods = Periods { grains, tz, shift };
        let first = |month| NaiveDate::from_ymd_opt(2026, month, 1).expect("a day");
        let slots = Slots::new((from, to), (1..=12).map(first), periods);
        let mut by_day = 0;
        for quarter in from - QUARTERS..to + QUARTERS {
            let moment = DateTime::from_timestamp_micros(quarter * QUARTER_HOUR_US).expect("a moment");
            let month = first(chrono::Datelike::month(&moment));
            let place = quarter - day_start_us(month) / QUARTER_HOUR_US;
            let month = &slots.months[&month];
            let found = [month.days[(place / QUARTERS) as usize], month.quarters[place as usize]];
            let found: Vec<u32> = found.into_iter().filter(|slot| *slot != NO_SLOT).collect();
            let is_asked = (from..to).contains(&quarter);
            assert_eq!(found.len(), usize::from(is_asked), "{tz} {grains:?} {moment}");
            for slot in found {
                by_day += usize::from(month.days[(place / QUARTERS) as usize] == slot);
                let stand_in = slots.stand_ins[slot as usize];
                assert_eq!(periods.of(quarter), periods.of(stand_in), "{tz} {grains:?} {shift:?} {moment}");
            }
        }
        let fine = grains.iter().any(|grain| *grain < Grain::Day);
        assert_eq!(by_day > 0, !fine && (tz == Tz::UTC || !grains.contains(&Grain::Day)), "{tz} {grains:?}");
    }

    #[test]
    fn what_shares_a_slot_lies_in_the_same_periods() {
        use Grain::{Day, Hour, Month, Week};
        let zones = [
            Tz::UTC,
            Tz::Europe__Berlin,
            Tz::Asia__Kathmandu,
            Tz::Australia__Lord_Howe,
            // Clocks change at midnight.
            Tz::Asia__Beirut,
            Tz::Africa__Cairo,
            Tz::America__Nuuk,
        ];
        for tz in zones {
            for grains in [&[][..], &[Hour], &[Day], &[Week], &[Month], &[Month, Week], &[Day, Month]] {
                let shift = grains.iter().min().map(|grain| Shift::by_one(*grain));
                for shift in [None, shift] {
                    for range in [
                        ("2026-03-20T00:00:00Z", "2026-05-03T12:00:00Z"),
                        ("2026-10-20T10:15:00Z", "2026-11-09T00:00:00Z"),
                    ] {
                        check(tz, grains, shift, range);
                    }
                }
            }
        }
    }
}
