//! What a file would become, in counts.

use std::collections::BTreeMap;

use schemas::{Element, Rejection, UnknownCounts};

use crate::table::Table;

/// Rejections that are shown.
const SHOWN_MAX: usize = 10;

/// What a file would become.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) records: u64,
    pub(super) empty_records: u64,
    /// By kind, and by what is said of it.
    counts: BTreeMap<(&'static str, String), u64>,
    /// The first rejections.
    rejected: Vec<String>,
}

impl Summary {
    pub(super) fn take_in(&mut self, line: usize, index: u32, element: &Element<'_>) {
        let key = match element {
            Element::Event(event) => {
                ("event", format!("{}, {}, {}", event.result, event.stage, event.assurance))
            }
            Element::Change(change) => ("change", change.change.to_string()),
            Element::Skipped(kind) => ("skipped", (*kind).to_owned()),
            Element::Rejection(rejection) => {
                let Rejection { reason, field, detail, .. } = rejection;
                if self.rejected.len() < SHOWN_MAX {
                    let place = format!("line {line}, element {index}");
                    self.rejected.push(format!(
                        "{place}: {}: {}: {detail}",
                        reason.as_str(),
                        field.unwrap_or("record")
                    ));
                }
                (
                    "rejected",
                    format!("{} {}", reason.as_str(), field.unwrap_or_default()).trim_end().to_owned(),
                )
            }
        };
        *self.counts.entry(key).or_default() += 1;
    }

    pub(super) fn text(&self, unknown: &UnknownCounts) -> String {
        let elements: u64 = self.counts.values().sum();
        let mut table = Table::new(&["kind", "what", "elements"]);
        for ((kind, what), count) in &self.counts {
            table.row(vec![(*kind).to_owned(), what.clone(), count.to_string()]);
        }
        let mut text =
            format!("{} records ({} of them empty), {elements} elements\n", self.records, self.empty_records);
        if elements > 0 {
            text.push_str(&format!("\n{table}"));
        }
        for (title, lines) in [
            ("not known to the vocabularies", named(unknown.values.iter())),
            ("keys that the contract does not have", named(unknown.keys.iter())),
            ("the first that could not be read", self.rejected.clone()),
        ] {
            if !lines.is_empty() {
                text.push_str(&format!("\n{title}:\n  {}\n", lines.join("\n  ")));
            }
        }
        text
    }
}

fn named<'a>(counts: impl Iterator<Item = (&'a str, i64)>) -> Vec<String> {
    counts.map(|(name, count)| format!("{count} × {name}")).collect()
}
