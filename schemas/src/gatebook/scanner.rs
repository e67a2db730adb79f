//! A scanner for the JSON that machines write: flat objects without escapes, keys in the usual order.
//!
//! It remembers, for each key, the bytes that led from its value to the next value in an earlier record
//! (`,"tenant_id":`), and compares those instead of reading the key. Where they differ it reads the key and
//! remembers anew. Whatever it does not expect, it leaves to the parser by returning `None`; it never
//! rejects. It must find in a record exactly what the parser finds.

use std::ops::Range;

use super::key::Key;
use super::slots::Slots;

/// Where a record starts, and a key that the contract does not have: what a value can follow beside a key.
const START: usize = Key::COUNT;
const UNKNOWN: usize = Key::COUNT + 1;

/// Integers of more digits are left to the parser, so that no sum can overflow.
const DIGITS_MAX: usize = 18;

#[derive(Debug)]
pub(super) struct Scanner {
    /// What came next, by what came before.
    links: [Link; Key::COUNT + 2],
    /// Where the record's unknown keys stand in its text.
    unknown_keys: Vec<Range<usize>>,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { links: [Link::NONE; Key::COUNT + 2], unknown_keys: Vec::new() }
    }

    /// Reads a record; `None` leaves it to the parser.
    pub(super) fn scan<'a>(&mut self, text: &'a str) -> Option<Slots<'a>> {
        let bytes = text.as_bytes();
        if bytes.first() != Some(&b'{') || !is_plain(bytes) {
            return None;
        }
        self.unknown_keys.clear();
        let mut slots = Slots::new();
        let mut seen = 0_u64;
        let mut before = START;
        let mut at = 1;
        loop {
            let key = match self.links[before].follow(bytes, &mut at) {
                Some(key) => Some(key),
                None => match read_key(bytes, &mut at, before == START)? {
                    KeyRead::Key(name) => self.learn(text, before, name, at),
                    KeyRead::End => return Some(slots),
                },
            };
            if let Some(key) = key {
                let bit = 1 << key as u64;
                if seen & bit != 0 {
                    return None;
                }
                seen |= bit;
            }
            read_value(text, &mut at, key, &mut slots)?;
            before = key.map_or(UNKNOWN, |key| key as usize);
        }
    }

    /// The unknown keys of the record that was scanned last, which is `text`.
    pub(super) fn unknown_keys<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.unknown_keys.iter().map(move |range| &text[range.clone()])
    }

    /// Finds the key of a name, and remembers what led to the value at `at`.
    #[cold]
    fn learn(&mut self, text: &str, before: usize, name: KeyName, at: usize) -> Option<Key> {
        let key = Key::find(&text[name.name.clone()]);
        match key {
            Some(key) => self.links[before] = Link::new(&text.as_bytes()[name.from..at], key),
            None => self.unknown_keys.push(name.name),
        }
        key
    }
}

/// The bytes from the end of one value to the start of the next, and the key that they name.
#[derive(Debug, Clone, Copy)]
struct Link {
    bytes: [u8; Self::BYTES_MAX],
    /// 0: nothing remembered.
    length: usize,
    key: Key,
}

impl Link {
    const BYTES_MAX: usize = 32;
    const NONE: Self = Self { bytes: [0; Self::BYTES_MAX], length: 0, key: Key::EventId };

    fn new(link: &[u8], key: Key) -> Self {
        let mut new = Self { key, ..Self::NONE };
        if let Some(bytes) = new.bytes.get_mut(..link.len()) {
            bytes.copy_from_slice(link);
            new.length = link.len();
        }
        new
    }

    /// Steps over the remembered bytes where they stand at `at`.
    #[inline]
    fn follow(&self, bytes: &[u8], at: &mut usize) -> Option<Key> {
        if self.length > 0 && bytes[*at..].starts_with(&self.bytes[..self.length]) {
            *at += self.length;
            return Some(self.key);
        }
        None
    }
}

enum KeyRead {
    Key(KeyName),
    /// The object ended, and with it the record.
    End,
}

struct KeyName {
    /// Where the white space or comma before the key starts.
    from: usize,
    /// Where the name stands.
    name: Range<usize>,
}

/// Whether no byte can be part of an escape or is a control character, which JSON allows between values
/// alone.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & (*byte != b'\\') & (*byte >= b' '))
}

/// Reads from the end of a value to the start of the next.
fn read_key(bytes: &[u8], at: &mut usize, is_first: bool) -> Option<KeyRead> {
    let from = *at;
    skip_blanks(bytes, at);
    if bytes.get(*at) == Some(&b'}') {
        return (*at + 1 == bytes.len()).then_some(KeyRead::End);
    }
    if !is_first {
        expect(bytes, at, b',')?;
        skip_blanks(bytes, at);
    }
    expect(bytes, at, b'"')?;
    let name = *at..*at + memchr::memchr(b'"', &bytes[*at..])?;
    *at = name.end + 1;
    skip_blanks(bytes, at);
    expect(bytes, at, b':')?;
    skip_blanks(bytes, at);
    Some(KeyRead::Key(KeyName { from, name }))
}

/// Reads a value: a text, null, and where the key may have one a whole number or an empty list. An unknown
/// key's value may be anything but a number that is not whole, a list or an object.
#[inline]
fn read_value<'a>(text: &'a str, at: &mut usize, key: Option<Key>, slots: &mut Slots<'a>) -> Option<()> {
    let bytes = text.as_bytes();
    match (bytes.get(*at)?, key) {
        (b'"', _) => {
            let start = *at + 1;
            let end = start + memchr::memchr(b'"', &bytes[start..])?;
            *at = end + 1;
            match key {
                Some(Key::Prompts | Key::Steps) => return None,
                Some(key) => slots.texts[key as usize] = Some(&text[start..end]),
                None => {}
            }
        }
        (b'n', _) => expect_word(bytes, at, b"null")?,
        (b't', None) => expect_word(bytes, at, b"true")?,
        (b'f', None) => expect_word(bytes, at, b"false")?,
        (b'[', Some(Key::Steps)) => expect_word(bytes, at, b"[]")?,
        (b'0'..=b'9', None) => {
            read_integer(bytes, at)?;
        }
        (b'0'..=b'9', Some(Key::Prompts)) => slots.prompts = Some(read_integer(bytes, at)?),
        _ => return None,
    }
    Some(())
}

/// Reads a whole number without a sign. What follows it is the next key's business, which accepts neither a
/// fraction nor an exponent.
fn read_integer(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let digits = bytes[*at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS_MAX || (digits > 1 && bytes[*at] == b'0') {
        return None;
    }
    let value = bytes[*at..*at + digits].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    *at += digits;
    Some(value)
}

fn expect_word(bytes: &[u8], at: &mut usize, word: &[u8]) -> Option<()> {
    bytes[*at..].starts_with(word).then(|| *at += word.len())
}

#[inline]
fn expect(bytes: &[u8], at: &mut usize, byte: u8) -> Option<()> {
    (bytes.get(*at) == Some(&byte)).then(|| *at += 1)
}

#[inline]
fn skip_blanks(bytes: &[u8], at: &mut usize) {
    while bytes.get(*at) == Some(&b' ') {
        *at += 1;
    }
}
