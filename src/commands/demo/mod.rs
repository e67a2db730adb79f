//! `gatebook demo`: five weeks of a small world with stories in it, from an embedded broker into a book, and what can be
//! asked.

mod folder;
mod settings;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use indicatif::HumanCount;
use ingest::{
    Control, EMBEDDED_RECORDS_MAX, EmbeddedBroker, Feed, Input, Production, Story, World, WorldRecord,
    produce,
};
use lake::Directory;
use query::output::Format;
use query::report::USAGE;
use tokio::signal::unix::SignalKind;

use self::folder::Folder;
use self::settings::{PARTITIONS, Topics};
use super::answer::{self, OutputArgs};
use super::ingest::settings as ingest_settings;
use crate::config::Config;
use crate::progress::Progress;
use crate::service::{self, Api};
use crate::signal;

const EXAMPLES: &str = "\
Examples:
  gatebook demo                            nothing else is needed; Ctrl-C ends it and deletes all it made
  gatebook demo --keep                     the same, and the lake stays
  gatebook demo --kafka localhost:9092     through a real Kafka, in topics of its own
  gatebook demo --once here --until 2026-11-24 --seed 1
                                           the same book each time, in the folder here, and no more";

/// How long the history may take to land.
const HISTORY_MAX: Duration = Duration::from_secs(300);

/// Arguments of `gatebook demo`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// About how many records the five weeks before have
    #[arg(long, default_value_t = 40_000, value_name = "RECORDS", value_parser = clap::value_parser!(u64).range(5_000..=1_000_000))]
    events: u64,

    /// How many records a second come after that
    #[arg(long, default_value_t = 5, value_name = "RECORDS", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,

    /// A real Kafka to send through, HOST:PORT, in place of the embedded broker; its topics, gatebook-demo-…, stay
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,

    /// Keep the folder with the lake and its configuration
    #[arg(long)]
    keep: bool,

    /// Fill this folder, which must be new or empty, with the lake, its configuration and the truth of the stories, and end
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    once: Option<PathBuf>,

    /// When the five weeks end: a day or a moment with its zone; default now
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "once")]
    until: Option<DateTime<Utc>>,

    /// Who does what when: the same number makes the same records; default any
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Reads a day, which is its first moment in UTC, or a moment.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|day| day.and_utc());
    let found = text.parse::<DateTime<Utc>>().ok().or_else(day);
    found.ok_or_else(|| {
        "give a day or a moment with its zone, such as 2026-11-24 or 2026-11-24T08:00:00Z".into()
    })
}

/// Runs `gatebook demo`.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    // Before the folder, so that it is deleted whenever the demo is stopped, also by a terminal that is closed.
    let stop = signal::listen(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])?;
    let mut stop = std::pin::pin!(stop);
    let folder = Folder::make(args.once.as_deref(), args.keep)?;
    let topics = Topics::new(args.kafka.is_some());
    // Dropped after everything that talks to it.
    let (broker, brokers) = match &args.kafka {
        Some(brokers) => (None, brokers.clone()),
        None => {
            let broker = EmbeddedBroker::start(&topics.names(), PARTITIONS)
                .context("free a port of this machine: the embedded broker does not start")?;
            let brokers = broker.bootstrap_servers();
            (Some(broker), brokers)
        }
    };
    let (config, path) = settings::configure(folder.path(), &brokers, &topics, args.once.is_some())?;
    if args.kafka.is_some() {
        for topic in topics.names() {
            tokio::select! {
                created = ingest::create_topic(&config.kafka, topic, PARTITIONS) => created?,
                () = &mut stop => return Ok(()),
            }
        }
    }
    let api = Api::bind(&config, true).await?;
    say(&format!("broker  {brokers}{}\n", if broker.is_some() { "  (embedded, in memory)" } else { "" }));
    say(&format!("lake    {}  ({})\n", folder.path().display(), folder.fate()));
    let address = format!("http://{}", api.address());
    if args.once.is_none() {
        say(&format!("API     {address}/\n"));
    }
    say("\n");

    let control = Control::default();
    let (seed, until) =
        (args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())), args.until.unwrap_or_else(Utc::now));
    let show = Show {
        world: World::new(seed, until.timestamp_micros(), args.events),
        until,
        args: &args,
        config: &config,
        folder: folder.path(),
        path: &path,
        topics: &topics,
        control: &control,
        done: Arc::new(AtomicBool::new(false)),
    };
    let ended = {
        let settings = ingest_settings(&config, Vec::new(), Vec::new());
        let running = service::run(&config, settings, control.clone(), api, None, stop);
        let shown = show.all(&address);
        let mut running = std::pin::pin!(running);
        tokio::select! {
            ended = &mut running => ended,
            shown = shown => {
                // Traffic goes on until somebody stops it, so this is a failure, or all that was to be done once.
                control.stop();
                let ended = running.await;
                shown.and(ended)
            }
        }
    };
    show.done.store(true, Ordering::Relaxed);
    drop(broker);
    if let Some(kept) = folder.kept() {
        say(&format!("\nkept: {}\n", kept.display()));
    }
    ended
}

/// What is shown, and by what.
struct Show<'a> {
    world: World,
    /// When its five weeks end.
    until: DateTime<Utc>,
    args: &'a Args,
    config: &'a Config,
    folder: &'a Path,
    path: &'a Path,
    topics: &'a Topics,
    control: &'a Control,
    done: Arc<AtomicBool>,
}

impl Show<'_> {
    /// The five weeks, what they were like, and traffic from then on.
    async fn all(&self, address: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut sent = 0;
        let mut landing = Progress::new("records landed", Some(self.args.events));
        for feed in Feed::ALL {
            let records = Box::new(self.world.records(*feed));
            sent += self.send(*feed, records, 0, sent).await?;
            landing.set(self.landed());
        }
        while self.landed() < sent && !self.done.load(Ordering::Relaxed) {
            if began.elapsed() > HISTORY_MAX {
                bail!(
                    "start again on a machine that is less busy: the history did not land within {HISTORY_MAX:?}"
                );
            }
            landing.set(self.landed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(landing);
        self.import().await?;
        let (count, took) = (HumanCount(sent), began.elapsed());
        say(&format!(
            "five weeks of two organisations: {count} records of four products, from the broker into the book in {:.1} s\n\n",
            took.as_secs_f64()
        ));
        let until = self.until;
        self.report(until - TimeDelta::days(7), until)?;
        let stories = self.world.stories();
        self.tell(&stories);
        if self.args.once.is_some() {
            let truth = self.folder.join("stories.json");
            let text = serde_json::to_string_pretty(&stories).context("stories are JSON")?;
            return std::fs::write(&truth, text + "\n")
                .with_context(|| format!("make {} writable", truth.display()));
        }
        say(&format!(
            "\nfrom now on {} records a second. Try:\n\
             \x20 curl '{address}/api/v1/reports/denials?by=reason'\n\
             \x20 curl '{address}/api/v1/reports/usage?by=hour,method&format=csv'\n\
             \x20 curl '{address}/api/v1/status'\n\
             \x20 open {address}/                             to read about the API and try it\n\
             \x20 gatebook check --config {path}\n\
             Ctrl-C ends it.\n",
            self.args.rate,
            path = self.path.display(),
        ));
        let moments = std::iter::repeat_with(|| Utc::now().timestamp_micros());
        let live = Box::new(self.world.live(moments));
        self.send(Feed::Gatebook, live, self.args.rate, sent).await.map(|_| ())
    }

    fn landed(&self) -> u64 {
        u64::try_from(self.control.landed_records()).unwrap_or(0)
    }

    /// Sends records, never more ahead of the book than the embedded broker holds; returns how many.
    async fn send(
        &self,
        feed: Feed,
        records: Box<dyn Iterator<Item = WorldRecord> + Send>,
        rate: u32,
        sent_before: u64,
    ) -> anyhow::Result<u64> {
        let landing = self.control.clone();
        let landed = move || u64::try_from(landing.landed_records()).unwrap_or(0);
        let production = Production {
            kafka: self.config.kafka.clone(),
            topic: self.topics.name(feed).to_owned(),
            input: Input::Records { records, partitions: PARTITIONS },
            rate,
            may_send: Some(Box::new(move |sent| sent_before + sent < landed() + EMBEDDED_RECORDS_MAX)),
            timestamp_from: None,
        };
        let done = Arc::clone(&self.done);
        let sent = tokio::task::spawn_blocking(move || produce(production, &done, &mut |_| {})).await??;
        Ok(sent.delivered)
    }

    /// The organisations' directories, in files beside the lake and in the lake.
    async fn import(&self) -> anyhow::Result<()> {
        let mut directory = Directory::open(&self.config.lake.location).await?;
        for (tenant, text) in self.world.directories() {
            let path = self.folder.join(format!("{tenant}.csv"));
            std::fs::write(&path, &text).with_context(|| format!("make {} writable", path.display()))?;
            let file = schemas::read_directory_file(text.as_bytes(), Some("hr"), &self.config.maps)
                .map_err(|problems| anyhow::anyhow!("report this as a mistake of the demo: {problems}"))?;
            directory.import(tenant, &file, "demo", self.until.timestamp_micros()).await?;
        }
        Ok(())
    }

    /// A first report: the last week by product and method.
    fn report(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> anyhow::Result<()> {
        let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
        let given = [("from", &*from), ("to", &*to), ("by", "source,method")];
        let parameters = USAGE.parse(given, Utc::now()).map_err(|error| anyhow::anyhow!("{error}"))?;
        let table = OutputArgs::new(Format::Table, None);
        answer::print(self.config, &table, async |session| USAGE.answer(session, &parameters).await)
    }

    fn tell(&self, stories: &[Story]) {
        say("\nwhat happened lately (days and times in UTC), and which report shows it:\n");
        for Story { span_us: (from_us, to_us), what, report, .. } in stories {
            let time = |us| DateTime::from_timestamp_micros(us).unwrap_or_default().format("%d %H:%M");
            say(&format!("  {}–{}  {what}  ({report})\n", time(*from_us), time(*to_us)));
        }
        let to = self.until;
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (from, to) = (text(to - TimeDelta::days(1)), text(to));
        say(&format!(
            "  gatebook report suspicious --config {} --from {from} --to {to}\n",
            self.path.display()
        ));
    }
}

/// A closed standard output must not stop the demo.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
