//! The server: connections, their limits, and a stop in order.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use query::SqlPool;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::access::Unprotected;
use crate::door::{State, router};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::settings::{Limits, Settings};
use crate::snapshots::{SnapshotError, Snapshots};

/// The pause after the system refused a connection, as it does when files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Anybody could ask.
    #[error(transparent)]
    Unprotected(#[from] Unprotected),
    /// There is no book to answer from.
    #[error(transparent)]
    Book(#[from] SnapshotError),
    /// The address cannot be had.
    #[error("choose another http.listen: {address} cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Server {
    /// Opens the book, then the port: whoever connects gets an answer. Questions are worked on in `runtime`.
    ///
    /// # Errors
    ///
    /// See [`BindError`].
    pub async fn bind(
        settings: Settings,
        snapshots: Snapshots,
        sql: SqlPool,
        live: Arc<dyn Live>,
        runtime: Handle,
    ) -> Result<Self, BindError> {
        let Settings { listen, tokens, limits } = settings;
        tokens.check_exposure(listen)?;
        snapshots.latest().await?;
        let failed = |source| BindError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let questions = Arc::new(Semaphore::new(limits.questions));
        let metrics = Metrics::new();
        let state = State { snapshots, live, tokens, limits, questions, sql, metrics, runtime };
        Ok(Self { listener, address, state: Arc::new(state) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`; open answers then have a while to end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let limits = self.state.limits;
        let connections = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let service = TowerToHyperService::new(router(Arc::clone(&self.state)));
        let mut stop = pin!(stop);
        loop {
            // More connections wait in the system's queue.
            let accept = async {
                let permit = Arc::clone(&connections).acquire_owned().await;
                (self.listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                accepted = accept => accepted,
                () = &mut stop => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Err(error) = prepare(&stream, &limits) {
                tracing::debug!(%error, "a connection without limits of the system");
            }
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head_timeout)
                .max_buf_size(limits.head_bytes)
                .serve_connection(TokioIo::new(stream), service.clone());
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended");
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("answers broke off: they were not taken within http.shutdown_timeout_s");
        }
    }
}

/// A client that takes nothing is dropped by the system: hyper does not look at a body that cannot be sent.
fn prepare(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(limits.stall_timeout))?;
    Ok(())
}
