//! The deduplication window: has the same event been seen among the last N of its partition?
//!
//! Two events are the same when their ids and their contents are equal, and content is every column but
//! where an event came from, which decoder read it and this flag. Contents are compared by keyed 64-bit
//! hashes beside keyed 64-bit hashes of the ids; the keys are drawn anew in each process, so that nobody
//! can craft an event that passes for another.

use std::collections::{HashMap, HashSet, VecDeque};

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};

/// An event, as far as telling repeats needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    id: u64,
    content: u64,
}

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

/// Computes fingerprints with the keys of this process.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprinter {
    ids: RandomState,
    contents: RandomState,
}

impl Fingerprinter {
    pub(crate) fn new() -> Self {
        Self { ids: RandomState::new(), contents: RandomState::new() }
    }

    /// One fingerprint a row. Columns are hashed one after the other, and what is null adds nothing, so that
    /// it makes no difference whether a batch has a column at all.
    pub(crate) fn of(&self, events: &RecordBatch) -> Vec<Fingerprint> {
        let mut contents = vec![0; events.num_rows()];
        let mut ids = vec![0; events.num_rows()];
        for (field, column) in events.schema_ref().fields().iter().zip(events.columns()) {
            let name = field.name().as_str();
            if name == "event_id" {
                self.ids.add(column, 0, &mut ids);
            } else if !schemas::NOT_CONTENT.contains(&name) && column.null_count() < column.len() {
                self.contents.add(column, self.contents.hash_one(name), &mut contents);
            }
        }
        ids.into_iter().zip(contents).map(|(id, content)| Fingerprint { id, content }).collect()
    }
}

/// Adds a hash of each value to the sum of its row.
trait AddHashes {
    fn add(&self, column: &ArrayRef, seed: u64, sums: &mut [u64]);
}

impl AddHashes for RandomState {
    fn add(&self, column: &ArrayRef, seed: u64, sums: &mut [u64]) {
        match column.data_type() {
            DataType::Utf8 => {
                let values = column.as_string::<i32>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row).as_bytes())));
            }
            DataType::Int32 => {
                let values = column.as_primitive::<Int32Type>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Timestamp(..) => {
                let values = column.as_primitive::<TimestampMicrosecondType>();
                add_each(column, sums, |row| self.hash_one((seed, values.value(row))));
            }
            DataType::Struct(_) => {
                for (index, child) in column.as_struct().columns().iter().enumerate() {
                    self.add(child, self.hash_one((seed, index)), sums);
                }
            }
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let mut elements = vec![0; lists.values().len()];
                self.add(lists.values(), seed, &mut elements);
                let offsets = lists.value_offsets();
                // An empty list adds nothing, as an absent one.
                add_each(column, sums, |row| {
                    let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                    if from == to { 0 } else { self.hash_one((seed, &elements[from..to])) }
                });
            }
            other => unreachable!("an event has no column of type {other}"),
        }
    }
}

/// Adds `value` of each row that is not null.
#[inline]
fn add_each(column: &ArrayRef, sums: &mut [u64], value: impl Fn(usize) -> u64) {
    let mut add = |row: usize| sums[row] = sums[row].wrapping_add(value(row));
    match column.nulls() {
        Some(nulls) => nulls.valid_indices().for_each(add),
        None => (0..column.len()).for_each(&mut add),
    }
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
