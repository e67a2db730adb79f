//! Asks the book at its latest version, on threads of its own.

use std::sync::Arc;

use anyhow::Context as _;
use lake::{Book, Directory, Location};
use query::{Expectations, Limits, Resources, Rules, Session};

use crate::answer_file::usage_or_failure;
use crate::config::Config;

/// What is needed to ask.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    location: Location,
    limits: Limits,
    rules: Arc<Rules>,
    expectations: Arc<Expectations>,
}

impl Asker {
    pub(crate) fn new(config: &Config) -> Self {
        let rules = Arc::new(config.rules.clone());
        let expectations = Arc::new(config.expectations.clone());
        Self { location: config.lake.location.clone(), limits: config.query, rules, expectations }
    }

    /// Asks the book and the directory at their latest versions. Blocks.
    pub(crate) fn ask<T: Send>(
        &self,
        ask: impl AsyncFnOnce(&Session) -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let question = async || -> anyhow::Result<T> {
            let book = Book::open(&self.location).await?;
            let directory = Directory::open(&self.location).await?;
            let session = Resources::new(self.limits, Arc::clone(&self.rules))
                .map(|resources| resources.expecting(Arc::clone(&self.expectations)))
                .and_then(|resources| Session::open(&book, &directory, &resources))
                .map_err(usage_or_failure)?;
            ask(&session).await
        };
        tokio::task::block_in_place(|| query::run_on_large_stack(question))
            .context("free some memory: the system gives no thread for the query")?
    }
}
