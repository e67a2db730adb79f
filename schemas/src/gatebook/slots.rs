//! What a reader found in a record, before it is judged.

use super::key::{Key, StepKey};

/// What a reader found in a record: values of the right JSON type, not yet judged. Null is absent.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    /// The texts, by key.
    pub(super) texts: [Option<&'a str>; Key::COUNT],
    /// The number of `prompts`.
    pub(super) prompts: Option<i64>,
    /// The steps, in order.
    pub(super) steps: Vec<StepSlots<'a>>,
}

/// The texts of a step, by key.
pub(super) type StepSlots<'a> = [Option<&'a str>; StepKey::COUNT];

impl Slots<'_> {
    pub(super) fn new() -> Self {
        Self { texts: [None; Key::COUNT], prompts: None, steps: Vec::new() }
    }
}
