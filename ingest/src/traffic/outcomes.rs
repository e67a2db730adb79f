//! Which methods are used, and how an attempt by each of them ends.

use schemas::vocabulary::{AuthResult, DenialReason, Method};

use super::random::Share;

/// A method and how often it is used.
#[derive(Debug)]
pub(super) struct MethodUse {
    pub(super) method: Method,
    share: u32,
}

/// Every method in use. The shares are percentages.
pub(super) const METHODS: &[MethodUse] = &[
    MethodUse { method: Method::MobileAppNotification, share: 45 },
    MethodUse { method: Method::TextMessage, share: 20 },
    MethodUse { method: Method::MobileAppCode, share: 15 },
    MethodUse { method: Method::VoiceCall, share: 10 },
    MethodUse { method: Method::OathToken, share: 5 },
    MethodUse { method: Method::SecurityKey, share: 5 },
];

impl Share for MethodUse {
    fn share(&self) -> u32 {
        self.share
    }
}

/// One way in which an attempt ends.
#[derive(Debug)]
pub(super) struct Outcome {
    share: u32,
    pub(super) result: AuthResult,
    pub(super) reason: Option<DenialReason>,
    /// The server's own code; it logs none where there is nothing to say.
    pub(super) code: Option<&'static str>,
    pub(super) detail: Option<&'static str>,
}

impl Share for Outcome {
    fn share(&self) -> u32 {
        self.share
    }
}

/// How attempts by a method end. The shares of a table add up to 1000.
pub(super) fn outcomes(method: Method) -> &'static [Outcome] {
    match method {
        Method::MobileAppNotification => PUSH,
        Method::TextMessage => TEXT,
        Method::VoiceCall => CALL,
        Method::SecurityKey => KEY,
        _ => CODE,
    }
}

const fn success(share: u32) -> Outcome {
    Outcome { share, result: AuthResult::Success, reason: None, code: None, detail: None }
}

const fn sent(share: u32) -> Outcome {
    let code = Some("SUCCESS_SMS_SENT");
    Outcome { share, result: AuthResult::Pending, reason: None, code, detail: None }
}

const fn denied(share: u32, reason: DenialReason, code: &'static str) -> Outcome {
    Outcome { share, result: AuthResult::Denied, reason: Some(reason), code: Some(code), detail: None }
}

const fn explained(outcome: Outcome, detail: &'static str) -> Outcome {
    Outcome { detail: Some(detail), ..outcome }
}

const PUSH: &[Outcome] = &[
    success(896),
    denied(38, DenialReason::NoResponse, "FAILED_PHONE_APP_NO_RESPONSE"),
    denied(32, DenialReason::UserDeclined, "FAILED_PHONE_APP_DENIED"),
    explained(
        denied(14, DenialReason::NotificationFailed, "FAILED_PHONE_APP_NOTIFICATION"),
        "the push service refused the token",
    ),
    denied(8, DenialReason::LockedOut, "FAILED_ACCOUNT_LOCKED_OUT"),
    denied(6, DenialReason::UserBlocked, "SUCCESS_USER_BLOCKED"),
    denied(4, DenialReason::ServiceTimeout, "FAILED_SERVICE_TIMEOUT"),
    denied(2, DenialReason::FraudReported, "SUCCESS_FRAUD_REPORTED"),
];

const TEXT: &[Outcome] = &[
    success(768),
    sent(112),
    denied(62, DenialReason::WrongCode, "FAILED_SMS_OTP_INCORRECT"),
    denied(28, DenialReason::NoResponse, "FAILED_SMS_NO_RESPONSE"),
    explained(
        denied(18, DenialReason::MessageNotSent, "FAILED_SMS_NOT_SENT"),
        "the carrier did not take the message",
    ),
    denied(8, DenialReason::Throttled, "FAILED_SMS_THROTTLED"),
    denied(4, DenialReason::InvalidNumber, "FAILED_INVALID_PHONE_NUMBER"),
];

/// How the check of a code ends that was sent before.
pub(super) const CHECKS: &[Outcome] = &[
    success(900),
    denied(72, DenialReason::WrongCode, "FAILED_SMS_OTP_INCORRECT"),
    denied(16, DenialReason::NoResponse, "FAILED_SMS_NO_RESPONSE"),
    denied(12, DenialReason::OtherServer, "FAILED_SMS_SESSION_NOT_FOUND"),
];

const CALL: &[Outcome] = &[
    success(868),
    denied(42, DenialReason::PhoneUnreachable, "FAILED_PHONE_UNREACHABLE"),
    denied(34, DenialReason::PhoneBusy, "FAILED_PHONE_BUSY"),
    denied(22, DenialReason::HungUp, "FAILED_USER_HUNG_UP"),
    denied(16, DenialReason::Voicemail, "FAILED_VOICEMAIL"),
    denied(12, DenialReason::WrongPin, "FAILED_INCORRECT_PIN"),
    denied(6, DenialReason::UserBlocked, "SUCCESS_USER_BLOCKED"),
];

const CODE: &[Outcome] = &[
    success(902),
    denied(76, DenialReason::WrongCode, "FAILED_OATH_CODE_INCORRECT"),
    denied(10, DenialReason::LockedOut, "FAILED_ACCOUNT_LOCKED_OUT"),
    denied(8, DenialReason::NotEnrolled, "FAILED_NOT_ENROLLED"),
    denied(4, DenialReason::ServerError, "FAILED_INTERNAL_ERROR"),
];

const KEY: &[Outcome] = &[
    success(948),
    denied(22, DenialReason::NoResponse, "FAILED_KEY_TIMEOUT"),
    denied(18, DenialReason::DeviceRestricted, "FAILED_KEY_NOT_ALLOWED"),
    explained(
        denied(12, DenialReason::Misconfigured, "FAILED_KEY_ORIGIN"),
        "the key was registered for another origin",
    ),
];
