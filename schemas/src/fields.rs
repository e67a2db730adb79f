//! Which optional fields a deployment stores.

use std::borrow::Cow;

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
    pub phone_number: PhoneNumber,
    /// `device_token`, and the `device` of each step, which is the same token.
    pub device_token: bool,
    /// `client_ip`
    pub client_ip: bool,
    /// `application`
    pub application: bool,
}

/// How much of a phone number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneNumber {
    /// Nothing.
    Off,
    /// Its country and prefix: the calling code and the first three digits after it, such as `+43 664`.
    Prefix,
    /// All of it.
    Whole,
}

impl PhoneNumber {
    /// What is stored of a number.
    pub(crate) fn stored(self, number: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Off => None,
            Self::Prefix => phone_prefix(number).map(Cow::Owned),
            Self::Whole => Some(Cow::Borrowed(number)),
        }
    }
}

/// Calling codes of one digit and of two (ITU-T E.164); the others have three.
const SHORT_CALLING_CODES: &[&str] = &[
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Digits that are kept after the calling code: an area or a mobile network, never a person.
const PREFIX_DIGITS: usize = 3;

/// Digits behind the prefix, told or masked, without which a number is so short that the prefix would be most of it.
const REST_DIGITS_MIN: usize = 4;

/// Country and prefix of an international number, `+` or `00` in front. Of others the country is not known, and
/// nothing is kept. A digit that the source masked ends the prefix.
fn phone_prefix(number: &str) -> Option<String> {
    let number = number.trim();
    let rest = number.strip_prefix('+').or_else(|| number.strip_prefix("00"))?;
    let signs: String = rest.chars().filter(|sign| !" -./()".contains(*sign)).collect();
    let digits = &signs[..signs.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(signs.len())];
    let short = SHORT_CALLING_CODES.iter().find(|code| digits.starts_with(**code));
    let (code, rest) = digits.split_at_checked(short.map_or(3, |code| code.len()))?;
    let prefix = &rest[..PREFIX_DIGITS.min(rest.len())];
    let behind = signs.chars().count() - code.len() - prefix.len();
    let has_prefix = !prefix.is_empty() && behind >= REST_DIGITS_MIN;
    Some(if has_prefix { format!("+{code} {prefix}") } else { format!("+{code}") })
}

impl Fields {
    /// Every field stored: the default.
    pub const ALL: Self = Self {
        first_name: true,
        last_name: true,
        email: true,
        phone_number: PhoneNumber::Whole,
        device_token: true,
        client_ip: true,
        application: true,
    };

    /// Whether the field of this name is stored as it is; `true` for names that have no switch.
    ///
    /// ASCII case does not matter, so that a key `Email`, which no decoder reads, is blanked in a rejection
    /// like `email`. The key `device` is taken for a step's device token wherever it stands.
    pub fn stores(&self, name: &str) -> bool {
        self.has(name, self.phone_number == PhoneNumber::Whole)
    }

    /// Whether anything of the field of this name is stored, so that a decoder reads it.
    pub(crate) fn reads(&self, name: &str) -> bool {
        self.has(name, self.phone_number != PhoneNumber::Off)
    }

    fn has(&self, name: &str, phone_number: bool) -> bool {
        let switches = [
            ("first_name", self.first_name),
            ("last_name", self.last_name),
            ("email", self.email),
            ("phone_number", phone_number),
            ("device_token", self.device_token),
            ("device", self.device_token),
            ("client_ip", self.client_ip),
            ("application", self.application),
        ];
        switches.iter().all(|(switched, has)| *has || !switched.eq_ignore_ascii_case(name))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_number_country_and_prefix_are_kept() {
        for (number, kept) in [
            ("+1 555 0100123", Some("+1 555")),
            ("+15550100123", Some("+1 555")),
            ("+43 (664) 123-4567", Some("+43 664")),
            ("0043 664 1234567", Some("+43 664")),
            ("+353 86 123 4567", Some("+353 861")),
            ("+1 XXX-XXX-1234", Some("+1")),
            ("+44 7XXXXXXX12", Some("+44 7")),
            ("+376 123456", Some("+376")),
            ("+376 1234567", Some("+376 123")),
            ("+290 51234", Some("+290")),
            ("+43 1 2", Some("+43")),
            ("+XX XXXXXXX12", None),
            ("555-0100", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(PhoneNumber::Prefix.stored(number).as_deref(), kept, "{number}");
            assert_eq!(PhoneNumber::Whole.stored(number).as_deref(), Some(number));
            assert_eq!(PhoneNumber::Off.stored(number), None);
        }
    }
}
