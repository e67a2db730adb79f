//! Duo's words: tables of results, factors, reasons, actions, and how each is read.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::vendor::words::{Word, Words};
use crate::vocabulary::{ChangeKind, Method};

macro_rules! table {
    ($file:literal) => {
        LazyLock::new(|| Words::read(include_str!(concat!("../../../vocabularies/", $file))))
    };
}

pub(super) static RESULTS: LazyLock<Words> = table!("duo_results.csv");
pub(super) static FACTORS: LazyLock<Words> = table!("duo_factors.csv");
pub(super) static REASONS: LazyLock<Words> = table!("duo_reasons.csv");
static ADMIN_ERRORS: LazyLock<Words> = table!("duo_admin_errors.csv");
static ACTIONS: LazyLock<HashMap<String, Action>> =
    LazyLock::new(|| read_actions(include_str!("../../../vocabularies/duo_actions.csv")));

/// Finds a word as either version of the log writes it: `duo_push` and `Duo Push`.
pub(super) fn find(table: &Words, text: &str) -> Option<Word> {
    if text.contains(' ') { table.get(&text.replace(' ', "_")) } else { table.get(text) }
}

/// The word for the error text of an administrator's sign-in: the longest part that it has.
pub(super) fn admin_error(text: &str) -> Option<Word> {
    let text = text.to_ascii_lowercase();
    let parts = ADMIN_ERRORS.all().filter(|word| text.contains(word.text));
    parts.max_by_key(|word| (word.text.len(), word.text)).copied()
}

/// How an operation of the administrator or activity log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Action {
    /// None where it changes nothing that is kept.
    pub(super) change: Option<ChangeKind>,
    pub(super) method: Option<Method>,
}

/// How an operation is read: by the table, else by its name, since Duo names them by object and verb.
pub(super) fn action(name: &str) -> Action {
    let name = name.to_ascii_lowercase();
    ACTIONS.get(&name).copied().unwrap_or_else(|| by_name(&name))
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

/// Reads lines of `action;change;method;meaning` under a head line; lines that begin with `#` are remarks.
fn read_actions(table: &'static str) -> HashMap<String, Action> {
    let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let actions = lines.map(|line| {
        let action = read_action(line).unwrap_or_else(|| panic!("no line of a table of actions: {line}"));
        (line.split(';').next().unwrap_or_default().to_ascii_lowercase(), action)
    });
    actions.collect()
}

fn read_action(line: &str) -> Option<Action> {
    let mut parts = line.splitn(4, ';').map(str::trim).skip(1);
    let (change, method, _meaning) = (parts.next()?, parts.next()?, parts.next()?);
    let change = if change.is_empty() { None } else { Some(ChangeKind::parse(change)?) };
    let method = if method.is_empty() { None } else { Some(Method::parse(method)?) };
    Some(Action { change, method })
}
