//! An event or an administration event of Keycloak, of whatever form: its parts, looked up once.

use std::borrow::Cow;

use super::line::Line;
use crate::rejection::Rejection;
use crate::vendor::draft::{Text, bad_time};
use crate::vendor::json::{Json, first};
use crate::vendor::times::Writing;
use crate::vendor::when::When;

const TIMES: Writing = Writing { in_utc: false, month_first: false };

/// The parts that are read. A part that is absent, empty or the word `null` is none.
#[derive(Debug, Default)]
pub(super) struct Entry<'t> {
    pub(super) id: Text<'t>,
    /// The type of an event.
    pub(super) kind: Text<'t>,
    /// What an administrator did.
    pub(super) operation: Text<'t>,
    pub(super) resource_type: Text<'t>,
    pub(super) resource_path: Text<'t>,
    pub(super) representation: Text<'t>,
    pub(super) realm_id: Text<'t>,
    pub(super) realm_name: Text<'t>,
    pub(super) client_id: Text<'t>,
    pub(super) user_id: Text<'t>,
    pub(super) session_id: Text<'t>,
    pub(super) address: Text<'t>,
    pub(super) error: Text<'t>,
    pub(super) server_name: Text<'t>,
    pub(super) username: Text<'t>,
    pub(super) auth_method: Text<'t>,
    pub(super) credential_type: Text<'t>,
    pub(super) selected_credential_id: Text<'t>,
    pub(super) passkey_id: Text<'t>,
    pub(super) has_webauthn_error: bool,
    pub(super) identity_provider: Text<'t>,
    pub(super) identity_provider_identity: Text<'t>,
    pub(super) code_id: Text<'t>,
    pub(super) auth_session_id: Text<'t>,
    pub(super) amr: Text<'t>,
    pub(super) acr: Text<'t>,
    pub(super) reason: Text<'t>,
    pub(super) impersonator: Text<'t>,
    pub(super) required_action: Text<'t>,
    time: Time<'t>,
    /// The line of the server's log that a JSON layout or a collector wraps.
    message: Option<&'t str>,
}

#[derive(Debug)]
struct Time<'t> {
    /// Of the event itself.
    own: Option<Json<'t>>,
    /// Of what wraps it.
    wrapper: Option<Json<'t>>,
    /// Of the line; none where what stands there is no time.
    line: Option<When<'t>>,
}

impl Default for Time<'_> {
    fn default() -> Self {
        Self { own: None, wrapper: None, line: Some(When::Unsaid) }
    }
}

impl<'t> Entry<'t> {
    pub(super) fn of_json(json: Json<'t>) -> Self {
        let mut entry = Self::default();
        for (key, value) in json.entries().filter(|(_, value)| !value.is_null()) {
            match key {
                "details" => entry.set_details(value),
                "authDetails" => entry.set_administrator(value),
                "time" => first(&mut entry.time.own, Some(value)),
                "timestamp" | "@timestamp" => first(&mut entry.time.wrapper, Some(value)),
                "message" | "log" => first(&mut entry.message, value.as_text()),
                _ => entry.set_scalar(key, value),
            }
        }
        entry
    }

    pub(super) fn of_line(line: &Line<'t>) -> Self {
        let mut entry = Self::default();
        for (key, value) in line.pairs() {
            if let Some(value) = entry.set(key, value) {
                entry.set_detail(key, value);
            }
        }
        entry.time.line = line.written();
        entry
    }

    /// Whether it is neither an event nor a line, but may wrap one as JSON.
    pub(super) fn is_foreign(&self) -> bool {
        let is_json = |text: &str| text.starts_with('{') || text.starts_with("[{");
        self.kind.is_none() && self.operation.is_none() && self.message.is_none_or(is_json)
    }

    /// What the wrapped line tells, if one is wrapped: none where it is another line of the log.
    pub(super) fn unwrapped(self) -> Option<Self> {
        let Some(line) = self.message.and_then(Line::of) else {
            let is_log_line = self.message.is_some() && self.kind.is_none() && self.operation.is_none();
            return (!is_log_line).then_some(self);
        };
        let mut entry = Self::of_line(&line);
        entry.time.wrapper = self.time.wrapper.or(self.time.own);
        entry.server_name = self.server_name;
        Some(entry)
    }

    /// The event's own time, else that of its line, else that of what wraps it; a line often writes less than a
    /// moment.
    pub(super) fn occurred_at(&self) -> Result<When<'t>, Rejection<'static>> {
        let expected = "milliseconds since 1970, or a date and time, best with a zone";
        if let Some(own) = self.time.own {
            return TIMES.when(Some(own)).ok_or_else(|| bad_time("time", expected));
        }
        let line = self.time.line.unwrap_or_default();
        if matches!(line, When::At(_)) {
            return Ok(line);
        }
        match TIMES.when(self.time.wrapper) {
            Some(When::Unsaid) | None if line != When::Unsaid => Ok(line),
            Some(When::Unsaid) if self.time.line.is_none() => Err(bad_time("timestamp", expected)),
            Some(wrapper) => Ok(line.or_better(wrapper)),
            None => Err(bad_time("timestamp", expected)),
        }
    }

    /// The realm's id: names can be changed.
    pub(super) fn tenant(&mut self) -> Text<'t> {
        self.realm_id.take().or_else(|| self.realm_name.take())
    }

    /// The user name, else the id, else the name at another provider.
    pub(super) fn person(&mut self) -> Text<'t> {
        let name = self.username.take();
        name.or_else(|| self.user_id.clone()).or_else(|| self.identity_provider_identity.clone())
    }

    fn set_administrator(&mut self, json: Json<'t>) {
        for (key, value) in json.entries() {
            if matches!(key, "userId" | "ipAddress" | "clientId") {
                self.set_scalar(key, value);
            }
        }
    }

    fn set_scalar(&mut self, key: &str, value: Json<'t>) {
        if let Some(value) = value.as_scalar() {
            self.set(key, value);
        }
    }

    fn set_details(&mut self, json: Json<'t>) {
        for (key, value) in json.entries() {
            if let Some(value) = value.as_scalar() {
                self.set_detail(key, value);
            }
        }
    }

    /// Takes a value, or gives it back where the key is none of the event's own.
    fn set(&mut self, key: &str, value: Cow<'t, str>) -> Option<Cow<'t, str>> {
        let part = match key {
            "id" => &mut self.id,
            "type" => &mut self.kind,
            "operationType" => &mut self.operation,
            "resourceType" | "resourceTypeAsString" => &mut self.resource_type,
            "resourcePath" => &mut self.resource_path,
            "representation" => &mut self.representation,
            "realmId" => &mut self.realm_id,
            "realmName" => &mut self.realm_name,
            "clientId" => &mut self.client_id,
            "userId" => &mut self.user_id,
            "sessionId" => &mut self.session_id,
            "ipAddress" => &mut self.address,
            "error" => &mut self.error,
            "hostName" | "host.hostname" => &mut self.server_name,
            _ => return Some(value),
        };
        put(part, value);
        None
    }

    fn set_detail(&mut self, key: &str, value: Cow<'t, str>) {
        let part = match key {
            "username" => &mut self.username,
            "auth_method" => &mut self.auth_method,
            "credential_type" => &mut self.credential_type,
            "selected_credential_id" => &mut self.selected_credential_id,
            "public_key_credential_id" => &mut self.passkey_id,
            "identity_provider" => &mut self.identity_provider,
            "identity_provider_identity" => &mut self.identity_provider_identity,
            "code_id" => &mut self.code_id,
            "authSessionParentId" => &mut self.auth_session_id,
            "amr" => &mut self.amr,
            "acr" => &mut self.acr,
            "reason" => &mut self.reason,
            "impersonator" => &mut self.impersonator,
            "custom_required_action" => &mut self.required_action,
            _ => {
                self.has_webauthn_error |= key.starts_with("web_authn_") && key.contains("error");
                return;
            }
        };
        put(part, value);
    }
}

/// The first of a key counts.
fn put<'t>(part: &mut Text<'t>, value: Cow<'t, str>) {
    if part.is_none() && !value.is_empty() && value != "null" {
        *part = Some(value);
    }
}
