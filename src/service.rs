//! One process for everything: ingest, upkeep and the HTTP API over one book.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ingest::{Control, status};
use lake::{Book, Location, PartitionId};
use query::Waiting;
use serve::{Live, Server, Snapshots};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::commands::maintain;
use crate::config::Config;

/// How long what Kafka said holds: a monitor asks more often than a broker should be asked.
const WAITING_HOLDS: Duration = Duration::from_secs(5);

/// How long the brokers are waited for; an answer without the lag is better than none.
const WAITING_TIMEOUT: Duration = Duration::from_secs(2);

/// The HTTP API over a book, which is made where there is none.
pub(crate) struct Api {
    server: Server,
    // Dropped last: questions end with it.
    runtime: QueryRuntime,
}

impl Api {
    /// Listens. It answers once [`Self::run`] is called.
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Self> {
        Book::open_or_create(&config.lake.location).await?;
        let runtime = QueryRuntime::new()?;
        let settings = serve::Settings {
            listen: config.http.listen,
            tokens: config.tokens.clone(),
            limits: config.http.limits,
        };
        let snapshots = Snapshots::new(config.lake.location.clone(), config.query)?;
        let live = Arc::new(KafkaLag {
            kafka: config.kafka.clone(),
            topics: config.topics.clone(),
            location: config.lake.location.clone(),
            known: Arc::default(),
        });
        let server = Server::bind(settings, snapshots, live, runtime.handle()).await?;
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

/// Runs ingest, upkeep and the API until `stop`, or until ingest cannot go on: half a process would look healthy.
pub(crate) async fn run(
    config: &Config,
    settings: ingest::Settings,
    control: Control,
    api: Api,
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
    let serving = tokio::spawn(api.run(told(stopped)));
    let ended = tokio::select! {
        ended = &mut reading => Some(ended),
        () = maintain::again_and_again(config) => None,
        () = stop => None,
    };
    control.stop();
    stopping.send_replace(true);
    let ended = match ended {
        Some(ended) => ended,
        None => reading.await,
    };
    serving.await?;
    ended??;
    Ok(())
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

/// What waits in Kafka, asked now and then.
struct KafkaLag {
    kafka: ingest::Kafka,
    topics: Vec<ingest::Topic>,
    location: Location,
    known: Arc<Mutex<Option<(Instant, BTreeMap<PartitionId, Waiting>)>>>,
}

impl Live for KafkaLag {
    fn waiting(&self) -> BoxFuture<'_, BTreeMap<PartitionId, Waiting>> {
        async {
            let (kafka, topics) = (self.kafka.clone(), self.topics.clone());
            let (location, known) = (self.location.clone(), Arc::clone(&self.known));
            // Goes on when it is no longer waited for, and is there for whoever asks next.
            let asked = tokio::task::spawn_blocking(move || {
                let mut known = known.blocking_lock();
                if let Some((at, waiting)) = &*known
                    && at.elapsed() < WAITING_HOLDS
                {
                    return waiting.clone();
                }
                let waiting =
                    Handle::current().block_on(ask(&location, &kafka, &topics)).unwrap_or_else(|error| {
                        tracing::debug!("the lag is not known: {error:#}");
                        BTreeMap::new()
                    });
                *known = Some((Instant::now(), waiting.clone()));
                waiting
            });
            match tokio::time::timeout(WAITING_TIMEOUT, asked).await {
                Ok(Ok(waiting)) => waiting,
                Ok(Err(_)) | Err(_) => BTreeMap::new(),
            }
        }
        .boxed()
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

async fn ask(
    location: &Location,
    kafka: &ingest::Kafka,
    topics: &[ingest::Topic],
) -> anyhow::Result<BTreeMap<PartitionId, Waiting>> {
    let book = Book::open(location).await?;
    let known = status::of_book(&book).await?;
    let all = status::with_kafka(known, kafka, topics, Utc::now().timestamp_millis()).await?;
    let waiting = all.into_iter().filter_map(|status| {
        let status::Waiting { lag, expires_in_ms } = status.waiting?;
        Some((status.id, Waiting { lag, expires_in_ms }))
    });
    Ok(waiting.collect())
}
