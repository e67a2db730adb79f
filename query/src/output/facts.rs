//! What an answer stands on, as facts that each have a name and a value: for people, where JSON is for programs.

use serde_json::Value;

use crate::coverage::Covered;

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    /// The keys of the coverage that lead to it, joined by dots.
    pub(super) name: String,
    /// A number, a text or a switch.
    pub(super) value: Value,
}

/// The facts of a coverage, in its order: of an object each member is one, of a list of objects each element, as JSON;
/// a list of words is one text.
pub(super) fn facts(covered: &Covered<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Ok(value) = serde_json::to_value(covered) {
        gather(String::new(), value, &mut facts);
    }
    facts
}

fn gather(name: String, value: Value, facts: &mut Vec<Fact>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                gather(below(&key), value, facts);
            }
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            for (index, element) in elements.into_iter().enumerate() {
                let value = Value::String(element.to_string());
                facts.push(Fact { name: below(&index.to_string()), value });
            }
        }
        Value::Array(elements) => {
            let words = elements
                .iter()
                .map(|element| element.as_str().map_or_else(|| element.to_string(), str::to_owned));
            let value = Value::String(words.collect::<Vec<_>>().join(", "));
            facts.push(Fact { name, value });
        }
        value => facts.push(Fact { name, value }),
    }
}
