//! Settings from environment variables.
//!
//! `GATEBOOK_`, then the key in upper case with two underscores between levels. In the name of a
//! librdkafka property one underscore stands for a dot. A variable without two underscores is no key:
//! `GATEBOOK_LOG`, or what Kubernetes sets for a service called "gatebook".

use super::nearest;
use super::place::Place;
use super::problem::Problem;
use super::settings::{Environment, Settings};
use super::template;
use super::value::{Shape, Value};

/// What every variable starts with.
const PREFIX: &str = "GATEBOOK_";

/// Between two levels of a key.
const LEVEL: &str = "__";

/// Reads the variables into the settings, over what is there.
pub(super) fn read(variables: &Environment, settings: &mut Settings, problems: &mut Vec<Problem>) {
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX).filter(|name| name.contains(LEVEL)) else { continue };
        let path = path(name);
        let place = Place::Environment { variable: variable.clone() };
        let shape = match template::find(&path) {
            Some(key) => key.shape,
            None if template::is_open(&path) => Shape::Text,
            None => {
                let advice = nearest::advice(&path, variable_of);
                problems.push(Problem { key: path, place: Some(place), advice });
                continue;
            }
        };
        match Value::from_text(text, shape) {
            Some(value) => settings.set(path, value, place),
            None => {
                let advice = format!("give {shape}; it is another text");
                problems.push(Problem { key: path, place: Some(place), advice });
            }
        }
    }
}

/// The variable of a key.
fn variable_of(path: &str) -> String {
    let name = path.replace('#', "0").replace('.', LEVEL).to_ascii_uppercase();
    format!("{PREFIX}{name}")
}

/// The dotted path that a variable's name, without the prefix, stands for.
fn path(name: &str) -> String {
    let path = name.to_ascii_lowercase().replace(LEVEL, ".");
    match template::under(&path, template::PROPERTIES) {
        Some(property) => template::join(template::PROPERTIES, &property.replace('_', ".")),
        None => path,
    }
}
