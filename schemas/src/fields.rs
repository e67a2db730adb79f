//! Which optional fields a deployment stores.

/// Which optional fields are stored: `true` is on. Section `[fields]` of the configuration.
///
/// A switched-off field is not read by the decoder, is null in events, and is blanked in the raw bytes that
/// a rejection keeps ([`crate::redact`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// `first_name`
    pub first_name: bool,
    /// `last_name`
    pub last_name: bool,
    /// `email`
    pub email: bool,
    /// `phone_number`
    pub phone_number: bool,
    /// `device_token`, and the `device` of each step, which is the same token.
    pub device_token: bool,
    /// `client_ip`
    pub client_ip: bool,
    /// `application`
    pub application: bool,
}

impl Fields {
    /// Every field stored: the default.
    pub const ALL: Self = Self {
        first_name: true,
        last_name: true,
        email: true,
        phone_number: true,
        device_token: true,
        client_ip: true,
        application: true,
    };

    /// Whether the field of this name is stored; `true` for names that have no switch.
    ///
    /// ASCII case does not matter, so that a key `Email`, which no decoder reads, is blanked in a rejection
    /// like `email`. The key `device` is taken for a step's device token wherever it stands.
    pub fn stores(&self, name: &str) -> bool {
        let switches = [
            ("first_name", self.first_name),
            ("last_name", self.last_name),
            ("email", self.email),
            ("phone_number", self.phone_number),
            ("device_token", self.device_token),
            ("device", self.device_token),
            ("client_ip", self.client_ip),
            ("application", self.application),
        ];
        switches.iter().all(|(switched, stored)| *stored || !switched.eq_ignore_ascii_case(name))
    }

    /// Whether nothing is switched off.
    pub fn stores_all(&self) -> bool {
        *self == Self::ALL
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::ALL
    }
}
