//! `gatebook explain`: what a code means, and what can be done about it.

use std::io::{self, Write};

use query::ReasonsParameters;
use schemas::explain::Explanation;
use schemas::vocabulary::AuthResult;
use serde_json::json;

use crate::exit::Usage;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  gatebook explain AADSTS50074               a code of Entra, in any spelling
  gatebook explain 0xC000006D                a status of Windows; -1073741715 is the same
  gatebook explain FAILED_USER_HUNGUP        a result of MFA Server
  gatebook explain lost phone                a subject of the help desk
  gatebook explain                           every reason that a denial can have";

/// Bytes of a line, where the terminal is not asked.
const LINE_CHARS: usize = 100;

/// Where the text of a line begins.
const INDENT: usize = 16;

/// Arguments of `gatebook explain`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Any vendor's code or text, a word of Gatebook's own, or a subject
    #[arg(value_name = "CODE", trailing_var_arg = true, allow_hyphen_values = true)]
    code: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A JSON object for each meaning
    Ndjson,
}

/// Runs `gatebook explain`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let code = args.code.join(" ");
    let asked = (!args.code.is_empty()).then_some(("code", code.as_str()));
    let parameters = ReasonsParameters::parse(asked).map_err(|error| Usage(error.to_string()))?;
    let mut out = io::stdout().lock();
    match (args.format, asked) {
        (Format::Ndjson, _) => {
            for explanation in parameters.found() {
                writeln!(out, "{}", object(explanation))?;
            }
        }
        (Format::Text, None) => {
            let mut table = Table::new(&["reason", "group", "meaning"]);
            for reason in parameters.found() {
                let group = reason.group().map_or_else(String::new, |group| group.to_string());
                table.row(vec![reason.code.to_owned(), group, reason.meaning.to_owned()]);
            }
            write!(out, "{table}")?;
        }
        (Format::Text, Some(_)) => {
            let texts: Vec<String> = parameters.found().iter().map(text).collect();
            write!(out, "{}", texts.join("\n"))?;
        }
    }
    Ok(())
}

fn object(it: &Explanation) -> serde_json::Value {
    let said = |text: &'static str| (!text.is_empty()).then_some(text);
    json!({
        "code": it.code,
        "spelling": it.spelling,
        "source": it.origin.as_str(),
        "what": said(it.what),
        "meaning": said(it.meaning),
        "method": it.method.map(|method| method.as_str()),
        "result": it.result.map(|result| result.as_str()),
        "reason": it.reason.map(|reason| reason.as_str()),
        "reason_group": it.group().map(|group| group.as_str()),
        "stage": it.stage.map(|stage| stage.as_str()),
        "assurance": it.assurance.map(|assurance| assurance.as_str()),
        "change": it.change.map(|change| change.as_str()),
        "user_advice": said(it.user),
        "administrator_advice": said(it.administrator),
        "url": said(it.url),
    })
}

fn text(it: &Explanation) -> String {
    let mut text = format!("{}: {} ({})\n", it.code, it.origin.product(), it.what);
    let mut line = |name: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&wrapped(name, what));
        }
    };
    if it.spelling != it.code {
        line("also", it.spelling);
    }
    line("meaning", it.meaning);
    line("reads as", &reading(it));
    if let Some(reason) = it.reason {
        let group = reason.group();
        let when = if it.result == Some(AuthResult::Denied) { "" } else { "if denied: " };
        line("reason", &format!("{when}{reason} ({group}): {}", reason.meaning()));
    }
    line("user", it.user);
    line("administrator", it.administrator);
    line("source", it.url);
    text
}

/// What an event or a change with this code says.
fn reading(it: &Explanation) -> String {
    let words = [
        it.result.map(|result| format!("result {result}")),
        it.change.map(|change| format!("change {change}")),
        it.method.map(|method| format!("method {method}")),
        it.stage.map(|stage| format!("stage {stage}")),
        it.assurance.map(|assurance| format!("assurance {assurance}")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A name and its text, in lines that fit.
fn wrapped(name: &str, text: &str) -> String {
    let mut lines = format!("  {name:<width$}", width = INDENT - 2);
    let mut used = INDENT;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && used + 1 + length > LINE_CHARS {
            lines.push_str(&format!("\n{:INDENT$}", ""));
            used = INDENT;
        } else if index > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_told_in_lines_that_fit() {
        let found = schemas::explain::explain("AADSTS500121");
        let text = text(found.first().expect("a code of Entra"));
        assert!(text.starts_with("500121: Microsoft Entra (sign-in error)\n"), "{text}");
        for part in ["  meaning ", "  reads as ", "  user ", "  administrator ", "  source "] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let fits = |line: &str| line.chars().count() <= LINE_CHARS || !line.trim().contains(' ');
        assert!(text.lines().all(fits), "{text}");
    }

    #[test]
    fn a_reason_is_one_of_a_denial_alone() {
        let told = |code: &str| text(schemas::explain::explain(code).first().expect("a code"));
        for code in ["system.push.send_factor_verify_push", "SUCCESS_WITH_PIN"] {
            assert!(told(code).contains("  reason        if denied: "), "{}", told(code));
        }
        assert!(!told("FAILED_USER_HUNGUP").contains("if denied"), "{}", told("FAILED_USER_HUNGUP"));
    }
}
