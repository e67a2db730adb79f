//! Source `gatebook`: one JSON object (RFC 8259) a record, whose keys are the columns of an event.
//!
//! Required are `event_id`, `occurred_at`, `tenant_id`, `user_id`, `method`, `result`, `server_name` and
//! `server_ip`, and `denial_reason` exactly when `result` is `denied`. The committed JSON Schema
//! ([`crate::contract`]) has the rest. Beyond it:
//!
//! - A key with the value null or an empty text counts as absent.
//! - A known key twice is a [`crate::Reason::Contradiction`], whatever its values. Unknown keys are counted.
//! - Words of a vocabulary are read in any ASCII case.
//! - A byte order mark in front makes the record [`crate::Reason::NotJson`] (RFC 8259 section 8.1 forbids
//!   producers to write one).
//! - Text that JSON can write and Unicode cannot (a lone surrogate, `"\ud800"`), or a number in a known key
//!   beyond a 64-bit float, makes the record [`crate::Reason::WrongType`].
//!
//! Two readers fill the same slots, and one judge makes an event of them: a scanner for the JSON that
//! machines write, and a JSON parser for everything else. The scanner declines whatever it is not sure of,
//! so that the parser alone decides what is accepted.

#[cfg(test)]
mod differential;
mod judge;
mod key;
mod parser;
mod scanner;
mod slots;
#[cfg(test)]
mod tests;

use crate::element::Element;
use crate::fields::Fields;
use crate::record::Record;
use crate::rejection::Rejection;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;
use judge::{Judge, Scratch};
use scanner::Scanner;
use slots::Slots;

pub use judge::{FIELD_BYTES_MAX, STEPS_MAX};

/// Reads records of source `gatebook`. It owns scratch space: keep one for each thread and use it again.
#[derive(Debug)]
pub struct GatebookDecoder {
    judge: Judge,
    scanner: Option<Scanner>,
    scratch: Scratch,
}

impl GatebookDecoder {
    /// Name and version, for the column `decoder`. The version grows when a record would read differently.
    pub const NAME: &str = "gatebook/1";

    /// A decoder that does not read the switched-off fields.
    pub fn new(fields: &Fields) -> Self {
        Self { scanner: Some(Scanner::new()), ..Self::without_scanner(fields) }
    }

    /// A decoder that gives every record to the JSON parser: the reference that the scanner must equal.
    pub fn without_scanner(fields: &Fields) -> Self {
        Self { judge: Judge::new(fields), scanner: None, scratch: Scratch::default() }
    }

    /// Reads a record and calls `emit` once, with index 0.
    ///
    /// Unknown keys are counted for every record that is a JSON object, unknown values for events.
    pub fn decode(
        &mut self,
        record: &Record<'_>,
        limits: &TimeLimits,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(u32, Element<'_>),
    ) {
        let text = match record.text() {
            Ok(text) => text,
            Err(rejection) => return emit(0, Element::Rejection(rejection)),
        };
        let plausible = |occurred_at_us| limits.check(occurred_at_us, record.timestamp_us);
        if let Some(scanner) = &mut self.scanner
            && let Some(slots) = scanner.scan(text)
        {
            scanner.unknown_keys(text).for_each(|key| counts.keys.add(key));
            return emit_judged(&self.judge, &slots, &mut self.scratch, plausible, counts, emit);
        }
        match parser::parse(text) {
            Ok(object) => {
                object.unknown_keys().iter().for_each(|key| counts.keys.add(key));
                match object.slots(&self.judge) {
                    Ok(slots) => emit_judged(&self.judge, &slots, &mut self.scratch, plausible, counts, emit),
                    Err(rejection) => emit(0, Element::Rejection(rejection)),
                }
            }
            Err(rejection) => emit(0, Element::Rejection(rejection)),
        }
    }
}

fn emit_judged(
    judge: &Judge,
    slots: &Slots<'_>,
    scratch: &mut Scratch,
    plausible: impl Fn(i64) -> Result<(), Rejection<'static>>,
    counts: &mut UnknownCounts,
    emit: &mut dyn FnMut(u32, Element<'_>),
) {
    scratch.unknown_values.clear();
    let judged = judge.steps(slots, &mut scratch.unknown_values);
    match &judged {
        Ok(steps) => match judge.event(slots, steps, scratch) {
            Ok(event) => match plausible(event.occurred_at_us) {
                Ok(()) => {
                    event.unknown_values.iter().for_each(|value| counts.values.add(value));
                    emit(0, Element::Event(event));
                }
                Err(rejection) => emit(0, Element::Rejection(rejection)),
            },
            Err(rejection) => emit(0, Element::Rejection(rejection)),
        },
        Err(rejection) => emit(0, Element::Rejection(rejection.clone())),
    }
}
