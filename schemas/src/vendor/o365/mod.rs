//! Microsoft 365: the unified audit log (Management Activity API, `Search-UnifiedAuditLog`, Graph audit
//! queries).
//!
//! Sign-ins are the records of Entra's token service (`UserLoggedIn`, `UserLoginFailed`) and of the older
//! OrgId service (`PasswordLogon…`, `ForeignRealmIndexLogon…`). `ResultStatus` says whether the HTTP request
//! worked, not whether the person got in, and `Operation` alone misleads: the error's number decides, then
//! its name, then the operation.
//!
//! The log never says which second factor was used, and seldom whether one was: `assurance` is `unknown`
//! except where the request itself was the check (`SAS:…`), where the primary method is strong by itself,
//! where another provider vouched, and where the client can do no more than a password.
//!
//! `Id` is unique, and the API delivers a record more than once, byte for byte. Same id, other content: never
//! seen and not documented, so each would be an event of its own (`new event`).

mod change;
mod fields;
mod sign_in;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::fields::Fields;
use super::Vendor;
use super::draft::{Found, foreign};
use super::json::Json;
use crate::rejection::Rejection;

pub(super) const VENDOR: Vendor =
    Vendor { decoder: "o365/2", lists: &[&["value"], &["Records"], &["records"]], read, read_text: None };

fn read<'t>(json: Json<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let fields = Fields::of(json);
    if let Some((key, value)) = fields.wrapped {
        // A row of an export or a query, which may name the operation beside the record.
        let skipped = Found::Skipped(Cow::Borrowed(key));
        return Ok(if value.may_be_record() { Found::Wrapped(key, value) } else { skipped });
    }
    let Some(operation) = fields.operation else {
        return Ok(fields.workload.map_or_else(foreign, |workload| Found::Skipped(Cow::Borrowed(workload))));
    };
    match sign_in::service(operation) {
        Some(service) => sign_in::read(&fields, operation, service),
        None => change::read(&fields, operation),
    }
}
