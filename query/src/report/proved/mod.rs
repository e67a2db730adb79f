//! Every report is proved: its rows are what plain SQL over the raw book gives, folded by other code than the report's, for
//! random parameters, while the book changes.
//!
//! [`changing`] makes the book: late events, copies, later states, several partitions; merges, new readings, and what is
//! kept beside the book made anew. [`truth`] reads it by SQL over `events` and `changes` that knows nothing of what counts
//! but what window functions say. [`asked`] draws every parameter that a report declares. The other files say of each report
//! what its rows have to be. A report without an entry in [`PROVED`], a column that is not compared and a parameter that was
//! not looked at are failures.
//!
//! `GATEBOOK_PROVED_ROUNDS` says how many more rounds are tried, with other numbers; `GATEBOOK_PROVED_ONLY` names one report.

mod asked;
mod attacks;
mod changing;
mod clock;
mod counts;
mod evidence;
mod lists;
mod messages;
mod people;
mod speaking;
mod trail;
mod truth;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::asked::Asked;
use self::changing::Changing;
use self::truth::{Truth, told};
use super::REPORTS;
use crate::output::Format;
use crate::session::Session;
use crate::test_book::text;

/// What an answer has to be.
struct Expected {
    rows: Vec<Map<String, Value>>,
    /// Whether the definition says in which order.
    is_sorted: bool,
    /// Columns that are not compared: told in prose out of the others, or proved elsewhere.
    apart: &'static [&'static str],
    /// How the words begin by which it is refused.
    refused: Option<&'static str>,
}

impl Expected {
    fn sorted(rows: Vec<Map<String, Value>>) -> Self {
        Self { rows, is_sorted: true, apart: &[], refused: None }
    }

    fn in_any_order(rows: Vec<Map<String, Value>>, apart: &'static [&'static str]) -> Self {
        Self { rows, is_sorted: false, apart, refused: None }
    }

    fn refused(begins: &'static str) -> Self {
        Self { rows: Vec::new(), is_sorted: true, apart: &[], refused: Some(begins) }
    }
}

/// A row.
fn row<'a>(cells: impl IntoIterator<Item = (&'a str, Value)>) -> Map<String, Value> {
    cells.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

type Proof = fn(&Truth, &Asked) -> Expected;

/// What proves each report.
const PROVED: &[(&str, Proof)] = &[
    ("usage", counts::usage),
    ("denials", counts::denials),
    ("prompted", counts::prompted),
    ("license-usage", people::license_usage),
    ("throttling", people::throttling),
    ("migration", people::migration),
    ("telephony", messages::telephony),
    ("server-status", speaking::server_status),
    ("activity", lists::activity),
    ("changes", lists::changes),
    ("user-trail", trail::user_trail),
    ("exceptions", evidence::exceptions),
    ("mfa-evidence", evidence::mfa_evidence),
    ("suspicious", attacks::suspicious),
];

#[test]
fn each_report_is_proved() {
    let reports: BTreeSet<&str> = REPORTS.iter().map(|report| report.name).collect();
    let proved: BTreeSet<&str> = PROVED.iter().map(|(name, _)| *name).collect();
    assert_eq!(reports, proved, "add what the report's rows have to be");
}

#[tokio::test]
async fn with_one_partition_and_new_readings() {
    proves(&[1], 1).await;
}

#[tokio::test]
async fn with_several_partitions() {
    proves(&[2], 3).await;
}

/// Questions of each report at each stop.
const ASKS: usize = 2;

const STOPS: usize = 3;

/// Wrong answers that are shown.
const SHOWN_MAX: usize = 12;

async fn proves(seeds: &[u64], partitions: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let more = (0..number("GATEBOOK_PROVED_ROUNDS").unwrap_or(0)).map(|round| 1_000 * partitions + round);
    let only = std::env::var("GATEBOOK_PROVED_ONLY").ok();
    let (mut given, mut used) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong: Vec<(&str, String)> = Vec::new();
    for seed in seeds.iter().copied().chain(more) {
        let mut changing = Changing::new(seed, partitions).await;
        for stop in 0..STOPS {
            changing.goes_on(25).await;
            let session = changing.session();
            let truth = Truth::of(&session, changing.has_globex).await;
            for (report, proof) in
                REPORTS.iter().flat_map(|report| proof(report.name).map(|proof| (report, proof)))
            {
                for _ in 0..ASKS {
                    let asked = Asked::draw(&mut changing.draw, report);
                    if only.as_deref().is_none_or(|only| only == report.name) {
                        let found = compare(&session, &truth, &asked, proof).await;
                        given.extend(asked.given().map(|name| (report.name, name)));
                        used.extend(asked.used().into_iter().map(|name| (report.name, name)));
                        let why =
                            found.err().map(|error| format!("seed {seed}, stop {stop}: {asked}\n{error}"));
                        wrong.extend(why.map(|why| (report.name, why)));
                    }
                }
            }
        }
    }
    let forgotten: Vec<_> = given.difference(&used).collect();
    assert!(forgotten.is_empty(), "parameters that no proof looks at: {forgotten:?}");
    let reports: BTreeSet<&str> = wrong.iter().map(|(report, _)| *report).collect();
    let shown: Vec<&str> = wrong.iter().map(|(_, why)| why.as_str()).take(SHOWN_MAX).collect();
    assert!(wrong.is_empty(), "{} wrong answers of {reports:?}\n{}", wrong.len(), shown.join("\n\n"));
}

fn proof(name: &str) -> Option<Proof> {
    PROVED.iter().find(|(held, _)| *held == name).map(|(_, proof)| *proof)
}

/// Why an answer is not what it has to be.
async fn compare(session: &Session, truth: &Truth, asked: &Asked, proof: Proof) -> Result<(), String> {
    let expected = proof(truth, asked);
    let found = match (rows(session, asked).await, expected.refused) {
        (Err(error), Some(begins)) if error.starts_with(begins) => return Ok(()),
        (Ok(_), Some(begins)) => return Err(format!("not refused: {begins}")),
        (found, _) => found?,
    };
    let names: Vec<&str> = names(asked).into_iter().filter(|name| !expected.apart.contains(name)).collect();
    let missing = expected
        .rows
        .first()
        .into_iter()
        .flat_map(|row| names.iter().filter(|name| !row.contains_key(**name)));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        return Err(format!("nobody said what {missing:?} have to be"));
    }
    // Fractions are read again as those of the answer were: what reads JSON here does not give each its nearest number.
    let again = |row: &Map<String, Value>| {
        serde_json::from_str::<Map<String, Value>>(&Value::from(row.clone()).to_string())
    };
    let wanted: Vec<_> = expected.rows.iter().map(|row| again(row).expect("a row")).collect();
    let shown = |row: &Map<String, Value>| {
        let cells = names.iter().map(|name| (name, row.get(*name).unwrap_or(&Value::Null)));
        let told = cells.filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name}={value}"));
        told.collect::<Vec<_>>().join(" ")
    };
    let [mut found, mut wanted] = [&found, &wanted].map(|rows| rows.iter().map(shown).collect::<Vec<_>>());
    if !expected.is_sorted {
        found.sort();
        wanted.sort();
    }
    if found == wanted {
        return Ok(());
    }
    let lacks = |rows: &[String], others: &[String]| {
        let mut others = others.to_vec();
        let is_there = |row: &String| {
            others.iter().position(|other| other == row).map(|place| others.remove(place)).is_some()
        };
        let mut is_there = is_there;
        rows.iter().filter(|row| !is_there(row)).cloned().collect::<Vec<_>>().join("\n  ")
    };
    Err(format!("  found:\n  {}\n  expected:\n  {}", lacks(&found, &wanted), lacks(&wanted, &found)))
}

/// The columns of an answer.
fn names(asked: &Asked) -> Vec<&'static str> {
    let by = asked.by();
    let has_time = ["quarter_hour", "hour", "day", "week", "month"].iter().any(|name| by.contains(name));
    let groups = asked.report.groups().iter().map(|group| group.as_str()).filter(|name| by.contains(name));
    let columns = asked.report.columns.iter().map(|(name, ..)| *name).filter(|name| match *name {
        "start" | "end" => has_time || asked.report.name == "license-usage",
        "meaning" => asked.report.name != "denials" || by.contains(&"reason"),
        _ => true,
    });
    let names: BTreeSet<&str> = groups.chain(columns).collect();
    names.into_iter().collect()
}

/// The rows of an answer; of one that comes in pages, of all pages, the newest first.
async fn rows(session: &Session, asked: &Asked) -> Result<Vec<Map<String, Value>>, String> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let parameters = asked.parameters(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let json = text(asked.report.answer(session, &parameters).await, Format::Json).await;
        if let Some(error) = json.strip_prefix("error: ") {
            return Err(error.to_owned());
        }
        let answer: Value = serde_json::from_str(&json).map_err(|error| format!("{error}: {json}"))?;
        let page = answer["rows"].as_array().expect("rows").iter();
        rows.extend(page.map(|row| row.as_object().expect("a row").clone()));
        cursor = answer["coverage"]["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if asked.report.name == "activity" {
        let moments: Vec<_> = rows.iter().map(|row| told(&row["occurred_at"])).collect();
        assert!(moments.is_sorted_by(|one, next| one >= next), "the newest first: {asked}");
    }
    Ok(rows)
}
