//! Blocks, bypasses, activations of the mobile app and changes of users.

use std::borrow::Cow;

use super::moments::{self, Column};
use super::row::{Key, Row};
use crate::rejection::Rejection;
use crate::vendor::draft::ChangeDraft;
use crate::vendor::when::When;
use crate::vocabulary::{ChangeKind, Method};

const BLOCK: Column =
    Column { plain: Key::BlockTimestamp, utc: Key::BlockTimestampUtc, name: "Block Timestamp" };
const BYPASS: Column =
    Column { plain: Key::BypassTimestamp, utc: Key::BypassTimestampUtc, name: "Bypass Timestamp" };
const COMPLETION: Column = Column {
    plain: Key::CompletionTimestamp,
    utc: Key::CompletionTimestampUtc,
    name: "Completion Timestamp",
};
const CHANGE: Column =
    Column { plain: Key::ChangeTimestamp, utc: Key::ChangeTimestampUtc, name: "Change Timestamp" };

/// What a change of a user can change, with the documentation's names. What it was changed to is not kept:
/// PINs are among it.
const NEWS: [(Key, &str); 10] = [
    (Key::NewCountryCode, "New Country Code"),
    (Key::NewPhoneNumber, "New Phone Number"),
    (Key::NewExtension, "New Extension"),
    (Key::NewBackupCountryCode, "New Backup Country Code"),
    (Key::NewBackupPhoneNumber, "New Backup Phone Number"),
    (Key::NewBackupExtension, "New Backup Extension"),
    (Key::NewPin, "New PIN"),
    (Key::PinChangeRequired, "PIN Change Required"),
    (Key::OldDeviceToken, "Old Device Token"),
    (Key::NewDeviceToken, "New Device Token"),
];

type Read<'t> = Result<ChangeDraft<'t>, Rejection<'static>>;

/// The change that a row tells of; none where it tells of none.
pub(super) fn read<'t>(row: &Row<'t>) -> Option<Read<'t>> {
    let bypass = [
        Key::BypassTimestamp,
        Key::BypassTimestampUtc,
        Key::BypassSeconds,
        Key::BypassReason,
        Key::BypassUsed,
    ];
    let block = [
        Key::BlockTimestamp,
        Key::BlockTimestampUtc,
        Key::BlockReason,
        Key::Blocked,
        Key::AccountLockout,
        Key::FraudAlert,
        Key::FraudAlertNotBlocked,
    ];
    let activation =
        [Key::ActivateSuccess, Key::ActivationCodeResult, Key::ActivationStatus, Key::ActivateError];
    if row.has_any(&bypass) {
        return Some(read_bypass(row));
    }
    if row.has_any(&block) {
        return Some(read_block(row));
    }
    if row.has_any(&activation) {
        return Some(read_activation(row));
    }
    if row.has_any(&[Key::ChangeTimestamp, Key::ChangeTimestampUtc])
        || NEWS.iter().any(|(key, _)| row.has(*key))
    {
        return Some(read_change(row));
    }
    read_request(row)
}

fn draft<'t>(row: &Row<'t>, at: Column, by: Key) -> Read<'t> {
    let occurred_at = match at.read(row)? {
        When::Unsaid => moments::TIMESTAMP.read(row)?,
        found => found,
    };
    Ok(ChangeDraft {
        occurred_at,
        user_id: row.first_text(&[Key::Username, Key::Upn, Key::UniqueId]),
        actor: row.first_text(&[by, Key::By]),
        client_address: row.text(Key::ClientIp),
        ..ChangeDraft::default()
    })
}

/// A bypass holds for its seconds, or until it was used or taken back.
fn read_bypass<'t>(row: &Row<'t>) -> Read<'t> {
    let until = COMPLETION.read(row)?;
    let seconds = row.text(Key::BypassSeconds).and_then(|seconds| seconds.parse::<i64>().ok());
    let mut draft = draft(row, BYPASS, Key::BypassBy)?;
    draft.change = ChangeKind::BypassGranted;
    draft.until = until;
    draft.lasts_us = seconds.and_then(|seconds| seconds.checked_mul(1_000_000));
    draft.reason = row.first_text(&[Key::BypassReason, Key::Reason]);
    draft.result_code = (row.flag(Key::BypassUsed) == Some(true)).then_some(Cow::Borrowed("Bypass Used"));
    draft.result_detail = row.text(Key::CompletionReason);
    Ok(draft)
}

/// A block holds until its completion. A row of a completion alone is an unblock.
fn read_block<'t>(row: &Row<'t>) -> Read<'t> {
    let completed_at = COMPLETION.read(row)?;
    let has_begin =
        row.has_any(&[Key::BlockTimestamp, Key::BlockTimestampUtc, Key::Timestamp, Key::TimestampUtc]);
    let mut draft = draft(row, if has_begin { BLOCK } else { COMPLETION }, Key::BlockBy)?;
    let is = |key| row.flag(key) == Some(true);
    (draft.change, draft.result_code) = if !has_begin {
        (ChangeKind::Unblocked, None)
    } else if is(Key::FraudAlertNotBlocked) {
        (ChangeKind::FraudReported, Some(Cow::Borrowed("Fraud Alert Not Blocked")))
    } else if is(Key::FraudAlert) {
        (ChangeKind::Blocked, Some(Cow::Borrowed("Fraud Alert")))
    } else if is(Key::AccountLockout) {
        (ChangeKind::Blocked, Some(Cow::Borrowed("Account Lockout")))
    } else {
        (ChangeKind::Blocked, None)
    };
    if has_begin {
        draft.until = completed_at;
    }
    draft.reason = row.first_text(&[Key::BlockReason, Key::Reason]);
    draft.result_detail = row.text(Key::CompletionReason);
    Ok(draft)
}

/// An activation that failed changed nothing, and is kept as what it was.
fn read_activation<'t>(row: &Row<'t>) -> Read<'t> {
    let mut draft = draft(row, moments::TIMESTAMP, Key::By)?;
    let is_activated = row.flag(Key::ActivateSuccess) == Some(true);
    draft.change = if is_activated { ChangeKind::MethodAdded } else { ChangeKind::Other };
    draft.method = Some(Method::MobileAppNotification);
    draft.reason = row.text(Key::DeviceType);
    let code = row.first_text(&[Key::ActivationStatus, Key::ActivationCodeResult]);
    draft.result_code = code.or_else(|| (!is_activated).then_some(Cow::Borrowed("Activate Success: false")));
    draft.result_detail = row.text(Key::ActivateError);
    Ok(draft)
}

fn read_change<'t>(row: &Row<'t>) -> Read<'t> {
    let mut draft = draft(row, CHANGE, Key::By)?;
    let is_said = |key| row.has(key) && row.flag(key) != Some(false);
    let changed: Vec<&str> = NEWS.iter().filter(|(key, _)| is_said(*key)).map(|(_, name)| *name).collect();
    let is_device_alone = changed.iter().all(|name| name.ends_with("Device Token"));
    draft.change = match (row.has(Key::OldDeviceToken), row.has(Key::NewDeviceToken)) {
        (false, true) if is_device_alone => ChangeKind::MethodAdded,
        (true, false) if is_device_alone => ChangeKind::MethodRemoved,
        _ => ChangeKind::MethodChanged,
    };
    if is_device_alone && !changed.is_empty() {
        draft.method = Some(Method::MobileAppNotification);
    }
    draft.result_code = (!changed.is_empty()).then(|| Cow::Owned(changed.join(", ")));
    draft.reason = row.text(Key::Reason);
    Ok(draft)
}

/// A request of the history of blocked and bypassed users, by its action.
fn read_request<'t>(row: &Row<'t>) -> Option<Read<'t>> {
    let action = row.text(Key::Action)?;
    let is = |words: &[&str]| words.iter().any(|word| action.eq_ignore_ascii_case(word));
    let change = if is(&["block", "blocked", "block user"]) {
        ChangeKind::Blocked
    } else if is(&["unblock", "unblocked", "unblock user"]) {
        ChangeKind::Unblocked
    } else if is(&["bypass", "one-time bypass", "bypassed"]) {
        ChangeKind::BypassGranted
    } else if is(&["fraud alert", "fraud reported"]) {
        ChangeKind::FraudReported
    } else {
        return None;
    };
    Some(draft(row, moments::TIMESTAMP, Key::By).map(|draft| ChangeDraft {
        change,
        reason: row.text(Key::Reason),
        result_code: Some(action),
        ..draft
    }))
}
