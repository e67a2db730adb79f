//! What the Kafka client reports.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

/// What the client reports: confirmations, failures, and its own errors.
#[derive(Debug, Default)]
pub(super) struct Reports {
    delivered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicBool,
    failure: Mutex<Option<String>>,
    last_error: Mutex<Option<String>>,
}

impl Reports {
    /// Records that the brokers have confirmed.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Records that have failed.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the brokers have refused the credentials.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Why the first record failed.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// The client's last error of its own, such as a refused connection.
    pub(super) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(kafka.level = ?level, kafka.facility = facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(
            code_of(&error),
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed
        ) {
            self.refused.store(true, Ordering::Relaxed);
        }
        // That all are down says less than what came before it.
        if code_of(&error) != RDKafkaErrorCode::AllBrokersDown {
            *lock(&self.last_error) = Some(reason.to_owned());
        }
        tracing::debug!(%error, "{reason}");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, _)) = result else {
            self.delivered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
            let reason = format!("{}{}", code_of(error), detail(&self.last_error()));
            *lock(&self.failure) = Some(reason);
        }
    }
}

pub(super) fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)
}

/// A reason as the end of a sentence.
pub(super) fn detail(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// A panic elsewhere does not make what is kept here wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
