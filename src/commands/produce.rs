//! `gatebook produce`: sends a file, standard input or synthetic traffic to a topic.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use indicatif::{HumanBytes, HumanCount};
use ingest::{Input, LoadCurve, Production, Sent, Traffic, produce};

use crate::config::Config;
use crate::progress::Progress;
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook produce --topic auth-events --rate 100             traffic, until Ctrl-C
  gatebook produce --topic auth-events --count 1000000        a million events, as fast as it goes
  gatebook produce --topic auth-events events.jsonl           a file, one record a line
  zcat old.gz | gatebook produce --topic auth-events -        standard input
  gatebook produce --topic auth-events --count 100000 --from 2026-01-01 --to 2026-02-01
                                                              a month of traffic
  gatebook produce --topic old-events --timestamp-from occurred_at history.jsonl
                                                              history, with Kafka's timestamps of then";

/// Arguments of `gatebook produce`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// A file with one record a line, sent as it is; `-` is standard input; without it synthetic traffic
    file: Option<PathBuf>,

    /// The topic to send to
    #[arg(long)]
    topic: String,

    /// Records a second; 0 is as fast as it goes
    #[arg(long, default_value_t = 0, value_name = "RECORDS")]
    rate: u32,

    /// The field whose RFC 3339 time becomes Kafka's timestamp of the record. Kafka expires old ones soon,
    /// unless the topic's retention is long
    #[arg(long, value_name = "FIELD")]
    timestamp_from: Option<String>,

    /// How many synthetic events; without it they go on until Ctrl-C
    #[arg(long, value_name = "EVENTS", conflicts_with = "file")]
    count: Option<u64>,

    /// The same seed gives the same events, if --from and --to are given the same too
    #[arg(long, conflicts_with = "file")]
    seed: Option<u64>,

    /// Spread the events over the time from here, as working days would: 2026-03-01 or
    /// 2026-03-01T08:00:00Z; without it they occur when they are sent
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "count", conflicts_with = "file")]
    from: Option<DateTime<Utc>>,

    /// … to here, which is not included; without it to now
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "from")]
    to: Option<DateTime<Utc>>,
}

/// Runs `gatebook produce`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let count = args.count;
    let topic = args.topic.clone();
    let (input, origin) = input(&args)?;
    let production = Production {
        kafka: config.kafka,
        topic: args.topic,
        input,
        rate: args.rate,
        may_send: None,
        timestamp_from: args.timestamp_from,
    };
    let stop = Arc::new(AtomicBool::new(false));
    tokio::spawn(set_on_signal(Arc::clone(&stop)));
    let sent = tokio::task::spawn_blocking(move || {
        let mut shown = Progress::new("records", count);
        produce(production, &stop, &mut |delivered| shown.set(delivered))
    });
    let sent = sent.await??;
    // A closed standard error must not turn what was sent into a failure.
    let _ = writeln!(io::stderr(), "{}", summary(&sent, &topic, &origin));
    Ok(())
}

/// Where the records come from, and how to call it.
fn input(args: &Args) -> anyhow::Result<(Input, String)> {
    if let Some(path) = &args.file {
        let reader: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(
                File::open(path)
                    .with_context(|| format!("give a file that can be read: {}", path.display()))?,
            )
        };
        return Ok((Input::Lines(reader), format!("from {}", path.display())));
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let count = args.count.unwrap_or(u64::MAX);
    let now_us = || Utc::now().timestamp_micros();
    let moments: Box<dyn Iterator<Item = i64> + Send> = match args.from {
        Some(from) => {
            let to_us = args.to.map_or_else(now_us, |to| to.timestamp_micros());
            Box::new(LoadCurve::new(seed, from.timestamp_micros(), to_us, count))
        }
        None => Box::new((0..count).map(move |_| now_us())),
    };
    Ok((Input::Traffic { traffic: Traffic::new(seed), moments }, format!("of seed {seed}")))
}

/// Sets the flag on a stop signal: what was read is sent, then the command ends.
async fn set_on_signal(stop: Arc<AtomicBool>) -> io::Result<()> {
    signal::stop().await?;
    stop.store(true, Ordering::Relaxed);
    Ok(())
}

fn summary(sent: &Sent, topic: &str, origin: &str) -> String {
    let seconds = sent.elapsed.as_secs_f64().max(0.001);
    let rate = HumanCount((sent.delivered as f64 / seconds) as u64);
    let (count, bytes) = (HumanCount(sent.delivered), HumanBytes(sent.input_bytes));
    let without = match sent.without_timestamp {
        0 => String::new(),
        without => format!("; {} without a time of their own got the time of sending", HumanCount(without)),
    };
    let noun = if sent.delivered == 1 { "record" } else { "records" };
    format!("sent {count} {noun} {origin} ({bytes}) to {topic} in {seconds:.1} s, {rate} a second{without}")
}

fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let of_day = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .or_else(|_| text.parse().map(of_day))
        .map_err(|_| "write a day, 2026-03-01 (UTC), or a time with its zone, 2026-03-01T08:00:00Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_summary_tells_what_a_reader_asks_first() {
        let mut sent = Sent {
            delivered: 1_000_000,
            input_bytes: 450_000_000,
            without_timestamp: 0,
            elapsed: Duration::from_millis(2500),
        };
        let expected = "sent 1,000,000 records of seed 7 (429.15 MiB) to auth in 2.5 s, 400,000 a second";
        assert_eq!(summary(&sent, "auth", "of seed 7"), expected);
        sent.without_timestamp = 2;
        assert!(
            summary(&sent, "auth", "from -")
                .ends_with("; 2 without a time of their own got the time of sending")
        );
    }

    #[test]
    fn a_day_starts_at_midnight_utc() {
        assert_eq!(moment("2026-03-01"), moment("2026-03-01T01:00:00+01:00"));
        assert!(moment("2026-03-01T08:00:00").is_err());
        assert!(moment("yesterday").is_err());
    }
}
