//! How fast one core reads events: `cargo run -p schemas --release --example decode_speed [NAME [ROUNDS]]`,
//! where a name restricts it to one of the three measurements, for a profiler.
//!
//! Prints events a second for the decoder alone (`decode`), for the decoder and the column builders (`build`),
//! and for the decoder with its JSON parser and without its scanner (`parse`). The records look like real traffic: three in ten are denied, so keys come
//! and go, and the method decides which optional keys there are.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[path = "common/mod.rs"]
mod common;

use std::hint::black_box;

use common::{LIMITS, NOW_US, cpu_seconds, place};
use schemas::gatebook::GatebookDecoder;
use schemas::{Element, EventBuilder, Fields, Record, UnknownCounts};

const RECORD_COUNT: usize = 20_000;
const ROUNDS: usize = 50;

fn main() {
    let records: Vec<String> = (0..RECORD_COUNT).map(record).collect();
    let bytes: usize = records.iter().map(String::len).sum();
    println!("{RECORD_COUNT} records of {} bytes on average", bytes / RECORD_COUNT);
    let fields = Fields::ALL;
    measure("decode", &records, GatebookDecoder::new(&fields), None);
    measure("build", &records, GatebookDecoder::new(&fields), Some(EventBuilder::new(&fields)));
    measure("parse", &records, GatebookDecoder::without_scanner(&fields), None);
}

fn measure(name: &str, records: &[String], mut decoder: GatebookDecoder, mut builder: Option<EventBuilder>) {
    let mut counts = UnknownCounts::default();
    let mut rejection_count = 0;
    if std::env::args().nth(1).is_some_and(|wanted| wanted != name) {
        return;
    }
    let rounds = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let start_s = cpu_seconds();
    for _ in 0..rounds {
        for (offset, record) in records.iter().enumerate() {
            let record = Record { value: Some(record.as_bytes()), timestamp_us: Some(NOW_US) };
            decoder.decode(&record, &LIMITS, &mut counts, &mut |_, element| match (&element, &mut builder) {
                (Element::Event(event), Some(builder)) => {
                    builder.append(event, &place(offset), "gatebook", GatebookDecoder::NAME);
                }
                (Element::Event(_), None) => {
                    black_box(&element);
                }
                _ => rejection_count += 1,
            });
        }
        if let Some(builder) = &mut builder {
            black_box(builder.finish());
        }
    }
    let seconds = cpu_seconds() - start_s;
    let events = (records.len() * rounds) as f64;
    println!("{name:>8}: {:>9.0} events/s ({:.0} ns each)", events / seconds, seconds / events * 1e9);
    assert_eq!(rejection_count, 0, "every record is an event");
}

fn record(index: usize) -> String {
    // Digits that look random and are the same in every run.
    let noise = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (method, extra) = match index % 3 {
        0 => ("voice-call", format!(r#""phone_number":"+1 555 {:07}""#, noise % 10_000_000)),
        1 => ("text-message", format!(r#""phone_number":"+1 555 {:07}""#, noise % 10_000_000)),
        _ => ("mobile-app-notification", format!(r#""device_token":"{noise:016x}""#)),
    };
    let result = match noise % 10 {
        0..7 => r#""success""#,
        7 | 8 => r#""denied","denial_reason":"no-response""#,
        _ => r#""denied","denial_reason":"user-declined""#,
    };
    format!(
        r#"{{"event_id":"{noise:016x}{:016x}","occurred_at":"2026-02-{:02}T{:02}:{:02}:{:02}.{:03}Z","tenant_id":"tenant-{:03}","user_id":"user{:06}@example.com","first_name":"Maria","last_name":"Rodriguez","email":"user{:06}@example.com",{extra},"method":"{method}","mode":"standard","result":{result},"server_name":"mfa-server-{:02}","server_ip":"10.1.2.{}","client_ip":"203.0.113.{}","application":"vpn-gateway"}}"#,
        noise.rotate_left(17),
        index % 28 + 1,
        noise % 24,
        noise % 60,
        index % 60,
        noise % 1000,
        noise % 200,
        noise % 500_000,
        noise % 500_000,
        noise % 16,
        noise % 16,
        noise % 250,
    )
}
