//! The keys that a source is known to have, and what each means; found in any ASCII case.

/// What each of the known keys means: found by a hash of a few of its letters, made when this is compiled.
#[derive(Debug)]
pub(super) struct KeyTable<T: 'static> {
    keys: &'static [(&'static str, T)],
    /// A key's place and 1, or 0. A bucket that is taken is followed by the next.
    buckets: [u8; BUCKET_COUNT],
}

/// A power of two, several times the keys: most other keys fall into an empty bucket.
const BUCKET_COUNT: usize = 512;

/// The bit that tells lower from upper case.
const LOWER: u8 = 0x20;

impl<T: Copy> KeyTable<T> {
    /// A table of keys, which are of ASCII letters alone: then one bit of each byte is the case.
    pub(super) const fn new(keys: &'static [(&'static str, T)]) -> Self {
        assert!(keys.len() < u8::MAX as usize, "a bucket is a byte");
        let mut buckets = [0; BUCKET_COUNT];
        let mut place = 0;
        while place < keys.len() {
            let name = keys[place].0.as_bytes();
            let mut letter = 0;
            while letter < name.len() {
                assert!(name[letter].is_ascii_alphabetic(), "a key is of letters");
                letter += 1;
            }
            let mut at = bucket(name);
            while buckets[at] != 0 {
                at = (at + 1) % BUCKET_COUNT;
            }
            buckets[at] = place as u8 + 1;
            place += 1;
        }
        Self { keys, buckets }
    }

    /// What a key means, if it is known.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<T> {
        let mut at = bucket(key);
        loop {
            let place = usize::from(self.buckets[at]).checked_sub(1)?;
            let (name, meaning) = self.keys[place];
            if is_named(name.as_bytes(), key) {
                return Some(meaning);
            }
            at = (at + 1) % BUCKET_COUNT;
        }
    }
}

/// The same for a key in any ASCII case, from its length and three of its letters.
const fn bucket(key: &[u8]) -> usize {
    if key.is_empty() {
        return 0;
    }
    let first = (key[0] | LOWER) as usize;
    let middle = (key[key.len() / 2] | LOWER) as usize;
    let last = (key[key.len() - 1] | LOWER) as usize;
    (first * 7 + middle * 31 + last * 3 + key.len() * 61) % BUCKET_COUNT
}

/// Whether a key is this name of letters, in any ASCII case. Eight bytes at a time: for so short texts a call that
/// compares memory takes longer than the comparison.
#[inline]
fn is_named(name: &[u8], key: &[u8]) -> bool {
    const LOWERS: u64 = u64::from_ne_bytes([LOWER; 8]);
    if name.len() != key.len() {
        return false;
    }
    let ((names, name_rest), (keys, key_rest)) = (name.as_chunks::<8>(), key.as_chunks::<8>());
    let lower = |word: &[u8; 8]| u64::from_ne_bytes(*word) | LOWERS;
    names.iter().zip(keys).all(|(name, key)| lower(name) == lower(key))
        && name_rest.iter().zip(key_rest).all(|(name, key)| name | LOWER == key | LOWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: KeyTable<u8> =
        KeyTable::new(&[("userPrincipalName", 0), ("userPrincipalNane", 1), ("id", 2), ("category", 3)]);

    #[test]
    fn keys_are_found_in_any_case_and_others_are_not() {
        for (key, expected) in [
            ("userPrincipalName", Some(0)),
            ("USERPRINCIPALNAME", Some(0)),
            ("userprincipalnane", Some(1)),
            ("Id", Some(2)),
            ("CATEGORY", Some(3)),
            ("", None),
            ("i", None),
            ("ids", None),
            ("userPrincipalNameX", None),
            ("userPrincipalNam", None),
            ("categor9", None),
            ("ä", None),
        ] {
            assert_eq!(TABLE.find(key.as_bytes()), expected, "{key}");
        }
    }
}
