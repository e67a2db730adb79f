//! The bytes of an element within those of its record: looked for where they are wanted, which is seldom.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::json_text::{entries, items};

/// Which part of its record an element is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'r> {
    /// All of it.
    Whole,
    /// The element of this number in a record of JSON.
    Item(&'r dyn Nth, usize),
    /// A line of text, below a line that names its columns.
    Line(Option<&'r str>, &'r str),
}

/// How many times longer than a line the names of its columns may be to be kept with it: what is kept of a record is never
/// more than so many times the record.
const HEAD_PER_LINE_MAX: usize = 4;

impl<'r> Part<'r> {
    /// The part's bytes, which read alone give the same element; none where it is the whole record.
    pub(super) fn bytes(self) -> Option<Cow<'r, [u8]>> {
        match self {
            Self::Whole => None,
            Self::Item(items, number) => {
                let item = items.nth(number)?;
                // Alone, a number or a list would be another record.
                let is_object = item.first() == Some(&b'{');
                Some(if is_object { Cow::Borrowed(item) } else { Cow::Owned([b"[", item, b"]"].concat()) })
            }
            Self::Line(Some(head), line) if head.len() <= line.len().saturating_mul(HEAD_PER_LINE_MAX) => {
                Some(Cow::Owned(format!("{head}\n{line}").into_bytes()))
            }
            Self::Line(_, line) => Some(Cow::Borrowed(line.as_bytes())),
        }
    }
}

/// Elements by their number: what a part needs of [`Items`], whose own lifetime would bind those of all parts.
pub(crate) trait Nth: std::fmt::Debug {
    /// The bytes of the element of this number.
    fn nth(&self, number: usize) -> Option<&[u8]>;
}

/// Where the text of a value stands, which is looked for where it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text<'r> {
    /// Here: it is all of it, and known to be JSON.
    Here(&'r [u8]),
    /// As the element of this number.
    Item(&'r dyn Nth, usize),
    /// Under this key of an object.
    Under(&'r Text<'r>, &'static str),
}

impl<'r> Text<'r> {
    fn bytes(self) -> Option<&'r [u8]> {
        match self {
            Self::Here(text) => Some(text),
            Self::Item(items, number) => items.nth(number),
            Self::Under(object, key) => named(object.bytes()?, key),
        }
    }
}

/// The text of a key's value, if this is an object that has it.
fn named<'r>(object: &'r [u8], key: &str) -> Option<&'r [u8]> {
    entries(object).find(|(name, value)| name == key && *value != b"null").map(|(_, value)| value)
}

/// The elements of a record of JSON that wraps several, found at the first look.
#[derive(Debug)]
pub(crate) struct Items<'r> {
    text: Text<'r>,
    lists: &'static [&'static [&'static str]],
    found: OnceCell<Vec<&'r [u8]>>,
}

impl<'r> Items<'r> {
    /// Of a text, with the ways to its lists.
    pub(super) fn new(text: Text<'r>, lists: &'static [&'static [&'static str]]) -> Self {
        Self { text, lists, found: OnceCell::new() }
    }

    /// In the order in which they are read.
    fn find(&self) -> Vec<&'r [u8]> {
        let text = self.text.bytes().unwrap_or_default();
        if text.first() == Some(&b'[') {
            return items(text).collect();
        }
        let mut found = Vec::new();
        for (key, value) in entries(text) {
            for way in self.lists.iter().filter(|way| way[0] == key) {
                if let Some(list) = way[1..].iter().try_fold(value, |value, key| named(value, key)) {
                    found.extend(items(list));
                }
            }
        }
        found
    }
}

impl Nth for Items<'_> {
    fn nth(&self, number: usize) -> Option<&[u8]> {
        self.found.get_or_init(|| self.find()).get(number).copied()
    }
}

#[cfg(test)]
mod tests {
    use crate::decoder::Decoder;
    use crate::element::Element;
    use crate::maps::Maps;
    use crate::record::Record;
    use crate::source::Source;
    use crate::time_limits::TimeLimits;
    use crate::unknown::UnknownCounts;

    const LIMITS: TimeLimits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };

    /// Each element, and its part of the record.
    fn elements(source: Source, record: &[u8], keep_raw: bool) -> Vec<(String, Option<String>)> {
        let mut decoder = Decoder::new(source, &Maps { keep_raw, ..Maps::default() });
        let mut found = Vec::new();
        let record = Record { value: Some(record), timestamp_us: Some(0) };
        decoder.decode(&record, &LIMITS, &mut UnknownCounts::default(), &mut |_, element| {
            let raw = match &element {
                Element::Event(event) => event.raw,
                Element::Change(change) => change.raw,
                Element::Rejection(rejection) => rejection.raw,
                Element::Skipped(_) => None,
            };
            let raw = raw.map(|raw| String::from_utf8_lossy(raw).into_owned());
            found.push((format!("{:?}", element.with_raw(None)), raw));
        });
        found
    }

    /// Expects the parts of the elements, and that each part alone is read as that element.
    #[track_caller]
    fn check(source: Source, record: &str, expected: &[Option<&str>]) {
        let found = elements(source, record.as_bytes(), true);
        let parts: Vec<_> = found.iter().map(|(_, raw)| raw.as_deref()).collect();
        assert_eq!(parts, expected, "{record}");
        for (element, raw) in &found {
            let Some(raw) = raw else { continue };
            let alone = elements(source, raw.as_bytes(), true);
            assert_eq!(alone.iter().map(|(alone, _)| alone).collect::<Vec<_>>(), [element], "{raw}");
        }
        for (element, raw) in elements(source, record.as_bytes(), false) {
            assert!(raw.is_none() || element.starts_with("Rejection"), "{element}");
        }
    }

    #[test]
    fn the_parts_of_a_record_are_its_elements_as_they_stand() {
        let sign_in = r#"{"id":"e1","createdDateTime":"2026-03-01T08:00:00Z","userPrincipalName":"a]{","status":{"errorCode":0}}"#;
        let other =
            r#"{ "id" : "e2", "createdDateTime":"2026-03-01T08:00:00Z","status":{"errorCode":50126} }"#;
        let broken = r#"{"id":"e3","createdDateTime":"yesterday","status":{"errorCode":0}}"#;
        check(Source::Entra, sign_in, &[None]);
        check(Source::Entra, broken, &[None]);
        check(Source::Entra, &format!("[{sign_in} , {other}]"), &[Some(sign_in), Some(other)]);
        check(
            Source::Entra,
            &format!(r#"{{"a":[1,{{"records":7}}], "records" : [{sign_in},7,{broken}]}}"#),
            &[Some(sign_in), Some("[7]"), Some(broken)],
        );
    }

    #[test]
    fn the_parts_of_what_is_wrapped_are_its_elements_too() {
        let sign_in = r#"{"id":"e1","createdDateTime":"2026-03-01T08:00:00Z","status":{"errorCode":0}}"#;
        let other =
            r#"{ "id" : "e2","createdDateTime":"2026-03-01T08:00:00Z","status":{"errorCode":50126} }"#;
        let wrapped = format!(r#"{{"event" : {sign_in}}}"#);
        check(Source::Entra, &wrapped, &[None]);
        check(Source::Entra, &format!("[{wrapped},{other}]"), &[Some(&wrapped), Some(other)]);
        let list = format!(r#"{{"records":[{sign_in} ,{other}]}}"#);
        let both = [Some(sign_in), Some(other)];
        check(Source::Entra, &format!(r#"{{"a":null,"payload":null,"payload" : {list}}}"#), &both);
        check(Source::Entra, &format!(r#"{{"event":{{"data":[{sign_in},{other}]}}}}"#), &both);
        check(Source::Entra, &format!(r#"{{"message":{list:?}}}"#), &both);
        let three = [Some(sign_in), Some(other), Some(other)];
        check(Source::Entra, &format!("[{list},{other}]"), &three);
        check(Source::Entra, &format!(r#"{{"records":[{list},{other}]}}"#), &three);
        check(Source::Entra, &format!(r#"[{{"event":{list}}},{other}]"#), &three);
    }

    #[test]
    fn a_line_keeps_the_line_that_names_its_columns() {
        let head = "Timestamp,Username,Call Result";
        let (one, two) =
            ("2026-03-01T08:00:00Z,ada,SUCCESS_NO_PIN", "2026-03-01T08:00:00Z,\"b\nc\",NOSUCH,7");
        check(
            Source::MfaServer,
            &format!("{head}\r\n{one}\r\n{two}\n"),
            &[Some(&format!("{head}\n{one}")), Some(&format!("{head}\n{two}"))],
        );
        let line = r#"2026-03-01T08:00:00Z WARN [org.keycloak.events] (x) type="LOGIN_ERROR", realmId="r", userId="ada", error="user_disabled""#;
        check(Source::Keycloak, &format!("{line}\n{line}"), &[Some(line), Some(line)]);
    }

    #[test]
    fn a_record_of_many_that_cannot_be_read_is_kept_once() {
        let record = format!("[{}7]", "1,".repeat(10_000));
        let kept = |record: &str, source| -> usize {
            let elements = elements(source, record.as_bytes(), false);
            elements.iter().filter_map(|(_, raw)| Some(raw.as_ref()?.len())).sum()
        };
        assert_eq!(kept(&record, Source::Duo), 3 * 10_001);
        // A long line of names above many short lines.
        let table = format!("Timestamp,Username{}\n{}", ",Phone Number".repeat(200), "a\n".repeat(10_000));
        assert_eq!(kept(&table, Source::MfaServer), 10_000);
    }
}
