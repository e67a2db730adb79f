//! A line of the server's log: what stands before the event, and the event's keys and values.

use std::borrow::Cow;

use crate::vendor::times;

/// The logger of events.
const LOGGER: &str = "org.keycloak.events";

/// A line that tells of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    /// Time, level, logger, thread.
    head: &'t str,
    pairs: &'t str,
}

/// When a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    At(i64),
    /// Its time has no zone, or no date.
    Unclear,
    Unsaid,
}

impl<'t> Line<'t> {
    /// None where the line is another one of the log.
    pub(super) fn of(line: &'t str) -> Option<Self> {
        let start = ["type=", "operationType="].iter().filter_map(|key| start_of(line, key)).min()?;
        let (head, pairs) = line.split_at(start);
        // A line of another logger may quote what somebody typed.
        (!head.contains('[') || head.contains(LOGGER)).then_some(Self { head, pairs })
    }

    /// By the first time of the line that has a date and a zone: the collector's, or the server's.
    pub(super) fn written(&self) -> Written {
        let mut written = Written::Unsaid;
        let mut tokens = self.head.split_ascii_whitespace().peekable();
        while let Some(token) = tokens.next() {
            let bytes = token.as_bytes();
            let is_date = bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-';
            if is_date {
                let text = match tokens.peek() {
                    Some(time) if token.len() == 10 => format!("{token}T{time}"),
                    _ => token.to_owned(),
                };
                if let Some(at_us) = times::zoned(&text.replace(',', ".")) {
                    return Written::At(at_us);
                }
            }
            if is_date || (bytes.len() >= 8 && bytes[2] == b':' && bytes[5] == b':') {
                written = Written::Unclear;
            }
        }
        written
    }

    /// The keys and values, in order. An attacker may type what looks like more: the first of a key counts.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'t str, Cow<'t, str>)> {
        let mut rest = self.pairs;
        std::iter::from_fn(move || {
            let (key, value) = rest.trim_start_matches([',', ' ']).split_once('=')?;
            let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            if !key.bytes().all(is_key) {
                return None;
            }
            let (value, tail) = match value.as_bytes().first() {
                Some(b'"') => quoted(&value[1..]),
                // Without quotes, a value that holds a blank has these.
                Some(b'\'') => until(&value[1..], "', ", "'"),
                _ => until(value, ", ", ""),
            };
            rest = tail;
            Some((key, value))
        })
    }
}

/// Where a key stands that begins the line or follows a blank, with the value of an event type.
fn start_of(line: &str, key: &str) -> Option<usize> {
    line.match_indices(key).map(|(start, _)| start).find(|start| {
        let value = line[start + key.len()..].trim_start_matches('"');
        let is_first = *start == 0 || line.as_bytes()[start - 1] == b' ';
        is_first && value.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase())
    })
}

/// A value up to the next quote that has no backslash before it.
fn quoted(text: &str) -> (Cow<'_, str>, &str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let end = at.min(bytes.len());
    let value = &text[..end];
    let value =
        if value.contains("\\\"") { Cow::Owned(value.replace("\\\"", "\"")) } else { Cow::Borrowed(value) };
    (value, text.get(end + 1..).unwrap_or_default())
}

fn until<'t>(text: &'t str, mark: &str, last: &str) -> (Cow<'t, str>, &'t str) {
    let (value, tail) =
        text.split_once(mark).unwrap_or_else(|| (text.strip_suffix(last).unwrap_or(text), ""));
    (Cow::Borrowed(value), tail)
}
