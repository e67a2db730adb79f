//! What the directory says, for all tables of a session.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use lake::{Directory, DirectoryContent};
use tokio::sync::OnceCell;

use super::claims::Claims;
use super::owners::Owners;

/// What the directory says at the version of a session. It is read when somebody first asks for persons.
pub(crate) struct Known {
    directory: Directory,
    claims: OnceCell<Arc<Claims>>,
}

impl Known {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { directory, claims: OnceCell::new() }
    }

    /// The version that is read; none where nothing was ever said.
    pub(crate) fn version(&self) -> Option<u64> {
        self.directory.version()
    }

    /// The directory at this version.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whose each id is as it alone says, whatever events tell.
    pub(crate) async fn owners(&self) -> Result<Owners> {
        Ok(Owners::new(self.claims().await?, Vec::new(), HashMap::new()))
    }

    /// What it says.
    pub(super) async fn content(&self) -> Result<Arc<DirectoryContent>> {
        self.directory.content().await.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// What it says, by id.
    pub(super) async fn claims(&self) -> Result<Arc<Claims>> {
        let claims = || async {
            let content = self.content().await?;
            Ok(Arc::new(Claims::of(&content)))
        };
        self.claims.get_or_try_init(claims).await.cloned()
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("version", &self.version()).finish_non_exhaustive()
    }
}
