//! Changing the directory: importing, cutting, taking a cut back.

use std::collections::BTreeMap;
use std::sync::Arc;

use deltalake_core::DeltaTableError;
use parquet::errors::ParquetError;
use schemas::{DirectoryFile, Enabled, LISTINGS_MAX, Listing};

use super::content::{Cut, DirectoryContent};
use super::rows::{Kind, Row};
use super::{ATTEMPTS_MAX, Commit, Committed, Directory, DirectoryError};

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Directories were imported.
    Import,
    /// A link was cut.
    Cut,
    /// A cut was taken back.
    Undo,
}

impl Act {
    /// The word for it.
    #[must_use]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Cut => "cut",
            Self::Undo => "undo",
        }
    }
}

/// Why a change was not made. Nothing of it is in the directory, and it can be made again as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such cut.
    #[error("see `gatebook identities list` for the numbers: there is no cut {0}")]
    NoCut(i64),
    /// The cut does not hold any more.
    #[error("nothing is to be done: cut {0} was undone before")]
    Undone(i64),
    /// The same cut holds already.
    #[error("nothing is to be done: cut {0} says the same, see `gatebook identities list`")]
    AlreadyCut(i64),
    /// There would be more rows than are held in memory where persons are asked for.
    #[error(
        "leave out whose access ended long ago: all directories together would have {0} rows, and may have {LISTINGS_MAX}"
    )]
    TooLarge(usize),
    /// Others changed it again and again.
    #[error(
        "try again when nobody else changes the directory: {ATTEMPTS_MAX} times another change came first"
    )]
    Overtaken,
    /// What is there cannot be read.
    #[error(transparent)]
    Read(#[from] DirectoryError),
    /// The rows cannot be encoded.
    #[error("cannot encode the rows of the directory")]
    Encode(#[from] ParquetError),
    /// The file cannot be stored.
    #[error("check that the folder directory/ of the lake can be written, and that its disk has room")]
    Store(#[from] object_store::Error),
    /// The commit failed, and a look at the log says that it did not happen.
    #[error("check that the folder directory/ of the lake can be written: the change was not committed")]
    Commit(#[from] DeltaTableError),
}

/// What an import changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Persons that were not in the directory.
    pub added: Vec<String>,
    /// Persons of whom something else is said.
    pub changed: Vec<String>,
    /// Persons that are not in the directory any more.
    pub gone: Vec<String>,
}

impl Difference {
    /// What is said now beside what was said.
    #[must_use]
    pub fn between(before: &[Listing], after: &[Listing]) -> Self {
        let (before, after) = (by_person(before), by_person(after));
        let mut difference = Self::default();
        for (person, rows) in &after {
            match before.get(person) {
                None => difference.added.push((*person).to_owned()),
                Some(held) if held != rows => difference.changed.push((*person).to_owned()),
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|person| !after.contains_key(*person));
        difference.gone = gone.map(|person| (*person).to_owned()).collect();
        difference
    }

    /// Whether the same is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }
}

fn by_person(listings: &[Listing]) -> BTreeMap<&str, Vec<&Listing>> {
    let mut persons: BTreeMap<&str, Vec<&Listing>> = BTreeMap::new();
    for listing in listings {
        persons.entry(&listing.person).or_default().push(listing);
    }
    persons
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The version that it is; none where the directories said all of it already.
    pub version: Option<u64>,
    /// What it changed, by directory.
    pub differences: BTreeMap<String, Difference>,
}

impl Directory {
    /// Puts what a file says in the place of all that its directories said before, in one commit. A directory of which the
    /// same is said stays as it is.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`].
    pub async fn import(
        &mut self,
        tenant_id: &str,
        file: &DirectoryFile,
        actor: &str,
        now_us: i64,
    ) -> Result<Imported, ChangeError> {
        for _ in 0..ATTEMPTS_MAX {
            let content = self.fresh().await?;
            let differences = content.differences(tenant_id, file);
            let is_new = |(name, rows): &(&String, &Vec<Listing>)| {
                content.import(tenant_id, name).is_none_or(|held| held.listings != **rows)
            };
            let new: BTreeMap<&str, &Vec<Listing>> =
                file.directories.iter().filter(is_new).map(|(name, rows)| (name.as_str(), rows)).collect();
            if new.is_empty() {
                return Ok(Imported { version: None, differences });
            }
            let is_replaced = |tenant: &str, name: &str| tenant == tenant_id && new.contains_key(name);
            let kept = content.imports.iter().filter(|it| !is_replaced(&it.tenant_id, &it.directory));
            let total = kept.map(|it| it.listings.len()).chain(new.values().map(|rows| rows.len())).sum();
            if total > LISTINGS_MAX {
                return Err(ChangeError::TooLarge(total));
            }
            let files = self.files().await?.into_iter();
            let replaced =
                files.filter(|file| file.directory().is_some_and(|(tenant, name)| is_replaced(tenant, name)));
            // A file a directory, so that each can be replaced by itself.
            let parts = new.iter().map(|(name, rows)| import_rows(tenant_id, name, rows, actor, now_us));
            let commit = Commit {
                act: Act::Import,
                actor: actor.to_owned(),
                files: parts.collect(),
                removes: replaced.map(|file| file.remove).collect(),
            };
            if let Committed::At(version) = self.commit(commit).await? {
                return Ok(Imported { version: Some(version), differences });
            }
        }
        Err(ChangeError::Overtaken)
    }

    /// Writes down that an id is not a person's, and returns the number of the cut: the one that it carries is not read.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`].
    pub async fn cut(&mut self, cut: &Cut) -> Result<i64, ChangeError> {
        self.append(|content| {
            let same = |held: &&Cut| {
                (&held.tenant_id, &held.source, &held.user_key, &held.from_person)
                    == (&cut.tenant_id, &cut.source, &cut.user_key, &cut.from_person)
            };
            if let Some(held) = content.cuts_in_force().find(same) {
                return Err(ChangeError::AlreadyCut(held.number));
            }
            let number = content.cuts.last().map_or(1, |last| last.number + 1);
            let row = Row {
                person: cut.from_person.clone(),
                source: Some(cut.source.clone()),
                user_key: Some(cut.user_key.clone()),
                number: Some(number),
                why: Some(cut.why.clone()),
                ..row(Kind::Cut, &cut.tenant_id, &cut.actor, cut.cut_at_us)
            };
            Ok((Act::Cut, number, row))
        })
        .await
    }

    /// Takes a cut back, and returns its number.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`].
    pub async fn undo(
        &mut self,
        number: i64,
        why: &str,
        actor: &str,
        now_us: i64,
    ) -> Result<i64, ChangeError> {
        self.append(|content| {
            let found = content.cuts.iter().find(|cut| cut.number == number);
            let cut = found.ok_or(ChangeError::NoCut(number))?;
            if cut.undone.is_some() {
                return Err(ChangeError::Undone(number));
            }
            let row = Row {
                number: Some(number),
                why: Some(why.to_owned()),
                ..row(Kind::Undo, &cut.tenant_id, actor, now_us)
            };
            Ok((Act::Undo, number, row))
        })
        .await
    }

    /// Adds the row that is decided upon from what the latest version says.
    async fn append(
        &mut self,
        decide: impl Fn(&DirectoryContent) -> Result<(Act, i64, Row), ChangeError>,
    ) -> Result<i64, ChangeError> {
        for _ in 0..ATTEMPTS_MAX {
            let content = self.fresh().await?;
            let (act, number, row) = decide(&content)?;
            let commit =
                Commit { act, actor: row.actor.clone(), files: vec![vec![row]], removes: Vec::new() };
            if let Committed::At(_) = self.commit(commit).await? {
                return Ok(number);
            }
        }
        Err(ChangeError::Overtaken)
    }

    async fn fresh(&mut self) -> Result<Arc<DirectoryContent>, DirectoryError> {
        self.refresh().await?;
        self.content().await
    }
}

fn import_rows(tenant_id: &str, directory: &str, listings: &[Listing], actor: &str, now_us: i64) -> Vec<Row> {
    let row = |kind| Row { directory: Some(directory.to_owned()), ..row(kind, tenant_id, actor, now_us) };
    let person = |listing: &Listing| Row {
        person: Some(listing.person.clone()),
        ids: listing.ids.clone(),
        enabled: listing.enabled,
        ..row(Kind::Person)
    };
    [row(Kind::Import)].into_iter().chain(listings.iter().map(person)).collect()
}

fn row(kind: Kind, tenant_id: &str, actor: &str, committed_at_us: i64) -> Row {
    Row {
        kind: Some(kind),
        tenant_id: tenant_id.to_owned(),
        directory: None,
        person: None,
        ids: Vec::new(),
        enabled: Enabled::default(),
        source: None,
        user_key: None,
        number: None,
        why: None,
        actor: actor.to_owned(),
        committed_at_us,
    }
}
