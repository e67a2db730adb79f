//! The sources that are products of others: their logs as they come, each read by a file of its own.
//!
//! One way for all: a record is parsed, its elements are found (a record may wrap many, and a collector may wrap a record
//! under a key of its own: an element that shows no key of its vendor's is opened), the vendor's reader makes a
//! [`Draft`](draft::Draft) of each, and [`judge`] makes an event of it: addresses and ids in canonical form, tenants by
//! the configuration's map, times within their limits. What a vendor's words mean stands in the tables under
//! `schemas/vocabularies`, which [`tables`] lists.

mod addresses;
pub(crate) mod change_words;
mod cloudtrail;
mod deleted_name;
mod draft;
mod duo;
mod entra;
mod json;
mod judge;
mod key_table;
mod keycloak;
mod lookup;
mod mfa_server;
#[cfg(test)]
mod mutations;
mod o365;
mod ocsf;
mod okta;
pub(crate) mod other_names;
mod part;
#[cfg(test)]
mod summary;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod times;
mod when;
pub(crate) mod words;

pub use self::entra::LEGACY_CLIENTS;

use std::fmt;

use sha2::{Digest as _, Sha256};
use simd_json::{Buffers, INPUT_PADDING, Tape};

use self::draft::Found;
use self::json::Json;
use self::judge::{Judge, Received};
use self::part::{Items, Part, Text};
use crate::element::Element;
use crate::maps::Maps;
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;

/// How a vendor's records are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vendor {
    /// Name and version, for the column `decoder`. The version grows when a record would read differently.
    pub(crate) decoder: &'static str,
    /// Keys under which a record keeps a list of elements, each a way from the root.
    lists: &'static [&'static [&'static str]],
    /// Reads an element that is a JSON object.
    read: for<'t> fn(Json<'t>) -> Result<Found<'t>, Rejection<'static>>,
    /// Reads a record that is no JSON; none where the vendor writes JSON alone.
    read_text: Option<ReadText>,
}

/// Reads a record of text: calls back with each element.
type ReadText = fn(&str, &mut Take<'_>);

/// What takes elements, each with the part of the record that it is.
type Take<'a> = dyn FnMut(Part<'_>, Result<Found<'_>, Rejection<'static>>) + 'a;

/// Duo Security.
pub(crate) const DUO: Vendor = duo::VENDOR;
/// Microsoft Azure Multi-Factor Authentication Server.
pub(crate) const MFA_SERVER: Vendor = mfa_server::VENDOR;
/// Any producer of OCSF Authentication events.
pub(crate) const OCSF: Vendor = ocsf::VENDOR;
/// Microsoft Entra.
pub(crate) const ENTRA: Vendor = entra::VENDOR;
/// Okta.
pub(crate) const OKTA: Vendor = okta::VENDOR;
/// Keycloak.
pub(crate) const KEYCLOAK: Vendor = keycloak::VENDOR;
/// Microsoft 365.
pub(crate) const O365: Vendor = o365::VENDOR;
/// AWS CloudTrail.
pub(crate) const CLOUDTRAIL: Vendor = cloudtrail::VENDOR;

/// Reads a vendor's records. It owns scratch space: keep one for each thread and use it again.
pub struct VendorDecoder {
    vendor: Vendor,
    judge: Judge,
    /// Whether events and changes have their part of the record.
    keep_raw: bool,
    /// The record's bytes, with the parser's padding: it unescapes texts in place.
    bytes: Vec<u8>,
    /// What the parser made of the last record, kept for its memory.
    tape: Tape<'static>,
    /// The parser's own scratch space.
    buffers: Buffers,
}

/// The longest tape whose memory is kept, in nodes: 64 Ki are 1.5 MiB, and a record of brackets alone would make sixteen
/// times as many.
const NODES_KEPT_MAX: usize = 1 << 16;

impl fmt::Debug for VendorDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorDecoder").field("vendor", &self.vendor).finish_non_exhaustive()
    }
}

impl VendorDecoder {
    pub(crate) fn new(vendor: Vendor, maps: &Maps) -> Self {
        Self {
            vendor,
            judge: Judge::new(maps),
            keep_raw: maps.keep_raw,
            bytes: Vec::new(),
            tape: Tape(Vec::new()),
            buffers: Buffers::default(),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.vendor.decoder
    }

    pub(crate) fn decode(
        &mut self,
        record: &Record<'_>,
        limits: &TimeLimits,
        counts: &mut UnknownCounts,
        emit: &mut dyn FnMut(u32, Element<'_>),
    ) {
        let mut index = 0;
        let judge = &self.judge;
        let received = Received { limits, timestamp_us: record.timestamp_us };
        let keep_raw = self.keep_raw;
        let mut take = |part: Part<'_>, found: Result<Found<'_>, Rejection<'static>>| {
            judge.emit(found, received, counts, &mut |element| {
                let bytes = if keep_raw || element.is_rejection() { part.bytes() } else { None };
                emit(index, element.with_raw(bytes.as_deref()));
            });
            index += 1;
        };
        let bytes = match record.bytes() {
            Ok(bytes) => bytes.trim_ascii(),
            Err(rejection) => return take(Part::Whole, Err(rejection)),
        };
        if let (false, Some(read_text)) =
            (bytes.starts_with(b"{") || bytes.starts_with(b"["), self.vendor.read_text)
        {
            return match text(record) {
                Ok(text) => read_text(text, &mut take),
                Err(rejection) => take(Part::Whole, Err(rejection)),
            };
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(bytes.len() + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        // The parser looks at the encoding too: a look before it would be a second one.
        match simd_json::fill_tape_padded(&mut self.bytes, bytes.len(), &mut self.buffers, &mut tape) {
            Ok(()) => self.vendor.elements(Json::root(&tape.0), bytes, &mut take),
            Err(error) => match (text(record), self.vendor.read_text) {
                (Ok(text), Some(read_text)) if is_bracketed(bytes) => read_text(text, &mut take),
                (Err(rejection), _) => take(Part::Whole, Err(rejection)),
                (Ok(_), _) => {
                    // Its text may repeat the record.
                    let detail = format!("no JSON from byte {} on", error.index());
                    take(Part::Whole, Err(Rejection::whole(Reason::NotJson, detail)));
                }
            },
        }
        if tape.0.capacity() <= NODES_KEPT_MAX {
            self.tape = tape.reset();
        }
    }
}

/// The record's text, if there is more than white space.
fn text<'a>(record: &Record<'a>) -> Result<&'a str, Rejection<'static>> {
    let text = record.text()?;
    if text.trim().is_empty() {
        return Err(Rejection::whole(Reason::Empty, "the record has nothing but white space"));
    }
    Ok(text)
}

/// Whether a text that is no JSON begins with a bracket and is no list of objects, such as a line of a log: `[2026-03-01 …`.
fn is_bracketed(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"[").is_some_and(|rest| !rest.trim_ascii_start().starts_with(b"{"))
}

/// How deep records are wrapped in one another, at most: a message around a list around a row.
const WRAPPED_DEPTH_MAX: usize = 3;

/// Under which keys collectors keep a record, whatever its source: the first that can be one counts.
const WRAPPERS: [&str; 18] = [
    "message",
    "@message",
    "Message",
    "event",
    "original",
    "payload",
    "data",
    "detail",
    "body",
    "log",
    "ocsf",
    "CloudTrailEvent",
    "_raw",
    "result",
    "value",
    "records",
    "Records",
    "events",
];

/// What an object wraps that has no key of its source's own.
fn wrapped(object: Json<'_>) -> Option<(&'static str, Json<'_>)> {
    let mut values = WRAPPERS.iter().filter_map(|key| Some((*key, object.get(key)?)));
    values.find(|(_, value)| value.may_be_record())
}

impl Vendor {
    /// Finds the elements: of a list each, of an object with lists each of theirs, else the object.
    /// `raw` is what the root was read from.
    fn elements(&self, root: Json<'_>, raw: &[u8], take: &mut Take<'_>) {
        self.elements_within(root, Text::Here(raw), Part::Whole, 0, take);
    }

    fn elements_within(
        &self,
        root: Json<'_>,
        text: Text<'_>,
        whole: Part<'_>,
        depth: usize,
        take: &mut Take<'_>,
    ) {
        let items = Items::new(text, self.lists);
        let mut number = 0;
        let mut read = |element: Json<'_>, is_item: bool| {
            let (part, text) = if is_item {
                (Part::Item(&items, number), Text::Item(&items, number))
            } else {
                (whole, text)
            };
            number += 1;
            let found = if element.is_object() {
                (self.read)(element)
            } else {
                Err(Rejection::whole(Reason::WrongType, "found no object, expected one"))
            };
            let is_deep = depth >= WRAPPED_DEPTH_MAX;
            match found {
                Ok(Found::Foreign(_)) if is_item && !is_deep && self.lists_of(element).next().is_some() => {
                    self.elements_within(element, text, part, depth + 1, take);
                }
                Ok(Found::Foreign(kind)) => match wrapped(element).filter(|_| !is_deep) {
                    Some((key, value)) => self.elements_under(key, value, text, part, depth, take),
                    None => take(part, Ok(Found::Skipped(kind))),
                },
                Ok(Found::Wrapped(key, value)) if !is_deep => {
                    self.elements_under(key, value, text, part, depth, take);
                }
                found => take(part, found),
            }
        };
        let mut has_list = false;
        for list in self.lists_of(root) {
            list.elements().for_each(|element| read(element, true));
            has_list = true;
        }
        if root.is_list() {
            root.elements().for_each(|element| read(element, true));
        } else if !has_list {
            read(root, false);
        }
    }

    /// The lists of elements that an object keeps.
    fn lists_of<'t>(&self, object: Json<'t>) -> impl Iterator<Item = Json<'t>> + use<'t> {
        let lists = self.lists;
        let values = object.entries().filter(|(_, value)| value.is_list() || value.is_object());
        values.flat_map(move |(key, value)| {
            let ways = lists.iter().filter(move |way| way[0] == key);
            ways.filter_map(move |way| value.at(&way[1..]).filter(|list| list.is_list()))
        })
    }

    /// The elements of what an object of this text keeps under a key, as it is or as a text of JSON.
    fn elements_under(
        &self,
        key: &'static str,
        value: Json<'_>,
        text: Text<'_>,
        part: Part<'_>,
        depth: usize,
        take: &mut Take<'_>,
    ) {
        if value.is_object() || value.is_list() {
            return self.elements_within(value, Text::Under(&text, key), part, depth + 1, take);
        }
        let bytes = value.as_text().unwrap_or_default().as_bytes();
        let inside = |root: Json<'_>| self.elements_within(root, Text::Here(bytes), part, depth + 1, take);
        if Json::look_into(bytes.to_vec(), inside).is_none() {
            take(part, Err(draft::no_json(key)));
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// An id made of what an event says, for sources that give none or use theirs again for other events: 32 hexadecimal
/// digits of SHA-256 over the parts. The same parts give the same id for ever.
pub(crate) fn derived_id(parts: &[Option<&str>]) -> String {
    // Hashed at once: one update for each part would take as long as the hash.
    let byte_count = parts.iter().map(|part| 8 + part.map_or(0, str::len)).sum();
    let mut bytes = Vec::with_capacity(byte_count);
    for part in parts {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(part.unwrap_or_default().as_bytes());
    }
    let digit = |value: u8| char::from(HEX[usize::from(value & 15)]);
    let mut id = String::with_capacity(32);
    for byte in &Sha256::digest(&bytes)[..16] {
        id.push(digit(byte >> 4));
        id.push(digit(*byte));
    }
    id
}
