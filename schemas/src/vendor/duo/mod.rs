//! Duo Security: the logs of the Admin API, in one topic or in several.
//!
//! Which log a record is of shows in its keys:
//!
//! | log | shows in | becomes |
//! |---|---|---|
//! | authentication, version 2 and 1 | `result`, `factor`, `event_type` | an event; an enrolment: a change |
//! | telephony, version 2 and 1 | `telephony_id`; `phone` and `type` | a pending event: a text or call; of no sign-in: skipped |
//! | administrator, offline enrollment | `action`, a text | a change; an administrator's sign-in: an event |
//! | activity | `activity_id`, `actor`, `action.name` | as the administrator log |
//! | trust monitor | `sekey`, `surfaced_auth` | skipped: it repeats authentications |
//!
//! Ids: `txid` comes back on records with other outcomes, so it is the attempt, and an event's id is made of
//! what the record says (`activity_id` and `telephony_id` are unique and taken as they are). Same id, other
//! content: a new event.
//!
//! Times are UTC also where they have no zone, which Duo documents; `isotimestamp` and `ts` count before
//! `timestamp`, which has whole seconds.

mod administration;
mod authentication;
mod details;
mod device;
mod telephony;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use super::Vendor;
use super::draft::{Found, bad_time, foreign};
use super::json::{Json, keys};
use super::times::Writing;
use super::when::When;
use crate::rejection::Rejection;

pub(super) const VENDOR: Vendor = Vendor {
    decoder: "duo/2",
    lists: &[
        &["authlogs"],
        &["items"],
        &["events"],
        &["response", "authlogs"],
        &["response", "items"],
        &["response", "events"],
        &["response"],
    ],
    read,
    read_text: None,
};

keys! {
    /// The values of a record's keys; a null is a value.
    Keys {
        access_device = "access_device",
        action = "action",
        activity_id = "activity_id",
        actor = "actor",
        alias = "alias",
        application = "application",
        auth_device = "auth_device",
        context = "context",
        credits = "credits",
        description = "description",
        device = "device",
        email = "email",
        event_type = "event_type",
        factor = "factor",
        host = "host",
        integration = "integration",
        ip = "ip",
        isotimestamp = "isotimestamp",
        kind = "type",
        new_enrollment = "new_enrollment",
        object = "object",
        old_target = "old_target",
        outcome = "outcome",
        phone = "phone",
        reason = "reason",
        result = "result",
        sekey = "sekey",
        sender = "sender",
        stat = "stat",
        surfaced_auth = "surfaced_auth",
        target = "target",
        telephony_id = "telephony_id",
        timestamp = "timestamp",
        ts = "ts",
        txid = "txid",
        user = "user",
        username = "username",
    }
}

fn read<'t>(record: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let keys = Keys::of(record, true);
    if keys.sekey.is_some() || keys.surfaced_auth.is_some() {
        return Ok(Found::Skipped(Cow::Borrowed("trust_monitor")));
    }
    if keys.activity_id.is_some() || keys.actor.is_some_and(Json::is_object) {
        return administration::read_activity(&keys);
    }
    if keys.action.and_then(Json::as_text).is_some() {
        return administration::read_administrator(&keys);
    }
    if keys.telephony_id.is_some() || (text(keys.phone).is_some() && text(keys.kind).is_some()) {
        return telephony::read(&keys);
    }
    // An object there is a collector's.
    let is_own = |value: &Option<Json<'_>>| value.is_some_and(|value| !value.is_object());
    if [keys.result, keys.factor, keys.event_type].iter().any(is_own) {
        return authentication::read(&keys);
    }
    // What the API answers when it does not answer with a log: a limit reached, a wrong signature.
    Ok(if keys.stat.is_some() { Found::Skipped(Cow::Borrowed("api_answer")) } else { foreign() })
}

/// Duo documents UTC.
const TIMES: Writing = Writing { in_utc: true, month_first: false };

/// When it happened. A first clock that cannot be read leaves it to the next.
fn occurred_at<'t>(keys: &Keys<'t>) -> Result<When<'t>, Rejection<'static>> {
    let expected = "a date and time in UTC or seconds since 1970";
    TIMES.best(&[keys.isotimestamp, keys.ts, keys.timestamp]).ok_or_else(|| bad_time("timestamp", expected))
}

/// A key's text; none where it is empty or null.
fn text(value: Option<Json<'_>>) -> Option<&str> {
    value?.as_text()
}

/// A key's text, or the name in its object, or else the object's key.
fn name(value: Option<Json<'_>>) -> Option<&str> {
    let value = value?;
    value.as_text().or_else(|| value.text("name")).or_else(|| value.text("key"))
}

/// The address of the device that was signing in.
fn client_address<'t>(keys: &Keys<'t>) -> Option<&'t str> {
    let address = keys.access_device.and_then(|device| device.get("ip")).or(keys.ip)?;
    address.as_text().or_else(|| address.text("address"))
}

/// The API's host name, which collectors add; the key `host` of others is the collector's own.
fn server_name<'t>(keys: &Keys<'t>) -> Option<&'t str> {
    text(keys.host).filter(|host| host.ends_with(".duosecurity.com") || host.ends_with(".duofederal.com"))
}
