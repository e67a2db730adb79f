//! Where the demo works.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::exit::Usage;

/// A folder, and whether it outlives the demo.
pub(super) enum Folder {
    Deleted(TempDir),
    Kept(PathBuf),
}

impl Folder {
    /// The folder that was named, which must be new or empty; else one among those for temporary files.
    pub(super) fn make(named: Option<&Path>, keep: bool) -> anyhow::Result<Self> {
        if let Some(path) = named {
            fs::create_dir_all(path).with_context(|| format!("make {} writable", path.display()))?;
            let mut entries =
                fs::read_dir(path).with_context(|| format!("make {} readable", path.display()))?;
            if entries.next().is_some() {
                let advice = format!("choose another folder for --once: {} is not empty", path.display());
                anyhow::bail!(Usage(advice));
            }
            let path = path.canonicalize().with_context(|| format!("make {} readable", path.display()))?;
            return Ok(Self::Kept(path));
        }
        let folder =
            TempDir::with_prefix("gatebook-demo-").context("make room in the folder for temporary files")?;
        Ok(if keep { Self::Kept(folder.keep()) } else { Self::Deleted(folder) })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Deleted(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    pub(super) fn kept(&self) -> Option<&Path> {
        match self {
            Self::Deleted(_) => None,
            Self::Kept(path) => Some(path),
        }
    }

    pub(super) fn fate(&self) -> &'static str {
        match self {
            Self::Deleted(_) => "deleted at the end; --keep keeps it",
            Self::Kept(_) => "kept",
        }
    }
}
