//! A Kafka record as decoders see it.

use crate::rejection::{Reason, Rejection};

/// The longest record that is read, in bytes: a mebibyte, Kafka's own default limit for a message.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A Kafka record as decoders see it: no key, no headers, no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Kafka's timestamp of the record, in microseconds since 1970 UTC, where the topic keeps one.
    pub timestamp_us: Option<i64>,
}

impl<'a> Record<'a> {
    /// The record's text, without white space around it.
    pub(crate) fn text(&self) -> Result<&'a str, Rejection<'static>> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) => Ok(text.trim_matches([' ', '\t', '\n', '\r'])),
            Err(error) => {
                let detail = format!("no UTF-8 after byte {}", error.valid_up_to());
                Err(Rejection::whole(Reason::NotUtf8, detail))
            }
        }
    }

    /// The record's bytes, for a parser that looks at their encoding itself.
    pub(crate) fn bytes(&self) -> Result<&'a [u8], Rejection<'static>> {
        let value = self.value.unwrap_or_default();
        if value.is_empty() {
            return Err(Rejection::whole(Reason::Empty, "the record has no value"));
        }
        if value.len() > RECORD_BYTES_MAX {
            return Err(Rejection::whole(
                Reason::TooLong,
                format!("the record has more than {RECORD_BYTES_MAX} bytes"),
            ));
        }
        Ok(value)
    }
}
