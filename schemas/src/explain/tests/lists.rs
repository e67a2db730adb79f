//! The public lists of codes that people come with: each has to be explained.

use super::super::explain;
use crate::source::Source;

/// The call results of MFA Server's activity report, with their labels.
const CALL_RESULTS: &[(&str, &str)] = &[
    ("SUCCESS_WITH_PIN", "PIN Entered"),
    ("SUCCESS_NO_PIN", "Only # Entered"),
    ("SUCCESS_WITH_PIN_BUT_TIMEOUT", "# Not Pressed After Entry"),
    ("SUCCESS_NO_PIN_BUT_TIMEOUT", "No Phone Input - Timed Out"),
    ("SUCCESS_PIN_EXPIRED", "PIN Expired and Not Changed"),
    ("SUCCESS_USED_CACHE", "Used Cache"),
    ("SUCCESS_BYPASSED_AUTH", "Bypassed Auth"),
    ("SUCCESS_USED_IP_BASED_CACHE", "Used IP-based Cache"),
    ("SUCCESS_USED_APP_BASED_CACHE", "Used App-based Cache"),
    ("SUCCESS_INVALID_INPUT", "Invalid Phone Input"),
    ("SUCCESS_USER_BLOCKED", "User is Blocked"),
    ("SUCCESS_SMS_AUTHENTICATED", "Text Message Authenticated"),
    ("SUCCESS_SMS_SENT", "Text Message Sent"),
    ("SUCCESS_PHONE_APP_AUTHENTICATED", "Mobile App Authenticated"),
    ("SUCCESS_OATH_CODE_PENDING", "OATH Code Pending"),
    ("SUCCESS_OATH_CODE_VERIFIED", "OATH Code Verified"),
    ("SUCCESS_FALLBACK_OATH_CODE_VERIFIED", "Fallback OATH Code Verified"),
    ("SUCCESS_FALLBACK_SECURITY_QUESTIONS_ANSWERED", "Fallback Security Questions Answered"),
    ("FAILED_PHONE_BUSY", "Auth Already In Progress"),
    ("CONFIG_ISSUE", "Phone Unreachable"),
    ("FAILED_INVALID_PHONENUMBER", "Invalid Phone Number Format"),
    ("FAILED_USER_HUNGUP_ON_US", "User Hung Up the Phone"),
    ("FAILED_INVALID_EXTENSION", "Invalid Extension"),
    ("FAILED_FRAUD_CODE_ENTERED", "Fraud Code Entered"),
    ("FAILED_SERVER_ERROR", "Unable to Place Call"),
    ("FAILED_SMS_NOT_SENT", "Text Message Could Not Be Sent"),
    ("FAILED_SMS_OTP_INCORRECT", "Text Message OTP Incorrect"),
    ("FAILED_SMS_OTP_PIN_INCORRECT", "Text Message OTP + PIN Incorrect"),
    ("FAILED_SMS_MAX_OTP_RETRY_REACHED", "Exceeded Maximum Text Message OTP Attempts"),
    ("FAILED_PHONE_APP_DENIED", "Mobile App Denied"),
    ("FAILED_PHONE_APP_INVALID_PIN", "Mobile App Invalid PIN"),
    ("FAILED_PHONE_APP_PIN_NOT_CHANGED", "Mobile App PIN Not Changed"),
    ("FAILED_FRAUD_REPORTED", "Fraud Reported"),
    ("FAILED_PHONE_APP_NO_RESPONSE", "Mobile App No Response"),
    ("FAILED_PHONE_APP_ALL_DEVICES_BLOCKED", "Mobile App All Devices Blocked"),
    ("FAILED_PHONE_APP_NOTIFICATION_FAILED", "Mobile App Notification Failed"),
    ("FAILED_PHONE_APP_INVALID_RESULT", "Mobile App Invalid Result"),
    ("FAILED_OATH_CODE_INCORRECT", "OATH Code Incorrect"),
    ("FAILED_OATH_CODE_PIN_INCORRECT", "OATH Code + PIN Incorrect"),
    ("FAILED_OATH_CODE_DUPLICATE", "Duplicate OATH Code"),
    ("FAILED_OATH_CODE_OLD", "OATH Code Out of Date"),
    ("FAILED_OATH_TOKEN_TIMEOUT", "OATH Code Result Timeout"),
    ("FAILED_SECURITY_QUESTIONS_TIMEOUT", "Security Questions Result Timeout"),
    ("FAILED_AUTH_RESULT_TIMEOUT", "Auth Result Timeout"),
    ("FAILED_AUTHENTICATION_THROTTLED", "Authentication Throttled"),
];

/// What stands behind `MFA denied; ` in sign-in logs of Microsoft Entra.
const ENTRA_DENIED: &[&str] = &[
    "authentication in-progress",
    "duplicate authentication attempt",
    "entered incorrect code too many times",
    "invalid authentication",
    "invalid mobile app verification code",
    "misconfiguration",
    "phone call went to voicemail",
    "phone number has an invalid format",
    "service error",
    "unable to reach the user's phone",
    "unable to send the mobile app notification to the device",
    "unable to send the mobile app notification",
    "user declined the authentication",
    "user did not respond to mobile app notification",
    "user does not have any verification methods registered",
    "user entered incorrect code",
    "user entered incorrect PIN",
    "user hung up the phone call without succeeding the authentication",
    "user is blocked",
    "user never entered the verification code",
    "user not found",
    "verification code already used once",
    "user did not select the correct number",
    "Phone App Reported Fraud",
    "Fraud Code Entered",
];

/// What stands behind `MFA requirement ` or `MFA `.
const ENTRA_SATISFIED: &[&str] = &[
    "completed in the cloud",
    "has expired due to the policies configured on tenant",
    "registration prompted",
    "satisfied by claim in the token",
    "satisfied by claim provided by external provider",
    "satisfied by strong authentication",
    "skipped as flow exercised was Windows broker logon flow",
    "skipped due to app password",
    "skipped due to location",
    "skipped due to registered device",
    "skipped due to remembered device",
    "successfully completed",
];

/// Results, factors and reasons of Duo's authentication log.
const DUO: &[&str] = &[
    "allow_unenrolled_user",
    "allow_unenrolled_user_on_trusted_network",
    "allowed_by_policy",
    "anomalous_push",
    "anonymous_ip",
    "bypass_code",
    "bypass_user",
    "call_timed_out",
    "could_not_determine_if_endpoint_was_trusted",
    "denied",
    "denied_by_policy",
    "deny_unenrolled_user",
    "digipass_go_7_token",
    "duo_mobile_passcode",
    "duo_push",
    "endpoint_failed_google_verification",
    "endpoint_is_not_in_management_system",
    "endpoint_is_not_trusted",
    "error",
    "factor_restricted",
    "fraud",
    "hardware_token",
    "invalid_device",
    "invalid_management_certificate_collection_state",
    "invalid_passcode",
    "invalid_referring_hostname_provided",
    "location_restricted",
    "locked_out",
    "no_activated_duo_mobile_account",
    "no_disk_encryption",
    "no_duo_certificate_present",
    "no_keys_pressed",
    "no_referring_hostname_provided",
    "no_response",
    "no_screen_lock",
    "no_web_referer_match",
    "not_available",
    "out_of_date",
    "passcode",
    "phone_call",
    "platform_restricted",
    "remembered_device",
    "rooted_device",
    "sms_passcode",
    "sms_refresh",
    "software_restricted",
    "success",
    "touch_id_disabled",
    "trusted_location",
    "trusted_network",
    "u2f_token",
    "user_approved",
    "user_cancelled",
    "user_disabled",
    "user_marked_fraud",
    "user_mistake",
    "user_not_in_permitted_group",
    "user_provided_invalid_certificate",
    "valid_passcode",
    "version_restricted",
    "yubikey_code",
];

/// Error codes of Microsoft Entra that have to do with the second factor.
const ENTRA_ERRORS: &[&str] = &[
    "500121", "50074", "50076", "50072", "50079", "50078", "50087", "50088", "50158", "50053", "50126",
    "50140",
];

/// What the NPS extension says of a denial that is no error.
const NPS_EXTENSION: &[&str] = &[
    "OathCodeIncorrect",
    "SMSAuthFailedMaxAllowedCodeRetryReached",
    "SMSAuthFailedWrongCodeEntered",
    "AuthenticationThrottled",
    "AuthenticationMethodLimitReached",
];

/// Event types and reasons of Okta.
const OKTA: &[&str] = &[
    "user.session.start",
    "user.authentication.verify",
    "user.authentication.sso",
    "user.authentication.auth_via_IDP",
    "user.authentication.auth_via_mfa",
    "user.mfa.okta_verify.deny_push",
    "system.push.send_factor_verify_push",
    "user.mfa.factor.activate",
    "user.mfa.factor.deactivate",
    "user.mfa.factor.reset_all",
    "user.mfa.factor.update",
    "INVALID_CREDENTIALS",
    "LOCKED_OUT",
];

/// Events and errors of Keycloak.
const KEYCLOAK: &[&str] = &[
    "LOGIN",
    "LOGIN_ERROR",
    "invalid_user_credentials",
    "user_not_found",
    "user_disabled",
    "user_temporarily_disabled",
    "expired_code",
    "invalid_code",
    "invalid_redirect_uri",
];

/// Codes and subjects of the help desk that no log of these sources carries.
const FACTS: &[&str] = &[
    "0xC000006D",
    "-1073741715",
    "3221225581",
    "0x800434D4L",
    "-2147207980",
    "Authentication request is not for an activated account",
    "97671",
    "69829",
    "51789",
    "99399",
    "759731",
    "673801",
    "short code",
    "throttling",
    "security defaults",
    "MFA Server",
    "caller ID",
    "lost phone",
    "app password",
    "Terminal Services",
    "LmCompatibilityLevel",
    "support case",
    "code life",
    "hardware token",
    "asked to register",
    "no text message",
    "one-way text message",
    "PSKC",
    "NTLM",
    "session id",
    "text message not received",
    "why am I asked to register",
    "number matching",
    "394390009264",
    "CheckMfa",
    "ConsoleLogin",
    "CredentialChallenge",
    "CredentialVerification",
    "UserAuthentication",
    "UserLoggedIn",
    "UserLoginFailed",
    "BAV2ROPC",
    "CODE_TO_TOKEN_ERROR",
    "E0000004",
    "E0000068",
    "530032",
];

/// Whether the text is explained as one of this source's codes; every row has a meaning.
fn is_known(text: &str, source: Source) -> bool {
    let found = explain(text);
    assert!(found.iter().all(|row| !row.meaning.is_empty()), "{text}");
    found.iter().any(|row| row.origin.source() == Some(source))
}

#[test]
fn every_call_result_of_mfa_server_is_explained_by_code_and_label() {
    assert_eq!(CALL_RESULTS.len(), 45);
    for (code, label) in CALL_RESULTS {
        for text in [*code, *label, &label.to_uppercase(), &code.replace('_', " ").to_lowercase()] {
            let found = explain(text);
            let is_it = |row: &super::super::Explanation| {
                row.code == *code && row.origin.source() == Some(Source::MfaServer)
            };
            assert!(found.iter().any(is_it), "{text}");
        }
    }
}

#[test]
fn every_text_of_entra_is_explained_with_and_without_its_beginning() {
    for text in ENTRA_DENIED {
        for text in [(*text).to_owned(), format!("MFA denied; {text}"), format!("MFA denied, {text}")] {
            assert!(is_known(&text, Source::Entra), "{text}");
        }
    }
    for text in ENTRA_SATISFIED {
        for text in [(*text).to_owned(), format!("MFA requirement {text}"), format!("MFA {text}")] {
            assert!(is_known(&text, Source::Entra), "{text}");
        }
    }
    for code in ENTRA_ERRORS {
        for text in [(*code).to_owned(), format!("AADSTS{code}"), format!("aadsts{code}")] {
            assert!(is_known(&text, Source::Entra), "{text}");
        }
    }
}

#[test]
fn every_word_of_the_others_is_explained() {
    let lists = [(DUO, Source::Duo), (OKTA, Source::Okta), (KEYCLOAK, Source::Keycloak)];
    for (list, source) in lists {
        for text in list {
            for text in [(*text).to_owned(), text.replace('_', " ").to_uppercase()] {
                assert!(is_known(&text, source), "{text}");
            }
        }
    }
}

#[test]
fn every_fact_of_the_help_desk_is_found() {
    for text in FACTS.iter().chain(NPS_EXTENSION) {
        let found = explain(text);
        let is_advised = found.iter().any(|row| !row.user.is_empty() && !row.administrator.is_empty());
        assert!(is_advised, "{text}");
    }
}
