//! Sign-ins: the attempts that several sources logged about the same thing, told once.

mod joiner;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::view::{ABOUT, COLUMNS, SignIns, VIEW};
