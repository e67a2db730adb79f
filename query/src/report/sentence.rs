//! Rows told in plain words, a sentence each, and what a support case asks for.

use schemas::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};

/// What is told of somebody at a gate, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'t> {
    pub(super) method: Option<&'t str>,
    pub(super) result: Option<&'t str>,
    pub(super) reason: Option<&'t str>,
    pub(super) stage: Option<&'t str>,
    pub(super) assurance: Option<&'t str>,
    pub(super) application: Option<&'t str>,
    pub(super) client_ip: Option<&'t str>,
    pub(super) server: Option<&'t str>,
}

/// A sentence about an event or a step.
pub(super) fn of_event(told: &Told<'_>) -> String {
    let by = told.method.and_then(Method::parse).map(phrase);
    let by_method = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let what = match told.result.and_then(AuthResult::parse) {
        Some(AuthResult::Success) => let_in(told, &by_method),
        Some(AuthResult::Denied) => {
            let why = told.reason.and_then(DenialReason::parse).unwrap_or(DenialReason::Unspecified);
            format!("Not let in{by_method}: {}", uncapped(why.meaning()))
        }
        Some(AuthResult::Pending) => {
            let asked = by.map_or_else(|| "Asked for more".to_owned(), |by| format!("Asked for {by}"));
            format!("{asked}; how it ended, another event says")
        }
        None => format!("Tried{by_method}; the source does not say how it ended"),
    };
    let first_factor = if told.stage == Some(Stage::FirstFactor.as_str()) { "First factor: " } else { "" };
    let mut sentence = format!("{first_factor}{what}");
    let place = [("application", told.application), ("from", told.client_ip), ("server", told.server)];
    let place: Vec<String> =
        place.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    if !place.is_empty() {
        sentence.push_str(&format!(" ({})", place.join(", ")));
    }
    sentence.push('.');
    sentence
}

fn let_in(told: &Told<'_>, by_method: &str) -> String {
    match told.assurance.and_then(Assurance::parse).unwrap_or(Assurance::Unknown) {
        Assurance::Challenged => format!("Let in{by_method}"),
        Assurance::SatisfiedEarlier => {
            "Let in without a new challenge: a second factor was used before".to_owned()
        }
        Assurance::Exempt => "Let in without a second factor: none was asked for here".to_owned(),
        Assurance::Bypassed => "Let in past the second factor: an administrator had allowed it".to_owned(),
        Assurance::External => format!("Let in{by_method}: another provider vouched"),
        Assurance::FirstFactorOnly => format!("Let in{by_method} with one factor alone"),
        Assurance::Unknown => {
            format!("Let in{by_method}; whether a second factor was used, the source does not say")
        }
    }
}

/// A sentence about a change: what, by whom, until when, why.
pub(super) fn of_change(
    change: Option<&str>,
    actor: Option<&str>,
    until: Option<&str>,
    reason: Option<&str>,
) -> String {
    let meaning = change.and_then(ChangeKind::parse).unwrap_or(ChangeKind::Other).meaning();
    let mut sentence = meaning.trim_end_matches('.').to_owned();
    let about = [("by", actor), ("until", until), ("because:", reason)];
    let about: Vec<String> =
        about.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    if !about.is_empty() {
        sentence.push_str(&format!(" ({})", about.join(", ")));
    }
    sentence.push('.');
    sentence
}

/// What a reason means, for people.
pub(super) fn meaning(reason: Option<&str>) -> Option<&'static str> {
    reason.and_then(DenialReason::parse).map(DenialReason::meaning)
}

/// What a support case asks for, ready to be copied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Support<'s> {
    pub(super) application: Option<&'s str>,
    pub(super) code: Option<&'s str>,
    pub(super) attempt_id: Option<&'s str>,
    pub(super) event_id: Option<&'s str>,
    pub(super) user_id: Option<&'s str>,
    pub(super) at: &'s str,
    pub(super) source: &'s str,
}

impl Support<'_> {
    pub(super) fn text(&self) -> String {
        let told = |value: Option<&str>| value.unwrap_or("not given").to_owned();
        let parts = [
            ("Page or application", told(self.application)),
            ("Error code", told(self.code)),
            ("Session or correlation id", told(self.attempt_id)),
            ("Event id", told(self.event_id)),
            ("User id", told(self.user_id)),
            ("Time", self.at.to_owned()),
            ("Told by", self.source.to_owned()),
        ];
        parts.map(|(name, value)| format!("{name}: {value}")).join("; ")
    }
}

const fn phrase(method: Method) -> &'static str {
    match method {
        Method::VoiceCall => "a phone call",
        Method::TextMessage => "a text message",
        Method::MobileAppNotification => "a request in the mobile app",
        Method::MobileAppCode => "a code of the mobile app",
        Method::OathToken => "a code of an OATH token",
        Method::SecurityKey => "a security key or passkey",
        Method::Password => "the password",
        Method::Other => "another method",
    }
}

/// A sentence as the end of another one.
fn uncapped(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_in_a_sentence() {
        let told = Told {
            method: Some("mobile-app-notification"),
            result: Some("denied"),
            reason: Some("user-declined"),
            application: Some("Payroll"),
            client_ip: Some("192.0.2.7"),
            ..Told::default()
        };
        assert_eq!(
            of_event(&told),
            "Not let in by a request in the mobile app: the user declined the request (application Payroll, from 192.0.2.7)."
        );
        let told = Told { result: Some("success"), assurance: Some("bypassed"), ..Told::default() };
        assert_eq!(of_event(&told), "Let in past the second factor: an administrator had allowed it.");
        let told = Told { result: Some("pending"), method: Some("text-message"), ..Told::default() };
        assert_eq!(of_event(&told), "Asked for a text message; how it ended, another event says.");
    }

    #[test]
    fn a_change_is_told_with_who_and_why() {
        assert_eq!(
            of_change(Some("blocked"), Some("help@acme.example"), None, Some("lost phone")),
            "The user was blocked, locked or disabled (by help@acme.example, because: lost phone)."
        );
    }
}
