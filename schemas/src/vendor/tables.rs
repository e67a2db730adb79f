//! Every table of the vendors' words, declared once: the decoders read by them, and [`crate::explain`] tells of them.

use std::sync::LazyLock;

use super::change_words::ChangeWords;
use super::other_names::OtherNames;
use super::words::{Word, Words};
use crate::source::Source;

/// A table of words for methods.
type Methods = Words;

/// A table, and what a reader has to know of it.
#[derive(Debug)]
pub(crate) struct Table {
    /// Whose words they are.
    pub(crate) source: Source,
    /// What kind of code they are, such as `sign-in error`.
    pub(crate) what: &'static str,
    /// The vendor's public documentation of them.
    pub(crate) url: &'static str,
    pub(crate) content: Content,
}

/// What a table holds.
#[derive(Debug)]
pub(crate) enum Content {
    Words(&'static LazyLock<Words>),
    /// Words for methods. The reason is that of a wrong answer: by itself a method denies nothing.
    Methods(&'static LazyLock<Methods>),
    ChangeWords(&'static LazyLock<ChangeWords>),
    /// Other names for the codes of the table of the same source and kind.
    OtherNames(&'static LazyLock<OtherNames>),
}

/// Makes a static for each table, and the list of all, from lines of
/// `NAME: shape = "file", source, "kind of code", "documentation"`.
macro_rules! tables {
    ($($(#[doc = $doc:literal])* $name:ident: $shape:ident = $file:literal, $source:ident, $what:literal, $url:expr;)+) => {
        $(
            $(#[doc = $doc])*
            pub(crate) static $name: LazyLock<$shape> = LazyLock::new(|| {
                $shape::read(include_str!(concat!("../../vocabularies/", $file)))
            });
        )+

        /// Every table. Those of OCSF come last, since they repeat words of others.
        pub(crate) const ALL: &[Table] = &[$(Table {
            source: Source::$source,
            what: $what,
            url: $url,
            content: Content::$shape(&$name),
        },)+];
    };
}

const ENTRA_REPORTING: &str =
    "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-reporting";
const O365_ACTIVITIES: &str = "https://learn.microsoft.com/en-us/purview/audit-log-activities";
const O365_SCHEMA: &str = "https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema";
const MFA_SERVER_DEPLOY: &str =
    "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfaserver-deploy";
const DUO_AUTHENTICATION: &str = "https://duo.com/docs/adminapi#authentication-logs";
const DUO_ADMINISTRATOR: &str = "https://duo.com/docs/adminapi#administrator-logs";
const OKTA_EVENTS: &str = "https://developer.okta.com/docs/reference/api/event-types/";
const OKTA_LOG: &str = "https://developer.okta.com/docs/reference/api/system-log/";
const KEYCLOAK_ADMIN: &str = "https://www.keycloak.org/docs/latest/server_admin/index.html";
const KEYCLOAK_EVENTS_URL: &str =
    "https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/EventType.html";
const CLOUDTRAIL_CONSOLE: &str = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html";
const OCSF_CLASS: &str = "https://schema.ocsf.io/classes/authentication";

tables! {
    /// Microsoft 365 uses them, too, as `ErrorNumber`. An empty result judges nobody.
    ENTRA_ERRORS: Words = "entra_errors.csv", Entra, "sign-in error",
        "https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes";
    ENTRA_DENIED: Words = "entra_denied.csv", Entra, "reason of a denied second factor", ENTRA_REPORTING;
    ENTRA_SATISFIED: Words = "entra_satisfied.csv", Entra, "how the second factor was satisfied", ENTRA_REPORTING;
    ENTRA_METHODS: Methods = "entra_methods.csv", Entra, "authentication method", ENTRA_REPORTING;
    ENTRA_CHANGES: ChangeWords = "entra_changes.csv", Entra, "audit operation",
        "https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-audit-activities";
    MFA_SERVER_RESULTS: Words = "mfa_server_results.csv", MfaServer, "call result", ENTRA_REPORTING;
    MFA_SERVER_NAMES: OtherNames = "mfa_server_names.csv", MfaServer, "call result", ENTRA_REPORTING;
    MFA_SERVER_METHODS: Methods = "mfa_server_methods.csv", MfaServer, "authentication method", MFA_SERVER_DEPLOY;
    DUO_RESULTS: Words = "duo_results.csv", Duo, "authentication result", DUO_AUTHENTICATION;
    DUO_REASONS: Words = "duo_reasons.csv", Duo, "authentication reason", DUO_AUTHENTICATION;
    DUO_FACTORS: Methods = "duo_factors.csv", Duo, "authentication factor", DUO_AUTHENTICATION;
    DUO_ACTIONS: ChangeWords = "duo_actions.csv", Duo, "administrator or activity action", DUO_ADMINISTRATOR;
    /// What changes nothing that is kept.
    DUO_OTHER_ACTIONS: Words = "duo_other_actions.csv", Duo, "administrator or activity action", DUO_ADMINISTRATOR;
    DUO_ADMIN_ERRORS: Words = "duo_admin_errors.csv", Duo, "part of an administrator's sign-in error", DUO_ADMINISTRATOR;
    OKTA_REASONS: Words = "okta_reasons.csv", Okta, "outcome reason", OKTA_LOG;
    OKTA_OUTCOMES: Words = "okta_outcomes.csv", Okta, "outcome result", OKTA_LOG;
    OKTA_AUTHENTICATIONS: Words = "okta_authentications.csv", Okta, "event type", OKTA_EVENTS;
    OKTA_CHANGES: ChangeWords = "okta_changes.csv", Okta, "event type", OKTA_EVENTS;
    OKTA_FACTORS: Methods = "okta_factors.csv", Okta, "factor or authenticator", OKTA_LOG;
    OKTA_PUSH_ANSWERS: Words = "okta_push_answers.csv", Okta, "answer to a push", OKTA_LOG;
    KEYCLOAK_ERRORS: Words = "keycloak_errors.csv", Keycloak, "event error",
        "https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/Errors.html";
    KEYCLOAK_EVENTS: Words = "keycloak_events.csv", Keycloak, "event type", KEYCLOAK_EVENTS_URL;
    KEYCLOAK_CHANGES: ChangeWords = "keycloak_changes.csv", Keycloak, "event type", KEYCLOAK_EVENTS_URL;
    KEYCLOAK_CREDENTIALS: Methods = "keycloak_credentials.csv", Keycloak, "type of credential", KEYCLOAK_ADMIN;
    /// `LogonError`, the name within `LoginError`, and the numbers that this log uses otherwise than Entra.
    O365_LOGON_ERRORS: Words = "o365_logon_errors.csv", O365, "logon error", O365_SCHEMA;
    O365_CHANGES: ChangeWords = "o365_changes.csv", O365, "audit operation", O365_ACTIVITIES;
    CLOUDTRAIL_ERRORS: Words = "cloudtrail_errors.csv", CloudTrail, "console sign-in error", CLOUDTRAIL_CONSOLE;
    /// `CredentialType` of Identity Center and `MfaType` of `CheckMfa`.
    CLOUDTRAIL_FACTORS: Methods = "cloudtrail_factors.csv", CloudTrail, "type of credential",
        "https://docs.aws.amazon.com/singlesignon/latest/userguide/understanding-sign-in-events.html";
    CLOUDTRAIL_CHANGES: ChangeWords = "cloudtrail_changes.csv", CloudTrail, "event name",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html";
    OCSF_DETAILS: Words = "ocsf_details.csv", Ocsf, "status code or detail", OCSF_CLASS;
    OCSF_FACTORS: Methods = "ocsf_factors.csv", Ocsf, "authentication factor",
        "https://schema.ocsf.io/objects/auth_factor";
}

/// The first word of any table of codes with this text. Methods are no codes.
pub(crate) fn word(text: &str) -> Option<Word> {
    ALL.iter()
        .find_map(|table| if let Content::Words(words) = table.content { words.get(text) } else { None })
}
