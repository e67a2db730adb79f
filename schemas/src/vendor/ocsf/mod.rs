//! The Open Cybersecurity Schema Framework (OCSF), versions 1.0 to 1.6: class Authentication (3002) of any
//! producer.
//!
//! - `status_id` decides; where it says neither success nor failure, `status`, then what its codes are known
//!   to mean. Codes that interrupt a sign-in before its second factor are pending whatever the producer calls
//!   them.
//! - A logon is an event; so are Kerberos pre-authentications and tickets of persons (their first factor),
//!   and other activities that name a factor. Logoffs, service tickets, account switches and logons of
//!   machines and services are skipped by name, other classes by theirs.
//! - `is_mfa` and `auth_factors` say what was proved. Without either nothing is known.
//! - The user's id is the name or id that looks like a UPN, else `DOMAIN\name`, else the e-mail address,
//!   `uid`, `name`; for events that Gatebook wrote, `uid`, which is where it writes it.
//! - `metadata.uid` is the id. The same id with other content: each is an event of its own, since many
//!   producers put a vendor's transaction id there, which that vendor uses again for other events.

mod authentication;
mod ours;
#[cfg(test)]
mod tests;
mod user;
mod words;

use std::borrow::Cow;

use super::Vendor;
use super::draft::{Found, foreign};
use super::json::{Json, keys};
use crate::rejection::Rejection;

pub(super) const VENDOR: Vendor =
    Vendor { decoder: "ocsf/2", lists: &[&["events"], &["records"], &["value"]], read, read_text: None };

const AUTHENTICATION: i64 = 3002;

keys! {
    /// The parts of an event that are read.
    Event {
        activity_id = "activity_id",
        activity_name = "activity_name",
        actor = "actor",
        auth_factors = "auth_factors",
        auth_protocol = "auth_protocol",
        auth_protocol_id = "auth_protocol_id",
        cloud = "cloud",
        device = "device",
        dst_endpoint = "dst_endpoint",
        is_mfa = "is_mfa",
        logon_type = "logon_type",
        logon_type_id = "logon_type_id",
        metadata = "metadata",
        service = "service",
        src_endpoint = "src_endpoint",
        status = "status",
        status_code = "status_code",
        status_detail = "status_detail",
        status_id = "status_id",
        time = "time",
        time_dt = "time_dt",
        type_uid = "type_uid",
        unmapped = "unmapped",
        user = "user",
    }
}

fn read<'t>(event: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    match class(event) {
        Some(AUTHENTICATION) => authentication::read(&Event::of(event, false)),
        Some(class) => Ok(Found::Skipped(match event.text("class_name") {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("class {class}")),
        })),
        None => Ok(foreign()),
    }
}

fn class(event: Json<'_>) -> Option<i64> {
    event.number("class_uid").or_else(|| event.number("type_uid").map(|kind| kind / 100))
}
