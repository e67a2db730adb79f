//! The reports' pages say what the code says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{REPORTS, Report};

/// Between these lines a page says what the code says.
const MARKS: (&str, &str) = ("<!-- as in the code -->\n", "<!-- until here -->\n");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reports")
}

/// Definition, parameters and columns, as a page has them.
fn told(report: &Report) -> String {
    let mut text = format!("\n## Definition\n\n{}\n\n## What it takes\n\n", report.definition);
    text += "| parameter | for example | |\n|---|---|---|\n";
    for parameter in report.parameters() {
        let person = if parameter.is_personal() {
            " Names a person: over HTTP only in the body of a POST."
        } else {
            ""
        };
        let words = parameter.words().filter(|words| words.len() <= 10);
        let words = words.map_or(String::new(), |words| format!(" One of {}.", words.join(", ")));
        let row = format!(
            "| `{}` | `{}` | {}{words}{person} |",
            parameter.name, parameter.example, parameter.about
        );
        let _ = writeln!(text, "{row}");
    }
    text += "\n## Columns\n\n| column | type | |\n|---|---|---|\n";
    for (name, column_type, meaning) in report.columns {
        let _ = writeln!(text, "| `{name}` | {column_type} | {meaning} |");
    }
    text + "\n"
}

/// `GATEBOOK_UPDATE=1 cargo test` writes the pages anew; look at what changed before you commit it.
#[test]
fn each_page_says_what_the_code_says() {
    let pages =
        std::fs::read_dir(folder()).expect("docs/reports is there").map(|page| page.expect("a page").path());
    let mut names = Vec::new();
    for page in pages {
        let name = page.file_stem().expect("a name").to_string_lossy().into_owned();
        let report = Report::named(&name).unwrap_or_else(|| panic!("{name} is a report"));
        let text = std::fs::read_to_string(&page).expect("reads");
        let (before, rest) = text.split_once(MARKS.0).unwrap_or_else(|| panic!("{name}: {:?}", MARKS.0));
        let (_, after) = rest.split_once(MARKS.1).unwrap_or_else(|| panic!("{name}: {:?}", MARKS.1));
        let expected = format!("{before}{}{}{}{after}", MARKS.0, told(report), MARKS.1);
        if std::env::var_os("GATEBOOK_UPDATE").is_some() {
            std::fs::write(&page, &expected).expect("writes");
        } else {
            assert_eq!(
                text, expected,
                "docs/reports/{name}.md is out of date: run GATEBOOK_UPDATE=1 cargo test --workspace --lib"
            );
        }
        names.push(name);
    }
    let all = REPORTS.iter().map(|report| report.name);
    let missing: Vec<&str> = all.filter(|name| !names.iter().any(|it| it == name)).collect();
    assert_eq!(missing, [""; 0]);
}
