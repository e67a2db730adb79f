//! The object store under the lake: the local file system, made durable and quick to list.
//!
//! `object_store`'s local file system never calls fsync, so a power cut can leave a log entry that
//! names a missing file, or one that is empty. [`DurableStore`] writes each object to a staged file,
//! syncs it, gives it its name, and syncs the folder; a folder that it had to make is synced into
//! its parent. Whoever writes the data file first and the log entry second therefore never has the
//! second without the first.
//!
//! It also lists the Delta log without reading the whole folder. A book that commits every second
//! holds 2.6 million log entries in the 30 days that Delta keeps them, and each commit and each
//! refresh asks "what comes after version V?". Versions are contiguous, so the answer is found by
//! asking for V+1, V+2, … by name.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use uuid::Uuid;

const STORE: &str = "DurableStore";

/// A local file system whose objects are on the disk when `put` returns.
#[derive(Debug, Clone)]
pub(crate) struct DurableStore {
    inner: Arc<LocalFileSystem>,
}

impl DurableStore {
    /// The whole file system, with `/` as its root.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()) }
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

#[async_trait::async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(unsupported("a conditional update")),
        };
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || write_durably(&path, &payload, create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        Ok(Box::new(Upload { path, parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let log = prefix.filter(|prefix| prefix.filename() == Some("_delta_log"));
        match (log, log_version(offset)) {
            (Some(log), Some(version)) => self.list_log_tail(log.clone(), offset.clone(), version),
            _ => self.inner.list_with_offset(prefix, offset),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("a copy"))
    }
}

/// An upload in parts: the parts wait in memory, and become a file at once. Checkpoints of a large table
/// come this way.
#[derive(Debug)]
struct Upload {
    path: PathBuf,
    parts: Vec<PutPayload>,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        self.parts.push(part);
        futures::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (path, parts) = (self.path.clone(), std::mem::take(&mut self.parts));
        let payload: PutPayload = parts.iter().flat_map(|part| part.iter().cloned()).collect();
        blocking(move || write_durably(&path, &payload, false)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

impl DurableStore {
    /// What stands in the log after `offset`, whose name begins with `version`: the entries and
    /// checkpoints of this version and of those that follow without a gap. Falls back to a full
    /// listing where the log does not go on at this version (its beginning was cleaned away).
    fn list_log_tail(&self, log: Path, offset: Path, version: u64) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = Arc::clone(&self.inner);
        let tail = async move {
            let mut found = Vec::new();
            let mut next = version;
            loop {
                let entry = log.clone().join(format!("{next:020}.json"));
                let checkpoint = log.clone().join(format!("{next:020}.checkpoint.parquet"));
                let entry = present(store.head(&entry).await)?;
                if entry.is_none() && next > version {
                    break;
                }
                let checkpoint = present(store.head(&checkpoint).await)?;
                if entry.is_none() && checkpoint.is_none() {
                    let all: Vec<_> = store.list_with_offset(Some(&log), &offset).collect().await;
                    return all.into_iter().collect::<Result<Vec<_>>>();
                }
                found.extend(checkpoint.into_iter().chain(entry).filter(|meta| meta.location > offset));
                next += 1;
            }
            Ok(found)
        };
        stream::once(tail)
            .flat_map(|found| match found {
                Ok(found) => stream::iter(found.into_iter().map(Ok)).boxed(),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            })
            .boxed()
    }
}

fn present(head: Result<ObjectMeta>) -> Result<Option<ObjectMeta>> {
    match head {
        Ok(meta) => Ok(Some(meta)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The version that a name in the Delta log begins with; versions have 20 digits.
fn log_version(path: &Path) -> Option<u64> {
    let name = path.filename()?;
    let digits = name.get(..20)?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Staged file, sync, name, sync of the folder. `create` refuses a name that is taken.
fn write_durably(path: &FsPath, payload: &PutPayload, create: bool) -> Result<()> {
    let folder = path.parent().ok_or_else(|| failed(path, io::Error::other("a path without a folder")))?;
    make_folder(folder).map_err(|error| failed(folder, error))?;
    let staged = staged_path(path);
    let written = File::create_new(&staged).and_then(|mut file| {
        payload.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()
    });
    let named =
        written.and_then(|()| if create { fs::hard_link(&staged, path) } else { fs::rename(&staged, path) });
    if create || named.is_err() {
        // A staged file that stays behind is no part of the table; vacuum takes it.
        let _ = fs::remove_file(&staged);
    }
    named.map_err(|error| failed(path, error))?;
    sync_folder(folder).map_err(|error| failed(folder, error))
}

/// A name that no other writer uses, in the same folder, so that naming is one step of the file system.
fn staged_path(path: &FsPath) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{}.tmp", Uuid::new_v4()))
}

fn make_folder(folder: &FsPath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

fn sync_folder(folder: &FsPath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(path: &FsPath, source: io::Error) -> Error {
    let path = path.display().to_string();
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: source.into() },
        io::ErrorKind::NotFound => Error::NotFound { path, source: source.into() },
        _ => Error::Generic { store: STORE, source: format!("cannot write {path}: {source}").into() },
    }
}

fn unsupported(what: &str) -> Error {
    Error::NotImplemented { operation: what.to_owned(), implementer: STORE.to_owned() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::JoinError { source: error })?
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(store: &DurableStore, log: &Path, offset: &str) -> Vec<String> {
        let offset = log.clone().join(offset);
        let listed: Vec<_> = store.list_with_offset(Some(log), &offset).collect().await;
        let mut names: Vec<String> = listed
            .into_iter()
            .map(|meta| meta.expect("listed").location.filename().unwrap_or("").to_owned())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn lists_the_log_after_a_version_as_a_full_listing_would() {
        let folder = tempfile::tempdir().expect("folder");
        let log = Path::from_absolute_path(folder.path()).expect("path").join("_delta_log");
        let store = DurableStore::new();
        for name in ["3.checkpoint.parquet", "3.json", "4.json", "5.json", "9.json"] {
            let (version, rest) = name.split_once('.').expect("a dot");
            let name = log.clone().join(format!("{version:0>20}.{rest}"));
            store.put(&name, "x".into()).await.expect("put");
        }
        let after_3 = names(&store, &log, &format!("{:020}.json", 3)).await;
        assert_eq!(after_3, [format!("{:020}.json", 4), format!("{:020}.json", 5)], "stops at the gap");
        assert_eq!(names(&store, &log, &format!("{:020}", 3)).await.len(), 4, "the checkpoint too");
        assert_eq!(
            names(&store, &log, &format!("{:020}", 0)).await.len(),
            5,
            "a cleaned beginning: the full listing"
        );
    }

    #[tokio::test]
    async fn an_upload_in_parts_is_one_file_and_only_in_the_end() {
        let folder = tempfile::tempdir().expect("folder");
        let name = Path::from_absolute_path(folder.path()).expect("path").join("checkpoint");
        let store = DurableStore::new();
        let mut upload = store.put_multipart(&name).await.expect("begins");
        upload.put_part("one ".into()).await.expect("part");
        upload.put_part("two".into()).await.expect("part");
        assert!(store.head(&name).await.is_err(), "nothing is there before the end");
        upload.complete().await.expect("ends");
        assert_eq!(store.get(&name).await.expect("get").bytes().await.expect("bytes"), "one two");
    }

    #[tokio::test]
    async fn refuses_to_create_what_exists() {
        let folder = tempfile::tempdir().expect("folder");
        let name = Path::from_absolute_path(folder.path()).expect("path").join("a").join("b");
        let store = DurableStore::new();
        let create = PutOptions { mode: PutMode::Create, ..Default::default() };
        store.put_opts(&name, "one".into(), create.clone()).await.expect("first");
        let second = store.put_opts(&name, "two".into(), create).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
        let kept = store.get(&name).await.expect("get").bytes().await.expect("bytes");
        assert_eq!(kept, "one");
        assert_eq!(fs::read_dir(folder.path().join("a")).expect("dir").count(), 1, "no staged file stays");
    }
}
