//! `gatebook decode`: what a file of a source's records would become, without Kafka and without a book.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use schemas::{
    Change, Decoder, Element, Event, Maps, Record, Rejection, Source, Step, TimeLimits, UnknownCounts,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::exit::Usage;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  gatebook decode --source duo authlogs.json                 how many events, of which outcomes, and what was not read
  gatebook decode --source entra --format ndjson signins.json | head
                                                             each element, with the columns that it would have
  gatebook decode --source mfa-server export.csv";

/// Rejections that are shown.
const SHOWN_MAX: usize = 10;

/// Lines of a CSV file that are read as one record, under the file's head line.
const CSV_LINES: usize = 500;

/// Arguments of `gatebook decode`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The product whose records these are
    #[arg(long, value_parser = source)]
    source: Source,

    /// One record a line, a JSON array, an API's response, or a product's CSV; `-` is standard input
    file: PathBuf,

    /// What is printed
    #[arg(long, value_enum, default_value = "summary")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Counts, and the first records that could not be read
    Summary,
    /// A JSON object for each element
    Ndjson,
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
        format!("give one of {}", known.join(", "))
    })
}

/// Runs `gatebook decode`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let bytes = read(&args.file)?;
    let mut decoder = Decoder::new(args.source, &Maps::default());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut summary = Summary::default();
    let mut unknown = UnknownCounts::default();
    for (line, record) in records(&bytes, args.source) {
        let mut written = Ok(());
        let mut elements = 0;
        let record = Record { value: Some(&record), timestamp_us: None };
        // However old or new: nothing is landed.
        let limits =
            TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: Utc::now().timestamp_micros() };
        decoder.decode(&record, &limits, &mut unknown, &mut |index, element| {
            elements += 1;
            summary.take_in(line, index, &element);
            if let (Format::Ndjson, Ok(())) = (args.format, &written) {
                written = writeln!(out, "{}", described(line, index, &element));
            }
        });
        summary.records += 1;
        if elements == 0 {
            summary.empty_records += 1;
            if let Format::Ndjson = args.format {
                written = writeln!(out, "{}", described(line, 0, &Element::Skipped("empty")));
            }
        }
        written?;
    }
    if let Format::Summary = args.format {
        write!(out, "{}", summary.text(&unknown))?;
    }
    out.flush()?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        let advice = || Usage(format!("choose another file: {} cannot be read", path.display()));
        bytes = fs::read(path).with_context(advice)?;
    }
    Ok(bytes)
}

/// The records of a file, each with the line at which it begins.
fn records(bytes: &[u8], source: Source) -> Vec<(usize, Vec<u8>)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_json = bytes.trim_ascii_start().starts_with(b"{") || bytes.trim_ascii_start().starts_with(b"[");
    if !is_json && source == Source::MfaServer {
        return csv_records(bytes);
    }
    if is_json && let Some(values) = json_values(bytes) {
        let mut line = Line::default();
        return values.into_iter().map(|(at, text)| (line.at(bytes, at), text.to_vec())).collect();
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(index, line)| (index + 1, line.to_vec())).collect()
}

/// The JSON values of a text, one after the other, of lists each item; none where one of them is no JSON, as a line can
/// be that is to be rejected alone.
fn json_values(bytes: &[u8]) -> Option<Vec<(usize, &[u8])>> {
    let mut values = Vec::new();
    let mut at = 0;
    let mut is_list = false;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b',' if is_list => at += 1,
            b'[' if !is_list => (at, is_list) = (at + 1, true),
            b']' if is_list => (at, is_list) = (at + 1, false),
            _ => {
                let mut value = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<IgnoredAny>();
                value.next()?.ok()?;
                let end = at + value.byte_offset();
                values.push((at, &bytes[at..end]));
                at = end;
            }
        }
    }
    (!is_list).then_some(values)
}

/// Counts lines up to places that come in their order.
#[derive(Default)]
struct Line {
    ends: usize,
    at: usize,
}

impl Line {
    fn at(&mut self, bytes: &[u8], at: usize) -> usize {
        self.ends += bytes[self.at..at].iter().filter(|byte| **byte == b'\n').count();
        self.at = at;
        self.ends + 1
    }
}

/// Pieces of a CSV file, each under the file's head line. A line's end within quotes stays in its piece.
fn csv_records(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut rows: Vec<(usize, &[u8])> = Vec::new();
    let (mut begins, mut line, mut begins_line, mut is_quoted) = (0, 1, 1, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' => {
                line += 1;
                if !is_quoted {
                    rows.push((begins_line, &bytes[begins..=at]));
                    (begins, begins_line) = (at + 1, line);
                }
            }
            _ => {}
        }
    }
    rows.push((begins_line, &bytes[begins..]));
    rows.retain(|(_, row)| !row.trim_ascii().is_empty());
    let Some(((_, head), rows)) = rows.split_first() else { return Vec::new() };
    let piece = |rows: &[(usize, &[u8])]| {
        let texts: Vec<&[u8]> = rows.iter().map(|(_, row)| *row).collect();
        (rows[0].0, [head.to_vec(), texts.concat()].concat())
    };
    rows.chunks(CSV_LINES).map(piece).collect()
}

/// What a file would become.
#[derive(Default)]
struct Summary {
    records: u64,
    empty_records: u64,
    /// By kind, and by what is said of it.
    counts: BTreeMap<(&'static str, String), u64>,
    /// The first rejections.
    rejected: Vec<String>,
}

impl Summary {
    fn take_in(&mut self, line: usize, index: u32, element: &Element<'_>) {
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

    fn text(&self, unknown: &UnknownCounts) -> String {
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

/// An element as JSON.
fn described(line: usize, index: u32, element: &Element<'_>) -> Value {
    let (kind, mut object) = match element {
        Element::Event(event) => ("event", event_object(event)),
        Element::Change(change) => ("change", change_object(change)),
        Element::Skipped(kind) => ("skipped", json!({"skipped_as": kind})),
        Element::Rejection(rejection) => ("rejected", rejection_object(rejection)),
    };
    object["kind"] = kind.into();
    object["line"] = line.into();
    object["element_index"] = index.into();
    object
}

fn event_object(event: &Event<'_>) -> Value {
    json!({
        "event_id": event.event_id,
        "occurred_at": moment(event.occurred_at_us),
        "tenant_id": event.tenant_id,
        "user_id": event.user_id,
        "first_name": event.first_name,
        "last_name": event.last_name,
        "email": event.email,
        "phone_number": event.phone_number,
        "device_token": event.device_token,
        "user_key": event.user_key,
        "method": event.method.map(|method| method.as_str()),
        "mode": event.mode.map(|mode| mode.as_str()),
        "result": event.result.as_str(),
        "denial_reason": event.denial_reason.map(|reason| reason.as_str()),
        "reason_group": event.denial_reason.map(|reason| reason.group().as_str()),
        "result_code": event.result_code,
        "result_detail": event.result_detail,
        "stage": event.stage.as_str(),
        "assurance": event.assurance.as_str(),
        "prompts": event.prompts,
        "steps": event.steps.iter().map(step_object).collect::<Vec<_>>(),
        "server_name": event.server_name,
        "server_ip": event.server_ip,
        "unknown_values": event.unknown_values,
        "client_ip": event.client_ip,
        "application": event.application,
        "client_app": event.client_app,
        "protocol": event.protocol,
        "authenticator_id": event.authenticator_id,
        "sender": event.sender,
        "attempt_id": event.attempt_id,
    })
}

fn step_object(step: &Step<'_>) -> Value {
    json!({
        "at": step.at_us.map(moment),
        "method": step.method.map(|method| method.as_str()),
        "result": step.result.map(|result| result.as_str()),
        "reason": step.reason.map(|reason| reason.as_str()),
        "code": step.code,
        "detail": step.detail,
        "device": step.device,
    })
}

fn change_object(change: &Change<'_>) -> Value {
    json!({
        "change": change.change.as_str(),
        "occurred_at": moment(change.occurred_at_us),
        "tenant_id": change.tenant_id,
        "user_id": change.user_id,
        "user_key": change.user_key,
        "actor": change.actor,
        "method": change.method.map(|method| method.as_str()),
        "reason": change.reason,
        "until": change.until_us.map(moment),
        "client_ip": change.client_ip,
        "result_code": change.result_code,
        "result_detail": change.result_detail,
    })
}

fn rejection_object(rejection: &Rejection<'_>) -> Value {
    let detail = rejection.detail.as_ref();
    let (found, expected) = match detail.split_once("expected ") {
        Some((found, expected)) => {
            let found = found.trim_start_matches("found ").trim_end_matches(|sign| " ,;".contains(sign));
            (Some(found).filter(|found| !found.is_empty()), Some(expected))
        }
        None => (Some(detail), None),
    };
    json!({
        "reason": rejection.reason.as_str(),
        "field": rejection.field,
        "found": found,
        "expected": expected,
    })
}

fn moment(us: i64) -> Option<String> {
    DateTime::from_timestamp_micros(us).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, source: Source, expected: &[(usize, &str)]) {
        let found = records(text.as_bytes(), source);
        let found: Vec<_> =
            found.iter().map(|(line, record)| (*line, std::str::from_utf8(record).expect("text"))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn files_of_each_shape_are_cut_into_records() {
        check("{\"a\":1}\n\n{\"a\":2}\n", Source::Duo, &[(1, "{\"a\":1}"), (3, "{\"a\":2}")]);
        check("\u{feff}[{\"a\":1},\n {\"a\":2}]", Source::Duo, &[(1, "{\"a\":1}"), (2, "{\"a\":2}")]);
        check("[{\"a\":1},{\"a\":2}]\n", Source::Duo, &[(1, "{\"a\":1}"), (1, "{\"a\":2}")]);
        check(
            "{\n \"a\": 1\n}\n{\n \"a\": 2\n}",
            Source::Duo,
            &[(1, "{\n \"a\": 1\n}"), (4, "{\n \"a\": 2\n}")],
        );
        check("{\"a\":1}\n{broken\n", Source::Duo, &[(1, "{\"a\":1}"), (2, "{broken")]);
        check("type=LOGIN\ntype=LOGOUT", Source::Keycloak, &[(1, "type=LOGIN"), (2, "type=LOGOUT")]);
        check(
            "User,Result\nada,\"a\nb\"\nbob,c\n",
            Source::MfaServer,
            &[(2, "User,Result\nada,\"a\nb\"\nbob,c\n")],
        );
    }

    #[test]
    fn a_rejection_tells_what_was_found_and_what_was_expected() {
        let of = |detail: &'static str| {
            rejection_object(&Rejection {
                reason: schemas::Reason::BadTime,
                field: Some("ts"),
                detail: detail.into(),
                raw: None,
            })
        };
        assert_eq!(
            of("found another text, expected a date"),
            json!({"reason": "bad-time", "field": "ts", "found": "another text", "expected": "a date"})
        );
        assert_eq!(of("expected a date")["found"], Value::Null);
        assert_eq!(of("no JSON from byte 3 on")["found"], json!("no JSON from byte 3 on"));
    }
}
