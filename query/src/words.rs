//! The words of the vocabularies and the codes of vendors, explained.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use schemas::explain::{Explanation, explain, nearest, reasons as all_reasons};
use serde_json::json;

use crate::answer::Answer;
use crate::error::QueryError;
use crate::parameter::ParameterError;
use crate::session::Session;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonsParameters {
    code: Option<String>,
    found: Vec<Explanation>,
}

impl ReasonsParameters {
    /// The names of the parameters.
    pub const NAMES: &'static [&'static str] = &["code"];

    /// Reads parameters by name: `code`, any vendor's code or text in any spelling. Default: every reason of Gatebook's own.
    ///
    /// # Errors
    ///
    /// Nobody knows the code; says which are near.
    pub fn parse<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ParameterError> {
        let mut code: Option<&str> = None;
        for (name, value) in given {
            if name != "code" {
                return Err(ParameterError::unknown(name, "use code", "code=AADSTS50074"));
            }
            if code.replace(value).is_some() {
                return Err(ParameterError::twice(name, value));
            }
        }
        let Some(code) = code else { return Ok(Self { code: None, found: all_reasons().collect() }) };
        let found = explain(code);
        if found.is_empty() {
            let near = nearest(code);
            let advice = match near.split_first() {
                Some((first, [])) => format!("; did you mean {first}?"),
                Some(_) => format!("; near it are {}", near.join(", ")),
                None => String::new(),
            };
            return Err(ParameterError {
                name: "code".into(),
                expected: format!("no product that Gatebook reads has this code or text{advice}"),
                example: near.first().unwrap_or(&"AADSTS50074").to_string(),
            });
        }
        Ok(Self { code: Some(code.to_owned()), found })
    }

    /// The explanations, the most literal first.
    #[must_use]
    pub fn found(&self) -> &[Explanation] {
        &self.found
    }
}

/// Lists what was asked for, a row each: `reason`, `reason_group`, `meaning`, `code` as its vendor writes it, `source`,
/// `what` kind of code it is, `method`, `result`, `stage`, `assurance`, `change`, `user_advice`, `administrator_advice`
/// and `url`, the vendor's own page. What a code leaves open is null.
///
/// # Errors
///
/// The book cannot be read.
pub async fn reasons(session: &Session, parameters: &ReasonsParameters) -> Result<Answer, QueryError> {
    let said = |text: &'static str| (!text.is_empty()).then_some(text);
    let text = |of: &dyn Fn(&Explanation) -> Option<&'static str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(parameters.found.iter().map(of)))
    };
    let columns = vec![
        ("reason", text(&|it| Some(it.reason?.as_str()))),
        ("reason_group", text(&|it| Some(it.group()?.as_str()))),
        ("meaning", text(&|it| said(it.meaning))),
        ("code", text(&|it| Some(it.code))),
        ("source", text(&|it| Some(it.origin.as_str()))),
        ("what", text(&|it| said(it.what))),
        ("method", text(&|it| Some(it.method?.as_str()))),
        ("result", text(&|it| Some(it.result?.as_str()))),
        ("stage", text(&|it| Some(it.stage?.as_str()))),
        ("assurance", text(&|it| Some(it.assurance?.as_str()))),
        ("change", text(&|it| Some(it.change?.as_str()))),
        ("user_advice", text(&|it| said(it.user))),
        ("administrator_advice", text(&|it| said(it.administrator))),
        ("url", text(&|it| said(it.url))),
    ];
    let asked = parameters.code.as_ref().map_or_else(|| json!({}), |code| json!({ "code": code }));
    Answer::list(session, "reasons", asked, columns).await
}
