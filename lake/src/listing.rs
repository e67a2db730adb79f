//! The files of a table's version, each made of the log once: statistics are texts there, and a file never changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::LogicalFileView;
use object_store::path::Path;

use crate::reader::FileRef;
use crate::table::Table;

/// The files that were listed last, for all clones of a table.
pub(crate) struct Listing<F>(Arc<Mutex<Listed<F>>>);

struct Listed<F> {
    version: Option<u64>,
    files: Arc<[F]>,
}

impl<F> Listing<F>
where
    for<'f> FileRef<'f>: From<&'f F>,
    F: Clone,
{
    /// The files of a table's version. `make` says what a file is that was not listed before; none for one that is left out.
    pub(crate) fn of(
        &self,
        table: &Table,
        make: impl Fn(&LogicalFileView) -> Option<F>,
    ) -> Result<Arc<[F]>, DeltaTableError> {
        let version = Some(table.version());
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.version != version {
            let known: HashMap<&Path, &F> =
                listed.files.iter().map(|file| (FileRef::from(file).path, file)).collect();
            let log = table.delta().snapshot()?.log_data();
            let file = |view: LogicalFileView| match known.get(&view.object_store_path()) {
                Some(file) => Some(F::clone(file)),
                None => make(&view),
            };
            let files = log.iter().filter_map(file).collect();
            *listed = Listed { version, files };
        }
        Ok(Arc::clone(&listed.files))
    }
}

impl<F> Default for Listing<F> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Listed { version: None, files: Arc::default() })))
    }
}

impl<F> Clone for Listing<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
