//! What one version of the directory says.

use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::kernel::Remove;
use schemas::{DirectoryFile, Enabled, ListedId, Listing};

use super::change::Difference;
use super::rows::{Kind, Row};

/// What one version says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryContent {
    /// Of each directory the last import, by tenant and name.
    pub imports: Vec<Import>,
    /// Every cut, undone ones among them, by number.
    pub cuts: Vec<Cut>,
}

/// What a directory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Whose directory it is.
    pub tenant_id: String,
    /// Its name.
    pub directory: String,
    /// Who imported it.
    pub actor: String,
    /// When, in microseconds since 1970 UTC.
    pub imported_at_us: i64,
    /// Its rows, sorted.
    pub listings: Vec<Listing>,
}

/// An operator's word that an id is not a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its number, from 1.
    pub number: i64,
    /// Whose id it is.
    pub tenant_id: String,
    /// The source that uses it.
    pub source: String,
    /// The id in canonical form.
    pub user_key: String,
    /// Whose it is not; none where it is to stand for itself.
    pub from_person: Option<String>,
    /// Who said so.
    pub actor: String,
    /// When, in microseconds since 1970 UTC.
    pub cut_at_us: i64,
    /// Why.
    pub why: String,
    /// That it was taken back.
    pub undone: Option<Undone>,
}

/// That a cut was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Who did.
    pub actor: String,
    /// When, in microseconds since 1970 UTC.
    pub undone_at_us: i64,
    /// Why.
    pub why: String,
}

impl DirectoryContent {
    /// The cuts that hold.
    pub fn cuts_in_force(&self) -> impl Iterator<Item = &Cut> {
        self.cuts.iter().filter(|cut| cut.undone.is_none())
    }

    /// The last import of a directory.
    #[must_use]
    pub fn import(&self, tenant_id: &str, directory: &str) -> Option<&Import> {
        self.imports.iter().find(|it| it.tenant_id == tenant_id && it.directory == directory)
    }

    /// What a file would change, by directory.
    #[must_use]
    pub fn differences(&self, tenant_id: &str, file: &DirectoryFile) -> BTreeMap<String, Difference> {
        let difference = |(name, after): (&String, &Vec<Listing>)| {
            let before = self.import(tenant_id, name).map_or(&[][..], |held| &held.listings);
            (name.clone(), Difference::between(before, after))
        };
        file.directories.iter().map(difference).collect()
    }

    /// How many ids of a tenant are listed by several directories for different persons at a time, the same way.
    #[must_use]
    pub fn conflicts(&self, tenant_id: &str) -> usize {
        let mut claims: BTreeMap<&ListedId, BTreeSet<(Enabled, &str)>> = BTreeMap::new();
        for listing in self.imports.iter().filter(|it| it.tenant_id == tenant_id).flat_map(|it| &it.listings)
        {
            for id in &listing.ids {
                claims.entry(id).or_default().insert((listing.enabled, &listing.person));
            }
        }
        claims.values().filter(|claims| is_contradictory(claims)).count()
    }

    pub(super) fn of(files: &[FileRows]) -> Self {
        let mut content = Self::default();
        let mut undone = BTreeMap::new();
        for file in files {
            let mut rows = file.rows.iter();
            match rows.clone().next().and_then(|row| row.kind) {
                Some(Kind::Import) => content.imports.extend(imports(&file.rows)),
                Some(Kind::Cut) => content.cuts.extend(rows.next().map(cut)),
                Some(Kind::Undo) => undone.extend(rows.map(|row| {
                    let by = Undone {
                        actor: row.actor.clone(),
                        undone_at_us: row.committed_at_us,
                        why: row.why.clone().unwrap_or_default(),
                    };
                    (row.number.unwrap_or_default(), by)
                })),
                Some(Kind::Person) | None => {}
            }
        }
        content.imports.sort_by(|one, other| {
            (&one.tenant_id, &one.directory).cmp(&(&other.tenant_id, &other.directory))
        });
        content.cuts.sort_by_key(|cut| cut.number);
        for cut in &mut content.cuts {
            cut.undone = undone.remove(&cut.number);
        }
        content
    }
}

/// Of periods in the order in which they begin, whether two of different persons overlap.
fn is_contradictory(claims: &BTreeSet<(Enabled, &str)>) -> bool {
    let mut latest: Option<(i64, &str)> = None;
    for (enabled, person) in claims {
        let (from_us, to_us) = (enabled.from_us.unwrap_or(i64::MIN), enabled.to_us.unwrap_or(i64::MAX));
        latest = match latest {
            Some((until_us, other)) if from_us < until_us && other != *person => return true,
            Some((until_us, _)) if from_us < until_us => Some((until_us.max(to_us), person)),
            _ => Some((to_us, person)),
        };
    }
    false
}

/// A file of a version, with the action that takes it out.
pub(super) struct FileRows {
    pub(super) remove: Remove,
    pub(super) rows: Vec<Row>,
}

impl FileRows {
    /// The directory that the file is the import of.
    pub(super) fn directory(&self) -> Option<(&str, &str)> {
        let row = self.rows.first().filter(|row| row.kind == Some(Kind::Import))?;
        Some((&row.tenant_id, row.directory.as_deref()?))
    }
}

/// The import of a file: its first row, and the persons of the others.
fn imports(rows: &[Row]) -> Option<Import> {
    let (head, persons) = rows.split_first()?;
    let listing = |row: &Row| Listing {
        person: row.person.clone().unwrap_or_default(),
        ids: row.ids.clone(),
        enabled: row.enabled,
    };
    Some(Import {
        tenant_id: head.tenant_id.clone(),
        directory: head.directory.clone().unwrap_or_default(),
        actor: head.actor.clone(),
        imported_at_us: head.committed_at_us,
        listings: persons.iter().map(listing).collect(),
    })
}

fn cut(row: &Row) -> Cut {
    Cut {
        number: row.number.unwrap_or_default(),
        tenant_id: row.tenant_id.clone(),
        source: row.source.clone().unwrap_or_default(),
        user_key: row.user_key.clone().unwrap_or_default(),
        from_person: row.person.clone(),
        actor: row.actor.clone(),
        cut_at_us: row.committed_at_us,
        why: row.why.clone().unwrap_or_default(),
        undone: None,
    }
}
