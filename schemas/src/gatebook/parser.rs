//! The way for any JSON: serde_json decides what is accepted.
//!
//! Values that the contract has no use for are stepped over without recursion, so that the stack is bounded
//! whatever the nesting: object, steps, step.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::judge::Judge;
use super::key::{Key, StepKey};
use super::slots::{Slots, StepSlots};
use crate::rejection::{Reason, Rejection};

/// A record as it stands: known keys in order, with values of any type.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    values: Vec<(Key, Value<'a>)>,
    findings: Findings<'a>,
}

/// What the record has beside values.
#[derive(Debug, Default)]
struct Findings<'a> {
    /// Names of the keys that the contract does not have; those of a step as `steps.key`.
    unknown_keys: Vec<Cow<'a, str>>,
    /// The first known key that was given twice, as rejections name it.
    repeated_key: Option<&'static str>,
}

/// Reads a record.
pub(super) fn parse(text: &str) -> Result<Object<'_>, Rejection<'static>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = deserializer.deserialize_any(Reader::Record);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(Value::Record(object)) => Ok(object),
        Ok(other) => {
            let detail = format!("expected an object, found {}", other.type_name());
            Err(Rejection::whole(Reason::WrongType, detail))
        }
        Err(error) => Err(refuse(text, &error)),
    }
}

/// serde_json also refuses what is JSON by its grammar and fits no Rust type.
fn refuse(text: &str, error: &serde_json::Error) -> Rejection<'static> {
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let detail = "a text that is no Unicode (a lone surrogate) or a number beyond a 64-bit float";
        return Rejection::whole(Reason::WrongType, detail);
    }
    if text.starts_with('\u{feff}') {
        return Rejection::whole(Reason::NotJson, "starts with a byte order mark");
    }
    // serde_json's own message can repeat what it found.
    let detail = format!("no JSON at line {} column {}", error.line(), error.column());
    Rejection::whole(Reason::NotJson, detail)
}

impl<'a> Object<'a> {
    /// Names of the keys that the contract does not have.
    pub(super) fn unknown_keys(&self) -> &[Cow<'a, str>] {
        &self.findings.unknown_keys
    }

    /// The values as slots, leaving out what the judge does not read.
    pub(super) fn slots(&self, judge: &Judge) -> Result<Slots<'_>, Rejection<'static>> {
        if let Some(key) = self.findings.repeated_key {
            return Err(Rejection::field(Reason::Contradiction, key, "the key is given twice"));
        }
        let mut slots = Slots::new();
        for (key, value) in self.values.iter().filter(|(key, _)| judge.reads(*key)) {
            match (key, value) {
                (_, Value::Null) => {}
                (Key::Steps, Value::Steps(steps)) => slots.steps = step_slots(steps, judge)?,
                (Key::Steps, other) => return Err(wrong_type(key.name(), "a list of objects", other)),
                (Key::Prompts, Value::Integer(number)) => slots.prompts = Some(*number),
                (Key::Prompts, other) => return Err(wrong_type(key.name(), "a whole number", other)),
                (_, Value::Text(text)) => slots.texts[*key as usize] = Some(text),
                (_, other) => return Err(wrong_type(key.name(), "a text", other)),
            }
        }
        Ok(slots)
    }
}

fn step_slots<'a>(
    steps: &'a [StepValues<'_>],
    judge: &Judge,
) -> Result<Vec<StepSlots<'a>>, Rejection<'static>> {
    let slots_of = |step: &'a StepValues<'_>| {
        let mut slots = [None; StepKey::COUNT];
        for (key, value) in step.iter().filter(|(key, _)| judge.reads_step(*key)) {
            match value {
                Value::Null => {}
                Value::Text(text) => slots[*key as usize] = Some(text.as_ref()),
                other => return Err(wrong_type(key.name(), "a text", other)),
            }
        }
        Ok(slots)
    };
    steps.iter().map(slots_of).collect()
}

fn wrong_type(field: &'static str, expected: &str, found: &Value<'_>) -> Rejection<'static> {
    Rejection::field(Reason::WrongType, field, format!("expected {expected}, found {}", found.type_name()))
}

/// A JSON value, as far as the contract cares.
#[derive(Debug)]
enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Record(Object<'a>),
    /// The value of `steps`, when it is a list of objects alone.
    Steps(Vec<StepValues<'a>>),
    Step(StepValues<'a>),
    /// Anything else, by the name of its type.
    Other(&'static str),
}

/// The known keys of a step, in order, with values of any type.
type StepValues<'a> = Vec<(StepKey, Value<'a>)>;

impl Value<'_> {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Record(_) | Self::Step(_) => "an object",
            Self::Steps(_) => "a list",
            Self::Other(name) => name,
        }
    }
}

/// Reads a value of any type, according to where it stands.
enum Reader<'f, 'a> {
    Record,
    /// The value of a key but `steps`.
    Field,
    Steps(&'f mut Findings<'a>),
    Step(&'f mut Findings<'a>),
}

impl<'de> DeserializeSeed<'de> for Reader<'_, 'de> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, 'de> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(number).map_or(Value::Other("a number"), Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let Self::Steps(findings) = self else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Other("a list"));
        };
        let mut steps = Vec::new();
        let mut has_others = false;
        while let Some(item) = list.next_element_seed(Reader::Step(findings))? {
            match item {
                Value::Step(step) => steps.push(step),
                _ => has_others = true,
            }
        }
        Ok(if has_others { Value::Other("a list with something else") } else { Value::Steps(steps) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        match self {
            Self::Record => read_record(map).map(Value::Record),
            Self::Step(findings) => read_step(map, findings).map(Value::Step),
            Self::Field | Self::Steps(_) => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Other("an object"))
            }
        }
    }
}

fn read_record<'de, A: MapAccess<'de>>(mut map: A) -> Result<Object<'de>, A::Error> {
    let mut object = Object::default();
    while let Some(name) = map.next_key_seed(Name)? {
        let Some(key) = Key::find(&name) else {
            map.next_value::<IgnoredAny>()?;
            object.findings.unknown_keys.push(name);
            continue;
        };
        if object.values.iter().any(|(known, _)| *known == key) {
            object.findings.repeated_key.get_or_insert(key.name());
        }
        let reader = if key == Key::Steps { Reader::Steps(&mut object.findings) } else { Reader::Field };
        object.values.push((key, map.next_value_seed(reader)?));
    }
    Ok(object)
}

fn read_step<'de, A: MapAccess<'de>>(
    mut map: A,
    findings: &mut Findings<'de>,
) -> Result<StepValues<'de>, A::Error> {
    let mut values = StepValues::new();
    while let Some(name) = map.next_key_seed(Name)? {
        let Some(key) = StepKey::find(&name) else {
            map.next_value::<IgnoredAny>()?;
            findings.unknown_keys.push(Cow::Owned(format!("steps.{name}")));
            continue;
        };
        if values.iter().any(|(known, _)| *known == key) {
            findings.repeated_key.get_or_insert(key.name());
        }
        values.push((key, map.next_value_seed(Reader::Field)?));
    }
    Ok(values)
}

/// Reads a key, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }
}
