//! Parquet files read by ranges of bytes, so that what is not asked for is not fetched.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// A file of a store.
pub(crate) struct Ranges {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
    footer: Option<Arc<ParquetMetaData>>,
}

impl Ranges {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, path: Path, size_bytes: u64) -> Self {
        Self { store, path, size_bytes, footer: None }
    }

    /// With a footer that was fetched before.
    pub(crate) fn with_footer(self, footer: Arc<ParquetMetaData>) -> Self {
        Self { footer: Some(footer), ..self }
    }

    /// Fetches the footer, with what it says of pages.
    pub(crate) async fn footer(mut self) -> Result<Arc<ParquetMetaData>> {
        let size_bytes = self.size_bytes;
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        Ok(Arc::new(reader.load_and_finish(&mut self, size_bytes).await?))
    }
}

impl AsyncFileReader for Ranges {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.store
            .get_range(&self.path, range)
            .map_err(|error| ParquetError::External(Box::new(error)))
            .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        let failed = |error| ParquetError::External(Box::new(error));
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(failed) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let Self { store, path, size_bytes, footer } = self;
        match footer {
            Some(footer) => futures::future::ready(Ok(Arc::clone(footer))).boxed(),
            None => Self::new(Arc::clone(store), path.clone(), *size_bytes).footer().boxed(),
        }
    }
}
