//! Microsoft Entra: sign-in logs and the audit log, as Azure Monitor streams them to an Event Hub (one
//! record wraps many under `records`, the sign-in stands under `properties`), as the Graph API gives them
//! (alone, in a list, under `value`), and as a Log Analytics export writes them (flat, keys in another case,
//! objects as texts).
//!
//! - A sign-in is one event, whoever asked for it: `status.errorCode` decides, the steps explain. An
//!   interrupt is pending.
//! - Rows of service principals and managed identities are no persons, unless they name one who typed a name,
//!   and a client's protocol error judges nobody: both are skipped by their kind.
//! - What a success proves is read from the steps, then from `status.additionalDetails`, then from
//!   `authenticationRequirement`. A claim, a remembered device or a trusted place is never a push or a code.
//! - Times are UTC, as Microsoft documents for `createdDateTime`, `activityDateTime` and `time`.
//! - `id` is unique to a sign-in. Entra sends one again when it knows more of it: the same id with other
//!   content supersedes what came before, and the last state counts.
//! - Operations of the audit log that change a person's methods, blocks or the policies are changes; one
//!   that failed changed nothing.

mod audit;
mod facts;
mod sign_in;
mod slots;
mod status;
mod steps;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use self::slots::{Slots, as_text};
use super::Vendor;
use super::draft::{Found, foreign};
use super::json::Json;
use super::times::Writing;
use crate::rejection::Rejection;

pub use self::facts::LEGACY_CLIENTS;

pub(super) const VENDOR: Vendor =
    Vendor { decoder: "entra/2", lists: &[&["records"], &["value"]], read, read_text: None };

/// Categories of sign-ins by persons.
const PERSONS: &[&str] = &["SignInLogs", "NonInteractiveUserSignInLogs", "ADFSSignInLogs", "UserSignInLogs"];

/// Categories of sign-ins by programs.
const PROGRAMS: &[&str] =
    &["ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs", "MicrosoftServicePrincipalSignInLogs"];

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let slots = Slots::read(json);
    let category = as_text(slots.category);
    let is_in = |names: &[&str]| {
        category.is_some_and(|category| names.iter().any(|name| category.eq_ignore_ascii_case(name)))
    };
    let has_person = sign_in::names_person(&slots);
    if is_in(PROGRAMS) && !has_person {
        return Ok(skipped(category));
    }
    if let Some(program) = sign_in::program(&slots).filter(|_| !has_person) {
        return Ok(skipped(Some(program)));
    }
    if is_in(PERSONS) || is_in(PROGRAMS) || (category.is_none() && slots.has_sign_in()) {
        return sign_in::read(&slots);
    }
    if slots.has_audit() || is_in(&["AuditLogs"]) {
        return audit::read(&slots);
    }
    match category.or_else(|| as_text(slots.operation)) {
        Some(kind) => Ok(skipped(Some(kind))),
        None => Ok(foreign()),
    }
}

fn skipped(kind: Option<&str>) -> Found<'_> {
    Found::Skipped(Cow::Borrowed(kind.unwrap_or("other")))
}

/// A time of Entra's: ISO 8601, or as .NET writes it for no culture (`12/31/2025 3:03:58 PM`), month first; UTC.
const TIMES: Writing = Writing { in_utc: true, month_first: true };
