//! What OCSF's ids and its producers' words mean.

use std::borrow::Cow;

use crate::vendor::tables::{OCSF_DETAILS, OCSF_FACTORS};
use crate::vendor::words::{Word, plain};
use crate::vocabulary::{Assurance, DenialReason, Method};

/// What a status code, detail or text says: the house's own words first, in any spelling, then those of
/// producers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Detail {
    pub(super) reason: Option<DenialReason>,
    pub(super) assurance: Option<Assurance>,
    pub(super) word: Option<Word>,
}

impl Detail {
    pub(super) fn of(text: &str) -> Option<Self> {
        let own = match text.contains([' ', '_']) {
            true => Cow::Owned(text.replace([' ', '_'], "-")),
            false => Cow::Borrowed(text),
        };
        if let Some(reason) = DenialReason::parse(&own) {
            return Some(Self { reason: Some(reason), ..Self::default() });
        }
        if let Some(assurance) = Assurance::parse(&own) {
            return Some(Self { assurance: Some(assurance), ..Self::default() });
        }
        let word = OCSF_DETAILS
            .get(text)
            .or_else(|| OCSF_DETAILS.get(text.strip_prefix("AADSTS")?))
            .or_else(|| OCSF_DETAILS.get(&hexadecimal(text)?))?;
        Some(Self { reason: word.reason, assurance: word.assurance, word: Some(word) })
    }
}

/// A status of Windows as the table writes it, of a decimal number: signed, or with the highest of 32 bits set.
fn hexadecimal(text: &str) -> Option<String> {
    let status = match text.parse().ok()? {
        number @ i64::MIN..0 => i32::try_from(number).ok()?.cast_unsigned(),
        number => u32::try_from(number).ok().filter(|status| status >> 31 == 1)?,
    };
    Some(format!("0x{status:08X}"))
}

/// The method of a factor, by its id or its name; none where neither says one.
pub(super) fn method(id: Option<i64>, name: Option<&str>) -> Option<Method> {
    let by_id = || match id? {
        id @ 1..=98 => OCSF_FACTORS.get(&id.to_string()),
        _ => None,
    };
    let by_name = || OCSF_FACTORS.get(&plain(name?));
    by_id().or_else(by_name)?.method
}

/// OCSF's name of an activity of class Authentication.
pub(super) const fn activity(id: i64) -> Option<&'static str> {
    Some(match id {
        0 => "Unknown",
        1 => "Logon",
        2 => "Logoff",
        3 => "Authentication Ticket",
        4 => "Service Ticket Request",
        5 => "Service Ticket Renew",
        6 => "Preauth",
        7 => "Account Switch",
        99 => "Other",
        _ => return None,
    })
}

/// The house's word for an authentication protocol.
pub(super) const fn protocol(id: i64) -> Option<&'static str> {
    Some(match id {
        1 => "ntlm",
        2 => "kerberos",
        3 => "digest",
        4 => "oidc",
        5 => "saml",
        6 => "oauth2",
        7 => "pap",
        8 => "chap",
        9 => "eap",
        10 => "radius",
        11 => "basic",
        12 => "ldap",
        _ => return None,
    })
}

/// OCSF's name of a type of logon.
pub(super) const fn logon_type(id: i64) -> Option<&'static str> {
    Some(match id {
        2 => "Interactive",
        3 => "Network",
        7 => "Unlock",
        8 => "Network Cleartext",
        9 => "New Credentials",
        10 => "Remote Interactive",
        11 => "Cached Interactive",
        12 => "Cached Remote Interactive",
        13 => "Cached Unlock",
        _ => return None,
    })
}
