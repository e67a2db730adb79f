//! What a key takes.

use std::fmt;

use toml::de::DeValue;

/// A value of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A whole number, 0 or more.
    Number(u64),
    /// On or off.
    Switch(bool),
}

/// What kind of value a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Switch,
    /// A switch, or this word in quotes.
    SwitchOr(&'static str),
}

impl Value {
    /// Reads a TOML value; `None` for a list, a table, a date, a fraction or a negative number.
    pub(super) fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::String(text) => Some(Self::Text(text.to_string())),
            DeValue::Boolean(switch) => Some(Self::Switch(*switch)),
            DeValue::Integer(number) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok().map(Self::Number)
            }
            _ => None,
        }
    }

    /// Reads an environment variable's text as what the key takes.
    pub(super) fn from_text(text: &str, shape: Shape) -> Option<Self> {
        match shape {
            Shape::Text => Some(Self::Text(text.to_owned())),
            Shape::Number => text.trim().parse().ok().map(Self::Number),
            Shape::Switch => text.trim().parse().ok().map(Self::Switch),
            Shape::SwitchOr(word) if text.trim() == word => Some(Self::Text(word.to_owned())),
            Shape::SwitchOr(_) => Self::from_text(text, Shape::Switch),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Text(_) => Shape::Text,
            Self::Number(_) => Shape::Number,
            Self::Switch(_) => Shape::Switch,
        }
    }
}

impl Shape {
    /// Whether a key of this shape takes the value.
    pub(super) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::SwitchOr(word), Value::Text(text)) => text == word,
            (Self::SwitchOr(_), value) => value.shape() == Self::Switch,
            (shape, value) => value.shape() == shape,
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => toml::Value::from(text.as_str()).fmt(formatter),
            Self::Number(number) => number.fmt(formatter),
            Self::Switch(switch) => switch.fmt(formatter),
        }
    }
}

/// As a message asks for it: "give …".
impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => formatter.write_str("a text in quotes"),
            Self::Number => formatter.write_str("a whole number, 0 or more"),
            Self::Switch => formatter.write_str("true or false"),
            Self::SwitchOr(word) => write!(formatter, "true, false or \"{word}\""),
        }
    }
}
