//! Microsoft Azure Multi-Factor Authentication Server: the activity report, the longer record of an attempt,
//! and the histories of blocks, bypasses, activations and user changes; in JSON and as tables (CSV).
//!
//! - The prefix of a call result says whether the call worked, not whether the user got in. The overall flag
//!   and result decide, then those of the row; the primary call, the backup call and the devices are steps.
//! - A code that was sent or asked for is pending whatever the flags say: they are false, or true for the
//!   call, until another record tells of the answer.
//! - Without a challenge (cache, bypass) there is no method.
//! - Times need a zone, in the text or in the name of the column: that exports are in UTC is not documented.
//! - An attempt has no id of its own: it is made of what the record says. The same id with other content is an
//!   event of its own. What a producer gives as request or attempt id becomes the attempt's.

mod attempt;
mod change;
mod csv;
mod moments;
mod results;
mod row;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::results::Said;
use self::row::{Key, Row};
use super::Vendor;
use super::draft::{Found, UNKNOWN_SHAPE};
use super::json::Json;
use crate::rejection::Rejection;

pub(super) const VENDOR: Vendor = Vendor {
    decoder: "mfa-server/2",
    lists: &[
        &["AuthenticationAttempts"],
        &["authenticationAttempts"],
        &["authentication_attempts"],
        &["Authentication Attempts"],
        &["Activations"],
        &["activations"],
        &["Blocks"],
        &["blocks"],
        &["Bypasses"],
        &["bypasses"],
        &["Changes"],
        &["changes"],
        &["records"],
        &["rows"],
        &["value"],
    ],
    read,
    read_text: Some(|text, take| csv::read(text, read_row, take)),
};

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    read_row(&Row::of_json(json))
}

fn read_row<'t>(row: &Row<'t>) -> Result<Found<'t>, Rejection<'static>> {
    if is_attempt(row) {
        return attempt::read(row).map(Found::Event);
    }
    match change::read(row) {
        Some(change) => change.map(Found::Change),
        None => {
            let kind = row.first_text(&[Key::Kind, Key::Action]);
            Ok(Found::Foreign(kind.unwrap_or(Cow::Borrowed(UNKNOWN_SHAPE))))
        }
    }
}

/// Whether a row tells of an authentication: it has a result that nothing else has, or a user with a result
/// or method.
fn is_attempt(row: &Row<'_>) -> bool {
    let calls = [
        Key::PrimaryResult,
        Key::BackupResult,
        Key::OverallResult,
        Key::OverallAuthenticated,
        Key::CallResult,
    ];
    let others = [Key::Result, Key::Authenticated, Key::Method];
    let users = [Key::Username, Key::Upn, Key::UniqueId];
    let is_code = || row.value(Key::Result).is_some_and(|value| Said::of(value).is_known());
    row.has_any(&calls)
        || row.results.is_some()
        || (row.has_any(&others) && row.has_any(&users) && (!is_other(row) || is_code()))
}

/// Whether a row with a result is of another kind: the result of a block or an activation.
fn is_other(row: &Row<'_>) -> bool {
    let keys = [
        Key::BlockTimestamp,
        Key::BlockTimestampUtc,
        Key::BlockReason,
        Key::Blocked,
        Key::BypassTimestamp,
        Key::BypassTimestampUtc,
        Key::BypassSeconds,
        Key::ActivateSuccess,
        Key::ActivationCodeResult,
        Key::ActivationStatus,
        Key::ChangeTimestamp,
        Key::ChangeTimestampUtc,
        Key::Action,
    ];
    row.has_any(&keys)
}
