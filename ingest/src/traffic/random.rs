//! Repeatable chance.

/// SplitMix64 (Steele, Lea, Flood, 2014). Chosen over a library's generator because its numbers are the
/// same in every version and on every machine: a seed names a stream of events for ever.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        scale(self.next(), bound)
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }
}

/// SplitMix64's finaliser: the same number always becomes the same, unrelated one. It gives people and
/// tenants their lasting traits.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Maps evenly spread bits to `0..bound` by their upper half.
pub(crate) fn scale(bits: u64, bound: u32) -> u32 {
    (((bits >> 32) * u64::from(bound)) >> 32) as u32
}

/// Something that is chosen in proportion to its share.
pub(crate) trait Share {
    /// Its share, in any unit that the whole table uses.
    fn share(&self) -> u32;
}

/// The entry of `table` that `bits` fall on.
pub(crate) fn choose<T: Share>(table: &[T], bits: u64) -> &T {
    &table[choose_index(table, bits)]
}

/// The index of the entry of `table` that `bits` fall on.
pub(crate) fn choose_index<T: Share>(table: &[T], bits: u64) -> usize {
    let total = table.iter().map(Share::share).sum();
    let mut left = scale(bits, total);
    for (index, entry) in table.iter().enumerate() {
        if left < entry.share() {
            return index;
        }
        left -= entry.share();
    }
    unreachable!("what is left stays below the sum of the shares")
}
