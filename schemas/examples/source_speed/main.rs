//! How fast one core reads the logs of each source:
//! `cargo run -p schemas --release --example source_speed [NAME [ROUNDS]]`, where a name restricts it to the sources
//! whose name begins so, for a profiler.
//!
//! Prints elements a second for the decoder alone (`decode`), and for the decoder and the column builder (`build`). The
//! records have all the fields that such a log has; a third is denied. They stand in `records`, with words in `@` that
//! differ from record to record.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[path = "../common/mod.rs"]
mod common;

use std::hint::black_box;

use common::{LIMITS, NOW_US, cpu_seconds, place};
use schemas::{Decoder, Element, EventBuilder, Fields, Maps, Record, Source, UnknownCounts};

const ELEMENT_COUNT: usize = 6_000;
/// Rounds over all records in a pass: Linux counts a thread's time in steps of milliseconds.
const ROUNDS: usize = 10;
const PASSES: usize = 5;

/// How elements stand in a record.
#[derive(Clone, Copy)]
enum Shape {
    Alone,
    /// As many of one Azure Monitor record.
    Records(usize),
    /// As many of one table, under the head line that begins the templates.
    Table(usize),
}

const SOURCES: &[(&str, Source, Shape, &str)] = &[
    ("entra", Source::Entra, Shape::Alone, include_str!("records/entra_graph.jsonl")),
    ("entra-monitor", Source::Entra, Shape::Records(10), include_str!("records/entra_monitor.jsonl")),
    ("mfa-server-json", Source::MfaServer, Shape::Alone, include_str!("records/mfa_server.jsonl")),
    ("mfa-server-csv", Source::MfaServer, Shape::Table(20), include_str!("records/mfa_server.csv")),
    ("duo", Source::Duo, Shape::Alone, include_str!("records/duo.jsonl")),
    ("okta", Source::Okta, Shape::Alone, include_str!("records/okta.jsonl")),
    ("keycloak-json", Source::Keycloak, Shape::Alone, include_str!("records/keycloak.jsonl")),
    ("keycloak-line", Source::Keycloak, Shape::Alone, include_str!("records/keycloak.log")),
    ("o365", Source::O365, Shape::Alone, include_str!("records/o365.jsonl")),
    ("cloudtrail", Source::CloudTrail, Shape::Alone, include_str!("records/cloudtrail.jsonl")),
    ("ocsf", Source::Ocsf, Shape::Alone, include_str!("records/ocsf.jsonl")),
];

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let rounds = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    println!("{:<15} {:>6} {:>12} {:>12}", "source", "bytes", "decode/s", "build/s");
    for (name, source, shape, templates) in SOURCES {
        if !name.starts_with(&wanted) {
            continue;
        }
        let records = records(*shape, templates);
        let bytes = records.iter().map(String::len).sum::<usize>() / ELEMENT_COUNT;
        let decode = measure(*source, &records, rounds, None);
        let build = measure(*source, &records, rounds, Some(EventBuilder::new(&Fields::ALL)));
        println!("{name:<15} {bytes:>6} {decode:>12.0} {build:>12.0}");
    }
}

/// Elements a second of this thread's own time: the best pass counts, since a neighbour on the core slows the others.
fn measure(source: Source, records: &[String], rounds: usize, mut builder: Option<EventBuilder>) -> f64 {
    let mut decoder = Decoder::new(source, &Maps::default());
    let name = decoder.name();
    let mut counts = UnknownCounts::default();
    let mut best_s = f64::INFINITY;
    for _ in 0..PASSES {
        let mut element_count = 0;
        let start_s = cpu_seconds();
        for (offset, record) in (0..rounds).flat_map(|_| records.iter().enumerate()) {
            let record = Record { value: Some(record.as_bytes()), timestamp_us: Some(NOW_US) };
            decoder.decode(&record, &LIMITS, &mut counts, &mut |_, element| {
                let Element::Event(event) = &element else {
                    panic!("every element is an event: {element:?}")
                };
                element_count += 1;
                match &mut builder {
                    Some(builder) => builder.append(event, &place(offset), source.as_str(), name),
                    None => {
                        black_box(event);
                    }
                }
            });
        }
        if let Some(builder) = &mut builder {
            black_box(builder.finish());
        }
        best_s = best_s.min(cpu_seconds() - start_s);
        assert_eq!(element_count, ELEMENT_COUNT * rounds, "every element was read");
    }
    assert!(counts.is_empty(), "every word is known: {counts:?}");
    (ELEMENT_COUNT * rounds) as f64 / best_s
}

fn records(shape: Shape, templates: &str) -> Vec<String> {
    let mut templates: Vec<&str> = templates.lines().collect();
    let head = if let Shape::Table(_) = shape { templates.remove(0) } else { "" };
    let elements: Vec<String> =
        (0..ELEMENT_COUNT).map(|index| filled(templates[index % templates.len()], index)).collect();
    match shape {
        Shape::Alone => elements,
        Shape::Records(count) => {
            elements.chunks(count).map(|rows| format!(r#"{{"records":[{}]}}"#, rows.join(","))).collect()
        }
        Shape::Table(count) => {
            elements.chunks(count).map(|rows| format!("{head}\n{}\n", rows.join("\n"))).collect()
        }
    }
}

/// A template with values that look random and are the same in every run.
fn filled(template: &str, index: usize) -> String {
    let noise = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (day, hour, minute, second) = (index % 28 + 1, noise % 24, noise % 60, index % 60);
    let iso = format!("2026-02-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    let guid = |turn: u32| {
        let noise = noise.rotate_left(turn);
        let tail = noise >> 16;
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{tail:012x}",
            noise as u32,
            noise as u16,
            noise & 0xfff,
            tail & 0xfff
        )
    };
    let at_s = NOW_US / 1_000_000 - (noise % 1_000_000) as i64;
    [
        ("@GUID@", guid(0)),
        ("@GUID2@", guid(17)),
        ("@GUID3@", guid(31)),
        ("@USER@", format!("user{:06}@example.com", noise % 500_000)),
        ("@IP@", format!("203.0.113.{}", noise % 250)),
        ("@ISO@", format!("{iso}.{:07}", noise % 10_000_000)),
        ("@ISOS@", iso),
        ("@US@", format!("2/{day}/2026 {hour}:{minute:02}:{second:02} {half}")),
        ("@MS@", format!("{at_s}123")),
        ("@S@", at_s.to_string()),
        ("@N@", format!("{:07}", noise % 10_000_000)),
    ]
    .iter()
    .fold(template.to_owned(), |record, (word, value)| record.replace(word, value))
}
