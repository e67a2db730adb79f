//! Who it was: the object `user`.

use std::borrow::Cow;

use crate::vendor::draft::{Text, text};
use crate::vendor::json::Json;

/// Whether the user is no person: a system or service account, a computer.
pub(super) fn is_machine(user: Json<'_>) -> bool {
    let is_service_domain = |domain: &str| {
        ["NT AUTHORITY", "NT SERVICE", "Window Manager", "Font Driver Host"]
            .iter()
            .any(|it| domain.eq_ignore_ascii_case(it))
    };
    matches!(user.number("type_id"), Some(3 | 4))
        || user.text("name").is_some_and(|name| name.ends_with('$'))
        || user.text("domain").is_some_and(is_service_domain)
}

/// The text for the person; `is_ours` where Gatebook wrote it.
pub(super) fn id<'t>(user: Json<'t>, is_ours: bool) -> Text<'t> {
    if let Some(name) = user.as_text() {
        return text(Some(name));
    }
    let (uid, name) = (user.scalar("uid"), user.text("name"));
    if is_ours {
        return uid.or(text(name));
    }
    let is_upn = |text: &str| text.contains('@') && !text.contains([' ', '\\']);
    if let Some(upn) = name.filter(|name| is_upn(name)) {
        return text(Some(upn));
    }
    if uid.as_deref().is_some_and(is_upn) {
        return uid;
    }
    if let (Some(domain), Some(name)) = (user.text("domain").filter(|domain| *domain != "-"), name) {
        return Some(Cow::Owned(format!("{domain}\\{name}")));
    }
    text(user.text("email_addr")).or(uid).or(text(name))
}

/// First and last name: what stands before the last blank is the first, or behind a comma.
pub(super) fn names<'t>(user: Option<Json<'t>>) -> (Text<'t>, Text<'t>) {
    let person = user.and_then(|user| user.get("ldap_person"));
    let of = |key| text(person.and_then(|person| person.text(key)));
    let (first, last) = (of("given_name"), of("surname"));
    if first.is_some() || last.is_some() {
        return (first, last);
    }
    let Some(full) = user.and_then(|user| user.text("full_name")) else { return (None, None) };
    match (full.split_once(','), full.rsplit_once(' ')) {
        (Some((last, first)), _) => (text(Some(first.trim())), text(Some(last.trim()))),
        (None, Some((first, last))) => (text(Some(first.trim())), text(Some(last))),
        (None, None) => (None, text(Some(full))),
    }
}
