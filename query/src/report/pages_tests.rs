//! The pages of the reports say what the code says.

use std::path::Path;

use super::{REPORTS, Report};

/// Between these a page repeats the code. `GATEBOOK_UPDATE=1` writes it.
const BEGIN: &str = "<!-- from the code: a test compares it -->";
const END: &str = "<!-- until here -->";

/// Reports about persons, which all have a page.
const WITH_PAGE: &[&str] =
    &["user-trail", "activity", "exceptions", "mfa-evidence", "license-usage", "changes"];

#[test]
fn each_page_says_what_the_code_says() {
    for report in REPORTS.iter().filter(|report| WITH_PAGE.contains(&report.name)) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/reports/{}.md", report.name));
        let page = std::fs::read_to_string(&path).expect("a page");
        let (before, rest) = page.split_once(BEGIN).expect("a page has the part from the code");
        let (found, after) = rest.split_once(END).expect("and its end");
        let expected = part(report);
        if std::env::var_os("GATEBOOK_UPDATE").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).expect("writes");
        } else {
            assert_eq!(found, expected, "write docs/reports/{}.md anew with GATEBOOK_UPDATE=1", report.name);
        }
    }
}

fn part(report: &Report) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut part = format!("\n\n## Definition\n\n{}\n\n## What it takes\n\n", report.definition);
    part.push_str("| parameter | meaning | example |\n|---|---|---|\n");
    for it in report.parameters() {
        let required = if it.is_required { " Needed." } else { "" };
        part.push_str(&format!(
            "| `{}` | {}{required} | `{}` |\n",
            it.name,
            cell(it.about),
            cell(it.example)
        ));
    }
    part.push_str("\n## What the columns mean\n\n| column | meaning |\n|---|---|\n");
    for (name, _, meaning) in report.columns {
        part.push_str(&format!("| `{name}` | {} |\n", cell(meaning)));
    }
    part.push('\n');
    part
}
