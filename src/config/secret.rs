//! Texts that stand elsewhere, and texts that are never shown.

use std::fs;

use super::problem::Problem;
use super::settings::{Environment, Setting, Settings};
use super::template;
use super::value::Value;

/// What is shown for a secret that stands in the configuration itself.
pub(super) const MASK: &str = "********";

/// A librdkafka property whose name has one of these parts is a secret.
const SECRET_PARTS: &[&str] = &["password", "secret", "key.pem", "oauthbearer.config", "token"];

/// How long a secret's file may be: a bundle of certificates fits, a mistaken path to a data file does not.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Puts what a `${…}` stands for in its place, and keeps the `${…}` for showing.
pub(super) fn resolve(settings: &mut Settings, variables: &Environment, problems: &mut Vec<Problem>) {
    for (path, setting) in settings.iter_mut() {
        let Value::Text(text) = &setting.value else { continue };
        let Some(reference) = text.strip_prefix("${") else { continue };
        match look_up(reference, variables) {
            Ok(secret) => {
                setting.reference = Some(text.clone());
                setting.value = Value::Text(secret);
            }
            Err(advice) => {
                problems.push(Problem { key: path.clone(), place: Some(setting.place.clone()), advice });
            }
        }
    }
}

/// A setting as TOML, without its secret.
pub(super) fn shown(path: &str, setting: &Setting) -> String {
    let is_secret = |property: &str| SECRET_PARTS.iter().any(|part| property.contains(part));
    match &setting.reference {
        Some(reference) => Value::Text(reference.clone()).to_string(),
        None if template::under(path, template::PROPERTIES).is_some_and(is_secret) => format!("\"{MASK}\""),
        None => setting.value.to_string(),
    }
}

fn look_up(reference: &str, variables: &Environment) -> Result<String, String> {
    match reference.strip_suffix('}').and_then(|reference| reference.split_once(':')) {
        Some(("env", name)) => variables
            .get(name)
            .cloned()
            .ok_or_else(|| format!("set the environment variable {name}; it is not set")),
        Some(("file", path)) => {
            let failed = |what: String| format!("make {path} a readable file of text; {what}");
            let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
            if length > SECRET_BYTES_MAX {
                return Err(failed(format!("it has more than {SECRET_BYTES_MAX} bytes")));
            }
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            Ok(text.trim_end_matches(['\n', '\r']).to_owned())
        }
        _ => Err("write ${env:NAME} or ${file:PATH}; it is neither".to_owned()),
    }
}
