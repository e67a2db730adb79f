//! The directory: who is who, as directories say, and which links an operator cut. A Delta table of its own.
//!
//! It is primary data, as the book is: nothing else says it. Of a directory the last import holds, as a whole; cuts and
//! their undoing are only added. The log keeps every version, and no upkeep removes a file: each version can be read for
//! ever. Each commit stands on the very version that it was made for: who comes second reads anew and decides again.

mod change;
mod content;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use tokio::sync::OnceCell;

use self::change::Act;
pub use self::change::{ChangeError, Difference, Imported};
use self::content::FileRows;
pub use self::content::{Cut, DirectoryContent, Import, Undone};
use crate::failpoint::failpoint;
use crate::location::Location;
use crate::table::{quiet, unloaded};

/// How often a change that another one overtook is decided again: more come at once from nobody who works by hand.
const ATTEMPTS_MAX: usize = 20;

/// The directory at one version; none before the first change. A clone is cheap, and stays at its version.
#[derive(Clone)]
pub struct Directory {
    location: Location,
    table: Option<DeltaTable>,
    content: Arc<OnceCell<Arc<DirectoryContent>>>,
}

/// Why the directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A file that the log names cannot be read.
    #[error("restore directory/{path} from a backup: the directory names this file and it cannot be read")]
    Store {
        /// The file.
        path: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// A file is not what it should be.
    #[error("restore directory/{path} from a backup: the file is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// What the decoder said.
        source: ParquetError,
    },
    /// A later version of Gatebook wrote what this one does not know.
    #[error(
        "use the newer version of gatebook that wrote the directory; nothing was written. This version does not know what {path} holds"
    )]
    Newer {
        /// The file.
        path: String,
    },
    /// The log cannot be read.
    #[error("check that the folder directory/ of the lake can be read and written")]
    Table(#[from] DeltaTableError),
}

impl Directory {
    /// Opens the directory at its latest version. Where nothing was ever said there is none, which is no error.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub async fn open(location: &Location) -> Result<Self, DirectoryError> {
        let mut opened = Self { location: location.clone(), table: None, content: Arc::default() };
        opened.refresh().await?;
        Ok(opened)
    }

    /// Goes on to the latest version.
    ///
    /// # Errors
    ///
    /// The log cannot be read. The directory is then at the version at which it was.
    pub async fn refresh(&mut self) -> Result<(), DirectoryError> {
        let before = self.version();
        match &mut self.table {
            Some(table) => table.update_state().await?,
            None => self.table = load(&self.location).await?,
        }
        if self.version() != before {
            self.content = Arc::default();
        }
        Ok(())
    }

    /// The version that this directory stands at; none before the first change.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.table.as_ref().and_then(DeltaTable::version)
    }

    /// What this version says. It is read once.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub async fn content(&self) -> Result<Arc<DirectoryContent>, DirectoryError> {
        let read = || async { Ok(Arc::new(DirectoryContent::of(&self.files().await?))) };
        self.content.get_or_try_init(read).await.cloned()
    }

    /// Who made each version, the newest first.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub async fn history(&self) -> Result<Vec<DirectoryVersion>, DirectoryError> {
        let Some(table) = &self.table else { return Ok(Vec::new()) };
        let mut versions = Vec::new();
        for version in (0..=table.version().unwrap_or(0)).rev() {
            // No upkeep removes an entry of this log; where somebody else did, the versions before cannot be told.
            let Some(entry) = table.log_store().read_commit_entry(version).await? else { break };
            versions.push(DirectoryVersion::of(version, &entry).map_err(DeltaTableError::from)?);
        }
        Ok(versions)
    }

    /// The files of this version, each with its rows.
    async fn files(&self) -> Result<Vec<FileRows>, DirectoryError> {
        let Some(table) = &self.table else { return Ok(Vec::new()) };
        let store = table.log_store().object_store(None);
        let mut files = Vec::new();
        for view in table.snapshot()?.log_data().iter() {
            let path = view.object_store_path();
            let rows = read(store.as_ref(), &path).await?;
            files.push(FileRows { remove: view.remove_action(true), rows });
        }
        Ok(files)
    }

    /// Commits on this very version. An error decides nothing: the log is read to see whether this commit is in it.
    async fn commit(&mut self, commit: Commit) -> Result<Committed, ChangeError> {
        let base = self.made().await?;
        let table = self.table.as_ref().ok_or(DeltaTableError::NotInitialized)?;
        let log_store = table.log_store();
        let store = log_store.object_store(None);
        // A name that no other commit has: by it the log tells whether this one happened.
        let unique = uuid::Uuid::new_v4();
        let mut actions: Vec<Action> = commit.removes.into_iter().map(Action::Remove).collect();
        for (index, rows) in commit.files.iter().enumerate() {
            let name = format!("{}-{unique}-{index}.parquet", commit.act.as_str());
            let bytes = rows::encode(rows)?;
            actions.push(Action::Add(add(&name, bytes.len(), rows.len())));
            store.put(&Path::from(name), bytes.into()).await?;
        }
        failpoint("directory-file");
        let told = [("gatebook.act", commit.act.as_str().into()), ("gatebook.actor", commit.actor.into())];
        let properties =
            quiet().with_max_retries(0).with_metadata(told.map(|(key, value)| (key.to_owned(), value)));
        let mode = if commit.act == Act::Import { SaveMode::Overwrite } else { SaveMode::Append };
        let operation = DeltaOperation::Write { mode, partition_by: None, predicate: None };
        let committed = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(table.snapshot()?), log_store.clone(), operation)
            .await;
        failpoint("directory-commit");
        let error = committed.err();
        self.refresh().await?;
        let latest = self.version().unwrap_or(base);
        for version in base + 1..=latest {
            let entry = log_store.read_commit_entry(version).await?.unwrap_or_default();
            if names(&entry, unique.to_string().as_bytes()) {
                return Ok(Committed::At(version));
            }
        }
        match error {
            Some(error) if latest == base => Err(error.into()),
            _ => Ok(Committed::Overtaken),
        }
    }

    /// Makes the table where there is none. Returns its version.
    async fn made(&mut self) -> Result<u64, DirectoryError> {
        if let Some(version) = self.version() {
            return Ok(version);
        }
        let table = unloaded(&self.location.directory())?;
        let created = CreateBuilder::new()
            .with_log_store(table.log_store())
            .with_table_name("directory")
            .with_columns(rows::columns()?.fields().cloned())
            .with_raise_if_key_not_exists(true)
            .with_save_mode(SaveMode::ErrorIfExists)
            // Another process that makes it at this moment wins, and its table is opened.
            .with_commit_properties(quiet().with_max_retries(0))
            .await;
        self.refresh().await?;
        match (self.version(), created) {
            (Some(version), _) => Ok(version),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(DeltaTableError::NotInitialized.into()),
        }
    }
}

/// Who made a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryVersion {
    /// The version.
    pub version: u64,
    /// When, in milliseconds since 1970 UTC.
    pub committed_at_ms: i64,
    /// What was done: `import`, `cut` or `undo`; none for the first version, which is empty.
    pub act: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
}

impl DirectoryVersion {
    fn of(version: u64, entry: &[u8]) -> serde_json::Result<Self> {
        #[derive(serde::Deserialize)]
        struct Line {
            #[serde(rename = "commitInfo")]
            info: Option<Info>,
        }
        #[derive(Default, serde::Deserialize)]
        struct Info {
            timestamp: i64,
            #[serde(rename = "gatebook.act")]
            act: Option<String>,
            #[serde(rename = "gatebook.actor")]
            actor: Option<String>,
        }
        let mut found = Info::default();
        for line in serde_json::Deserializer::from_slice(entry).into_iter::<Line>() {
            found = line?.info.unwrap_or(found);
        }
        let Info { timestamp, act, actor } = found;
        Ok(Self { version, committed_at_ms: timestamp, act, actor })
    }
}

/// What one commit does.
struct Commit {
    act: Act,
    actor: String,
    /// The rows of each file.
    files: Vec<Vec<rows::Row>>,
    removes: Vec<deltalake_core::kernel::Remove>,
}

/// How a commit ended.
enum Committed {
    /// It is this version.
    At(u64),
    /// Another one came first, and nothing of it was committed.
    Overtaken,
}

async fn load(location: &Location) -> Result<Option<DeltaTable>, DirectoryError> {
    let folder = location.directory();
    let first = folder.join("_delta_log").join(format!("{:020}.json", 0));
    let mut has_looked_again = false;
    loop {
        let mut table = unloaded(&folder)?;
        match table.load().await {
            Ok(()) => return Ok(Some(table)),
            Err(DeltaTableError::NotATable(_)) => return Ok(None),
            // The kernel's own words for "nothing there" have no type of their own; a log without a first entry is one
            // that was never made, since an entry gets its name last.
            Err(_) if !first.is_file() => return Ok(None),
            // Another process may have made it since.
            Err(_) if !has_looked_again => has_looked_again = true,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn read(store: &dyn ObjectStore, path: &Path) -> Result<Vec<rows::Row>, DirectoryError> {
    let unreadable = |source| DirectoryError::Store { path: path.to_string(), source };
    let damaged = |source| DirectoryError::Damaged { path: path.to_string(), source };
    let bytes = store.get(path).await.map_err(unreadable)?.bytes().await.map_err(unreadable)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
    let mut rows = Vec::new();
    for batch in reader.map_err(damaged)? {
        let batch = batch.map_err(|error| damaged(error.into()))?;
        rows::decode(&batch, &mut rows).map_err(|error| damaged(error.into()))?;
    }
    if rows.iter().any(|row| row.kind.is_none()) {
        return Err(DirectoryError::Newer { path: path.to_string() });
    }
    Ok(rows)
}

fn add(name: &str, size: usize, rows: usize) -> Add {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Add {
        path: name.to_owned(),
        size: size as i64,
        modification_time: now.as_millis() as i64,
        data_change: true,
        stats: Some(format!("{{\"numRecords\":{rows}}}")),
        ..Add::default()
    }
}

/// Whether a log entry holds a name. Names are of letters that JSON leaves as they are.
fn names(entry: &[u8], name: &[u8]) -> bool {
    entry.windows(name.len()).any(|window| window == name)
}
