//! `gatebook rejections`: what could not be read, to look at and to produce again.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{HumanBytes, HumanCount};
use ingest::{ReplayPlan, replay};
use lake::{Address, Book, Rejected, Wanted};
use query::RejectionsParameters;
use schemas::Reason;
use tokio::runtime::Handle;

use super::answer;
use crate::config::Config;
use crate::progress::Progress;
use crate::signal;
use crate::table::NONE;

const EXAMPLES: &str = "\
Examples:
  gatebook rejections list                                the newest hundred
  gatebook rejections list --reason bad-time --from 2026-03-01 --format json
  gatebook rejections show auth-events:0:1234             one of them, with its bytes
  gatebook rejections replay --reason bad-time --dry-run  what would be produced again
  gatebook rejections replay auth-events:0:1234           one of them, to the topic it came from";

/// Bytes in a line of a hex dump.
const DUMP_LINE_BYTES: usize = 16;

/// Arguments of `gatebook rejections`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do with them.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them, newest first, without their bytes
    #[command(before_help = EXAMPLES)]
    List(ListArgs),
    /// Show one with its bytes, which may hold personal data
    #[command(before_help = EXAMPLES)]
    Show {
        /// Where the record was; TOPIC is a name or an id
        #[arg(value_name = "TOPIC:PARTITION:OFFSET[:ELEMENT]")]
        address: Address,
    },
    /// Produce their records again to the topics they came from; the rejections stay in the book
    ///
    /// A record that is replayed twice lands twice. The copy names its rejection in the header
    /// gatebook-replay-of; it has no key, and the time of sending as its timestamp.
    #[command(before_help = EXAMPLES)]
    Replay(ReplayArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only those of this reason
    #[arg(long, value_parser = reason_parser())]
    reason: Option<Reason>,

    /// From when Kafka had received them: 2026-03-01 or 2026-03-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,

    /// Until when, itself not included
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<DateTime<Utc>>,

    /// How many at most
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    limit: u32,

    #[command(flatten)]
    output: answer::OutputArgs,
}

#[derive(Debug, clap::Args)]
struct ReplayArgs {
    /// Those of this reason
    #[arg(long, value_parser = reason_parser(), conflicts_with = "addresses")]
    reason: Option<Reason>,

    /// These; TOPIC is a name or an id
    #[arg(value_name = "TOPIC:PARTITION:OFFSET[:ELEMENT]", required_unless_present = "reason")]
    addresses: Vec<Address>,

    /// Send nothing: print what would be sent, and what cannot be
    #[arg(long)]
    dry_run: bool,
}

/// Runs `gatebook rejections`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    match args.action {
        Action::List(args) => {
            let ListArgs { reason, from, to, limit, output } = args;
            let parameters = RejectionsParameters { reason, from, to, limit: Some(limit) };
            answer::print(&config, &output, async |session| query::rejections(session, &parameters).await)
        }
        Action::Show { address } => show(address, &config).await,
        Action::Replay(args) => produce_again(args, config).await,
    }
}

async fn show(address: Address, config: &Config) -> anyhow::Result<()> {
    let book = Book::open(&config.lake.location).await?;
    let wanted = Wanted { reason: None, addresses: vec![address.clone()] };
    let mut found: Vec<Rejected> = Vec::new();
    book.rejections(&wanted, |rejected| {
        found.push(rejected);
        ControlFlow::Continue(())
    })
    .await?;
    found.sort_by(|one, other| (&one.id, one.element_index).cmp(&(&other.id, other.element_index)));
    if found.is_empty() {
        bail!("look for it with `gatebook rejections list`: there is no rejection at {address}");
    }
    let mut out = io::stdout().lock();
    for (index, rejected) in found.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_rejected(rejected, &mut out)?;
    }
    Ok(out.flush()?)
}

fn write_rejected(rejected: &Rejected, out: &mut impl Write) -> io::Result<()> {
    let received = rejected.received_at_us.and_then(DateTime::from_timestamp_micros);
    let bytes = match &rejected.raw {
        Some(raw) if rejected.redacted => format!("{}, redacted", raw.len()),
        Some(raw) => raw.len().to_string(),
        None => "none: a tombstone".to_owned(),
    };
    let lines = [
        (
            "place",
            format!(
                "{}:{}:{}:{}",
                rejected.topic, rejected.id.partition, rejected.offset, rejected.element_index
            ),
        ),
        ("topic id", rejected.id.topic_id.clone()),
        ("received", received.map_or(NONE.to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))),
        ("reason", rejected.reason.clone()),
        ("field", rejected.field.clone().unwrap_or(NONE.to_owned())),
        ("detail", rejected.detail.clone()),
        ("bytes", bytes),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<10}{value}")?;
    }
    let raw = rejected.raw.as_deref().unwrap_or_default();
    match std::str::from_utf8(raw) {
        Ok("") => Ok(()),
        // Other control characters could steer the terminal.
        Ok(text) if !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
            writeln!(out, "\n{text}")
        }
        _ => write!(out, "\n{}", hex_dump(raw)),
    }
}

/// Offset, bytes, and those that are printable ASCII, as `xxd` shows them.
fn hex_dump(bytes: &[u8]) -> String {
    let line = |(index, line): (usize, &[u8])| {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String = line
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        let width = DUMP_LINE_BYTES * 3 - 1;
        format!("{:08x}  {:<width$}  {ascii}\n", index * DUMP_LINE_BYTES, hex.join(" "))
    };
    bytes.chunks(DUMP_LINE_BYTES).enumerate().map(line).collect()
}

async fn produce_again(args: ReplayArgs, config: Config) -> anyhow::Result<()> {
    let wanted = Wanted { reason: args.reason, addresses: args.addresses };
    let book = Book::open(&config.lake.location).await?;
    let mut lines = String::new();
    let plan = ReplayPlan::of(&book, &wanted, &mut |rejected| {
        if args.dry_run {
            lines.push_str(&plan_line(rejected));
        }
    })
    .await?;
    if args.dry_run {
        io::stdout().lock().write_all(lines.as_bytes())?;
    }
    let refused: Vec<String> = plan
        .refused
        .iter()
        .map(|(why, count)| format!("{} cannot be sent: {why}", HumanCount(*count)))
        .collect();
    // A closed standard error must not turn what is done into a failure.
    let say = |text: &str| drop(writeln!(io::stderr(), "{text}"));
    refused.iter().for_each(|line| say(line));
    let unit = if plan.records == 1 { "record" } else { "records" };
    let planned = format!("{} {unit}, {}", HumanCount(plan.records), HumanBytes(plan.bytes));
    if args.dry_run {
        say(&format!("would send {planned}; without --dry-run they are sent"));
        return Ok(());
    }
    let sent = send(book, wanted, config, plan.records).await?;
    say(&format!("sent {} of {planned}; the next ingest reads them again", HumanCount(sent)));
    Ok(())
}

async fn send(book: Book, wanted: Wanted, config: Config, records: u64) -> anyhow::Result<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    tokio::spawn(async move {
        signal::stop().await?;
        stopping.store(true, Ordering::Relaxed);
        Ok::<_, io::Error>(())
    });
    let runtime = Handle::current();
    let sent = tokio::task::spawn_blocking(move || {
        let mut shown = Progress::new("records", Some(records));
        replay(&book, &wanted, &config.kafka, &runtime, &stop, &mut |sent| shown.set(sent))
    });
    Ok(sent.await??)
}

fn plan_line(rejected: &Rejected) -> String {
    let what = match rejected.whole() {
        Ok(raw) => format!("{} bytes", raw.len()),
        Err(why) => format!("cannot be sent: {why}"),
    };
    let (topic, partition, offset) = (&rejected.topic, rejected.id.partition, rejected.offset);
    format!("{topic}:{partition}:{offset}:{}  {}  {what}\n", rejected.element_index, rejected.reason)
}

fn reason_parser() -> impl TypedValueParser<Value = Reason> {
    let find = |name: String| {
        Reason::ALL.iter().copied().find(|reason| reason.as_str() == name).ok_or("no such reason")
    };
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.as_str())).try_map(find)
}

/// RFC 3339, or a day, which starts at midnight UTC.
fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let day = text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let whole = || DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
    day.or_else(|_| whole()).map_err(|_| "give a day or a time with its zone, such as 2026-03-01T08:00:00Z")
}

#[cfg(test)]
mod tests {
    use lake::PartitionId;

    use super::*;

    fn rejected(raw: Option<&[u8]>, redacted: bool) -> Rejected {
        Rejected {
            topic: "auth".into(),
            id: PartitionId { topic_id: "id".into(), partition: 3 },
            offset: 10,
            element_index: 0,
            received_at_us: Some(1_800_000_000_000_000),
            reason: "not-json".into(),
            field: None,
            detail: "no JSON from byte 0 on".into(),
            raw: raw.map(<[u8]>::to_vec),
            redacted,
        }
    }

    #[track_caller]
    fn check(raw: Option<&[u8]>, end: &str) {
        let mut shown = Vec::new();
        write_rejected(&rejected(raw, false), &mut shown).expect("written");
        let shown = String::from_utf8(shown).expect("text");
        let head = "place     auth:3:10:0\ntopic id  id\nreceived  2027-01-15T08:00:00Z\nreason    not-json\n\
                    field     -\ndetail    no JSON from byte 0 on\nbytes     ";
        assert_eq!(shown.strip_prefix(head), Some(end), "{shown}");
    }

    #[test]
    fn text_is_shown_as_text_and_anything_else_as_a_dump() {
        check(Some("grüß\tGott".as_bytes()), "11\n\ngrüß\tGott\n");
        let dump = "00000000  1b 5b 32 4a ff                                   .[2J.\n";
        check(Some(b"\x1b[2J\xff"), &format!("5\n\n{dump}"));
        check(Some(b"\x1b[2J"), "4\n\n00000000  1b 5b 32 4a                                      .[2J\n");
        check(Some(b""), "0\n");
        check(None, "none: a tombstone\n");
    }

    #[test]
    fn a_dry_run_says_what_would_be_sent_and_what_cannot() {
        assert_eq!(plan_line(&rejected(Some(b"12345"), false)), "auth:3:10:0  not-json  5 bytes\n");
        let redacted = plan_line(&rejected(Some(b"12345"), true));
        assert_eq!(
            redacted,
            "auth:3:10:0  not-json  cannot be sent: its bytes were redacted when it was stored\n"
        );
        assert!(plan_line(&rejected(None, false)).ends_with("tombstone\n"));
    }
}
