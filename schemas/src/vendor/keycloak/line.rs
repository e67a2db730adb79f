//! A line of the server's log: what stands before the event, and the event's keys and values.

use std::borrow::Cow;

use crate::vendor::times::Writing;
use crate::vendor::when::When;

/// The logger of events.
const LOGGER: &str = "org.keycloak.events";

/// A line that tells of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    /// Time, level, logger, thread.
    head: &'t str,
    pairs: &'t str,
}

impl<'t> Line<'t> {
    /// None where the line is another one of the log.
    pub(super) fn of(line: &'t str) -> Option<Self> {
        let start = ["type=", "operationType="].iter().filter_map(|key| start_of(line, key)).min()?;
        let (head, pairs) = line.split_at(start);
        // A line of another logger may quote what somebody typed.
        (!head.contains('[') || head.contains(LOGGER)).then_some(Self { head, pairs })
    }

    /// By the time of the line that says most, the first of equals: the collector's, or the server's. None where what
    /// looks like a time is none.
    pub(super) fn written(&self) -> Option<When<'t>> {
        let (mut best, mut is_garbled) = (When::Unsaid, false);
        let mut rest = self.head.trim_ascii_start();
        while !rest.is_empty() && !matches!(best, When::At(_)) {
            let length = time_length(rest);
            let (time, _) = rest.split_at(length);
            if length > 0 {
                match TIMES.read(time) {
                    Some(when) => best = best.or_better(when),
                    None => is_garbled = true,
                }
            }
            rest = after_token(&rest[length..]).trim_ascii_start();
        }
        (best != When::Unsaid || !is_garbled).then_some(best)
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

const TIMES: Writing = Writing { in_utc: false, month_first: false };

/// How many bytes at the beginning look like a time: a date, a clock, a zone, each behind a blank or not.
fn time_length(text: &str) -> usize {
    let token = |from: usize| &text[from..text.len() - after_token(&text[from..]).len()];
    let behind = |from: usize| from + token(from).len();
    let next = |from: usize| text[from..].starts_with(' ').then_some(from + 1);
    let is_date = |token: &[u8]| token.len() >= 10 && token[4] == b'-' && token[7] == b'-';
    let is_clock = |token: &[u8]| token.len() >= 8 && token[2] == b':' && token[5] == b':';
    let is_zone = |token: &[u8]| matches!(token, b"Z" | b"UTC" | b"GMT" | [b'+' | b'-', b'0'..=b'9', ..]);
    let first = token(0).as_bytes();
    let mut end = if is_date(first) || is_clock(first) { first.len() } else { return 0 };
    if let Some(clock) = next(end).filter(|from| first.len() == 10 && is_clock(token(*from).as_bytes())) {
        end = behind(clock);
    }
    if let Some(zone) = next(end).filter(|from| is_zone(token(*from).as_bytes())) {
        end = behind(zone);
    }
    end
}

/// What follows the token at the beginning: up to a blank.
fn after_token(text: &str) -> &str {
    text.find(|letter: char| letter.is_ascii_whitespace()).map_or("", |end| &text[end..])
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
