//! Which authenticator was used, and what that proves.

use super::log_event::{DebugData, LogEvent, Targets};
use crate::element::Step;
use crate::vendor::tables::OKTA_FACTORS;
use crate::vendor::times;
use crate::vendor::words::Word;
use crate::vocabulary::{Assurance, AuthResult, Method, Stage};

/// How long before the event a method may have been verified to count as used now: a sign-in ends within
/// seconds of its last factor.
const FRESH_US: i64 = 60 * 1_000_000;

/// A factor as the source names it, and how it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factor<'t> {
    pub(super) text: &'t str,
    pub(super) word: Option<Word>,
}

/// The factor that was used: by the debug data, else by the target, else by the kind of credential.
pub(super) fn factor<'t>(
    event: &LogEvent<'t>,
    data: &DebugData<'t>,
    targets: &Targets<'t>,
) -> Option<Factor<'t>> {
    let named = |text: &'t str| Factor { text, word: OKTA_FACTORS.get(text) };
    let target = || {
        let authenticator = targets.authenticator?;
        let method = authenticator.text_at(&["detailEntry", "methodTypeUsed"]).map(named);
        let name = || authenticator.text("displayName").map(named);
        method.filter(|factor| factor.word.is_some()).or_else(name).or(method)
    };
    let credential = || {
        let context = event.authentication_context?;
        let known = |key| context.text(key).map(named).filter(|factor| factor.word.is_some());
        known("credentialProvider").or_else(|| known("credentialType"))
    };
    data.factor.map(named).or_else(target).or_else(credential)
}

/// The factor that a sentence names: `User reset FIDO_WEBAUTHN factor`.
pub(super) fn factor_in(sentence: &str) -> Option<Method> {
    let is_name =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || b"_:0123456789".contains(&byte));
    sentence.split(' ').filter(is_name).find_map(|word| OKTA_FACTORS.get(word)?.method)
}

/// What the methods of a session prove, and by which method where one was used now.
pub(super) fn session_assurance(
    data: &DebugData<'_>,
    occurred_at_us: Option<i64>,
) -> (Assurance, Option<Method>) {
    let mut count = 0;
    let (mut second, mut has_unknown) = (None, false);
    for method in data.methods {
        let Some(name) = method.name else { continue };
        count += 1;
        let word = word_of(name);
        let verified_at_us = method.verified_at.and_then(times::utc);
        match word {
            Some(word) if word.stage == Some(Stage::FirstFactor) => {}
            Some(word) => second = newest(second, (verified_at_us, word)),
            None => has_unknown = true,
        }
    }
    let is_fresh = |at_us| occurred_at_us.is_some_and(|now_us| now_us.saturating_sub(at_us) <= FRESH_US);
    match second {
        // Without the event's own time nothing tells whether it was used now.
        Some(_) if occurred_at_us.is_none() => (Assurance::Unknown, None),
        // A key alone may be two factors or one; a code alone is one: Okta does not say what was asked for.
        Some(_) if count == 1 => (Assurance::Unknown, None),
        Some((Some(at_us), word)) if is_fresh(at_us) => {
            (word.assurance.unwrap_or(Assurance::Challenged), word.method)
        }
        Some((Some(_), _)) => (Assurance::SatisfiedEarlier, None),
        Some((None, _)) => (Assurance::Unknown, None),
        None if count > 0 && !has_unknown => (Assurance::FirstFactorOnly, Some(Method::Password)),
        None => (Assurance::Unknown, None),
    }
}

/// The methods of the session as steps, in the order in which Okta counts them.
pub(super) fn session_steps<'t>(data: &DebugData<'t>) -> Vec<Step<'t>> {
    let named = data.methods.iter().filter_map(|method| Some((method.name?, method.verified_at)));
    named
        .map(|(name, verified_at)| Step {
            at_us: verified_at.and_then(times::utc),
            method: word_of(name).and_then(|word| word.method),
            result: Some(AuthResult::Success),
            code: Some(name),
            ..Step::default()
        })
        .collect()
}

type Verified = (Option<i64>, Word);

fn newest(known: Option<Verified>, other: Verified) -> Option<Verified> {
    known.filter(|known| known.0 >= other.0).or(Some(other))
}

/// `okta_verify:push:aut…` is a push.
fn word_of(name: &str) -> Option<Word> {
    OKTA_FACTORS.get(name.split(':').nth(1).unwrap_or(name))
}
