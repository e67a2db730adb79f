//! `gatebook status`: where each partition stands.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanDuration;
use ingest::status::{self, PartitionStatus};
use lake::{Book, PartitionTotals};

use crate::config::Config;
use crate::table::{NONE, Table};

const EXAMPLES: &str = "\
Examples:
  gatebook status              what the book holds and what waits in Kafka, by partition
  gatebook status --no-kafka   what the book holds, without asking Kafka";

/// The columns, of which all but the last three are counts.
const COLUMNS: &[&str] = &[
    "topic",
    "partition",
    "next offset",
    "records",
    "elements",
    "events",
    "duplicates",
    "conflicting ids",
    "changes",
    "rejections",
    "skipped",
    "unknown values",
    "unknown keys",
    "lag",
    "newest record",
    "last commit",
    "unread expires in",
];

/// Arguments of `gatebook status`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Do not ask Kafka: the lag and the time until records expire are left out
    #[arg(long)]
    no_kafka: bool,
}

/// Runs `gatebook status`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let book = Book::open(&config.lake.location).await?;
    let now = Utc::now();
    let of_book = status::of_book(&book).await?;
    if args.no_kafka {
        return print(&of_book, now);
    }
    match status::with_kafka(of_book.clone(), &config.kafka, &config.topics, now.timestamp_millis()).await {
        Ok(statuses) => print(&statuses, now),
        Err(error) => {
            // What the book holds is known all the same; the exit code says that the rest is not.
            print(&of_book, now)?;
            Err(error).context("look at Kafka, or leave it out with --no-kafka: the lag is not known")
        }
    }
}

fn print(statuses: &[PartitionStatus], now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut table = Table::new(COLUMNS);
    for status in statuses {
        table.row(cells(status, now));
    }
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    Ok(out.flush()?)
}

fn cells(status: &PartitionStatus, now: DateTime<Utc>) -> Vec<String> {
    let totals = status.totals.as_ref();
    let count =
        |of: fn(&PartitionTotals) -> i64| totals.map_or(NONE.to_owned(), |totals| of(totals).to_string());
    let ago = |moment_us: Option<i64>| match moment_us.and_then(DateTime::from_timestamp_micros) {
        Some(at) => format!("{} ({} ago)", at.to_rfc3339_opts(SecondsFormat::Secs, true), human(now - at)),
        None => NONE.to_owned(),
    };
    let expires = match status.waiting.map(|waiting| waiting.expires_in_ms) {
        Some(Some(ms)) if ms <= 0 => "now".to_owned(),
        Some(Some(ms)) => human(chrono::Duration::milliseconds(ms)),
        Some(None) | None => NONE.to_owned(),
    };
    vec![
        status.topic.clone(),
        status.id.partition.to_string(),
        count(|totals| totals.next_offset),
        count(|totals| totals.records),
        count(|totals| totals.elements),
        count(|totals| totals.events),
        count(|totals| totals.duplicates),
        count(|totals| totals.conflicting_ids),
        count(|totals| totals.changes),
        count(|totals| totals.rejections),
        count(|totals| totals.skipped),
        count(|totals| totals.unknown_values),
        count(|totals| totals.unknown_keys),
        status.waiting.map_or(NONE.to_owned(), |waiting| waiting.lag.to_string()),
        ago(totals.and_then(|totals| totals.received_at_us)),
        ago(totals.and_then(|totals| totals.committed_at_us)),
        expires,
    ]
}

/// A span of time in words, to whole units; a negative one, from clocks that differ, is none.
fn human(span: chrono::Duration) -> String {
    let seconds = u64::try_from(span.num_seconds()).unwrap_or(0);
    HumanDuration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use ingest::status::Waiting;
    use lake::PartitionId;

    use super::*;

    const NOW_US: i64 = 1_800_000_000_000_000;

    #[track_caller]
    fn check(totals: Option<PartitionTotals>, waiting: Option<Waiting>, expected: &[(&str, &str)]) {
        let id = PartitionId { topic_id: "id".to_owned(), partition: 3 };
        let status = PartitionStatus { topic: "auth".to_owned(), id, totals, waiting };
        let now = DateTime::from_timestamp_micros(NOW_US).expect("a moment");
        let cells = cells(&status, now);
        for (column, cell) in expected {
            let index = COLUMNS.iter().position(|name| name == column).expect("a column");
            assert_eq!(cells[index], *cell, "{column}");
        }
        assert_eq!(cells.len(), COLUMNS.len());
    }

    #[test]
    fn each_number_stands_under_its_name() {
        let totals = PartitionTotals {
            topic: "auth".to_owned(),
            first_offset: 5,
            next_offset: 105,
            records: 99,
            elements: 98,
            events: 90,
            duplicates: 4,
            conflicting_ids: 2,
            changes: 1,
            rejections: 6,
            skipped: 7,
            unknown_values: 8,
            unknown_keys: 9,
            committed_at_us: Some(NOW_US - 3_000_000),
            received_at_us: Some(NOW_US - 120_000_000),
        };
        check(
            Some(totals),
            Some(Waiting { lag: 11, expires_in_ms: Some(7_200_000) }),
            &[
                ("partition", "3"),
                ("next offset", "105"),
                ("records", "99"),
                ("elements", "98"),
                ("events", "90"),
                ("duplicates", "4"),
                ("conflicting ids", "2"),
                ("changes", "1"),
                ("rejections", "6"),
                ("skipped", "7"),
                ("unknown values", "8"),
                ("unknown keys", "9"),
                ("lag", "11"),
                ("newest record", "2027-01-15T07:58:00Z (2 minutes ago)"),
                ("last commit", "2027-01-15T07:59:57Z (3 seconds ago)"),
                ("unread expires in", "2 hours"),
            ],
        );
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_what_may_be_gone_is_now() {
        check(
            None,
            None,
            &[("records", "-"), ("lag", "-"), ("newest record", "-"), ("unread expires in", "-")],
        );
        let late = Waiting { lag: 1, expires_in_ms: Some(-5) };
        check(None, Some(late), &[("lag", "1"), ("unread expires in", "now")]);
    }
}
