//! AWS CloudTrail: sign-ins to the console and to IAM Identity Center, and changes of devices, passwords and
//! their rules.
//!
//! `ConsoleLogin` judges a whole sign-in; `MFAUsed` says whether AWS itself checked a second factor. For
//! people who come from another provider (roles, federation, Identity Center) it is always `No`, whatever
//! their provider checked. `CheckMfa` and `CredentialChallenge` say `Success` when a challenge was *shown*:
//! pending. Identity Center logs each factor (`CredentialVerification`) and then the whole
//! (`UserAuthentication`, which is always a success).
//!
//! `eventID` is unique; a trail may deliver a record again, unchanged. Same id, other content: not
//! documented, so each would be an event of its own (`new event`). Copies in several accounts have ids of
//! their own and `sharedEventID`.

mod change;
mod identity;
mod sign_in;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::Vendor;
use super::draft::{Found, UNKNOWN_SHAPE, bad_time};
use super::json::Json;
use super::times::Writing;
use super::when::When;
use crate::rejection::Rejection;

pub(super) const VENDOR: Vendor = Vendor {
    decoder: "cloudtrail/2",
    lists: &[&["Records"], &["records"], &["logEvents"], &["Events"]],
    read,
    read_text: None,
};

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let Some(name) = json.text("eventName") else { return Ok(around(json)) };
    if let Some(event) = sign_in::of(name) {
        return sign_in::read(json, name, event);
    }
    change::read(json, name)
}

/// What is no record itself. EventBridge keeps it under `detail`, and other events too.
fn around(json: Json<'_>) -> Found<'_> {
    let other = |detail: &Json<'_>| detail.is_object() && detail.text("eventName").is_none();
    if let (Some(kind), Some(_)) = (json.text("detail-type"), json.get("detail").filter(other)) {
        return Found::Skipped(Cow::Borrowed(kind));
    }
    let kind = json.text("eventType").or_else(|| json.text("detail-type"));
    Found::Foreign(Cow::Borrowed(kind.unwrap_or(UNKNOWN_SHAPE)))
}

const TIMES: Writing = Writing { in_utc: true, month_first: false };

/// `eventTime` is documented as UTC; some shippers write it with a blank and without its `Z`.
fn occurred_at(json: Json<'_>) -> Result<When<'_>, Rejection<'static>> {
    TIMES.when(json.get("eventTime")).ok_or_else(|| bad_time("eventTime", "a date and time in UTC"))
}
