//! Texts by number, since rows of sums repeat few.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;

/// Stands for no text.
pub(super) const NONE: u32 = 0;

/// Texts, each with a number.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    /// By their number less one.
    texts: Vec<Arc<str>>,
}

impl Names {
    pub(super) fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    /// In the order of their numbers.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }

    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.texts.get((number as usize).checked_sub(1)?).map(AsRef::as_ref)
    }
}
