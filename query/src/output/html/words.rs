//! What an answer was asked and what it stands on, in sentences.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::text::Text;
use crate::coverage::{Covered, Question};
use crate::report::{Settled, Unsettled};

/// The title of the page.
pub(super) fn title(question: &Question) -> String {
    let name = match question {
        Question::Sql { .. } => "answer to a question in SQL",
        Question::List { list, .. } => list,
        Question::Export { export, .. } => export,
        Question::Report { report, .. } => report.name,
    };
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What was asked: what the question means, and its parameters.
pub(super) fn question(text: &mut Text, question: &Question) {
    if let Question::Report { report, .. } = question {
        text.markup("<p><strong>");
        text.plain(report.asks);
        text.markup("</strong></p>\n");
        text.element("p", report.definition);
    }
    let parameters = match question {
        Question::Sql { sql } => {
            text.markup("<pre><code>");
            text.plain(sql);
            text.markup("</code></pre>\n");
            return;
        }
        Question::List { parameters, .. } => Some(parameters.clone()),
        Question::Export { parameters, .. } => serde_json::to_value(parameters).ok(),
        Question::Report { parameters, .. } => serde_json::to_value(parameters).ok(),
    };
    let Some(Value::Object(parameters)) = parameters else { return };
    text.markup("<dl>\n");
    for (name, value) in parameters.iter().filter(|(_, value)| !is_empty(value)) {
        text.element("dt", name);
        text.element("dd", &shown(value));
    }
    text.markup("</dl>\n");
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// How many rows there are.
pub(super) fn rows(rows: u64) -> String {
    match rows {
        0 => "There are no rows.".to_owned(),
        1 => "This is the only row.".to_owned(),
        rows => format!("These are all {rows} rows."),
    }
}

/// What the answer stands on.
pub(super) fn stands_on(text: &mut Text, covered: &Covered<'_>) {
    let coverage = covered.coverage;
    if let Question::Report { settled, .. } = &coverage.question {
        settled_or_not(text, settled);
    }
    let directory =
        coverage.directory_version.map(|version| format!(" and version {version} of the directory"));
    let newest = coverage.newest_occurred_at.map_or_else(
        || "The book holds no event yet.".to_owned(),
        |at| format!("The newest event in it is of {}.", moment(at)),
    );
    text.element(
        "p",
        &format!(
            "Version {} of the book{} was read, with all that its partitions held up to the offsets below. {newest} Local \
             times are those of {}.",
            coverage.book_version,
            directory.unwrap_or_default(),
            coverage.tz
        ),
    );
    for days in &coverage.redecoded_days {
        let (from, to) = (days.from, days.to);
        text.element(
            "p",
            &format!(
                "Events of the days from {from} to {to} were read anew by a later decoder: an earlier answer may differ."
            ),
        );
    }
}

fn settled_or_not(text: &mut Text, settled: &Settled) {
    if settled.settled {
        let words = "Settled: every source has brought what it usually brings late, and no source or server has fallen \
                     silent. The numbers are not expected to rise.";
        text.element("p", words);
        return;
    }
    text.markup("<div class=\"unsettled\">\n");
    text.element("p", "Not settled: the numbers may still rise.");
    text.markup("<ul>\n");
    for why in &settled.unsettled {
        text.element("li", &reason(why));
    }
    if settled.unsettled_more > 0 {
        text.element("li", &format!("There are {} more reasons.", settled.unsettled_more));
    }
    text.markup("</ul>\n</div>\n");
}

fn reason(why: &Unsettled) -> String {
    match why {
        Unsettled::NothingSeen { nothing_since } => {
            format!("Nothing at all was seen since {}.", moment(*nothing_since))
        }
        Unsettled::Late { source, received_until, usual_lateness_s } => format!(
            "Events of {source} may still be on their way: the newest of its records came at {}, and its events usually \
             come within {usual_lateness_s} s.",
            moment(*received_until)
        ),
        Unsettled::ServerSilent { source, server, silent_since } => {
            format!("The server {server} ({source}) has been silent since {}.", moment(*silent_since))
        }
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
