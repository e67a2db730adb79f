//! Whose events sums are about, by number, so that rows of a year are small and compare fast.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ahash::RandomState;

/// Every id, spelling and method that was read in a process, by number. Numbers stay: whoever holds rows holds them.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<Numbers>);

impl Names {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Numbers> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Numbers> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the numbers stand for.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    texts: Numbered<Arc<str>>,
    /// Tenant, source and id in canonical form.
    ids: Numbered<[u32; 3]>,
    /// The id as it came, and the e-mail address that came with it.
    spellings: Numbered<[u32; 2]>,
}

/// The number of an absent text.
const NONE: u32 = 0;

impl Numbers {
    pub(super) fn text(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        match self.texts.numbers.get(text) {
            Some(number) => *number,
            None => self.texts.number(text.into()),
        }
    }

    pub(super) fn id(&mut self, id: [u32; 3]) -> u32 {
        self.ids.number(id)
    }

    pub(super) fn spelling(&mut self, spelling: [u32; 2]) -> u32 {
        self.spellings.number(spelling)
    }

    /// A text by its number; none for that of an absent one.
    pub(crate) fn text_of(&self, number: u32) -> Option<&str> {
        self.texts.get(number).map(AsRef::as_ref)
    }

    /// Tenant, source and id.
    pub(crate) fn id_of(&self, number: u32) -> [&str; 3] {
        let id = self.ids.get(number).copied().unwrap_or_default();
        id.map(|text| self.text_of(text).unwrap_or_default())
    }

    /// The numbers of tenant and source of an id.
    pub(crate) fn whose_of(&self, number: u32) -> [u32; 2] {
        let [tenant, source, _] = self.ids.get(number).copied().unwrap_or_default();
        [tenant, source]
    }

    /// The id as it came, and an e-mail address.
    pub(crate) fn spelling_of(&self, number: u32) -> (&str, Option<&str>) {
        let [user_id, email] = self.spellings.get(number).copied().unwrap_or_default();
        (self.text_of(user_id).unwrap_or_default(), self.text_of(email))
    }
}

/// Things, each once. The first has number 1.
#[derive(Debug)]
struct Numbered<T> {
    numbers: HashMap<T, u32, RandomState>,
    all: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, it: T) -> u32 {
        let next = self.all.len() as u32 + 1;
        let number = *self.numbers.entry(it.clone()).or_insert(next);
        if number == next {
            self.all.push(it);
        }
        number
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.all.get((number as usize).checked_sub(1)?)
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), all: Vec::new() }
    }
}
