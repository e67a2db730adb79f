//! JSON as vendors write it: looked at where it lies, forgiving about types.
//!
//! Where a key stands several times in an object, the first that is not null counts, for every source: what comes later
//! may be what somebody typed.

use std::borrow::Cow;

use simd_json::{Node, StaticNode};

/// Declares a struct of the keys of an object that are looked at, found in one pass over it.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($field:ident = $key:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy)]
        pub(super) struct $name<'t> { $(pub(super) $field: Option<$crate::vendor::json::Json<'t>>,)+ }

        impl<'t> $name<'t> {
            /// Looks at an object; a null counts as a value where `keeps_nulls`.
            pub(super) fn of(object: $crate::vendor::json::Json<'t>, keeps_nulls: bool) -> Self {
                let mut keys = Self::default();
                for (key, value) in object.entries().filter(|(_, value)| keeps_nulls || !value.is_null()) {
                    match key {
                        $($key => $crate::vendor::json::first(&mut keys.$field, Some(value)),)+
                        _ => {}
                    }
                }
                keys
            }
        }
    };
}
pub(crate) use keys;

/// A value of a parsed record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'t>(&'t [Node<'t>]);

impl<'t> Json<'t> {
    /// The root of a tape.
    pub(super) fn root(nodes: &'t [Node<'t>]) -> Self {
        Self(nodes)
    }

    /// The value of a key, if this is an object that has it; nulls count as absent.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.entries().find(|(name, value)| *name == key && !value.is_null()).map(|(_, value)| value)
    }

    /// The value at the end of a way of keys.
    pub(crate) fn at(self, way: &[&str]) -> Option<Self> {
        way.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text of a key: not empty, not the word `null`, without blanks around it.
    pub(crate) fn text(self, key: &str) -> Option<&'t str> {
        self.get(key)?.as_text()
    }

    /// The text at the end of a way of keys.
    pub(crate) fn text_at(self, way: &[&str]) -> Option<&'t str> {
        self.at(way)?.as_text()
    }

    /// The text, number or flag of a key as text.
    pub(crate) fn scalar(self, key: &str) -> Option<Cow<'t, str>> {
        self.get(key)?.as_scalar()
    }

    /// The whole number of a key, also where it is written as a text.
    pub(crate) fn number(self, key: &str) -> Option<i64> {
        self.get(key)?.as_number()
    }

    /// This flag, also where it is written as a text.
    pub(crate) fn as_flag(self) -> Option<bool> {
        match self.0.first()? {
            Node::Static(StaticNode::Bool(flag)) => Some(*flag),
            Node::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Node::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The items of a key's list; none where it is no list.
    pub(crate) fn items(self, key: &str) -> impl Iterator<Item = Self> {
        self.get(key).into_iter().flat_map(Self::elements)
    }

    /// This text: not empty, not the word `null`, without blanks around it.
    pub(crate) fn as_text(self) -> Option<&'t str> {
        match self.0.first()? {
            Node::String(text) => Some(text.trim_ascii()).filter(|text| !text.is_empty() && *text != "null"),
            _ => None,
        }
    }

    /// This text, number or flag as text.
    pub(crate) fn as_scalar(self) -> Option<Cow<'t, str>> {
        match self.0.first()? {
            // Most codes: success.
            Node::Static(StaticNode::I64(0) | StaticNode::U64(0)) => Some(Cow::Borrowed("0")),
            Node::Static(StaticNode::I64(number)) => Some(Cow::Owned(number.to_string())),
            Node::Static(StaticNode::U64(number)) => Some(Cow::Owned(number.to_string())),
            Node::Static(StaticNode::F64(number)) => Some(Cow::Owned(number.to_string())),
            Node::Static(StaticNode::Bool(flag)) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            _ => self.as_text().map(Cow::Borrowed),
        }
    }

    /// This whole number, also where it is written as a text.
    pub(crate) fn as_number(self) -> Option<i64> {
        match self.0.first()? {
            Node::Static(StaticNode::I64(number)) => Some(*number),
            Node::Static(StaticNode::U64(number)) => i64::try_from(*number).ok(),
            Node::Static(StaticNode::F64(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some(*number as i64)
            }
            Node::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Looks at this object or list, also where a pipeline wrote it as a text.
    pub(crate) fn look<R>(self, look: impl FnOnce(Json<'_>) -> R) -> Option<R> {
        if self.is_object() || self.is_list() {
            return Some(look(self));
        }
        let text = self.as_text().filter(|text| text.starts_with(['{', '[']))?;
        Self::look_into(text.as_bytes().to_vec(), look)
    }

    /// Looks at the JSON that a text holds.
    pub(crate) fn look_into<R>(mut text: Vec<u8>, look: impl FnOnce(Json<'_>) -> R) -> Option<R> {
        let tape = simd_json::to_tape(&mut text).ok()?;
        Some(look(Json(&tape.0)))
    }

    /// Whether this can be a record or a list of records, also as a text of JSON.
    pub(super) fn may_be_record(self) -> bool {
        let is_json = |text: &str| {
            let inner = text.strip_prefix('[').map_or(text, str::trim_ascii_start);
            inner.starts_with('{')
        };
        let is_list = self.elements().next().is_some_and(Self::is_object);
        self.is_object() || is_list || self.as_text().is_some_and(is_json)
    }

    /// Whether this is an object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self.0.first(), Some(Node::Object { .. }))
    }

    /// Whether this is a list.
    pub(crate) fn is_list(self) -> bool {
        matches!(self.0.first(), Some(Node::Array { .. }))
    }

    /// Whether this says nothing: a null, an empty text, the word `null`.
    pub(crate) fn is_empty(self) -> bool {
        let is_text = matches!(self.0.first(), Some(Node::String(_)));
        self.is_null() || (is_text && self.as_text().is_none())
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.0.first(), Some(Node::Static(StaticNode::Null)) | None)
    }

    /// The keys and values of this object; none where it is none.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'t str, Self)> {
        let len = match self.0.first() {
            Some(Node::Object { len, .. }) => *len,
            _ => 0,
        };
        let mut rest = self.0.get(1..).unwrap_or_default();
        (0..len).map_while(move |_| {
            let (Node::String(key), tail) = rest.split_first()? else { return None };
            let (value, tail) = tail.split_at_checked(size(tail))?;
            rest = tail;
            Some((*key, Self(value)))
        })
    }

    /// The elements of this list; none where it is none.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        let len = match self.0.first() {
            Some(Node::Array { len, .. }) => *len,
            _ => 0,
        };
        let mut rest = self.0.get(1..).unwrap_or_default();
        (0..len).map_while(move |_| {
            let (value, tail) = rest.split_at_checked(size(rest))?;
            rest = tail;
            Some(Self(value))
        })
    }
}

/// Keeps the first value of a key.
pub(crate) fn first<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

/// Nodes of the value at the beginning.
fn size(nodes: &[Node<'_>]) -> usize {
    match nodes.first() {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => count + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, look: impl Fn(Json<'_>) -> bool) {
        let mut bytes = text.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).expect("JSON");
        assert!(look(Json::root(&tape.0)), "{text}");
    }

    #[test]
    fn values_are_found_behind_nested_ones() {
        let text = r#"{"a":{"b":[1,{"c":2}],"d":" x "},"e":[["f"],[]],"g":true,"h":"7","i":null,"j":"null","k":1.5}"#;
        check(text, |json| json.text_at(&["a", "d"]) == Some("x"));
        check(text, |json| json.at(&["a"]).is_some_and(|a| a.items("b").count() == 2));
        check(text, |json| json.items("e").count() == 2 && json.items("a").count() == 0);
        check(text, |json| {
            json.get("g").and_then(Json::as_flag) == Some(true) && json.number("h") == Some(7)
        });
        check(text, |json| json.get("i").is_none() && json.text("j").is_none() && json.get("z").is_none());
        check(text, |json| json.scalar("k").as_deref() == Some("1.5") && json.number("k").is_none());
        check(text, |json| json.entries().count() == 7);
    }
}
