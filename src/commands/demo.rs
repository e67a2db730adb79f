//! `gatebook demo`: a day of believable traffic with stories in it, from an embedded broker into a book, and what
//! can be asked.

use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use indicatif::HumanCount;
use ingest::{
    Control, EMBEDDED_RECORDS_MAX, EmbeddedBroker, Input, LoadCurve, Production, Story, Traffic, produce,
};
use query::output::Format;
use query::report::USAGE;
use tempfile::TempDir;
use tokio::signal::unix::SignalKind;

use super::answer::{self, OutputArgs};
use super::ingest::settings;
use crate::config::{Config, Environment, File};
use crate::progress::Progress;
use crate::service::{self, Api};
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook demo                            nothing else is needed; Ctrl-C ends it and deletes all it made
  gatebook demo --keep                     the same, and the lake stays
  gatebook demo --kafka localhost:9092     through a real Kafka, in a topic of its own";

/// The topic in the embedded broker.
const TOPIC: &str = "auth-events";
const PARTITIONS: u16 = 4;

/// Where people look for a web page, if it is free.
const PORT: u16 = 8080;

/// How long the last day may take to land.
const HISTORY_MAX: Duration = Duration::from_secs(300);

/// Arguments of `gatebook demo`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many events the last day had
    #[arg(long, default_value_t = 60_000, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(5_000..=10_000_000))]
    events: u64,

    /// How many events a second come after that
    #[arg(long, default_value_t = 20, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,

    /// A real Kafka to send through, HOST:PORT, in place of the embedded broker; its topic, gatebook-demo-…, stays
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,

    /// Keep the folder with the lake and its configuration
    #[arg(long)]
    keep: bool,
}

/// Runs `gatebook demo`.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    // Before the folder, so that it is deleted whenever the demo is stopped, also by a terminal that is closed.
    let stop = signal::listen(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])?;
    let mut stop = std::pin::pin!(stop);
    let folder =
        TempDir::with_prefix("gatebook-demo-").context("make room in the folder for temporary files")?;
    let folder = if args.keep { Folder::Kept(folder.keep()) } else { Folder::Deleted(folder) };
    // Dropped after everything that talks to it.
    let (broker, brokers, topic) = match &args.kafka {
        Some(brokers) => (None, brokers.clone(), format!("gatebook-demo-{}", rand::random::<u32>())),
        None => {
            let broker = EmbeddedBroker::start(TOPIC, PARTITIONS)
                .context("free a port of this machine: the embedded broker does not start")?;
            let brokers = broker.bootstrap_servers();
            (Some(broker), brokers, TOPIC.to_owned())
        }
    };
    let (config, path) = configure(folder.path(), &brokers, &topic)?;
    if args.kafka.is_some() {
        tokio::select! {
            created = ingest::create_topic(&config.kafka, &topic, PARTITIONS) => created?,
            () = &mut stop => return Ok(()),
        }
    }
    let api = Api::bind(&config, true).await?;
    say(&format!("broker  {brokers}{}\n", if broker.is_some() { "  (embedded, in memory)" } else { "" }));
    say(&format!("lake    {}  ({})\n", folder.path().display(), folder.fate()));
    let address = format!("http://{}", api.address());
    say(&format!("API     {address}/\n\n"));

    let (control, done) = (Control::default(), Arc::new(AtomicBool::new(false)));
    let ended = {
        let settings = settings(&config, Vec::new(), Vec::new());
        let running = service::run(&config, settings, control.clone(), api, None, stop);
        let shown = show(&args, &config, &path, &topic, &address, &control, &done);
        let mut running = std::pin::pin!(running);
        tokio::select! {
            ended = &mut running => ended,
            failed = shown => {
                // Traffic goes on until somebody stops it, so this is a failure.
                control.stop();
                let ended = running.await;
                failed.and(ended)
            }
        }
    };
    done.store(true, Ordering::Relaxed);
    drop(broker);
    if let Folder::Kept(kept) = &folder {
        say(&format!("\nkept: {}\n", kept.display()));
    }
    ended
}

/// The last day, what it was like, and traffic from then on.
async fn show(
    args: &Args,
    config: &Config,
    path: &Path,
    topic: &str,
    address: &str,
    control: &Control,
    done: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let (began, now) = (Instant::now(), Utc::now());
    let day_ago = now - TimeDelta::days(1);
    let (from_us, to_us) = (day_ago.timestamp_micros(), now.timestamp_micros());
    let (traffic, stories) = Traffic::new(u64::from(rand::random::<u32>())).with_stories(to_us);
    let told: u64 = stories.iter().map(|story| story.moments_us.len() as u64).sum();
    let mut moments: Vec<i64> = LoadCurve::new(1, from_us, to_us, args.events - told).collect();
    moments.extend(stories.iter().flat_map(|story| &story.moments_us));
    moments.sort_unstable();
    let history = Input::Traffic { traffic, moments: Box::new(moments.into_iter()) };
    send(config, topic, history, 0, control, done, 0).await?;
    let mut landing = Progress::new("records landed", Some(args.events));
    while landed(control) < args.events {
        if began.elapsed() > HISTORY_MAX {
            bail!(
                "start again on a machine that is less busy: the last day did not land within {HISTORY_MAX:?}"
            );
        }
        landing.set(landed(control));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(landing);
    let (count, took) = (HumanCount(args.events), began.elapsed());
    say(&format!(
        "the last day: {count} events, from the broker into the book in {:.1} s\n\n",
        took.as_secs_f64()
    ));
    report(config, day_ago, now)?;
    tell(&stories, path);
    say(&format!(
        "\nfrom now on {} events a second. Try:\n\
         \x20 curl '{address}/api/v1/reports/denials?by=reason'\n\
         \x20 curl '{address}/api/v1/reports/usage?by=hour,method&format=csv'\n\
         \x20 curl '{address}/api/v1/status'\n\
         \x20 open {address}/                             to read about the API and try it\n\
         \x20 gatebook check --config {path}\n\
         Ctrl-C ends it.\n",
        args.rate,
        path = path.display(),
    ));
    let live = Input::Traffic {
        traffic: Traffic::new(u64::from(rand::random::<u32>())),
        moments: Box::new(std::iter::repeat_with(|| Utc::now().timestamp_micros())),
    };
    send(config, topic, live, args.rate, control, done, args.events).await
}

/// Sends events, never more ahead of the book than the embedded broker holds.
async fn send(
    config: &Config,
    topic: &str,
    input: Input,
    rate: u32,
    control: &Control,
    done: &Arc<AtomicBool>,
    sent_before: u64,
) -> anyhow::Result<()> {
    let landing = control.clone();
    let production = Production {
        kafka: config.kafka.clone(),
        topic: topic.to_owned(),
        input,
        rate,
        may_send: Some(Box::new(move |sent| sent_before + sent < landed(&landing) + EMBEDDED_RECORDS_MAX)),
        timestamp_from: None,
    };
    let done = Arc::clone(done);
    tokio::task::spawn_blocking(move || produce(production, &done, &mut |_| {})).await??;
    Ok(())
}

fn landed(control: &Control) -> u64 {
    u64::try_from(control.landed_records()).unwrap_or(0)
}

/// A first report: the day by method.
fn report(config: &Config, from: DateTime<Utc>, to: DateTime<Utc>) -> anyhow::Result<()> {
    let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
    let given = [("from", &*from), ("to", &*to), ("by", "method")];
    let parameters = USAGE.parse(given, Utc::now()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let table = OutputArgs::new(Format::Table, None);
    answer::print(config, &table, async |session| USAGE.answer(session, &parameters).await)
}

fn tell(stories: &[Story], path: &Path) {
    say("\nwhat happened (times in UTC), and how to see it:\n");
    for Story { span_us: (from_us, to_us), what, sql, .. } in stories {
        let time = |us| DateTime::from_timestamp_micros(us).unwrap_or_default().format("%H:%M");
        say(&format!("  {}–{}  {what}\n", time(*from_us), time(*to_us)));
        say(&format!("      gatebook sql --config {} \"{sql}\"\n", path.display()));
    }
}

/// A configuration for this broker and folder, and the file that holds it, for other commands to use.
fn configure(folder: &Path, brokers: &str, topic: &str) -> anyhow::Result<(Config, PathBuf)> {
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok();
    let text = format!(
        "[kafka]\nbrokers = {brokers:?}\ngroup = \"gatebook-demo\"\n\n[[topics]]\nname = {topic:?}\nsource = \"gatebook\"\n\n\
         [lake]\nlocation = {:?}\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n[ingest]\npipelines = 1\n\n[maintain]\ninterval_s = 15\n",
        folder.join("lake").display().to_string(),
        if is_free { PORT } else { 0 },
    );
    let path = folder.join("gatebook.toml");
    fs::write(&path, &text).with_context(|| format!("make {} writable", folder.display()))?;
    let name = path.display().to_string();
    let config = Config::read(Some(File { name: &name, text: &text }), &Environment::new())?;
    Ok((config, path))
}

/// Where the demo works.
enum Folder {
    Deleted(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Deleted(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    fn fate(&self) -> &'static str {
        match self {
            Self::Deleted(_) => "deleted at the end; --keep keeps it",
            Self::Kept(_) => "kept",
        }
    }
}

/// A closed standard output must not stop the demo.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
