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
        // A line of another logger may quote what somebody typed. The first brackets may be those of a time.
        let mut brackets = head.match_indices('[').filter(|(at, _)| !head[..*at].ends_with(ESCAPE));
        let is_of_time = |(at, _): (usize, &str)| time_length(&head[at + 1..]) > 0;
        let has_logger = match brackets.next() {
            Some(bracket) if is_of_time(bracket) => brackets.next().is_some(),
            bracket => bracket.is_some(),
        };
        let pairs = without_last_colours(pairs);
        (!has_logger || head.contains(LOGGER)).then_some(Self { head, pairs })
    }

    /// By the time of the line that says most, the last of equals: the server's own stands behind that of a collector.
    /// None where what looks like a time is none.
    pub(super) fn written(&self) -> Option<When<'t>> {
        let (mut best, mut is_garbled) = (When::Unsaid, false);
        let mut rest = trimmed(self.head);
        while !rest.is_empty() && !matches!(best, When::At(_)) {
            rest = &rest[file_length(rest)..];
            let length = time_length(rest);
            let (time, _) = rest.split_at(length);
            if length > 0 {
                match TIMES.read(time) {
                    Some(when) => best = when.or_better(best),
                    None => is_garbled = true,
                }
            }
            rest = trimmed(after_token(&rest[length..]));
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

/// How many bytes stand before a date that a clock follows, such as the file and the line that `grep` writes:
/// `server.log:2058:2026-03-01 12:00:00`.
fn file_length(text: &str) -> usize {
    let tail = after_token(text);
    let Some(start) = (text.len() - tail.len()).checked_sub(10).filter(|start| *start > 0) else { return 0 };
    let is_date = |date: &str| {
        let mut signs = date.bytes().enumerate();
        signs.all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
    };
    let is_apart = text.get(..start).is_some_and(|file| !file.ends_with(char::is_alphanumeric));
    let date = text.get(start..start + 10).filter(|date| is_apart && is_date(date));
    let is_clock = tail.get(1..).is_some_and(|clock| time_length(clock) > 0);
    if date.is_some() && is_clock { start } else { 0 }
}

/// What follows the token at the beginning: up to a blank, a bracket that closes or a colour.
fn after_token(text: &str) -> &str {
    let is_end = |letter: char| letter.is_ascii_whitespace() || letter == ']' || letter == ESCAPE;
    text.find(is_end).map_or("", |end| &text[end..])
}

/// Begins the colour of a terminal: `ESC [ 33 m`.
const ESCAPE: char = '\x1b';

/// Whether a letter can stand within a colour.
fn is_colours(letter: char) -> bool {
    letter.is_ascii_digit() || letter == ';'
}

/// Without blanks, brackets and colours at the beginning.
fn trimmed(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || "[]".contains(letter));
        let Some(rest) = text.strip_prefix(ESCAPE) else { return text };
        let colour = rest.strip_prefix('[').map(|colour| colour.trim_start_matches(is_colours));
        text = colour.and_then(|colour| colour.strip_prefix('m')).unwrap_or(rest);
    }
}

/// The text before the colour that it ends in.
fn before_colour(text: &str) -> Option<&str> {
    let colour = text.strip_suffix('m')?.trim_end_matches(is_colours);
    colour.strip_suffix('[')?.strip_suffix(ESCAPE)
}

/// Without the colours at the end, with which a terminal gets its own again.
fn without_last_colours(mut text: &str) -> &str {
    while let Some(before) = before_colour(text.trim_ascii_end()) {
        text = before;
    }
    text
}

/// Where a key stands that begins the line or follows a blank, with the value of an event type.
fn start_of(line: &str, key: &str) -> Option<usize> {
    line.match_indices(key).map(|(start, _)| start).find(|start| {
        let value = line[start + key.len()..].trim_start_matches('"');
        let before = &line[..*start];
        let is_first = before.is_empty() || before.ends_with(' ') || before_colour(before).is_some();
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
