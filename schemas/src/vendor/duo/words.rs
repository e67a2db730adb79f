//! Duo's spellings of its words, and how its actions and administrators' errors are read.

use crate::vendor::tables::{DUO_ACTIONS, DUO_ADMIN_ERRORS, DUO_OTHER_ACTIONS};
use crate::vendor::words::{Word, Words};
use crate::vocabulary::{ChangeKind, Method};

/// Finds a word as either version of the log writes it: `duo_push` and `Duo Push`.
pub(super) fn find(table: &Words, text: &str) -> Option<Word> {
    if text.contains(' ') { table.get(&text.replace(' ', "_")) } else { table.get(text) }
}

/// The word for the error text of an administrator's sign-in: the longest part that it has.
pub(super) fn admin_error(text: &str) -> Option<Word> {
    let text = text.to_ascii_lowercase();
    let parts = DUO_ADMIN_ERRORS.all().filter(|word| text.contains(word.text));
    parts.max_by_key(|word| (word.text.len(), word.text)).copied()
}

/// How an operation of the administrator or activity log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Action {
    /// None where it changes nothing that is kept.
    pub(super) change: Option<ChangeKind>,
    pub(super) method: Option<Method>,
}

/// How an operation is read: by the tables, else by its name, since Duo names them by object and verb.
pub(super) fn action(name: &str) -> Action {
    if let Some(word) = DUO_ACTIONS.get(name) {
        return Action { change: Some(word.change), method: word.method };
    }
    match DUO_OTHER_ACTIONS.get(name) {
        Some(_) => Action { change: None, method: None },
        None => by_name(&name.to_ascii_lowercase()),
    }
}

fn by_name(name: &str) -> Action {
    const PHONES: &[&str] = &["phone", "tablet"];
    const TOKENS: &[&str] = &["hardtoken", "token"];
    const KEYS: &[&str] = &["u2f", "webauthn", "passkey"];
    const OTHERS: &[&str] = &["desktopauthenticator", "desktop_authenticator"];
    let is_one_of = |objects: &[&str]| objects.iter().any(|object| name.starts_with(object));
    let ends = |verbs: &[&str]| verbs.iter().any(|verb| name.ends_with(verb));
    let is_method = is_one_of(PHONES) || is_one_of(TOKENS) || is_one_of(KEYS) || is_one_of(OTHERS);
    let change = if ends(&["_view", "_viewed", "_download", "_export", "_failed", "_error"]) {
        None
    } else if is_method && ends(&["_create", "_add", "_associate", "_register", "_activate"]) {
        Some(ChangeKind::MethodAdded)
    } else if is_method && ends(&["_delete", "_remove", "_disassociate", "_deregister"]) {
        Some(ChangeKind::MethodRemoved)
    } else if is_method {
        Some(ChangeKind::MethodChanged)
    } else if name.starts_with("user_") && ends(&["_lockout", "_locked_out"]) {
        Some(ChangeKind::Blocked)
    } else if name.starts_with("user_") || name.starts_with("bypass_") {
        Some(ChangeKind::Other)
    } else if name.starts_with("policy_") || name.contains("_policy_") {
        Some(ChangeKind::PolicyChanged)
    } else {
        None
    };
    let method = if is_one_of(TOKENS) {
        Some(Method::OathToken)
    } else if is_one_of(KEYS) {
        Some(Method::SecurityKey)
    } else {
        None
    };
    Action { change, method: method.filter(|_| change.is_some()) }
}
