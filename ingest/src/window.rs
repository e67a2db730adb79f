//! The deduplication window: has the same event been seen among the last N of its partition?
//!
//! Two events are the same when their [`Fingerprint`]s are.

use std::collections::{HashMap, HashSet, VecDeque};

use ahash::RandomState;
use schemas::Fingerprint;

/// What the window knows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Neither it nor its id.
    New,
    /// The same event.
    Repeat,
    /// Its id, with other content.
    Conflict,
}

/// The last `capacity` events of one partition.
#[derive(Debug)]
pub(crate) struct Window {
    capacity: usize,
    order: VecDeque<Fingerprint>,
    /// The first event number that is still in the window.
    first: u64,
    /// By id: the content that it was last seen with, and the number of that event.
    by_id: HashMap<u64, (u64, u64), RandomState>,
    /// Contents of ids that were seen with several, and the number of the last such event. Empty for most.
    variants: HashMap<Fingerprint, u64, RandomState>,
}

impl Window {
    pub(crate) fn new(capacity: usize) -> Self {
        let hasher = RandomState::new();
        Self {
            capacity,
            order: VecDeque::new(),
            first: 0,
            by_id: HashMap::with_hasher(hasher.clone()),
            variants: HashMap::with_hasher(hasher),
        }
    }

    /// Takes in the next event and says whether it stands in the window already.
    pub(crate) fn take_in(&mut self, event: Fingerprint) -> Seen {
        let number = self.first + self.order.len() as u64;
        let repeats_variant = !self.variants.is_empty() && self.variants.contains_key(&event);
        let seen = match self.by_id.insert(event.id, (event.content, number)) {
            None => Seen::New,
            Some((content, _)) if content == event.content => Seen::Repeat,
            Some((content, last)) => {
                self.variants.insert(Fingerprint { id: event.id, content }, last);
                if repeats_variant { Seen::Repeat } else { Seen::Conflict }
            }
        };
        if repeats_variant {
            self.variants.insert(event, number);
        }
        self.order.push_back(event);
        if self.order.len() > self.capacity {
            self.forget_first();
        }
        seen
    }

    fn forget_first(&mut self) {
        let Some(event) = self.order.pop_front() else { return };
        if self.by_id.get(&event.id) == Some(&(event.content, self.first)) {
            self.by_id.remove(&event.id);
        }
        if !self.variants.is_empty() && self.variants.get(&event) == Some(&self.first) {
            self.variants.remove(&event);
        }
        self.first += 1;
    }
}

/// Which events of a partition the book already holds, gathered in no order.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    events: Vec<(i64, i32, Fingerprint)>,
    /// Guards against a row that is read twice.
    places: HashSet<(i64, i32)>,
}

impl Recent {
    pub(crate) fn add(&mut self, offset: i64, element_index: i32, event: Fingerprint) {
        if self.places.insert((offset, element_index)) {
            self.events.push((offset, element_index, event));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn into_window(mut self, capacity: usize) -> Window {
        self.events.sort_unstable_by_key(|&(offset, element_index, _)| (offset, element_index));
        let mut window = Window::new(capacity);
        for (_, _, event) in self.events {
            window.take_in(event);
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(capacity: usize, events: &[(u64, u64)], expect: &[Seen]) {
        let mut window = Window::new(capacity);
        let seen: Vec<_> =
            events.iter().map(|&(id, content)| window.take_in(Fingerprint { id, content })).collect();
        assert_eq!(seen, expect);
        assert!(window.order.len() <= capacity && window.by_id.len() <= capacity);
    }

    #[test]
    fn tells_repeats_from_conflicts() {
        use Seen::{Conflict, New, Repeat};
        check(9, &[(1, 1), (2, 1), (1, 1)], &[New, New, Repeat]);
        check(9, &[(1, 1), (1, 2), (1, 1), (1, 2), (1, 3)], &[New, Conflict, Repeat, Repeat, Conflict]);
    }

    #[test]
    fn is_exact_within_the_window_and_forgets_beyond_it() {
        use Seen::{Conflict, New, Repeat};
        check(3, &[(1, 1), (2, 1), (3, 1), (1, 1)], &[New, New, New, Repeat]);
        check(3, &[(1, 1), (2, 1), (3, 1), (4, 1), (1, 1)], &[New, New, New, New, New]);
        // A repeat renews its place in the window.
        check(3, &[(1, 1), (2, 1), (1, 1), (3, 1), (4, 1), (1, 1)], &[New, New, Repeat, New, New, Repeat]);
        // A variant that left the window is new content again.
        check(2, &[(1, 1), (1, 2), (3, 1), (1, 1)], &[New, Conflict, New, Conflict]);
    }

    #[test]
    fn agrees_with_a_plain_search() {
        let mut seed = 7_u64;
        let mut next = |bound: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % bound
        };
        for capacity in [1, 2, 5, 20] {
            let mut window = Window::new(capacity);
            let mut all: Vec<Fingerprint> = Vec::new();
            for _ in 0..2000 {
                let event = Fingerprint { id: next(12), content: next(3) };
                let recent = &all[all.len().saturating_sub(capacity)..];
                let expect = if recent.contains(&event) {
                    Seen::Repeat
                } else if recent.iter().any(|other| other.id == event.id) {
                    Seen::Conflict
                } else {
                    Seen::New
                };
                assert_eq!(window.take_in(event), expect, "capacity {capacity} after {all:?}");
                all.push(event);
            }
        }
    }
}
