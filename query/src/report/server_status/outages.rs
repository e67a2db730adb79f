//! Times in which somebody who usually speaks said nothing. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Events are counted by bins of five minutes from the range's beginning.
pub(super) const BIN_US: i64 = 300_000_000;

/// An outage is at least so long.
const SILENCE_MIN_US: i64 = 15 * 60_000_000;

/// In so many bins there would have been events: by chance alone there are none in one of three thousand such times. Bins are
/// counted, since the events of a sign-in come together.
const EXPECTED_MIN: f64 = 8.0;

/// When somebody spoke, and how much in the weeks before.
#[derive(Debug, Clone, Default)]
pub(super) struct Bins {
    /// The first and last events of each bin of the range.
    seen: BTreeMap<i64, (i64, i64)>,
    /// In which weeks before there were events, by the bins of the range.
    before: BTreeMap<i64, BTreeSet<usize>>,
}

impl Bins {
    pub(super) fn see(&mut self, bin_us: i64, first_us: i64, last_us: i64) {
        let (first, last) = self.seen.entry(bin_us).or_insert((first_us, last_us));
        (*first, *last) = ((*first).min(first_us), (*last).max(last_us));
    }

    pub(super) fn expect(&mut self, week: usize, bin_us: i64) {
        self.before.entry(bin_us).or_default().insert(week);
    }

    /// In how many bins there would have been events between two moments, as these weeks had them.
    fn expected(&self, weeks: &[usize], from_us: i64, to_us: i64) -> f64 {
        if weeks.is_empty() {
            return 0.0;
        }
        let bins = self.before.range(from_us - BIN_US..to_us);
        let spoken = bins.map(|(bin_us, spoken)| {
            let shared_us = (bin_us + BIN_US).min(to_us) - (*bin_us).max(from_us);
            let spoken = spoken.iter().filter(|week| weeks.contains(week)).count();
            spoken as f64 * shared_us.max(0) as f64 / BIN_US as f64
        });
        spoken.sum::<f64>() / weeks.len() as f64
    }
}

/// A time without any event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) from_us: i64,
    /// When the next event came; none where it goes on at the end of the range.
    pub(super) to_us: Option<i64>,
}

/// The outages of a range. One that began before it is told from its beginning on.
pub(super) fn outages(bins: &Bins, weeks: &[usize], from_us: i64, to_us: i64) -> Vec<Outage> {
    let mut found = Vec::new();
    let mut since_us = from_us;
    let mut check = |since_us: i64, until_us: i64, goes_on: bool| {
        let is_long = until_us - since_us >= SILENCE_MIN_US;
        if is_long && bins.expected(weeks, since_us, until_us) >= EXPECTED_MIN {
            found.push(Outage { from_us: since_us, to_us: (!goes_on).then_some(until_us) });
        }
    };
    for (first_us, last_us) in bins.seen.values() {
        check(since_us, *first_us, false);
        since_us = *last_us;
    }
    check(since_us, to_us, true);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: i64 = 60_000_000;

    /// Somebody who spoke once in five minutes in one week before, and in the range in these minutes.
    #[track_caller]
    fn check(minutes: impl IntoIterator<Item = i64>, expected: &[(i64, Option<i64>)]) {
        let mut bins = Bins::default();
        for minute in (0..120).step_by(5) {
            bins.expect(0, minute * MINUTE_US);
        }
        for minute in minutes {
            let at_us = minute * MINUTE_US;
            bins.see(at_us / BIN_US * BIN_US, at_us, at_us);
        }
        let found = outages(&bins, &[0], 0, 120 * MINUTE_US);
        let minutes = |outage: &Outage| (outage.from_us / MINUTE_US, outage.to_us.map(|us| us / MINUTE_US));
        assert_eq!(found.iter().map(minutes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_silence_is_an_outage_where_it_is_long_and_somebody_usually_speaks() {
        check(0..120, &[]);
        check((0..20).chain(61..120), &[(19, Some(61))]);
        check((0..20).chain(58..120), &[]);
        check(0..40, &[(39, None)]);
        check(50..120, &[(0, Some(50))]);
        check([], &[(0, None)]);
        assert_eq!(outages(&Bins::default(), &[], 0, 600 * MINUTE_US), []);
    }
}
