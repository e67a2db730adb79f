//! One process for everything: ingest, upkeep and the HTTP API over one book.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;
use ingest::{Control, status};
use lake::{Book, Location, PartitionId, Totals};
use query::{SqlPool, Waiting};
use serve::{Live, Server, Snapshots};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::SQL_WORKER;
use crate::commands::{maintain, projections};
use crate::config::Config;
use crate::saved::Keeper;

/// How often Kafka is asked what waits there.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// The HTTP API over a book, which is made where there is none.
pub(crate) struct Api {
    server: Server,
    // Dropped last: questions end with it.
    runtime: QueryRuntime,
}

impl Api {
    /// Listens. It answers once [`Self::run`] is called.
    pub(crate) async fn bind(config: &Config, reads_kafka: bool) -> anyhow::Result<Self> {
        Book::open_or_create(&config.lake.location).await?;
        let runtime = QueryRuntime::new()?;
        let settings = serve::Settings {
            listen: config.http.listen,
            tokens: config.tokens.clone(),
            limits: config.http.limits,
        };
        let snapshots = Snapshots::new(
            config.lake.location.clone(),
            config.query,
            Arc::new(config.rules.clone()),
            Arc::new(config.expectations.clone()),
        )?;
        let sql = sql_pool(config)?;
        sql.warm_up();
        let live = Arc::new(KafkaLag::start(config, reads_kafka));
        let server = Server::bind(settings, snapshots, sql, live, runtime.handle()).await?;
        Ok(Self { server, runtime })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Answers until `stop`.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let Self { server, runtime } = self;
        server.run(stop).await;
        drop(runtime);
    }
}

/// Workers for free SQL over the lake.
pub(crate) fn sql_pool(config: &Config) -> anyhow::Result<SqlPool> {
    SqlPool::new(config.lake.location.clone(), SQL_WORKER, config.sql, config.rules.clone())
        .context("start gatebook by its full path: the system does not say where this program is")
}

/// Runs ingest, upkeep and the API until `stop`, or until ingest cannot go on: half a process would look healthy.
pub(crate) async fn run(
    config: &Config,
    settings: ingest::Settings,
    control: Control,
    api: Api,
    saved: Option<Keeper>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let runtime = Handle::current();
    let reader = control.clone();
    let mut reading = tokio::task::spawn_blocking(move || ingest::run(settings, &reader, &runtime));
    let told = async move |mut stopped: watch::Receiver<bool>| {
        // An error means that the sender is gone, and with it everything else.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let mut serving = tokio::spawn(api.run(told(stopped)));
    let mut served = None;
    let ended = tokio::select! {
        ended = &mut reading => Some(ended),
        // It ends by itself only when it panicked.
        ended = &mut serving => {
            served = Some(ended);
            None
        }
        () = Box::pin(maintain::again_and_again(config)) => None,
        () = Box::pin(projections::keep_up(config)) => None,
        () = Box::pin(keep_saved(saved)) => None,
        () = stop => None,
    };
    control.stop();
    stopping.send_replace(true);
    let ended = match ended {
        Some(ended) => ended,
        None => reading.await,
    };
    let served = match served {
        Some(served) => served,
        None => serving.await,
    };
    ended??;
    served?;
    Ok(())
}

/// Writes the saved reports that are due, where there are any.
async fn keep_saved(saved: Option<Keeper>) {
    match saved {
        Some(keeper) => keeper.keep_up().await,
        None => std::future::pending().await,
    }
}

/// Threads for questions, apart from those of connections and of ingest.
struct QueryRuntime(Option<Runtime>);

impl QueryRuntime {
    fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("question").enable_all().build();
        Ok(Self(Some(runtime.context("raise the limit of threads of this user or container")?)))
    }

    fn handle(&self) -> Handle {
        self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }
}

impl Drop for QueryRuntime {
    /// A runtime must not wait for its tasks within another one.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What waits in Kafka, asked again and again by a task of its own: requests never wait for a broker.
struct KafkaLag {
    known: watch::Receiver<Known>,
    task: JoinHandle<()>,
    /// Whether this process reads Kafka, so that its silence is trouble.
    reads: bool,
}

/// What Kafka said last, or why it said nothing.
#[derive(Default)]
struct Known {
    waiting: BTreeMap<PartitionId, Waiting>,
    trouble: Option<String>,
}

impl KafkaLag {
    fn start(config: &Config, reads: bool) -> Self {
        let mut asker = Asker {
            kafka: config.kafka.clone(),
            topics: config.topics.clone(),
            location: config.lake.location.clone(),
            totals: Totals::default(),
        };
        let (publish, known) = watch::channel(Known::default());
        let task = tokio::spawn(async move {
            loop {
                // librdkafka blocks.
                let asked = tokio::task::spawn_blocking(move || {
                    let answer = Handle::current().block_on(asker.ask());
                    (asker, answer)
                });
                // It is gone where it panicked: then the lag is not known any more.
                let Ok((back, answer)) = asked.await else {
                    publish.send_replace(Known::default());
                    return;
                };
                asker = back;
                let known = match answer {
                    Ok(waiting) => Known { waiting, trouble: None },
                    Err(error) => {
                        tracing::debug!("the lag is not known: {error:#}");
                        Known {
                            waiting: BTreeMap::new(),
                            trouble: Some(format!("Kafka cannot be asked: {error}")),
                        }
                    }
                };
                publish.send_replace(known);
                tokio::time::sleep(ASK_INTERVAL).await;
            }
        });
        Self { known, task, reads }
    }
}

impl Drop for KafkaLag {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Live for KafkaLag {
    fn waiting(&self) -> BTreeMap<PartitionId, Waiting> {
        self.known.borrow().waiting.clone()
    }

    fn trouble(&self) -> Option<String> {
        self.known.borrow().trouble.clone().filter(|_| self.reads)
    }
}

/// Asks Kafka what waits there, with what the book held when it was last asked.
struct Asker {
    kafka: ingest::Kafka,
    topics: Vec<ingest::Topic>,
    location: Location,
    totals: Totals,
}

impl Asker {
    async fn ask(&mut self) -> anyhow::Result<BTreeMap<PartitionId, Waiting>> {
        let book = Book::open(&self.location).await?;
        self.totals = book.totals_since(std::mem::take(&mut self.totals)).await?;
        let known = status::of_totals(self.totals.by_partition.clone());
        let now_ms = Utc::now().timestamp_millis();
        let all = status::with_kafka(known, &self.kafka, &self.topics, now_ms).await?;
        let waiting = all.into_iter().filter_map(|status| {
            let status::Waiting { lag, expires_in_ms } = status.waiting?;
            Some((status.id, Waiting { topic: status.topic, lag, expires_in_ms }))
        });
        Ok(waiting.collect())
    }
}
