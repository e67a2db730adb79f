//! A LogEvent: its parts, looked up once.

use crate::vendor::json::{Json, first};

/// What stands where Okta knows nothing.
const UNKNOWN: &str = "unknown";

/// A LogEvent. Some log platforms write its own keys in lower case.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogEvent<'t> {
    pub(super) uuid: Option<&'t str>,
    pub(super) published: Option<Json<'t>>,
    pub(super) event_type: Option<&'t str>,
    pub(super) display_message: Option<&'t str>,
    pub(super) outcome: Option<Json<'t>>,
    pub(super) actor: Option<Json<'t>>,
    pub(super) client: Option<Json<'t>>,
    pub(super) target: Option<Json<'t>>,
    pub(super) transaction: Option<Json<'t>>,
    pub(super) authentication_context: Option<Json<'t>>,
    pub(super) debug_context: Option<Json<'t>>,
}

/// The parts of `target` that are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Targets<'t> {
    pub(super) user: Option<Json<'t>>,
    pub(super) app_user: Option<Json<'t>>,
    pub(super) application: Option<&'t str>,
    pub(super) authenticator: Option<Json<'t>>,
    pub(super) policy: Option<&'t str>,
    pub(super) policy_rule: Option<&'t str>,
}

/// The keys of `debugContext.debugData` that are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DebugData<'t> {
    pub(super) factor: Option<&'t str>,
    /// For what it was checked.
    pub(super) factor_intent: Option<&'t str>,
    pub(super) push_answer: Option<&'t str>,
    pub(super) number_answer: Option<&'t str>,
    pub(super) authn_request_id: Option<&'t str>,
    pub(super) sign_on_mode: Option<&'t str>,
    pub(super) phone_number: Option<&'t str>,
    /// By which methods the session was authenticated, and when.
    pub(super) methods: [Method<'t>; 5],
}

/// A method by which a session was authenticated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Method<'t> {
    /// Authenticator, method and id: `okta_verify:push:aut…`.
    pub(super) name: Option<&'t str>,
    pub(super) verified_at: Option<&'t str>,
}

impl<'t> LogEvent<'t> {
    pub(super) fn of(json: Json<'t>) -> Self {
        let mut event = Self::default();
        for (key, value) in json.entries().filter(|(_, value)| !value.is_null()) {
            match key {
                "uuid" => first(&mut event.uuid, value.as_text()),
                "published" => first(&mut event.published, Some(value)),
                "eventType" | "eventtype" => first(&mut event.event_type, value.as_text()),
                "displayMessage" | "displaymessage" => first(&mut event.display_message, value.as_text()),
                "outcome" => first(&mut event.outcome, Some(value)),
                "actor" => first(&mut event.actor, Some(value)),
                "client" => first(&mut event.client, Some(value)),
                "target" => first(&mut event.target, Some(value)),
                "transaction" => first(&mut event.transaction, Some(value)),
                "authenticationContext" | "authenticationcontext" => {
                    first(&mut event.authentication_context, Some(value));
                }
                "debugContext" | "debugcontext" => first(&mut event.debug_context, Some(value)),
                _ => {}
            }
        }
        event
    }

    pub(super) fn result(&self) -> Option<&'t str> {
        self.outcome?.text("result")
    }

    pub(super) fn reason(&self) -> Option<&'t str> {
        self.outcome?.text("reason")
    }

    /// The actor, unless it is a system or an application.
    pub(super) fn actor_person(&self) -> Option<&'t str> {
        let actor = self.actor?;
        let is_user = actor.text("type").is_none_or(|kind| kind.eq_ignore_ascii_case("User"));
        let login = actor.text("alternateId");
        let is_system = login.is_some_and(|login| login.starts_with("system@okta"));
        if is_user && !is_system { login_of(actor) } else { None }
    }

    /// Who acted, whatever it is.
    pub(super) fn actor_name(&self) -> Option<&'t str> {
        self.actor.and_then(login_of)
    }

    pub(super) fn targets(&self) -> Targets<'t> {
        let mut targets = Targets::default();
        for target in self.target.into_iter().flat_map(Json::elements) {
            let name = target.text("displayName");
            match target.text("type").unwrap_or_default() {
                "User" => targets.user = targets.user.or(Some(target)),
                "AppUser" => targets.app_user = targets.app_user.or(Some(target)),
                "AppInstance" => targets.application = targets.application.or(name),
                "AuthenticatorEnrollment" | "Authenticator" | "Factor" => {
                    targets.authenticator = targets.authenticator.or(Some(target));
                }
                "PolicyEntity" | "Policy" | "NetworkZone" | "Zone" => {
                    targets.policy = targets.policy.or(name)
                }
                "PolicyRule" | "Rule" => targets.policy_rule = targets.policy_rule.or(name),
                _ => {}
            }
        }
        targets
    }

    pub(super) fn debug_data(&self) -> DebugData<'t> {
        let mut data = DebugData::default();
        let Some(debug_data) = self.debug_context.and_then(|context| context.get("debugData")) else {
            return data;
        };
        for (key, value) in debug_data.entries() {
            match key {
                "factor" => first(&mut data.factor, value.as_text()),
                "factorIntent" => first(&mut data.factor_intent, value.as_text()),
                "pushOnlyResponseType" => first(&mut data.push_answer, answer(value)),
                "pushWithNumberChallengeResponseType" => first(&mut data.number_answer, answer(value)),
                "authnRequestId" => first(&mut data.authn_request_id, value.as_text()),
                "signOnMode" => first(&mut data.sign_on_mode, value.as_text()),
                "phoneNumber" => first(&mut data.phone_number, value.as_text()),
                _ => {
                    let Some((place, part)) = key.strip_prefix("authMethod").and_then(nth) else { continue };
                    match part {
                        "Type" => first(&mut data.methods[place].name, value.as_text()),
                        "VerificationTime" => first(&mut data.methods[place].verified_at, value.as_text()),
                        _ => {}
                    }
                }
            }
        }
        data
    }

    /// The key of one attempt: the session, which a push and its answer share; before there is one, the flow.
    pub(super) fn attempt_id(&self, data: &DebugData<'t>) -> Option<&'t str> {
        let session = self.authentication_context.and_then(|context| context.text("externalSessionId"));
        let session = session.filter(|id| *id != UNKNOWN);
        let transaction = || self.transaction.and_then(|transaction| transaction.text("id"));
        session.or(data.authn_request_id).or_else(transaction)
    }
}

/// The answer to a push of one kind; none where the push was of the other kind.
fn answer(value: Json<'_>) -> Option<&str> {
    value.as_text().filter(|answer| !answer.ends_with("_NOT_APPLICABLE"))
}

/// The login of an actor or a target, else its id.
pub(super) fn login_of(party: Json<'_>) -> Option<&str> {
    let known = |key| party.text(key).filter(|text| !text.eq_ignore_ascii_case(UNKNOWN));
    known("alternateId").or_else(|| known("id"))
}

/// `FirstType` is the type of number 0.
fn nth(key: &str) -> Option<(usize, &str)> {
    ["First", "Second", "Third", "Fourth", "Fifth"]
        .iter()
        .enumerate()
        .find_map(|(place, word)| Some((place, key.strip_prefix(word)?)))
}
