//! What the details of an operation say: an object, or a text that holds one.

use crate::vendor::json::Json;
use crate::vocabulary::ChangeKind;

/// What is known of an operation's details. It is copied out: a text has to be parsed on its own.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// In lower case: `bypass`, `disabled`, `active`.
    pub(super) status: Option<String>,
    /// What happened to devices that an update names.
    pub(super) devices: Option<ChangeKind>,
    pub(super) valid_secs: Option<i64>,
    pub(super) user: Option<String>,
    pub(super) email: Option<String>,
    pub(super) ip_address: Option<String>,
    pub(super) device: Option<String>,
    pub(super) factor: Option<String>,
    /// What went wrong.
    pub(super) error: Option<String>,
    pub(super) primary_auth_method: Option<String>,
    /// There is a text, and no JSON in it.
    pub(super) is_garbled: bool,
}

impl Details {
    pub(super) fn of(value: Option<Json<'_>>) -> Self {
        match value {
            Some(value) if value.is_object() => Self::look(value),
            Some(value) => value.as_text().map(Self::parse).unwrap_or_default(),
            None => Self::default(),
        }
    }

    /// Takes over what these details do not say.
    pub(super) fn add(&mut self, others: Self) {
        self.status = self.status.take().or(others.status);
        self.devices = self.devices.or(others.devices);
        self.valid_secs = self.valid_secs.or(others.valid_secs);
        self.user = self.user.take().or(others.user);
        self.email = self.email.take().or(others.email);
        self.ip_address = self.ip_address.take().or(others.ip_address);
        self.device = self.device.take().or(others.device);
        self.factor = self.factor.take().or(others.factor);
        self.error = self.error.take().or(others.error);
        self.primary_auth_method = self.primary_auth_method.take().or(others.primary_auth_method);
        self.is_garbled |= others.is_garbled;
    }

    /// Real logs lose the braces now and then.
    fn parse(text: &str) -> Self {
        let bytes = match text.as_bytes() {
            [b'{', ..] => text.as_bytes().to_vec(),
            [b'"', ..] => format!("{{{text}}}").into_bytes(),
            _ => return Self { is_garbled: true, ..Self::default() },
        };
        Json::look_into(bytes, Self::look).unwrap_or_else(|| Self { is_garbled: true, ..Self::default() })
    }

    fn look(object: Json<'_>) -> Self {
        let mut details = Self::default();
        for (key, value) in object.entries() {
            let text = || value.as_text().map(str::to_owned);
            match key {
                "status" => details.status = value.as_text().map(str::to_ascii_lowercase),
                "valid_secs" => details.valid_secs = value.as_number(),
                "username" | "user" | "user_name" | "uname" => details.user = text(),
                "email" => details.email = text(),
                "ip_address" => details.ip_address = text(),
                "device" => details.device = text(),
                "factor" => details.factor = text(),
                "error" | "message" => details.error = text(),
                "primary_auth_method" => details.primary_auth_method = text(),
                "phone"
                | "phones"
                | "tokens"
                | "hardtoken"
                | "hardtokens"
                | "u2ftokens"
                | "webauthncredentials" => {
                    let is_none = value.as_text().is_none() && value.elements().next().is_none();
                    details.devices =
                        Some(if is_none { ChangeKind::MethodRemoved } else { ChangeKind::MethodChanged });
                }
                _ => {}
            }
        }
        details
    }
}
