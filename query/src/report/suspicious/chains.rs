//! Rows that follow each other closely. Pure.

use std::collections::BTreeMap;

use schemas::DAY_US;

/// Rows of one key, of which none comes later after the one before than a pause may last, in the order of time.
pub(super) type Chain<'r, R> = Vec<&'r R>;

/// Parts rows, which come in the order of time, into chains by their key; rows without a key are left out.
///
/// A chain that goes on over a whole UTC day without a pause is cut at the end of that day. So nothing matters that lies
/// further back than the day before and one pause: with that much of the past in hand, chains come out the same whatever
/// the range that is asked about.
pub(super) fn chains<'r, R, K: Ord + Clone>(
    rows: impl IntoIterator<Item = &'r R>,
    at_us: impl Fn(&R) -> i64,
    key: impl Fn(&'r R) -> Option<K>,
    pause_us: i64,
) -> Vec<(K, Chain<'r, R>)> {
    let mut going_on: BTreeMap<K, GoingOn<'r, R>> = BTreeMap::new();
    let mut ended = Vec::new();
    for row in rows {
        let Some(key) = key(row) else { continue };
        let now_us = at_us(row);
        let held = going_on.entry(key.clone()).or_insert_with(|| GoingOn {
            unbroken_since_us: now_us,
            last_at_us: now_us,
            chain: Vec::new(),
        });
        let is_pause = now_us - held.last_at_us > pause_us;
        let last_day = held.last_at_us.div_euclid(DAY_US);
        let is_day_over = now_us.div_euclid(DAY_US) > last_day && held.unbroken_since_us < last_day * DAY_US;
        if is_pause || is_day_over {
            ended.push((key, std::mem::take(&mut held.chain)));
        }
        if is_pause {
            held.unbroken_since_us = now_us;
        }
        held.last_at_us = now_us;
        held.chain.push(row);
    }
    ended.extend(going_on.into_iter().map(|(key, held)| (key, held.chain)));
    ended
}

struct GoingOn<'r, R> {
    unbroken_since_us: i64,
    last_at_us: i64,
    chain: Chain<'r, R>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    /// The first and last moments of the chains of one key, in hours.
    #[track_caller]
    fn check(hours: &[i64], pause_hours: i64, expected: &[(i64, i64)]) {
        let rows: Vec<i64> = hours.iter().map(|hour| hour * HOUR_US).collect();
        let found = chains(&rows, |at_us| *at_us, |_| Some(()), pause_hours * HOUR_US);
        let edges = |chain: &Vec<&i64>| (chain[0] / HOUR_US, chain[chain.len() - 1] / HOUR_US);
        assert_eq!(found.iter().map(|(_, chain)| edges(chain)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_pause_parts() {
        check(&[1, 2, 3, 5, 6, 9], 2, &[(1, 6), (9, 9)]);
    }

    #[test]
    fn whoever_never_pauses_over_a_whole_day_is_cut_at_its_end_whatever_came_before() {
        let all: Vec<i64> = (10..80).collect();
        check(&all, 1, &[(10, 47), (48, 71), (72, 79)]);
        // From the day before the range on, and one pause, the chains of the third day are the same.
        check(&all[13..], 1, &[(23, 47), (48, 71), (72, 79)]);
    }
}
