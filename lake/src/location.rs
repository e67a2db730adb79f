//! Where a lake lies.

use std::path::{Path, PathBuf};

use url::Url;

/// A folder that holds a lake: the book in `book/`, the directory in `directory/`, and what the maintainer needs in
/// `maintain/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    folder: PathBuf,
}

/// A `[lake] location` that this version cannot use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LocationError {
    /// Another kind of storage.
    #[error(
        "lake.location: give a folder, such as \"./lake\"; \"{scheme}://\" is not supported yet (object stores come later)"
    )]
    Scheme {
        /// The scheme that was given.
        scheme: String,
    },
    /// Nothing was given.
    #[error("lake.location: give a folder, such as \"./lake\"; it is empty")]
    Empty,
    /// The working folder of the process cannot be told, so a relative path means nothing.
    #[error("lake.location: give an absolute path; the working folder cannot be told")]
    NoWorkingFolder,
}

impl Location {
    /// Reads a folder path, absolute or relative to the working folder, or a `file://` URL.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let folder = match text.split_once("://") {
            Some(("file", _)) => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| LocationError::Scheme { scheme: "file".to_owned() })?,
            Some((scheme, _)) => return Err(LocationError::Scheme { scheme: scheme.to_owned() }),
            None if text.trim().is_empty() => return Err(LocationError::Empty),
            None => PathBuf::from(text),
        };
        let folder = std::path::absolute(folder).map_err(|_| LocationError::NoWorkingFolder)?;
        Ok(Self { folder })
    }

    /// The lake's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The book's folder: what another Delta reader is pointed at.
    #[must_use]
    pub fn book(&self) -> PathBuf {
        self.folder.join("book")
    }

    /// The folder of what is derived from the book and kept, in the form that this version of Gatebook reads.
    #[must_use]
    pub fn projections(&self) -> PathBuf {
        self.folder.join("projections").join("v1")
    }

    /// The folder of the lease of whoever keeps the projections; no file of theirs lies there.
    pub(crate) fn maintain_projections(&self) -> PathBuf {
        self.folder.join("projections").join("maintain")
    }

    /// The directory's folder: a Delta table beside the book.
    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.join("directory")
    }

    /// The folder of the maintainer's lease.
    pub(crate) fn maintain(&self) -> PathBuf {
        self.folder.join("maintain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_folders_and_refuses_other_stores() {
        let lake = Location::parse("/data/lake").expect("a folder");
        assert_eq!(lake.book(), Path::new("/data/lake/book"));
        assert_eq!(Location::parse("file:///data/lake"), Ok(lake));
        assert!(Location::parse("./lake").expect("relative").folder().is_absolute());
        assert_eq!(Location::parse("s3://b/lake"), Err(LocationError::Scheme { scheme: "s3".into() }));
        assert_eq!(Location::parse(" "), Err(LocationError::Empty));
    }
}
