//! The device that answered. Duo names phones by their number, or by a name and the number in brackets; a
//! number is kept as the phone number of a call or text, and nowhere else.

use std::borrow::Cow;

use crate::vendor::draft::Draft;
use crate::vocabulary::Method;

/// Notes which device answered, by its key where there is one.
pub(super) fn note<'t>(draft: &mut Draft<'t>, name: Option<&'t str>, key: Option<&'t str>) {
    let is_phone = !matches!(draft.method, Some(Method::OathToken | Method::SecurityKey));
    let (name, number) = match name {
        Some(name) if is_phone => split(name),
        name => (name, None),
    };
    if matches!(draft.method, Some(Method::VoiceCall | Method::TextMessage)) {
        draft.phone_number = number.map(Cow::Borrowed);
    }
    draft.authenticator_id = key.or(name).map(Cow::Borrowed);
}

/// Whether this is the key of a WebAuthn credential: a record of one may name no factor.
pub(super) fn is_webauthn_key(name: &str) -> bool {
    let is_key = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    name.len() == 20 && name.starts_with("WA") && name.bytes().all(is_key)
}

/// Whether this reads as a phone number.
pub(super) fn is_phone_number(text: &str) -> bool {
    let text = text.split(" x").next().unwrap_or(text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits >= 7 && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.() ".contains(&byte))
}

/// `My phone (+1 734-555-0142)` as name and number.
fn split(text: &str) -> (Option<&str>, Option<&str>) {
    if is_phone_number(text) {
        return (None, Some(text));
    }
    // The number may have brackets of its own: the first one that leaves a number behind it counts.
    let inner = text.strip_suffix(')').unwrap_or_default();
    let mut parts =
        inner.match_indices(" (").map(|(at, bracket)| (&inner[..at], &inner[at + bracket.len()..]));
    match parts.find(|(_, number)| is_phone_number(number)) {
        Some((name, number)) => (Some(name.trim()), Some(number)),
        None => (Some(text), None),
    }
}
